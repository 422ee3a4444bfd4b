#include "cr_page_int.h"

#include <string.h>

#include "cr_cart.h"
#include "cr_json.h"


/* One string of a flat JSON object. */

typedef struct {
    cr_str_t    path;
    char       *out;
    size_t      cap;
    int         found;
} cr_lookup_t;


void
cr_page_begin(cr_page_t *o, char *buf, size_t cap)
{
    o->buf = buf;
    o->n = 0;
    o->cap = cap;
    o->full = (cap == 0);
}


void
cr_put(cr_page_t *o, const char *p, size_t n)
{
    if (o->full || n >= o->cap - o->n) {
        o->full = 1;
        return;
    }

    memcpy(o->buf + o->n, p, n);
    o->n += n;
}


void
cr_put_lit(cr_page_t *o, const char *s)
{
    cr_put(o, s, strlen(s));
}


void
cr_put_html(cr_page_t *o, const char *s, size_t n)
{
    size_t       i, from;
    const char  *with;

    for (i = 0, from = 0; i < n; i++) {
        with = s[i] == '<' ? "&lt;" : s[i] == '>' ? "&gt;"
               : s[i] == '&' ? "&amp;" : s[i] == '"' ? "&#34;"
               : s[i] == '\'' ? "&#39;" : NULL;

        if (with != NULL) {
            cr_put(o, s + from, i - from);
            cr_put_lit(o, with);
            from = i + 1;
        }
    }

    cr_put(o, s + from, n - from);
}


/* '<' and '>' can only stand in its strings. */

void
cr_put_json(cr_page_t *o, const char *s, size_t n)
{
    size_t       i, from;
    const char  *with;

    for (i = 0, from = 0; i < n; i++) {
        with = s[i] == '<' ? "\\u003c" : s[i] == '>' ? "\\u003e"
               : s[i] == '&' ? "\\u0026" : NULL;

        if (with != NULL) {
            cr_put(o, s + from, i - from);
            cr_put_lit(o, with);
            from = i + 1;
        }
    }

    cr_put(o, s + from, n - from);
}


int
cr_page_end(cr_page_t *o)
{
    if (o->full) {
        return CR_FULL;
    }

    o->buf[o->n] = '\0';

    return (int) o->n;
}


static void
cr_lookup_value(void *data, cr_str_t path, int index, cr_json_e type,
    cr_str_t value, int cut)
{
    cr_lookup_t  *l;

    l = data;

    (void) index;

    if (l->found || path.n != l->path.n
        || memcmp(path.p, l->path.p, path.n) != 0)
    {
        return;
    }

    if (type == CR_JSON_STRING && !cut && value.n < l->cap) {
        memcpy(l->out, value.p, value.n);
        l->out[value.n] = '\0';
        l->found = 1;

    } else if (type == CR_JSON_OPEN) {
        l->out[0] = '\0';
        l->found = 1;
    }
}


int
cr_lookup(const char *json, size_t n, const char *path, char *out, size_t cap)
{
    cr_json_t    j;
    cr_lookup_t  l;

    l.path.p = path;
    l.path.n = strlen(path);
    l.out = out;
    l.cap = cap;
    l.found = 0;

    cr_json_init(&j, cr_lookup_value, &l);
    (void) cr_json_feed(&j, json, n);

    return l.found;
}


void
cr_language(cr_language_t *l, cr_str_t locale)
{
    int    i;
    char   file[sizeof("messages/xx.json")];

    l->asset = NULL;

    if (locale.n == 2
        || (locale.n > 2 && (locale.p[2] == '-' || locale.p[2] == '_')))
    {
        for (i = 0; i < 2; i++) {
            l->name[i] = (char) (locale.p[i] | 0x20);

            if (l->name[i] < 'a' || l->name[i] > 'z') {
                break;
            }
        }

        if (i == 2) {
            memcpy(file, "messages/", 9);
            memcpy(file + 9, l->name, 2);
            memcpy(file + 11, ".json", 6);
            l->asset = cr_asset(file);
        }
    }

    if (l->asset == NULL) {
        l->asset = cr_asset("messages/en.json");
        memcpy(l->name, "en", 2);
    }

    l->name[2] = '\0';
}


void
cr_text(const cr_language_t *l, const char *id, char *out, size_t cap)
{
    const cr_asset_t  *en;

    en = cr_asset("messages/en.json");

    if ((l->asset == NULL
         || !cr_lookup((const char *) l->asset->data, l->asset->size, id, out,
                       cap))
        && (en == NULL
            || !cr_lookup((const char *) en->data, en->size, id, out, cap)))
    {
        cr_text_copy(out, cap, (cr_str_t) { id, strlen(id) });
    }
}


void
cr_put_text(cr_page_t *o, const cr_language_t *l, const char *id)
{
    char  text[CR_TEXT_MAX];

    cr_text(l, id, text, sizeof(text));
    cr_put_html(o, text, strlen(text));
}


void
cr_put_element(cr_page_t *o, const cr_language_t *l, const char *open,
    const char *id, const char *close)
{
    cr_put_lit(o, open);
    cr_put_text(o, l, id);
    cr_put_lit(o, close);
}
