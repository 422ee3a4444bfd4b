#define _GNU_SOURCE

#include "cr_csp.h"

#include <string.h>
#include <strings.h>


typedef struct {
    const char  *p;
    const char  *last;
} cr_csp_words_t;

/* The lists of one policy; rank 0: none governs. */

typedef struct {
    int             script_rank;
    int             style_rank;
    int             connect_rank;
    cr_csp_words_t  script;
    cr_csp_words_t  style;
    cr_csp_words_t  connect;
} cr_csp_lists_t;


static int
cr_csp_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}


static int
cr_csp_word(cr_csp_words_t *w, cr_str_t *word)
{
    while (w->p < w->last && cr_csp_space(*w->p)) {
        w->p++;
    }

    word->p = w->p;

    while (w->p < w->last && !cr_csp_space(*w->p)) {
        w->p++;
    }

    word->n = (size_t) (w->p - word->p);

    return word->n != 0;
}


static int
cr_csp_is(cr_str_t word, const char *text)
{
    return word.n == strlen(text) && strncasecmp(word.p, text, word.n) == 0;
}


/* The nonce in 'nonce-...', or an empty string where it is none to copy. */

static cr_str_t
cr_csp_nonce(cr_str_t word)
{
    char      c;
    size_t    i;
    cr_str_t  nonce;

    nonce.p = word.p + 7;
    nonce.n = 0;

    if (word.n < 9 || word.n > 8 + CR_CSP_NONCE
        || strncasecmp(word.p, "'nonce-", 7) != 0
        || word.p[word.n - 1] != '\'')
    {
        return nonce;
    }

    for (i = 7; i < word.n - 1; i++) {
        c = word.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || memchr("+/-_=", c, 5) != NULL))
        {
            return nonce;
        }
    }

    nonce.n = word.n - 8;

    return nonce;
}


/* Whether a list lets requests to the page's own origin pass. */

static int
cr_csp_own(cr_str_t word, int secure)
{
    return cr_csp_is(word, "'self'") || cr_csp_is(word, "*")
           || cr_csp_is(word, "http:") || (secure && cr_csp_is(word, "https:"));
}


static int
cr_csp_reaches(cr_csp_words_t list, int secure)
{
    cr_str_t  word;

    while (cr_csp_word(&list, &word)) {
        if (cr_csp_own(word, secure)) {
            return 1;
        }
    }

    return 0;
}


static int
cr_csp_script(cr_csp_t *csp, cr_csp_words_t list)
{
    int       own, strict;
    cr_str_t  word, nonce, same;

    own = 0;
    strict = 0;
    nonce.n = 0;
    same.n = 0;

    while (cr_csp_word(&list, &word)) {

        strict |= cr_csp_is(word, "'strict-dynamic'");
        own |= cr_csp_own(word, csp->secure);

        word = cr_csp_nonce(word);

        if (word.n != 0 && nonce.n == 0) {
            nonce = word;
        }

        if (word.n != 0 && word.n == csp->nonce.n
            && memcmp(word.p, csp->nonce.p, word.n) == 0)
        {
            same = word;
        }
    }

    if (own && !strict) {
        return 1;
    }

    if (csp->nonce.n != 0) {
        return same.n != 0;              /* one attribute for all policies */
    }

    csp->nonce = nonce;

    return nonce.n != 0;
}


static int
cr_csp_sandbox(cr_csp_words_t words)
{
    int       scripts, origin;
    cr_str_t  word;

    scripts = 0;
    origin = 0;

    while (cr_csp_word(&words, &word)) {
        scripts |= cr_csp_is(word, "allow-scripts");
        origin |= cr_csp_is(word, "allow-same-origin");
    }

    return scripts && origin;
}


/* One directive; of two with the same name the first counts.  0 when it is a
 * sandbox without scripts of the page's origin. */

static int
cr_csp_directive(cr_csp_lists_t *lists, cr_str_t name, cr_csp_words_t words)
{
    int  script, style, connect;

    script = cr_csp_is(name, "script-src-elem") ? 3
             : cr_csp_is(name, "script-src") ? 2
             : cr_csp_is(name, "default-src");

    style = cr_csp_is(name, "style-src-elem") ? 3
            : cr_csp_is(name, "style-src") ? 2
            : cr_csp_is(name, "default-src");

    connect = cr_csp_is(name, "connect-src") ? 2
              : cr_csp_is(name, "default-src");

    if (script > lists->script_rank) {
        lists->script_rank = script;
        lists->script = words;
    }

    if (style > lists->style_rank) {
        lists->style_rank = style;
        lists->style = words;
    }

    if (connect > lists->connect_rank) {
        lists->connect_rank = connect;
        lists->connect = words;
    }

    return !cr_csp_is(name, "sandbox") || cr_csp_sandbox(words);
}


/* 0 when the policy's sandbox lets no script of ours run. */

static int
cr_csp_policy(cr_csp_lists_t *lists, const char *p, const char *last)
{
    int              runs;
    cr_str_t         name;
    const char      *end;
    cr_csp_words_t   words;

    memset(lists, 0, sizeof(cr_csp_lists_t));

    runs = 1;

    for ( /* void */ ; p < last; p = end + 1) {

        end = memchr(p, ';', (size_t) (last - p));
        if (end == NULL) {
            end = last;
        }

        words.p = p;
        words.last = end;

        if (cr_csp_word(&words, &name)) {
            runs &= cr_csp_directive(lists, name, words);
        }
    }

    return runs;
}


/* The next of the policies in a value, 0 when there is none left. */

static int
cr_csp_next(cr_str_t *value, const char **p, const char **end)
{
    if (value->n == 0) {
        return 0;
    }

    *p = value->p;
    *end = memchr(value->p, ',', value->n);

    if (*end == NULL) {
        *end = value->p + value->n;
        value->n = 0;
        return 1;
    }

    value->n -= (size_t) (*end + 1 - value->p);
    value->p = *end + 1;

    return 1;
}


int
cr_csp_add(cr_csp_t *csp, cr_str_t value)
{
    const char      *p, *end;
    cr_csp_lists_t   lists;

    while (cr_csp_next(&value, &p, &end)) {

        if (!cr_csp_policy(&lists, p, end)
            || (lists.script_rank && !cr_csp_script(csp, lists.script))
            || (lists.connect_rank
                && !cr_csp_reaches(lists.connect, csp->secure)))
        {
            return 0;
        }
    }

    return 1;
}


int
cr_csp_allows_style(cr_str_t value)
{
    const char      *p, *end;
    cr_csp_lists_t   lists;

    while (cr_csp_next(&value, &p, &end)) {
        (void) cr_csp_policy(&lists, p, end);

        if (lists.style_rank && !cr_csp_reaches(lists.style, 0)) {
            return 0;
        }
    }

    return 1;
}
