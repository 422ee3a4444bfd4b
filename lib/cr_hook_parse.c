/*
 * cr_hook_parse.c: what a webhook says.  One table of paths for each sender;
 * a body runs through the JSON scanner once and leaves a few short texts.
 */

#include "cr_hook_int.h"
#include "cr_json.h"

#include <string.h>


#define paths_of(a)  a, (int) (sizeof(a) / sizeof(a[0]))


static const cr_hook_path_t  cr_hook_woocommerce[] = {
    { "id", CR_HF_ID },
    { "status", CR_HF_STATUS },
    { "order_key", CR_HF_ORDERED },
    { "currency", CR_HF_CURRENCY },
    { "total", CR_HF_TOTAL },
    { "date_created_gmt", CR_HF_DATE },
    { "date_modified_gmt", CR_HF_DATE },
    { "billing.email", CR_HF_EMAIL },
    { "billing.phone", CR_HF_PHONE },
    { "billing.country", CR_HF_COUNTRY }
};

static const cr_hook_path_t  cr_hook_shopify[] = {
    { "id", CR_HF_ID },
    { "order_number", CR_HF_ORDERED },
    { "cancelled_at", CR_HF_ENDED },
    { "completed_at", CR_HF_ENDED },
    { "abandoned_checkout_url", CR_HF_CHECKOUT },
    { "token", CR_HF_KEY },
    { "currency", CR_HF_CURRENCY },
    { "total_price", CR_HF_TOTAL },
    { "subtotal_price", CR_HF_SUBTOTAL },
    { "created_at", CR_HF_DATE },
    { "updated_at", CR_HF_DATE },
    { "email", CR_HF_EMAIL },
    { "contact_email", CR_HF_EMAIL },
    { "phone", CR_HF_PHONE },
    { "billing_address.country_code", CR_HF_COUNTRY },
    { "customer_locale", CR_HF_LOCALE },
    { "buyer_accepts_marketing", CR_HF_CONSENT },
    { "line_items[]", CR_HF_ITEM },
    { "line_items[].variant_id", CR_HF_REF },
    { "line_items[].quantity", CR_HF_QTY },
    { "line_items[].price", CR_HF_PRICE },
    { "line_items[].title", CR_HF_NAME }
};

static const cr_hook_path_t  cr_hook_standard[] = {
    { "type", CR_HF_TYPE },
    { "timestamp", CR_HF_DATE },
    { "data.order_id", CR_HF_ID },
    { "data.cart_id", CR_HF_KEY },
    { "data.visitor", CR_HF_VISITOR },
    { "data.currency", CR_HF_CURRENCY },
    { "data.total", CR_HF_TOTAL },
    { "data.subtotal", CR_HF_SUBTOTAL },
    { "data.email", CR_HF_EMAIL },
    { "data.phone", CR_HF_PHONE },
    { "data.country", CR_HF_COUNTRY },
    { "data.locale", CR_HF_LOCALE },
    { "data.consent.email", CR_HF_CONSENT },
    { "data.items[]", CR_HF_ITEM },
    { "data.items[].sku", CR_HF_REF },
    { "data.items[].quantity", CR_HF_QTY },
    { "data.items[].price", CR_HF_PRICE },
    { "data.items[].name", CR_HF_NAME },
    { "data.items[].options", CR_HF_OPT }
};


static int
cr_hook_digits(const char *p, size_t n, int *value)
{
    size_t  i;

    for (i = 0, *value = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return CR_ERR;
        }

        *value = *value * 10 + (p[i] - '0');
    }

    return CR_OK;
}


/* "2026-01-31T10:00:00[.000][Z|+01:00]" to Unix ms; without a zone it is UTC,
 * as the fields that have none say of themselves.  0 when it is no date. */

static int64_t
cr_hook_date(cr_str_t s)
{
    int      y, mon, d, h, min, sec, zh, zm, sign;
    size_t   i;
    int64_t  days, t;

    if (s.n < 19 || s.p[4] != '-' || s.p[7] != '-'
        || (s.p[10] != 'T' && s.p[10] != ' ') || s.p[13] != ':'
        || s.p[16] != ':'
        || cr_hook_digits(s.p, 4, &y) != CR_OK
        || cr_hook_digits(s.p + 5, 2, &mon) != CR_OK
        || cr_hook_digits(s.p + 8, 2, &d) != CR_OK
        || cr_hook_digits(s.p + 11, 2, &h) != CR_OK
        || cr_hook_digits(s.p + 14, 2, &min) != CR_OK
        || cr_hook_digits(s.p + 17, 2, &sec) != CR_OK
        || y < 1970 || mon < 1 || mon > 12 || d < 1 || d > 31 || h > 23
        || min > 59 || sec > 60)
    {
        return 0;
    }

    /* days since 1970-01-01, years counted from March */

    y -= mon <= 2;
    days = (int64_t) y * 365 + y / 4 - y / 100 + y / 400
           + (153 * (mon + (mon > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;

    t = ((days * 24 + h) * 60 + min) * 60 + sec;

    for (i = 19; i < s.n && s.p[i] != '+' && s.p[i] != '-'; i++) { /* void */ }

    if (s.n - i >= 6) {
        sign = s.p[i] == '-' ? -1 : 1;

        if (cr_hook_digits(s.p + i + 1, 2, &zh) == CR_OK
            && cr_hook_digits(s.p + i + 4, 2, &zm) == CR_OK)
        {
            t -= sign * (zh * 60 + zm) * 60;
        }
    }

    return t * 1000;
}


/* The first value stands: a body that says two things says the first. */

static void
cr_hook_text(char *dst, size_t cap, cr_str_t value)
{
    if (dst[0] == '\0') {
        cr_text_copy(dst, cap, value);
    }
}


static void
cr_hook_line(cr_hook_read_t *r, cr_hook_field_e field, cr_str_t value)
{
    cr_hook_line_t  *l;

    if (r->nlines == 0 || r->nlines > CR_CART_LINES) {
        return;
    }

    l = &r->line[r->nlines - 1];

    switch (field) {

    case CR_HF_REF:
        cr_hook_text(l->ref, sizeof(l->ref), value);
        break;

    case CR_HF_QTY:
        cr_hook_text(l->qty, sizeof(l->qty), value);
        break;

    case CR_HF_PRICE:
        cr_hook_text(l->price, sizeof(l->price), value);
        break;

    case CR_HF_NAME:
        cr_hook_text(l->name, sizeof(l->name), value);
        break;

    default:
        cr_hook_text(l->opt, sizeof(l->opt), value);
    }
}


static void
cr_hook_person(cr_hook_t *h, cr_hook_field_e field, cr_str_t value)
{
    switch (field) {

    case CR_HF_EMAIL:
        if (value.n < sizeof(h->email)) {
            cr_hook_text(h->email, sizeof(h->email), value);
        }

        break;

    case CR_HF_PHONE:
        if (value.n < sizeof(h->phone)) {
            cr_hook_text(h->phone, sizeof(h->phone), value);
        }

        break;

    case CR_HF_COUNTRY:
        if (value.n == 2) {
            cr_hook_text(h->country, sizeof(h->country), value);
        }

        break;

    case CR_HF_LOCALE:
        cr_hook_text(h->locale, sizeof(h->locale), value);
        break;

    case CR_HF_KEY:
        cr_hook_text(h->key, sizeof(h->key), value);
        break;

    default: /* CR_HF_VISITOR */
        if (value.n == CR_COOKIE_LEN) {
            cr_hook_text(h->visitor, sizeof(h->visitor), value);
        }
    }
}


static void
cr_hook_scalar(cr_hook_read_t *r, cr_hook_field_e field, cr_str_t value)
{
    int64_t  at;

    switch (field) {

    case CR_HF_ID:
        cr_hook_text(r->id, sizeof(r->id), value);
        break;

    case CR_HF_STATUS:
        cr_hook_text(r->status, sizeof(r->status), value);
        break;

    case CR_HF_TYPE:
        cr_hook_text(r->type, sizeof(r->type), value);
        break;

    case CR_HF_CURRENCY:
        if (value.n == 3) {
            cr_hook_text(r->h->cart.currency, sizeof(r->h->cart.currency),
                         value);
        }

        break;

    case CR_HF_TOTAL:
        cr_hook_text(r->total, sizeof(r->total), value);
        break;

    case CR_HF_SUBTOTAL:
        cr_hook_text(r->subtotal, sizeof(r->subtotal), value);
        break;

    case CR_HF_DATE:
        at = cr_hook_date(value);
        r->h->at = at > r->h->at ? at : r->h->at;
        break;

    case CR_HF_ORDERED:
        r->ordered = 1;
        break;

    case CR_HF_CHECKOUT:
        r->checkout = 1;
        break;

    case CR_HF_ENDED:
        r->ended = 1;
        break;

    case CR_HF_REF: case CR_HF_QTY: case CR_HF_PRICE: case CR_HF_NAME:
    case CR_HF_OPT:
        cr_hook_line(r, field, value);
        break;

    default:
        cr_hook_person(r->h, field, value);
    }
}


static void
cr_hook_value(void *data, cr_str_t path, int index, cr_json_e type,
    cr_str_t value, int cut)
{
    int              i;
    cr_hook_read_t  *r = data;

    (void) index;

    if (type == CR_JSON_NULL || type == CR_JSON_CLOSE || cut) {
        return;
    }

    for (i = 0; i < r->npaths; i++) {

        if (strlen(r->paths[i].path) != path.n
            || memcmp(r->paths[i].path, path.p, path.n) != 0)
        {
            continue;
        }

        if (r->paths[i].field == CR_HF_ITEM) {
            r->nlines += type == CR_JSON_OPEN && r->nlines <= CR_CART_LINES;

        } else if (r->paths[i].field == CR_HF_CONSENT) {

            if (type == CR_JSON_TRUE || type == CR_JSON_FALSE) {
                r->h->consent = type == CR_JSON_TRUE;
            }

        } else if (type == CR_JSON_STRING || type == CR_JSON_NUMBER) {
            cr_hook_scalar(r, r->paths[i].field, value);
        }

        return;
    }
}


static int64_t
cr_hook_amount(const char *text, int exponent)
{
    int64_t  minor;

    if (cr_money_decimal((cr_str_t) { text, strlen(text) }, exponent, &minor)
        != CR_OK
        || minor < 0)
    {
        return CR_AMOUNT_UNKNOWN;
    }

    return minor;
}


static void
cr_hook_lines(cr_hook_read_t *r, int exponent)
{
    int              i, qty;
    char             ref[32];
    cr_cart_t       *c;
    cr_hook_line_t  *l;

    c = &r->h->cart;

    for (i = 0; i < r->nlines && i < CR_CART_LINES; i++) {
        l = &r->line[i];
        qty = 1;

        if (l->ref[0] == '\0'
            || (l->qty[0] != '\0'
                && (strlen(l->qty) > 4
                    || cr_hook_digits(l->qty, strlen(l->qty), &qty) != CR_OK
                    || qty == 0)))
        {
            continue;
        }

        cr_ref_copy(ref, (cr_str_t) { l->ref, strlen(l->ref) });

        (void) cr_cart_line(c, (cr_str_t) { ref, strlen(ref) }, qty, 1,
                            cr_hook_amount(l->price, exponent),
                            (cr_str_t) { l->name, strlen(l->name) },
                            (cr_str_t) { l->opt, strlen(l->opt) });
    }

    c->cut |= r->nlines > CR_CART_LINES;
}


static void
cr_hook_finish(cr_hook_read_t *r, const char *currency)
{
    int         i, exponent;
    cr_cart_t  *c;
    cr_hook_t  *h;

    h = r->h;
    c = &h->cart;

    for (i = 0; i < 3 && c->currency[i]; i++) {
        if (c->currency[i] >= 'a' && c->currency[i] <= 'z') {
            c->currency[i] = (char) (c->currency[i] - 'a' + 'A');
        }

        if (c->currency[i] < 'A' || c->currency[i] > 'Z') {
            c->currency[0] = '\0';
        }
    }

    if (c->currency[0] == '\0') {
        cr_text_copy(c->currency, sizeof(c->currency),
                     (cr_str_t) { currency, strlen(currency) });
    }

    exponent = cr_money_exponent(c->currency);

    cr_hook_lines(r, exponent);

    c->total = cr_hook_amount(r->total, exponent);
    c->subtotal = cr_hook_amount(r->subtotal, exponent);
    c->total_version = c->version;

    cr_text_copy(c->key, sizeof(c->key), (cr_str_t) { h->key,
                                                      strlen(h->key) });

    cr_ref_copy(h->order.id, (cr_str_t) { r->id, strlen(r->id) });
    h->order.total = c->total;
    memcpy(h->order.currency, c->currency, sizeof(h->order.currency));

    if (h->email[0] && cr_email_normalise(h->email) != CR_OK) {
        h->email[0] = '\0';
    }

    if (h->phone[0] && cr_phone_normalise(h->phone) != CR_OK) {
        h->phone[0] = '\0';
    }
}


int
cr_hook_parse(cr_hook_t *h, cr_hook_kind_e kind, cr_str_t topic,
    cr_str_t body, const char *currency)
{
    int              rc;
    cr_json_t        json;
    cr_hook_read_t   r;

    static const struct {
        const cr_hook_path_t  *paths;
        int                    n;
    } tables[CR_HOOK_MAX] = {
        { paths_of(cr_hook_woocommerce) },
        { paths_of(cr_hook_shopify) },
        { paths_of(cr_hook_standard) }
    };

    memset(h, 0, sizeof(cr_hook_t));
    memset(&r, 0, sizeof(cr_hook_read_t));

    cr_cart_clear(&h->cart);
    h->consent = -1;
    h->order.total = CR_AMOUNT_UNKNOWN;

    r.h = h;
    r.paths = tables[kind].paths;
    r.npaths = tables[kind].n;

    cr_json_init(&json, cr_hook_value, &r);

    if (cr_json_feed(&json, body.p, body.n) < 0 || cr_json_end(&json) != 1) {
        return CR_ERR;
    }

    rc = cr_hook_event(&r, kind, topic);

    if (rc == CR_OK) {
        cr_hook_finish(&r, currency);
    }

    return rc;
}
