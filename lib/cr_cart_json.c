#include "cr_cart.h"
#include "cr_json.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>


typedef struct {
    char    *buf;
    size_t   n;
    size_t   cap;
    int      full;
} out_t;


static void cart_out(out_t *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static void
cart_out(out_t *o, const char *fmt, ...)
{
    int      n;
    va_list  args;

    if (o->full) {
        return;
    }

    va_start(args, fmt);
    n = vsnprintf(o->buf + o->n, o->cap - o->n, fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= o->cap - o->n) {
        o->full = 1;
        return;
    }

    o->n += (size_t) n;
}


static void
cart_out_text(out_t *o, const char *key, const char *text)
{
    int       n;
    cr_str_t  s;

    if (*text == '\0') {
        return;
    }

    cart_out(o, ",\"%s\":", key);

    if (o->full) {
        return;
    }

    s.p = text;
    s.n = strlen(text);
    n = cr_json_quote(o->buf + o->n, o->cap - o->n, s);

    if (n < 0) {
        o->full = 1;
        return;
    }

    o->n += (size_t) n;
}


static void
cart_out_amount(out_t *o, const char *key, int64_t amount)
{
    if (amount != CR_AMOUNT_UNKNOWN) {
        cart_out(o, ",\"%s\":%lld", key, (long long) amount);
    }
}


static void
cart_out_line(out_t *o, const cr_line_t *l, int first, int names)
{
    cart_out(o, "%s{\"q\":%u", first ? "" : ",", (unsigned) l->qty);
    cart_out_text(o, "r", l->ref);
    cart_out_amount(o, "p", l->price);

    if (names) {
        cart_out_text(o, "name", l->name);
    }

    cart_out_text(o, "opt", l->opt);
    cart_out(o, "}");
}


static int
cart_write(const cr_cart_t *c, int nlines, int names, char *buf, size_t cap)
{
    int    i;
    out_t  o;

    o.buf = buf;
    o.n = 0;
    o.cap = cap;
    o.full = (cap == 0);

    cart_out(&o, "{\"ver\":%u", (unsigned) c->version);
    cart_out_text(&o, "cur", c->currency);

    if (c->total_version == c->version) {
        cart_out_amount(&o, "total", c->total);
        cart_out_amount(&o, "sub", c->subtotal);
        cart_out_amount(&o, "ship", c->shipping);
    }

    cart_out(&o, ",\"n\":%u,\"items\":[", (unsigned) c->pieces);

    for (i = 0; i < nlines; i++) {
        cart_out_line(&o, &c->lines[i], i == 0, names);
    }

    cart_out(&o, "]");

    if (c->cut || nlines < c->nlines) {
        cart_out(&o, ",\"cut\":1");
    }

    cart_out_text(&o, "key", c->key);
    cart_out(&o, "}");

    return o.full ? CR_FULL : (int) o.n;
}


/* Names full of characters that need escapes are what can pass CR_CART_JSON:
 * they are left out first, lines after them. */

int
cr_cart_json(const cr_cart_t *c, char *buf, size_t cap)
{
    int     n, names, nlines;
    size_t  max;

    names = 1;
    nlines = c->nlines;
    max = (cap > CR_CART_JSON) ? CR_CART_JSON : cap;

    for ( ;; ) {
        n = cart_write(c, nlines, names, buf, max);

        if (n != CR_FULL || max < CR_CART_JSON || nlines == 0) {
            break;
        }

        if (names) {
            names = 0;

        } else {
            nlines--;
        }
    }

    if (n == CR_FULL && cap != 0) {
        buf[0] = '\0';
    }

    return n;
}


static int64_t
cart_amount(const json_t *o, const char *key)
{
    json_t  *v;

    v = json_object_get(o, key);

    return json_is_integer(v) ? json_integer_value(v) : CR_AMOUNT_UNKNOWN;
}


static uint32_t
cart_u32(const json_t *o, const char *key, uint32_t max)
{
    json_int_t  n;

    n = json_integer_value(json_object_get(o, key));

    return (n < 0) ? 0 : (n > max) ? max : (uint32_t) n;
}


static void
cart_text(const json_t *o, const char *key, char *dst, size_t cap)
{
    json_t    *v;
    cr_str_t   s;

    v = json_object_get(o, key);

    s.p = json_string_value(v);
    s.n = s.p ? json_string_length(v) : 0;

    cr_text_copy(dst, cap, s);
}


static int
cart_read_lines(cr_cart_t *c, const json_t *items)
{
    size_t      i;
    json_t     *o;
    cr_line_t  *l;

    for (i = 0; i < json_array_size(items); i++) {
        o = json_array_get(items, i);

        if (!json_is_object(o)) {
            return CR_ERR;
        }

        if (c->nlines == CR_CART_LINES) {
            c->cut = 1;
            break;
        }

        l = &c->lines[c->nlines++];
        l->price = cart_amount(o, "p");
        l->qty = cart_u32(o, "q", UINT32_MAX);
        cart_text(o, "r", l->ref, sizeof(l->ref));
        cart_text(o, "name", l->name, sizeof(l->name));
        cart_text(o, "opt", l->opt, sizeof(l->opt));
    }

    return CR_OK;
}


int
cr_cart_parse(cr_cart_t *c, const char *json, size_t len)
{
    int      rc;
    json_t  *root, *items;

    memset(c, 0, sizeof(cr_cart_t));
    cr_cart_clear(c);

    root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    items = json_object_get(root, "items");

    if (!json_is_array(items)) {
        json_decref(root);
        return CR_ERR;
    }

    rc = cart_read_lines(c, items);

    c->version = cart_u32(root, "ver", UINT32_MAX);
    c->pieces = (uint16_t) cart_u32(root, "n", UINT16_MAX);
    c->cut |= (uint8_t) (cart_u32(root, "cut", 1) != 0);
    c->total = cart_amount(root, "total");
    c->subtotal = cart_amount(root, "sub");
    c->shipping = cart_amount(root, "ship");

    if (c->total != CR_AMOUNT_UNKNOWN || c->subtotal != CR_AMOUNT_UNKNOWN
        || c->shipping != CR_AMOUNT_UNKNOWN)
    {
        c->total_version = c->version;
    }

    cart_text(root, "cur", c->currency, sizeof(c->currency));
    cart_text(root, "key", c->key, sizeof(c->key));
    json_decref(root);

    return rc;
}
