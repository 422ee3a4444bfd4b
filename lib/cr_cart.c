#include "cr_cart.h"
#include "cr_json.h"

#include <stdio.h>
#include <string.h>


#define QTY_MAX  99999


static cr_str_t
cart_str(const char *p)
{
    cr_str_t  s;

    s.p = p;
    s.n = strlen(p);

    return s;
}


void
cr_text_copy(char *dst, size_t cap, cr_str_t src)
{
    size_t       n, k;
    const char  *end;

    if (cap == 0) {
        return;
    }

    n = src.n;

    if (n != 0) {
        end = memchr(src.p, '\0', n);

        if (end != NULL) {
            n = (size_t) (end - src.p);
        }
    }

    if (n >= cap) {
        n = cap - 1;

        /* back to the start of the character that the cut went through */

        for (k = 0; k < 4 && n >= k; k++) {
            if (((unsigned char) src.p[n - k] & 0xc0) != 0x80) {
                n -= k;
                break;
            }
        }
    }

    if (n != 0) {
        memcpy(dst, src.p, n);
    }

    dst[n] = '\0';
}


static uint64_t
cart_fnv(const char *p, size_t n)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325;

    for (i = 0; i < n; i++) {
        h = (h ^ (unsigned char) p[i]) * 0x100000001b3;
    }

    return h;
}


static uint64_t
cart_mix(uint64_t h)
{
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
    h = (h ^ h >> 27) * 0x94d049bb133111eb;

    return h ^ h >> 31;
}


void
cr_ref_copy(char dst[32], cr_str_t src)
{
    char  head[15];

    if (src.n < 32) {
        cr_text_copy(dst, 32, src);
        return;
    }

    cr_text_copy(head, sizeof(head), src);

    (void) snprintf(dst, 32, "%s~%016llx", head,
                    (unsigned long long) cart_mix(cart_fnv(src.p, src.n)));
}


void
cr_cart_clear(cr_cart_t *c)
{
    uint32_t  version;

    version = c->version;
    memset(c, 0, sizeof(cr_cart_t));

    c->version = version;
    c->total = CR_AMOUNT_UNKNOWN;
    c->subtotal = CR_AMOUNT_UNKNOWN;
    c->shipping = CR_AMOUNT_UNKNOWN;
}


static uint32_t
cart_sum(const cr_cart_t *c)
{
    int       i;
    uint32_t  n;

    n = 0;

    for (i = 0; i < c->nlines; i++) {
        n += c->lines[i].qty;
    }

    return n;
}


/* pieces = lines + what was cut off */

static void
cart_pieces(cr_cart_t *c, uint32_t off)
{
    uint32_t  n;

    n = cart_sum(c) + off;
    c->pieces = (n > UINT16_MAX) ? UINT16_MAX : (uint16_t) n;
}


static uint32_t
cart_off(const cr_cart_t *c)
{
    uint32_t  n;

    n = cart_sum(c);

    return (c->cut && c->pieces > n) ? c->pieces - n : 0;
}


/* The same ref with the same options; where one side has no options, the ref
 * alone decides. */

static cr_line_t *
cart_find(cr_cart_t *c, const char *ref, const char *opt)
{
    int         i;
    cr_line_t  *l, *loose;

    loose = NULL;

    for (i = 0; i < c->nlines; i++) {
        l = &c->lines[i];

        if (strcmp(l->ref, ref) != 0) {
            continue;
        }

        if (strcmp(l->opt, opt) == 0) {
            return l;
        }

        if (loose == NULL && (*opt == '\0' || l->opt[0] == '\0')) {
            loose = l;
        }
    }

    return loose;
}


static int
cart_set_text(char *dst, size_t cap, const char *src)
{
    if (*src == '\0' || strcmp(dst, src) == 0) {
        return 0;
    }

    cr_text_copy(dst, cap, cart_str(src));

    return 1;
}


static uint32_t
cart_qty(int64_t old, int64_t qty, int delta)
{
    if (qty > QTY_MAX) {
        qty = QTY_MAX;
    }

    if (qty < -QTY_MAX) {
        qty = -QTY_MAX;
    }

    if (delta) {
        qty += old;
    }

    return (qty < 0) ? 0 : (qty > QTY_MAX) ? QTY_MAX : (uint32_t) qty;
}


/* A ref that has no line yet. */

static int
cart_append(cr_cart_t *c, const cr_line_t *new, uint32_t off)
{
    if (new->qty == 0) {
        return CR_OK;
    }

    c->version++;

    if (c->nlines == CR_CART_LINES) {
        c->cut = 1;
        cart_pieces(c, off + new->qty);
        return CR_FULL;
    }

    memcpy(&c->lines[c->nlines++], new, sizeof(cr_line_t));
    cart_pieces(c, off);

    return CR_OK;
}


int
cr_cart_line(cr_cart_t *c, cr_str_t ref, int64_t qty, int delta,
    int64_t price, cr_str_t name, cr_str_t opt)
{
    int         changed;
    uint32_t    off;
    cr_line_t  *l, new;

    if (ref.n == 0) {
        return CR_OK;
    }

    memset(&new, 0, sizeof(cr_line_t));
    cr_ref_copy(new.ref, ref);
    cr_text_copy(new.name, sizeof(new.name), name);
    cr_text_copy(new.opt, sizeof(new.opt), opt);
    new.price = price;

    off = cart_off(c);
    l = cart_find(c, new.ref, new.opt);
    new.qty = cart_qty(l ? l->qty : 0, qty, delta);

    if (l == NULL) {
        return cart_append(c, &new, off);
    }

    changed = 0;

    if (new.qty == 0) {
        c->nlines--;
        memmove(l, l + 1, (size_t) (&c->lines[c->nlines] - l)
                          * sizeof(cr_line_t));
        memset(&c->lines[c->nlines], 0, sizeof(cr_line_t));
        changed = 1;

    } else {
        if (l->qty != new.qty) {
            l->qty = new.qty;
            changed = 1;
        }

        if (price != CR_AMOUNT_UNKNOWN && l->price != price) {
            l->price = price;
            changed = 1;
        }

        changed |= cart_set_text(l->name, sizeof(l->name), new.name);
        changed |= cart_set_text(l->opt, sizeof(l->opt), new.opt);
    }

    if (changed) {
        c->version++;
        cart_pieces(c, off);
    }

    return CR_OK;
}


static int
cart_same_line(const cr_line_t *a, const cr_line_t *b)
{
    return a->qty == b->qty && a->price == b->price
           && strcmp(a->ref, b->ref) == 0 && strcmp(a->name, b->name) == 0
           && strcmp(a->opt, b->opt) == 0;
}


void
cr_cart_amounts(cr_cart_t *c, const cr_cart_t *from)
{
    if (from->total != CR_AMOUNT_UNKNOWN || from->subtotal != CR_AMOUNT_UNKNOWN
        || from->shipping != CR_AMOUNT_UNKNOWN)
    {
        if (c->total_version != c->version) {
            c->total = CR_AMOUNT_UNKNOWN;
            c->subtotal = CR_AMOUNT_UNKNOWN;
            c->shipping = CR_AMOUNT_UNKNOWN;
            c->total_version = c->version;
        }

        if (from->total != CR_AMOUNT_UNKNOWN) {
            c->total = from->total;
        }

        if (from->subtotal != CR_AMOUNT_UNKNOWN) {
            c->subtotal = from->subtotal;
        }

        if (from->shipping != CR_AMOUNT_UNKNOWN) {
            c->shipping = from->shipping;
        }
    }

    if (from->currency[0] != '\0') {
        memcpy(c->currency, from->currency, sizeof(c->currency));
    }

    if (from->key[0] != '\0') {
        memcpy(c->key, from->key, sizeof(c->key));
    }

    if (from->updated_s != 0) {
        c->updated_s = from->updated_s;
    }
}


int
cr_cart_replace(cr_cart_t *c, const cr_cart_t *from)
{
    int         i, changed;
    uint16_t    pieces;
    cr_line_t   lines[CR_CART_LINES], *l;
    cr_line_t  *old;

    memset(lines, 0, sizeof(lines));
    changed = (c->nlines != from->nlines) || (c->cut != from->cut);

    for (i = 0; i < from->nlines; i++) {
        l = &lines[i];
        memcpy(l, &from->lines[i], sizeof(cr_line_t));
        old = cart_find(c, l->ref, l->opt);

        if (old != NULL) {
            if (l->price == CR_AMOUNT_UNKNOWN) {
                l->price = old->price;
            }

            if (l->name[0] == '\0') {
                memcpy(l->name, old->name, sizeof(l->name));
            }

            if (l->opt[0] == '\0') {
                memcpy(l->opt, old->opt, sizeof(l->opt));
            }
        }

        changed |= (i >= c->nlines) || !cart_same_line(l, &c->lines[i]);
    }

    pieces = c->pieces;
    memcpy(c->lines, lines, sizeof(lines));
    c->nlines = from->nlines;
    c->cut = from->cut;
    cart_pieces(c, cart_off(from));

    if (changed || pieces != c->pieces) {
        c->version++;
        c->total = CR_AMOUNT_UNKNOWN;
        c->subtotal = CR_AMOUNT_UNKNOWN;
        c->shipping = CR_AMOUNT_UNKNOWN;
        changed = 1;
    }

    cr_cart_amounts(c, from);

    return changed;
}


uint64_t
cr_cart_fingerprint(const cr_cart_t *c)
{
    int               i;
    uint64_t          h;
    const cr_line_t  *l;

    h = 0;

    for (i = 0; i < c->nlines; i++) {
        l = &c->lines[i];
        h += cart_mix(cart_mix(cart_fnv(l->ref, strlen(l->ref))) + l->qty);
    }

    return cart_mix(h + c->nlines);
}
