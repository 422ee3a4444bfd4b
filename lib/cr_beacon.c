#include "cr_beacon.h"

#include <math.h>
#include <string.h>


#define CR_B36_DIGITS       8
#define CR_BEACON_QTY_MAX   9999
#define CR_BEACON_NAME      64

typedef struct {
    const char  *start;
    const char  *p;
    const char  *end;
} cr_cursor_t;


/* The order and caps of the numbers that have a name; positions behind them
 * are read with CR_BEACON_FEAT_MAX. */

static const float  cr_beacon_cap[] = {
    9, 4, 4, 1, 8, 5, 6, 5, 3, 5, 5, 1, 6, 6, 6, 5
};

#define CR_BEACON_NAMED  (sizeof(cr_beacon_cap) / sizeof(cr_beacon_cap[0]))

/* Format 2 may only claim these. */

static const cr_event_e  cr_beacon_events[] = {
    CR_EV_VIEW_PRODUCT, CR_EV_VIEW_CATEGORY, CR_EV_SEARCH, CR_EV_ADD,
    CR_EV_REMOVE, CR_EV_VIEW_CART, CR_EV_CHECKOUT_START, CR_EV_SHIPPING,
    CR_EV_PAYMENT, CR_EV_ORDER
};

#define CR_BEACON_PAGE_EVENTS                                                 \
    (sizeof(cr_beacon_events) / sizeof(cr_beacon_events[0]))


static int
cr_b36_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    return (c >= 'a' && c <= 'z') ? c - 'a' + 10 : -1;
}


static int
cr_next_is(const cr_cursor_t *c, char wanted)
{
    return c->p < c->end && *c->p == wanted;
}


static int
cr_take(cr_cursor_t *c, char wanted)
{
    if (!cr_next_is(c, wanted)) {
        return CR_ERR;
    }

    c->p++;

    return CR_OK;
}


/* One to eight digits. */

static int
cr_take_b36(cr_cursor_t *c, int64_t *v)
{
    int  digit, n;

    *v = 0;

    for (n = 0; c->p < c->end; n++, c->p++) {
        digit = cr_b36_digit(*c->p);

        if (digit < 0) {
            break;
        }

        if (n == CR_B36_DIGITS) {
            return CR_ERR;
        }

        *v = *v * 36 + digit;
    }

    return n > 0 ? CR_OK : CR_ERR;
}


static int64_t
cr_most(int64_t v, int64_t max)
{
    return v < max ? v : max;
}


/* [ b36 ], value x 100. */

static int
cr_take_hundredths(cr_cursor_t *c, float max, float *f)
{
    int64_t  v;

    *f = NAN;

    if (c->p == c->end || cr_b36_digit(*c->p) < 0) {
        return CR_OK;
    }

    if (cr_take_b36(c, &v) != CR_OK) {
        return CR_ERR;
    }

    *f = (float) ((double) v / 100);

    if (*f > max) {
        *f = max;
    }

    return CR_OK;
}


static int
cr_take_ptok(cr_cursor_t *c)
{
    char         ch;
    size_t       n;
    const char  *p;

    p = c->p;

    for (n = 0; c->p < c->end && *c->p != '~'; n++, c->p++) {
        ch = *c->p;

        if (n == 40
            || !((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z')
                 || (ch >= 'A' && ch <= 'Z') || ch == '.' || ch == '_'
                 || ch == '-'))
        {
            return CR_ERR;
        }
    }

    return (n >= 10 || (n == 1 && *p == '-')) ? CR_OK : CR_ERR;
}


static int
cr_take_feats(cr_beacon_t *b, cr_cursor_t *c)
{
    float  max;

    for ( ;; ) {
        max = (b->nfeats < CR_BEACON_NAMED) ? cr_beacon_cap[b->nfeats]
              : (float) CR_BEACON_FEAT_MAX;

        if (cr_take_hundredths(c, max, &b->feat[b->nfeats]) != CR_OK) {
            return CR_ERR;
        }

        b->nfeats++;

        if (!cr_next_is(c, '.')) {
            break;
        }

        if (b->nfeats == CR_BEACON_FEATS) {
            return CR_ERR;
        }

        c->p++;
    }

    return b->nfeats >= CR_BEACON_NAMED ? CR_OK : CR_ERR;
}


/* Numbers between dots; what is none (empty, or too long) counts as -1. */

static int
cr_take_arg(cr_beacon_event_t *e, cr_cursor_t *c)
{
    int      digit, digits;
    size_t   n;
    int64_t  v;

    v = 0;
    digits = 0;

    for (n = 0; /* void */ ; n++, c->p++) {
        digit = (c->p < c->end) ? cr_b36_digit(*c->p) : -1;

        if (digit >= 0 || cr_next_is(c, '.')) {
            if (n == 24) {
                return CR_ERR;
            }
        }

        if (digit >= 0) {
            if (++digits <= CR_B36_DIGITS) {
                v = v * 36 + digit;
            }

            continue;
        }

        if (n == 0 && !cr_next_is(c, '.')) {
            return CR_ERR;
        }

        if (e->narg < 3) {
            e->arg[e->narg++] = (digits > 0 && digits <= CR_B36_DIGITS) ? v
                                : -1;
        }

        if (!cr_next_is(c, '.')) {
            return CR_OK;
        }

        v = 0;
        digits = 0;
    }
}


static int
cr_take_events(cr_beacon_t *b, cr_cursor_t *c)
{
    int64_t             v, at;
    cr_beacon_event_t  *e;

    at = 0;

    while (c->p < c->end) {
        if (b->nevents == CR_BEACON_EVENTS || *c->p < 'A' || *c->p > 'Z') {
            return CR_ERR;
        }

        e = &b->event[b->nevents];
        e->code = *c->p++;

        if (cr_take_b36(c, &v) != CR_OK) {
            return CR_ERR;
        }

        at = cr_most(at + 10 * v, CR_BEACON_AGE_MAX);

        e->at = (uint32_t) at;
        e->narg = 0;

        if (cr_next_is(c, '_')) {
            c->p++;

            if (cr_take_arg(e, c) != CR_OK) {
                return CR_ERR;
            }
        }

        b->nevents++;
    }

    return CR_OK;
}


static int
cr_take_seq_age(cr_beacon_t *b, cr_cursor_t *c)
{
    int64_t  v;

    if (cr_take_b36(c, &v) != CR_OK || cr_take(c, '~') != CR_OK) {
        return CR_ERR;
    }

    b->seq = (uint32_t) cr_most(v, CR_BEACON_SEQ_MAX);

    if (cr_take_b36(c, &v) != CR_OK || cr_take(c, '~') != CR_OK) {
        return CR_ERR;
    }

    b->age_ms = (uint32_t) cr_most(v, CR_BEACON_AGE_MAX);

    return CR_OK;
}


static int
cr_beacon_signals(cr_beacon_t *b, cr_cursor_t *c)
{
    int64_t  v;

    if (cr_take_ptok(c) != CR_OK || cr_take(c, '~') != CR_OK
        || cr_take_seq_age(b, c) != CR_OK
        || cr_take_feats(b, c) != CR_OK || cr_take(c, '~') != CR_OK
        || cr_take_hundredths(c, 1, &b->depth) != CR_OK
        || cr_take(c, '.') != CR_OK
        || cr_take_b36(c, &v) != CR_OK || cr_take(c, '~') != CR_OK)
    {
        return CR_ERR;
    }

    b->fields = (uint8_t) cr_most(v, 255);

    return cr_take_events(b, c);
}


static int
cr_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = (char) (c | 0x20);

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* Percent-encoded text up to '~', '!' or the end.  What does not fit is
 * checked and left out; the whole decoded length is returned. */

static int
cr_take_text(cr_cursor_t *c, char *buf, size_t cap)
{
    int   hi, lo, n;
    char  ch;

    for (n = 0; c->p < c->end; n++) {
        ch = *c->p;

        if (ch == '~' || ch == '!') {
            break;
        }

        if (ch == '%') {
            hi = (c->end - c->p > 2) ? cr_hex_digit(c->p[1]) : -1;
            lo = (c->end - c->p > 2) ? cr_hex_digit(c->p[2]) : -1;

            if (hi < 2 || lo < 0 || (hi == 7 && lo == 15)) {
                return CR_ERR;
            }

            ch = (char) (hi << 4 | lo);
            c->p += 3;

        } else if ((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z')
                   || (ch >= 'A' && ch <= 'Z')
                   || (ch != '\0' && strchr("-_.'()*", ch) != NULL))
        {
            c->p++;

        } else {
            return CR_ERR;
        }

        if ((size_t) n < cap) {
            buf[n] = ch;
        }
    }

    return n;
}


static int
cr_take_amount(cr_cursor_t *c, int64_t *v)
{
    *v = CR_AMOUNT_UNKNOWN;

    if (c->p == c->end || cr_b36_digit(*c->p) < 0) {
        return CR_OK;
    }

    if (cr_take_b36(c, v) != CR_OK) {
        return CR_ERR;
    }

    *v = cr_most(*v, CR_BEACON_AMOUNT_MAX);

    return CR_OK;
}


static int
cr_take_item(cr_beacon_t *b, cr_cursor_t *c)
{
    int        nref, nname;
    char       ref[sizeof(b->cart.lines[0].ref)], name[CR_BEACON_NAME];
    int64_t    qty, price;
    cr_str_t   rs, ns;

    nref = cr_take_text(c, ref, sizeof(ref));

    if (nref < 0 || cr_take(c, '!') != CR_OK
        || cr_take_amount(c, &qty) != CR_OK || cr_take(c, '!') != CR_OK
        || cr_take_amount(c, &price) != CR_OK || cr_take(c, '!') != CR_OK)
    {
        return CR_ERR;
    }

    nname = cr_take_text(c, name, sizeof(name));

    if (nname < 0) {
        return CR_ERR;
    }

    qty = (qty == CR_AMOUNT_UNKNOWN) ? 1 : cr_most(qty, CR_BEACON_QTY_MAX);

    if (nref == 0 || nref >= (int) sizeof(ref)) {

        /* without its whole reference a line cannot be put back */

        b->cart.cut = 1;
        b->cart.pieces = (uint16_t) cr_most(b->cart.pieces + qty, UINT16_MAX);

        return CR_OK;
    }

    rs.p = ref;
    rs.n = (size_t) nref;
    ns.p = name;
    ns.n = (size_t) cr_most(nname, sizeof(name));

    (void) cr_cart_line(&b->cart, rs, qty, 1, price, ns, cr_lit(""));

    return CR_OK;
}


static int
cr_take_event_word(cr_beacon_t *b, cr_cursor_t *c)
{
    size_t       i, n;
    const char  *p, *word;

    p = c->p;

    while (c->p < c->end && *c->p != '~') {
        c->p++;
    }

    n = (size_t) (c->p - p);

    for (i = 0; i < CR_BEACON_PAGE_EVENTS; i++) {
        word = cr_event_word[cr_beacon_events[i]];

        if (strlen(word) == n && memcmp(word, p, n) == 0) {
            b->page_event = cr_beacon_events[i];
            return CR_OK;
        }
    }

    c->p = p;

    return CR_ERR;
}


static int
cr_take_currency(cr_beacon_t *b, cr_cursor_t *c)
{
    int  i;

    if (cr_next_is(c, '~')) {
        return CR_OK;
    }

    for (i = 0; i < 3; i++, c->p++) {
        if (c->p == c->end || *c->p < 'A' || *c->p > 'Z') {
            return CR_ERR;
        }

        b->cart.currency[i] = *c->p;
    }

    return CR_OK;
}


static int
cr_beacon_items(cr_beacon_t *b, cr_cursor_t *c)
{
    int       n;
    int64_t   value;
    cr_str_t  s;
    char      id[sizeof(b->order_id)];

    if (cr_take_seq_age(b, c) != CR_OK
        || cr_take_event_word(b, c) != CR_OK || cr_take(c, '~') != CR_OK
        || cr_take_currency(b, c) != CR_OK || cr_take(c, '~') != CR_OK
        || cr_take_amount(c, &value) != CR_OK || cr_take(c, '~') != CR_OK)
    {
        return CR_ERR;
    }

    n = cr_take_text(c, id, sizeof(id));

    if (n < 0 || (c->p < c->end && *c->p == '!')) {
        return CR_ERR;
    }

    s.p = id;
    s.n = (size_t) cr_most(n, sizeof(id));
    cr_text_copy(b->order_id, sizeof(b->order_id), s);

    /* GA4's value leaves shipping and tax out; of an order it says nothing
     * that would be believed */

    if (b->page_event != CR_EV_ORDER) {
        b->cart.subtotal = value;
    }

    while (c->p < c->end) {
        if (cr_take(c, '~') != CR_OK || cr_take_item(b, c) != CR_OK) {
            return CR_ERR;
        }
    }

    return CR_OK;
}


int
cr_beacon_parse(cr_beacon_t *b, const char *p, size_t n, size_t *at)
{
    int          rc;
    size_t       i;
    cr_cursor_t  c;

    memset(b, 0, sizeof(cr_beacon_t));
    cr_cart_clear(&b->cart);

    b->depth = NAN;

    for (i = 0; i < CR_BEACON_FEATS; i++) {
        b->feat[i] = NAN;
    }

    c.start = p;
    c.p = p;
    c.end = p + n;

    *at = 0;

    if (n == 0 || (*p != '1' && *p != '2')) {
        return CR_ERR;
    }

    b->version = (uint8_t) (*p - '0');
    c.p++;

    if (n > (b->version == 1 ? CR_BEACON_V1_MAX : CR_BEACON_V2_MAX)) {
        *at = (b->version == 1 ? CR_BEACON_V1_MAX : CR_BEACON_V2_MAX);
        return CR_FULL;
    }

    rc = cr_take(&c, '~');

    if (rc == CR_OK) {
        rc = (b->version == 1) ? cr_beacon_signals(b, &c)
             : cr_beacon_items(b, &c);
    }

    *at = (size_t) (c.p - c.start);

    return rc;
}
