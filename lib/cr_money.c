#define _GNU_SOURCE

#include "cr_cart.h"

#include <stdio.h>
#include <string.h>


#define GROUPS   16
#define EXP_MAX  4


/* What a piece of the text is: a digit, a separator (kept as one byte), or
 * something that ends the number. */

enum { P_END, P_DIGIT, P_POINT, P_COMMA, P_SPACE, P_QUOTE };

typedef struct {
    uint64_t   value;            /* of the group's digits */
    uint32_t   digits;
    int        sep;              /* the separator in front */
} group_t;

typedef struct {
    const char  *p;
    const char  *end;
} text_t;


/* ISO 4217 codes whose minor unit is not 1/100. */

static const char  money_exponents[][5] = {
    "BHD3", "BIF0", "CLF4", "CLP0", "DJF0", "GNF0", "IQD3", "ISK0", "JOD3",
    "JPY0", "KMF0", "KRW0", "KWD3", "LYD3", "OMR3", "PYG0", "RWF0", "TND3",
    "UGX0", "UYI0", "UYW4", "VND0", "VUV0", "XAF0", "XOF0", "XPF0"
};

static const int64_t  money_tens[] = { 1, 10, 100, 1000, 10000 };


int
cr_money_exponent(const char *currency)
{
    size_t  i;

    for (i = 0; i < sizeof(money_exponents) / sizeof(money_exponents[0]); i++)
    {
        if (strncmp(currency, money_exponents[i], 3) == 0) {
            return money_exponents[i][3] - '0';
        }

        if (currency[0] < money_exponents[i][0]) {
            break;
        }
    }

    return 2;
}


static int
money_exp(int exponent)
{
    return (exponent < 0) ? 0 : (exponent > EXP_MAX) ? EXP_MAX : exponent;
}


/* An entity such as &#36; &nbsp; or a tag: its end, or p when there is none. */

static const char *
money_markup(const text_t *t)
{
    size_t       n;
    const char  *e;

    n = (size_t) (t->end - t->p);

    if (*t->p == '&') {
        e = memchr(t->p, ';', n < 12 ? n : 12);
        return e ? e + 1 : t->p;
    }

    if (*t->p == '<') {
        e = memchr(t->p, '>', n);
        return e ? e + 1 : t->p;
    }

    return t->p;
}


/* What stands at t->p, and how many bytes it takes; a digit's value goes to
 * *digit.  Arabic and Persian digits count as digits. */

static int
money_piece(const text_t *t, size_t *len, unsigned *digit)
{
    size_t                n;
    const unsigned char  *u;

    u = (const unsigned char *) t->p;
    n = (size_t) (t->end - t->p);
    *len = 1;

    if (u[0] >= '0' && u[0] <= '9') {
        *digit = u[0] - (unsigned) '0';
        return P_DIGIT;
    }

    switch (u[0]) {

    case '.':
        return P_POINT;

    case ',':
        return P_COMMA;

    case ' ':
        return P_SPACE;

    case '\'':
        return P_QUOTE;

    case '&':
        *len = 6;
        return (n >= 6 && memcmp(u, "&nbsp;", 6) == 0) ? P_SPACE : P_END;
    }

    *len = 2;

    if (n >= 2 && u[0] == 0xc2 && u[1] == 0xa0) {
        return P_SPACE;
    }

    if (n >= 2 && u[0] == 0xd9) {
        if (u[1] >= 0xa0 && u[1] <= 0xa9) {
            *digit = u[1] - 0xa0u;
            return P_DIGIT;
        }

        return (u[1] == 0xab) ? P_POINT : (u[1] == 0xac) ? P_COMMA : P_END;
    }

    if (n >= 2 && u[0] == 0xdb && u[1] >= 0xb0 && u[1] <= 0xb9) {
        *digit = u[1] - 0xb0u;
        return P_DIGIT;
    }

    *len = 3;

    if (n >= 3 && u[0] == 0xe2 && u[1] == 0x80) {
        return (u[2] == 0xaf || u[2] == 0x89) ? P_SPACE
               : (u[2] == 0x99) ? P_QUOTE : P_END;
    }

    return P_END;
}


/* Skips to the first digit.  Returns -1 for a negative amount, 1 else; 0 when
 * there is no digit.  A minus counts where no space parts it from the number,
 * or where it comes first of all. */

static int
money_start(text_t *t)
{
    int          sign, seen;
    size_t       len;
    unsigned     d;
    const char  *e;

    sign = 1;
    seen = 0;

    while (t->p < t->end) {
        e = money_markup(t);

        if (e != t->p) {
            t->p = e;
            continue;
        }

        switch (money_piece(t, &len, &d)) {

        case P_DIGIT:
            return sign;

        case P_SPACE:
            if (seen > 1) {
                sign = 1;
            }

            t->p += len;
            continue;

        case P_POINT:
            if (t->end - t->p > 1 && t->p[1] >= '0' && t->p[1] <= '9'
                && (seen == 0 || !((t->p[-1] | 0x20) >= 'a'
                                   && (t->p[-1] | 0x20) <= 'z')))
            {
                return sign;
            }

            break;

        default:
            break;
        }

        seen++;

        if (*t->p == '-') {
            sign = -1;

        } else if (t->end - t->p >= 3 && memcmp(t->p, "\xe2\x88\x92", 3) == 0) {
            sign = -1;
            t->p += 2;
        }

        t->p++;
    }

    return 0;
}


static int
money_group(text_t *t, group_t *g)
{
    size_t    len;
    unsigned  d;

    g->value = 0;
    g->digits = 0;

    while (t->p < t->end && money_piece(t, &len, &d) == P_DIGIT) {

        if (g->digits == 18) {
            return CR_ERR;
        }

        g->value = g->value * 10 + d;
        g->digits++;
        t->p += len;
    }

    return CR_OK;
}


/* Groups of digits with the separators between them.  A space or apostrophe
 * separates only where exactly three digits follow. */

static int
money_groups(text_t *t, group_t *g)
{
    int      n;
    size_t   len;
    text_t   next;

    g[0].sep = P_END;

    if (*t->p != '.') {
        if (money_group(t, &g[0]) != CR_OK) {
            return CR_ERR;
        }

    } else {
        g[0].value = 0;
        g[0].digits = 1;
    }

    for (n = 1; n < GROUPS && t->p < t->end; n++) {
        next = *t;
        g[n].sep = money_piece(&next, &len, &(unsigned) { 0 });

        if (g[n].sep == P_END || g[n].sep == P_DIGIT) {
            break;
        }

        next.p += len;

        if (money_group(&next, &g[n]) != CR_OK) {
            return CR_ERR;
        }

        if (g[n].digits == 0
            || ((g[n].sep == P_SPACE || g[n].sep == P_QUOTE)
                && g[n].digits != 3))
        {
            break;
        }

        t->p = next.p;
    }

    return (n == GROUPS) ? CR_ERR : n;
}


/* Does the last of n groups hold decimals? */

static int
money_has_decimals(const group_t *g, int n, int exponent)
{
    int             i, same;
    const group_t  *last;

    if (n == 1) {
        return 0;
    }

    last = &g[n - 1];

    if (last->sep == P_SPACE || last->sep == P_QUOTE) {
        return 0;
    }

    if (last->digits != 3) {
        return 1;
    }

    same = 0;

    for (i = 1; i < n - 1; i++) {
        if (g[i].sep != last->sep) {
            return 1;
        }

        same = 1;
    }

    if (same) {
        return 0;
    }

    return exponent == 3 || g[0].digits > 3 || g[0].value == 0;
}


static int
money_scale(uint64_t major, uint64_t frac, uint32_t digits, int exponent,
    int64_t *minor)
{
    uint64_t  v;

    while (digits > (uint32_t) exponent + 1) {
        frac /= 10;
        digits--;
    }

    if (digits > (uint32_t) exponent) {
        frac = (frac + 5) / 10;
        digits--;
    }

    while (digits < (uint32_t) exponent) {
        frac *= 10;
        digits++;
    }

    if (__builtin_mul_overflow(major, (uint64_t) money_tens[exponent], &v)
        || __builtin_add_overflow(v, frac, &v) || v > INT64_MAX)
    {
        return CR_ERR;
    }

    *minor = (int64_t) v;

    return CR_OK;
}


int
cr_money_parse(cr_str_t s, int exponent, int64_t *minor)
{
    int       i, n, sign, decimals;
    text_t    t;
    int64_t   v;
    group_t   g[GROUPS];
    uint64_t  major;

    exponent = money_exp(exponent);

    t.p = s.p;
    t.end = s.p + s.n;

    sign = money_start(&t);

    if (sign == 0) {
        return CR_ERR;
    }

    n = money_groups(&t, g);

    if (n < 1) {
        return CR_ERR;
    }

    decimals = money_has_decimals(g, n, exponent);
    major = g[0].value;

    for (i = 1; i < n - decimals; i++) {

        /* 1,00,000: groups of two before the last are India's */

        if (g[0].digits > 3 || g[i].sep != g[1].sep
            || !(g[i].digits == 3
                 || (g[i].digits == 2 && i < n - decimals - 1)))
        {
            return CR_ERR;
        }

        if (__builtin_mul_overflow(major, g[i].digits == 3 ? 1000u : 100u,
                                   &major)
            || __builtin_add_overflow(major, g[i].value, &major))
        {
            return CR_ERR;
        }
    }

    if (decimals && n > 2 && g[n - 1].sep == g[1].sep) {
        return CR_ERR;
    }

    if (money_scale(major, decimals ? g[n - 1].value : 0,
                    decimals ? g[n - 1].digits : 0, exponent, &v)
        != CR_OK)
    {
        return CR_ERR;
    }

    *minor = sign * v;

    return CR_OK;
}


int
cr_money_decimal(cr_str_t s, int exponent, int64_t *minor)
{
    int       sign, point;
    size_t    i;
    int64_t   v;
    uint32_t  digits;
    uint64_t  part[2];

    exponent = money_exp(exponent);
    i = 0;
    sign = 1;

    if (s.n != 0 && s.p[0] == '-') {
        sign = -1;
        i = 1;
    }

    point = 0;
    digits = 0;
    part[0] = part[1] = 0;

    if (i == s.n || s.p[i] < '0' || s.p[i] > '9') {
        return CR_ERR;
    }

    for ( /* void */ ; i < s.n; i++) {

        if (s.p[i] == '.' && !point && i + 1 < s.n) {
            point = 1;
            continue;
        }

        if (s.p[i] < '0' || s.p[i] > '9') {
            return CR_ERR;
        }

        if (point && digits == 18) {
            continue;
        }

        if (part[point] > (UINT64_MAX - 9) / 10) {
            return CR_ERR;
        }

        part[point] = part[point] * 10 + (uint64_t) (s.p[i] - '0');
        digits += (uint32_t) point;
    }

    if (money_scale(part[0], part[1], digits, exponent, &v) != CR_OK) {
        return CR_ERR;
    }

    *minor = sign * v;

    return CR_OK;
}


int
cr_money_plain(int64_t minor, int exponent, char *buf, size_t cap)
{
    int       n;
    uint64_t  v, tens;

    if (minor == CR_AMOUNT_UNKNOWN) {
        return CR_ERR;
    }

    exponent = money_exp(exponent);
    tens = (uint64_t) money_tens[exponent];
    v = (minor < 0) ? 0 - (uint64_t) minor : (uint64_t) minor;

    if (exponent == 0) {
        n = snprintf(buf, cap, "%s%llu", minor < 0 ? "-" : "",
                     (unsigned long long) v);

    } else {
        n = snprintf(buf, cap, "%s%llu.%0*llu", minor < 0 ? "-" : "",
                     (unsigned long long) (v / tens), exponent,
                     (unsigned long long) (v % tens));
    }

    return ((size_t) n < cap) ? n : CR_FULL;
}
