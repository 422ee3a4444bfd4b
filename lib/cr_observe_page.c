#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


enum { PAGE_BEFORE, PAGE_NAME, PAGE_IN, PAGE_AFTER };

static const char  page_body[] = "<body";


static void
page_word(cr_obs_t *o, cr_str_t word)
{
    int                i;
    cr_str_t           none;
    const cr_cond_t   *k;
    const cr_group_t  *g;

    g = cr_obs_group(o);
    none.p = NULL;
    none.n = 0;

    for (i = 0; word.n != 0 && i < g->nconds; i++) {
        k = &g->conds[i];

        if (k->src.kind == CR_SRC_PAGE) {
            cr_obs_offer(o, CR_SRC_PAGE, k->src.name, none, word, 1);
            return;
        }
    }
}


/* The words of one attribute's value. */

static void
page_words(cr_obs_t *o, const char *p, size_t n)
{
    size_t    i;
    cr_str_t  word;

    word.p = p;

    for (i = 0; i <= n; i++) {
        if (i < n && (unsigned char) p[i] > ' ') {
            continue;
        }

        word.n = (size_t) (p + i - word.p);
        page_word(o, word);
        word.p = p + i + 1;
    }
}


/* The attributes of the tag: id and class. */

static void
page_tag(cr_obs_t *o, const char *p, size_t n)
{
    char    quote;
    size_t  i, name, value, len;

    for (i = 0; i < n; /* void */ ) {

        while (i < n && ((unsigned char) p[i] <= ' ' || p[i] == '/')) {
            i++;
        }

        name = i;

        while (i < n && (unsigned char) p[i] > ' ' && p[i] != '=') {
            i++;
        }

        len = i - name;

        if (i == n || p[i] != '=') {
            continue;
        }

        i++;
        quote = (i < n && (p[i] == '"' || p[i] == '\'')) ? p[i++] : ' ';
        value = i;

        while (i < n && p[i] != quote) {
            i++;
        }

        if ((len == 2 && memcmp(p + name, "id", 2) == 0)
            || (len == 5 && memcmp(p + name, "class", 5) == 0))
        {
            page_words(o, p + value, i - value);
        }

        i += (i < n);
    }
}


/* Looks for the tag <body>; 1 when it was seen.  Of a tag that is too long the
 * beginning counts. */

int
cr_obs_page(cr_obs_t *o, const char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n && o->page != PAGE_AFTER; i++) {

        if (o->page == PAGE_IN) {
            if (p[i] != '>' && o->page_n < sizeof(o->scratch)) {
                o->scratch[o->page_n++] = (uint8_t) p[i];

            } else if (p[i] == '>') {
                page_tag(o, (const char *) o->scratch, o->page_n);
                o->page = PAGE_AFTER;
            }

            continue;
        }

        if (o->page == PAGE_NAME) {
            o->page = ((unsigned char) p[i] <= ' ') ? PAGE_IN
                      : (p[i] == '>') ? PAGE_AFTER : PAGE_BEFORE;
            o->page_n = 0;

            if (o->page != PAGE_BEFORE) {
                continue;
            }
        }

        if (o->page_n == 0) {
            while (i < n && p[i] != '<') {
                i++;
            }

            if (i == n) {
                break;
            }
        }

        if ((p[i] | (o->page_n ? 0x20 : 0)) == page_body[o->page_n]) {
            o->page_n++;

            if (o->page_n == sizeof(page_body) - 1) {
                o->page = PAGE_NAME;
            }

        } else {
            o->page_n = (p[i] == '<');
        }
    }

    return o->page == PAGE_AFTER;
}
