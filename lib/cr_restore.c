#include "cr_restore.h"

#include <string.h>

#include "cr_page_int.h"


#define CR_LINK_MAX   256

typedef struct {
    const char  *title;
    const char  *text;
    const char  *button;         /* NULL = no form */
} cr_plain_t;


static const cr_plain_t  cr_plain[] = {
    [CR_PAGE_UNSUB_ASK] = { "unsub_title", "unsub_ask", "unsub_button" },
    [CR_PAGE_UNSUB_DONE] = { "unsub_title", "unsub_done", NULL },
    [CR_PAGE_LINK_DEAD] = { "dead_title", "dead_text", NULL },
    [CR_PAGE_LATER] = { "later_title", "later_text", NULL },
};


static void
cr_put_head(cr_page_t *o, const cr_language_t *l, const char *title)
{
    cr_put_lit(o, "<!doctype html>\n<html lang=\"");
    cr_put_lit(o, l->name);
    cr_put_lit(o, "\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" "
                  "content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"robots\" content=\"noindex, nofollow\">\n"
                  "<meta name=\"referrer\" content=\"no-referrer\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n"
                  /* the shop's favicon, asked for beside our first request,
                   * could come back with another new session */
                  "<link rel=\"icon\" href=\"data:,\">\n"
                  "<title>");
    cr_put_text(o, l, title);
    cr_put_lit(o, "</title>\n");
}


static void
cr_put_url(cr_page_t *o, const char *s, size_t n)
{
    char    hex[3];
    size_t  i;

    for (i = 0; i < n; i++) {
        if ((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z')
            || (s[i] >= 'A' && s[i] <= 'Z')
            || (s[i] != '\0' && strchr("-_.~", s[i]) != NULL))
        {
            cr_put(o, s + i, 1);
            continue;
        }

        hex[0] = '%';
        hex[1] = "0123456789ABCDEF"[(uint8_t) s[i] >> 4];
        hex[2] = "0123456789ABCDEF"[(uint8_t) s[i] & 15];
        cr_put(o, hex, 3);
    }
}


/* The value of key in "k=v&k=v", as it stands there. */

static cr_str_t
cr_option(const char *opt, const char *key, size_t n)
{
    cr_str_t     v;
    const char  *end;

    while (*opt != '\0') {
        end = strchr(opt, '&');
        end = (end != NULL) ? end : opt + strlen(opt);

        if ((size_t) (end - opt) > n && opt[n] == '='
            && memcmp(opt, key, n) == 0)
        {
            v.p = opt + n + 1;
            v.n = (size_t) (end - v.p);
            return v;
        }

        opt = (*end == '&') ? end + 1 : end;
    }

    return cr_lit("");
}


/* A line's link: {ref} {qty} {opt.KEY} stand for its facts, {opt} for the
 * options as they are. */

static void
cr_put_link(cr_page_t *o, const char *link, const cr_line_t *line)
{
    int          i;
    char         qty[12];
    size_t       n;
    cr_str_t     v;
    uint32_t     q;
    const char  *end;

    for ( /* void */ ; *link != '\0'; link = end) {
        end = (*link == '{') ? strchr(link, '}') : NULL;

        if (end == NULL) {
            end = link + 1 + strcspn(link + 1, "{");
            cr_put_html(o, link, (size_t) (end - link));
            continue;
        }

        link++;
        n = (size_t) (end - link);
        end++;

        if (n == 3 && memcmp(link, "ref", 3) == 0) {
            cr_put_url(o, line->ref, strlen(line->ref));

        } else if (n == 3 && memcmp(link, "qty", 3) == 0) {
            i = sizeof(qty);
            q = line->qty;

            do {
                qty[--i] = (char) ('0' + q % 10);
                q /= 10;
            } while (q > 0);

            cr_put(o, qty + i, sizeof(qty) - (size_t) i);

        } else if (n == 3 && memcmp(link, "opt", 3) == 0) {
            cr_put_html(o, line->opt, strlen(line->opt));

        } else if (n > 4 && memcmp(link, "opt.", 4) == 0) {
            v = cr_option(line->opt, link + 4, n - 4);
            cr_put_html(o, v.p, v.n);
        }
    }
}


static void
cr_put_lines(cr_page_t *o, const cr_language_t *l, const cr_cart_t *c,
    const char *link)
{
    int               i;
    const char       *name;
    const cr_line_t  *line;

    cr_put_lit(o, "<ul>\n");

    for (i = 0; i < c->nlines; i++) {
        line = &c->lines[i];
        name = (line->name[0] != '\0') ? line->name : line->ref;

        cr_put_lit(o, "<li>");
        cr_put_html(o, name, strlen(name));

        if (line->qty > 1) {
            cr_put_lit(o, " \xc3\x97 ");
            cr_put_link(o, "{qty}", line);
        }

        /* a path of this shop and nothing else */

        if (link[0] == '/' && link[1] != '/' && link[1] != '\\') {
            cr_put_lit(o, " <a href=\"");
            cr_put_link(o, link, line);
            cr_put_element(o, l, "\" rel=\"nofollow\">", "restore_add",
                           "</a>");
        }

        cr_put_lit(o, "</li>\n");
    }

    cr_put_lit(o, "</ul>\n");
}


static void
cr_put_data(cr_page_t *o, const cr_cart_t *c, const char *recipe)
{
    int   n;
    char  cart[CR_CART_JSON];

    n = cr_cart_json(c, cart, sizeof(cart));

    if (n < 0) {
        o->full = 1;
        return;
    }

    cr_put_lit(o, "<script type=\"application/json\" id=\"cr-cart\">"
                  "{\"recipe\":");
    cr_put_json(o, recipe, strlen(recipe));
    cr_put_lit(o, ",\"cart\":");
    cr_put_json(o, cart, (size_t) n);
    cr_put_lit(o, "}</script>\n");
}


int
cr_restore_page(const cr_cart_t *c, const char *recipe, cr_str_t prefix,
    cr_str_t hash, cr_str_t locale, char *buf, size_t cap)
{
    int            script;
    char           link[CR_LINK_MAX], any[CR_LINK_MAX];
    size_t         n;
    cr_page_t      o;
    cr_language_t  l;

    cr_page_begin(&o, buf, cap);

    cr_language(&l, locale);

    n = strlen(recipe);
    script = cr_lookup(recipe, n, "add", any, sizeof(any));

    if (!cr_lookup(recipe, n, "link", link, sizeof(link))) {
        link[0] = '\0';
    }

    cr_put_head(&o, &l, "restore_title");

    if (script) {
        cr_put_lit(&o, "<script type=\"module\" src=\"");
        cr_put_html(&o, prefix.p, prefix.n);
        cr_put_lit(&o, "r.js");

        if (hash.n > 0) {
            cr_put_lit(&o, "?v=");
            cr_put_html(&o, hash.p, hash.n);
        }

        cr_put_lit(&o, "\"></script>\n");
    }

    cr_put_element(&o, &l, "</head>\n<body>\n<main>\n<h1>", "restore_title",
                   "</h1>\n");

    if (script) {
        cr_put_element(&o, &l, "<div role=\"status\">\n"
                       "<p id=\"cr-working\" hidden>", "restore_working",
                       "</p>\n");
        cr_put_element(&o, &l, "<p id=\"cr-done\" hidden>", "restore_done",
                       "</p>\n");
        cr_put_element(&o, &l, "<p id=\"cr-none\" hidden>", "restore_none",
                       "</p>\n");
        cr_put_element(&o, &l, "<div id=\"cr-failed\" hidden>\n<p>",
                       "restore_failed",
                       "</p>\n<ul id=\"cr-list\"></ul>\n</div>\n</div>\n");
        cr_put_element(&o, &l, "<p><a id=\"cr-go\" hidden>", "restore_go",
                       "</a></p>\n");
        cr_put_data(&o, c, recipe);
        cr_put_lit(&o, "<noscript>\n");
    }

    cr_put_element(&o, &l, "<p>", script && link[0] != '\0'
                   ? "restore_noscript" : "restore_lines", "</p>\n");
    cr_put_lines(&o, &l, c, link);
    cr_put_lit(&o, script ? "</noscript>\n</main>\n</body>\n</html>\n"
                   : "</main>\n</body>\n</html>\n");

    return cr_page_end(&o);
}


int
cr_plain_page(cr_page_e page, cr_str_t locale, char *buf, size_t cap)
{
    cr_page_t          o;
    cr_language_t      l;
    const cr_plain_t  *p;

    cr_page_begin(&o, buf, cap);

    cr_language(&l, locale);

    p = &cr_plain[page];

    cr_put_head(&o, &l, p->title);
    cr_put_element(&o, &l, "</head>\n<body>\n<main>\n<h1>", p->title,
                   "</h1>\n");
    cr_put_element(&o, &l, "<p>", p->text, "</p>\n");

    if (p->button != NULL) {
        cr_put_element(&o, &l, "<form method=\"post\">\n"
                       "<button name=\"ask\" value=\"1\">", p->button,
                       "</button>\n</form>\n");
    }

    cr_put_lit(&o, "</main>\n</body>\n</html>\n");

    return cr_page_end(&o);
}
