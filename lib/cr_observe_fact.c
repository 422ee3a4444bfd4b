#define _GNU_SOURCE

#include "cr_profile_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>


static const int64_t  fact_tens[] = { 1, 10, 100, 1000, 10000 };


static int
fact_digit(char c)
{
    return c >= '0' && c <= '9';
}


static int
fact_alpha(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}


static cr_str_t
fact_trim(cr_str_t s)
{
    while (s.n != 0 && (unsigned char) s.p[0] <= ' ') {
        s.p++;
        s.n--;
    }

    while (s.n != 0 && (unsigned char) s.p[s.n - 1] <= ' ') {
        s.n--;
    }

    return s;
}


/* The shape local@domain.tld; quoted local parts are not taken. */

static int
fact_email(char *dst, size_t cap, cr_str_t s)
{
    char    c;
    size_t  i, at, dot;

    if (s.n < 6 || s.n > 254 || s.n >= cap) {
        return 0;
    }

    at = dot = 0;

    for (i = 0; i < s.n; i++) {
        c = s.p[i];

        if ((unsigned char) c <= ' ' || c == 0x7f || strchr("\"(),:;<>[\\]", c))
        {
            return 0;
        }

        if (c == '@') {
            if (at != 0 || i == 0 || i > 64 || s.p[i - 1] == '.') {
                return 0;
            }

            at = i;

        } else if (c == '.') {
            if (i == 0 || s.p[i - 1] == '.' || s.p[i - 1] == '@') {
                return 0;
            }

            dot = i;
        }
    }

    if (at == 0 || dot < at || s.n - dot < 3) {
        return 0;
    }

    for (i = 0; i < s.n; i++) {
        c = s.p[i];
        dst[i] = (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
    }

    dst[s.n] = '\0';

    return 1;
}


static int
fact_phone(char *dst, size_t cap, cr_str_t s)
{
    size_t  i, n;

    n = 0;

    if (s.n != 0 && s.p[0] == '+') {
        dst[n++] = '+';

    } else if (s.n > 2 && s.p[0] == '0' && s.p[1] == '0') {
        dst[n++] = '+';
        s.p += 2;
        s.n -= 2;
    }

    for (i = (n && s.p[0] == '+') ? 1 : 0; i < s.n; i++) {
        if (fact_digit(s.p[i])) {
            if (n + 1 >= cap) {
                break;
            }

            dst[n++] = s.p[i];

        } else if (strchr(" -./()", s.p[i]) == NULL || s.p[i] == '\0') {
            break;
        }
    }

    if (i != s.n || n < 6 || n > 16) {
        dst[0] = '\0';
        return 0;
    }

    dst[n] = '\0';

    return 1;
}


static int
fact_letters(char *dst, size_t n, cr_str_t s)
{
    size_t  i;

    if (s.n != n) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (!fact_alpha(s.p[i])) {
            return 0;
        }
    }

    for (i = 0; i < n; i++) {
        dst[i] = (char) (s.p[i] & ~0x20);
    }

    dst[n] = '\0';

    return 1;
}


static int
fact_qty(int64_t *qty, cr_str_t s)
{
    int64_t  v;

    if (cr_money_decimal(s, 0, &v) != CR_OK || v < 0) {
        return 0;
    }

    *qty = (v > 99999) ? 99999 : v;

    return 1;
}


/* In 1/10000 of a major unit, or in minor units where the profile says so. */

static int
fact_amount(const cr_obs_t *o, int64_t *amount, cr_str_t s)
{
    int          rc;
    int64_t      v;
    const char  *currency;

    switch (o->money) {

    case CR_MONEY_MINOR:
        rc = cr_money_decimal(s, 0, &v);
        break;

    case CR_MONEY_MAJOR:
        rc = cr_money_decimal(s, CR_SCALE, &v);
        break;

    default:
        currency = o->cart.currency[0] ? o->cart.currency : o->currency_hint;

        /* with three decimals, three digits after one point are decimals */

        if (cr_money_exponent(currency) == 3) {
            rc = cr_money_parse(s, 3, &v);
            v = (rc == CR_OK && v < INT64_MAX / 10 && v > -INT64_MAX / 10)
                ? v * 10 : 0;

        } else {
            rc = cr_money_parse(s, CR_SCALE, &v);
        }
    }

    if (rc != CR_OK) {
        return 0;
    }

    *amount = v;

    return 1;
}


static int
fact_consent(int8_t *consent, cr_str_t s, int present)
{
    size_t  i;

    static const char *const  yes[] = { "1", "on", "true", "yes" };

    *consent = 0;

    for (i = 0; present && i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (s.n == strlen(yes[i]) && strncasecmp(s.p, yes[i], s.n) == 0) {
            *consent = 1;
        }
    }

    return 1;
}


/* "k=v&k=v": of a set of fields the star is the key.  What does not fit is
 * left out as a whole, for half of the options restore nothing. */

static int
fact_option(char *dst, size_t cap, cr_str_t key, cr_str_t value, int again)
{
    size_t       i, n, k;
    cr_str_t     part[2];

    static const char  hex[] = "0123456789ABCDEF";

    if (key.n == 0) {
        if (value.n >= cap) {
            dst[0] = '\0';
            return 1;
        }

        cr_text_copy(dst, cap, value);
        return 1;
    }

    n = again ? strlen(dst) : 0;

    if (again && n == 0) {
        return 1;
    }

    part[0] = key;
    part[1] = value;

    if (n != 0) {
        dst[n++] = '&';
    }

    for (k = 0; k < 2; k++) {
        for (i = 0; i < part[k].n; i++) {
            if (n + 5 > cap) {
                dst[0] = '\0';
                return 1;
            }

            if ((unsigned char) part[k].p[i] > ' '
                && strchr("%&=+#\"<>", part[k].p[i]) == NULL)
            {
                dst[n++] = part[k].p[i];
                continue;
            }

            dst[n++] = '%';
            dst[n++] = hex[(unsigned char) part[k].p[i] >> 4];
            dst[n++] = hex[part[k].p[i] & 15];
        }

        if (k == 0) {
            dst[n++] = '=';
        }
    }

    dst[n] = '\0';

    return 1;
}


/* Texts of HTML hold entities; the five of XML and numbers are undone. */

static size_t
fact_entity(char *dst, cr_str_t s, size_t *used)
{
    size_t       i, n;
    uint32_t     c;
    const char  *end;

    static const struct {
        const char  *name;
        char         c;
    } names[] = {
        { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' },
        { "&apos;", '\'' }, { "&nbsp;", ' ' }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        n = strlen(names[i].name);

        if (s.n >= n && memcmp(s.p, names[i].name, n) == 0) {
            dst[0] = names[i].c;
            *used = n;
            return 1;
        }
    }

    end = memchr(s.p, ';', s.n < 9 ? s.n : 9);

    if (end == NULL || s.n < 4 || s.p[1] != '#') {
        return 0;
    }

    c = 0;

    for (i = 2; s.p + i < end; i++) {
        if (!fact_digit(s.p[i])) {
            return 0;
        }

        c = c * 10 + (uint32_t) (s.p[i] - '0');
    }

    if (c < 0x20 || c > 0xffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }

    *used = (size_t) (end - s.p) + 1;

    if (c < 0x80) {
        dst[0] = (char) c;
        return 1;
    }

    if (c < 0x800) {
        dst[0] = (char) (0xc0 | c >> 6);
        dst[1] = (char) (0x80 | (c & 0x3f));
        return 2;
    }

    dst[0] = (char) (0xe0 | c >> 12);
    dst[1] = (char) (0x80 | (c >> 6 & 0x3f));
    dst[2] = (char) (0x80 | (c & 0x3f));

    return 3;
}


static void
fact_name(char *dst, size_t cap, cr_str_t s, int html)
{
    char      buf[128];
    size_t    i, n, k, used;
    cr_str_t  rest, out;

    n = 0;

    for (i = 0; i < s.n && n + 4 < sizeof(buf); i += used) {
        rest.p = s.p + i;
        rest.n = s.n - i;
        used = 1;
        k = (html && s.p[i] == '&') ? fact_entity(buf + n, rest, &used) : 0;

        if (k == 0) {
            buf[n] = s.p[i];
            k = 1;
        }

        n += k;
    }

    out.p = buf;
    out.n = n;
    cr_text_copy(dst, cap, out);
}


static void
fact_of_line(cr_obs_t *o, const cr_bind_t *b, cr_str_t value, cr_str_t star)
{
    cr_line_t  *l;

    l = &o->line;

    switch (b->fact) {

    case CR_FACT_REF:
        cr_ref_copy(l->ref, value);
        break;

    case CR_FACT_QTY:
        (void) fact_qty(&o->line_qty, value);
        break;

    case CR_FACT_PRICE:
        (void) fact_amount(o, &l->price, value);
        break;

    case CR_FACT_NAME:
        fact_name(l->name, sizeof(l->name), value, b->nsteps != 0);
        break;

    default:
        (void) fact_option(l->opt, sizeof(l->opt), star, value,
                           l->opt[0] != '\0');
    }
}


static int
fact_set(cr_obs_t *o, const cr_bind_t *b, cr_str_t value, cr_str_t star)
{
    switch (b->fact) {

    case CR_FACT_EMAIL:
        return fact_email(o->email, sizeof(o->email), value);

    case CR_FACT_PHONE:
        return fact_phone(o->phone, sizeof(o->phone), value);

    case CR_FACT_COUNTRY:
        return fact_letters(o->country, 2, value);

    case CR_FACT_REF:
        cr_ref_copy(o->ref, value);
        return 1;

    case CR_FACT_QTY:
        return fact_qty(&o->qty, value);

    case CR_FACT_PRICE:
        return fact_amount(o, &o->price, value);

    case CR_FACT_NAME:
        fact_name(o->name, sizeof(o->name), value, b->nsteps != 0);
        return 1;

    case CR_FACT_OPT:
        return fact_option(o->opt, sizeof(o->opt), star, value,
                           o->rank[CR_FACT_OPT] == b->rank);

    case CR_FACT_ORDER_ID:
        cr_ref_copy(o->order_id, value);
        return 1;

    case CR_FACT_ORDER_TOTAL:
        return fact_amount(o, &o->order_total, value);

    case CR_FACT_TOTAL:
        return fact_amount(o, &o->cart.total, value);

    case CR_FACT_SUBTOTAL:
        return fact_amount(o, &o->cart.subtotal, value);

    case CR_FACT_SHIPPING:
        return fact_amount(o, &o->cart.shipping, value);

    case CR_FACT_CURRENCY:
        return fact_letters(o->cart.currency, 3, value);

    case CR_FACT_KEY:
        cr_text_copy(o->cart.key, sizeof(o->cart.key), value);
        return 1;

    default:
        return 0;
    }
}


void
cr_obs_fact(cr_obs_t *o, const cr_bind_t *b, cr_str_t value, cr_str_t star,
    int present)
{
    value = fact_trim(value);

    if (b->fact == CR_FACT_CONSENT) {
        if (fact_consent(&o->consent, value, present)) {
            o->rank[CR_FACT_CONSENT] = b->rank;
            o->fact_part[CR_FACT_CONSENT] = o->part_at;
        }

        return;
    }

    if (!present || value.n == 0) {
        return;
    }

    if (b->nsteps != 0 && o->money != cr_obs_group(o)->money) {
        return;    /* the page's JSON says it */
    }

    if (b->src.kind == CR_SRC_LINE) {
        fact_of_line(o, b, value, star);
        return;
    }

    if (fact_set(o, b, value, star)) {
        o->rank[b->fact] = b->rank;
        o->fact_part[b->fact] = o->part_at;
    }
}


static void
fact_rescale(int64_t *v, int exponent)
{
    int64_t  d, half;

    if (*v == CR_AMOUNT_UNKNOWN) {
        return;
    }

    d = fact_tens[CR_SCALE - exponent];
    half = (*v < 0) ? -(d / 2) : d / 2;

    if (d != 1) {
        *v = (*v + half) / d;
    }
}


/* Amounts become minor units once the currency had its chance to be seen. */

void
cr_obs_amounts(cr_obs_t *o)
{
    int  i, exponent;

    if (o->money == CR_MONEY_MINOR) {
        return;
    }

    exponent = cr_money_exponent(o->cart.currency[0] ? o->cart.currency
                                                     : o->currency_hint);

    fact_rescale(&o->cart.total, exponent);
    fact_rescale(&o->cart.subtotal, exponent);
    fact_rescale(&o->cart.shipping, exponent);
    fact_rescale(&o->order_total, exponent);
    fact_rescale(&o->price, exponent);

    for (i = 0; i < o->cart.nlines; i++) {
        fact_rescale(&o->cart.lines[i].price, exponent);
    }
}
