#define _GNU_SOURCE

#include "cr_csp.h"

#include <string.h>
#include <strings.h>


typedef struct {
    const char  *p;
    const char  *last;
} cr_csp_words_t;


static int
cr_csp_word(cr_csp_words_t *w, cr_str_t *word)
{
    while (w->p < w->last && (*w->p == ' ' || *w->p == '\t')) {
        w->p++;
    }

    word->p = w->p;

    while (w->p < w->last && *w->p != ' ' && *w->p != '\t') {
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


/* Later names govern before earlier ones. */

static const char *const  cr_csp_script[] = { "default-src", "script-src",
                                              "script-src-elem" };
static const char *const  cr_csp_style[] = { "default-src", "style-src",
                                             "style-src-elem" };


static int
cr_csp_rank(cr_str_t name, const char *const *names)
{
    int  i;

    for (i = 2; i >= 0; i--) {
        if (cr_csp_is(name, names[i])) {
            return i + 1;
        }
    }

    return 0;
}


static int
cr_csp_list_allows(cr_csp_words_t list)
{
    int       allowed;
    cr_str_t  word;

    allowed = 0;

    while (cr_csp_word(&list, &word)) {

        if (cr_csp_is(word, "'strict-dynamic'")) {
            return 0;
        }

        if (cr_csp_is(word, "'self'") || cr_csp_is(word, "*")) {
            allowed = 1;
        }
    }

    return allowed;
}


static int
cr_csp_governs(cr_str_t policy, const char *const *names)
{
    int              rank, best;
    cr_str_t         name;
    const char      *p, *last, *end;
    cr_csp_words_t   words, list;

    best = 0;
    list.p = NULL;
    list.last = NULL;

    last = policy.p + policy.n;

    for (p = policy.p; p < last; p = end + 1) {

        end = memchr(p, ';', (size_t) (last - p));
        if (end == NULL) {
            end = last;
        }

        words.p = p;
        words.last = end;

        if (!cr_csp_word(&words, &name)) {
            continue;
        }

        rank = cr_csp_rank(name, names);

        if (rank > best) {
            best = rank;
            list = words;
        }
    }

    return best == 0 || cr_csp_list_allows(list);
}


int
cr_csp_allows(cr_str_t policy)
{
    return cr_csp_governs(policy, cr_csp_script);
}


int
cr_csp_allows_style(cr_str_t policy)
{
    return cr_csp_governs(policy, cr_csp_style);
}
