#include "cr_cart.h"

#include <string.h>


#define NBSP    "\xc2\xa0"
#define NNBSP   "\xe2\x80\xaf"
#define QUOTE   "\xe2\x80\x99"
#define EURO    "\xe2\x82\xac"
#define POUND   "\xc2\xa3"
#define YEN     "\xc2\xa5"

/* How a language, or one of its regions, writes amounts.  The first row that
 * fits counts. */

typedef struct {
    const char  *locale;
    const char  *decimal;
    const char  *group;
    uint8_t      least;          /* digits from which on they are grouped */
    uint8_t      first;          /* the currency stands in front */
    uint8_t      space;          /* behind it, however it ends */
} cr_amount_form_t;

static const cr_amount_form_t  amount_forms[] = {
    { "de-AT", ",", ".", 4, 1, 1 },
    { "de-CH", ".", QUOTE, 4, 1, 1 },
    { "de", ",", ".", 4, 0, 1 },
    { "es-MX", ".", ",", 4, 1, 0 },
    { "es", ",", ".", 5, 0, 1 },
    { "fr-CA", ",", NBSP, 4, 0, 1 },
    { "fr-CH", ".", NNBSP, 4, 0, 1 },
    { "fr", ",", NNBSP, 4, 0, 1 },
    { "it-CH", ".", QUOTE, 4, 1, 1 },
    { "it", ",", ".", 4, 0, 1 },
    { "", ".", ",", 4, 1, 0 },
};

/* How it writes a currency; what is not here stands as its code. */

typedef struct {
    const char  *locale;
    const char   currency[4];
    const char  *sign;
} cr_currency_sign_t;

static const cr_currency_sign_t  currency_signs[] = {
    { "en-US", "USD", "$" },      { "en-US", "JPY", YEN },
    { "en-CA", "CAD", "$" },      { "en-AU", "AUD", "$" },
    { "en-AU", "", NULL },
    { "en", "EUR", EURO },        { "en", "GBP", POUND },
    { "en", "USD", "US$" },       { "en", "JPY", "JP" YEN },
    { "en", "CAD", "CA$" },       { "en", "AUD", "A$" },
    { "en", "MXN", "MX$" },
    { "de-CH", "EUR", NULL },
    { "de", "EUR", EURO },        { "de", "GBP", POUND },
    { "de", "USD", "$" },         { "de", "JPY", YEN },
    { "de", "CAD", "CA$" },       { "de", "AUD", "AU$" },
    { "de", "MXN", "MX$" },
    { "es-MX", "MXN", "$" },      { "es-MX", "", NULL },
    { "es", "EUR", EURO },        { "es", "USD", "US$" },
    { "fr-CA", "CAD", "$" },      { "fr-CA", "USD", "$" NBSP "US" },
    { "fr-CA", "AUD", "$" NBSP "AU" },
    { "fr-CA", "GBP", POUND },    { "fr-CA", "JPY", YEN },
    { "fr-CA", "MXN", NULL },
    { "fr", "EUR", EURO },        { "fr", "GBP", POUND "GB" },
    { "fr", "USD", "$US" },       { "fr", "CAD", "$CA" },
    { "fr", "AUD", "$AU" },       { "fr", "MXN", "$MX" },
    { "it", "EUR", EURO },        { "it", "GBP", POUND },
    { "it", "CAD", "CA$" },       { "it", "AUD", "A$" },
};


/* "de" is any German, "de-AT" the Austrian one, "" everybody. */

static int
amount_locale(const char *row, cr_str_t locale)
{
    size_t  i, n;

    n = strlen(row);

    if (locale.n < n) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (row[i] == '-' ? (locale.p[i] != '-' && locale.p[i] != '_')
                          : (locale.p[i] | 0x20) != (row[i] | 0x20))
        {
            return 0;
        }
    }

    return n == 0 || locale.n == n || locale.p[n] == '-'
           || locale.p[n] == '_';
}


static const char *
amount_sign(const char *currency, cr_str_t locale)
{
    size_t                     i;
    const cr_currency_sign_t  *s;

    for (i = 0; i < sizeof(currency_signs) / sizeof(currency_signs[0]); i++) {
        s = &currency_signs[i];

        if (amount_locale(s->locale, locale)
            && (s->currency[0] == '\0' || strcmp(s->currency, currency) == 0))
        {
            return s->sign ? s->sign : currency;
        }
    }

    return currency;
}


/* The digits from the right, with their separators; where they begin. */

static char *
amount_digits(char *end, uint64_t minor, int exponent,
    const cr_amount_form_t *form)
{
    int    n, grouped;
    char  *p;

    p = end;

    for (n = 0; n < exponent; n++) {
        *--p = (char) ('0' + minor % 10);
        minor /= 10;
    }

    if (exponent > 0) {
        p -= strlen(form->decimal);
        memcpy(p, form->decimal, strlen(form->decimal));
    }

    grouped = minor >= (form->least == 5 ? 10000u : 1000u);
    n = 0;

    do {
        if (grouped && n > 0 && n % 3 == 0) {
            p -= strlen(form->group);
            memcpy(p, form->group, strlen(form->group));
        }

        *--p = (char) ('0' + minor % 10);
        minor /= 10;
        n++;

    } while (minor > 0);

    return p;
}


int
cr_money_format(int64_t minor, const char *currency, cr_str_t locale,
    char *buf, size_t cap)
{
    char                     digits[64], *p, *end;
    size_t                   n, len;
    const char              *sign, *space;
    const cr_amount_form_t  *form;

    if (minor < 0 || strlen(currency) != 3) {
        return CR_ERR;
    }

    for (form = amount_forms; !amount_locale(form->locale, locale); form++) {
        /* void */
    }

    sign = amount_sign(currency, locale);
    n = strlen(sign);

    end = digits + sizeof(digits);
    p = amount_digits(end, (uint64_t) minor, cr_money_exponent(currency),
                      form);

    space = form->space || (sign[n - 1] >= 'A' && sign[n - 1] <= 'Z') ? NBSP
                                                                      : "";
    len = n + strlen(space) + (size_t) (end - p);

    if (len >= cap) {
        return CR_FULL;
    }

    if (form->first) {
        memcpy(buf, sign, n);
        memcpy(buf + n, space, strlen(space));
        memcpy(buf + len - (end - p), p, (size_t) (end - p));

    } else {
        memcpy(buf, p, (size_t) (end - p));
        memcpy(buf + (end - p), space, strlen(space));
        memcpy(buf + len - n, sign, n);
    }

    buf[len] = '\0';

    return (int) len;
}
