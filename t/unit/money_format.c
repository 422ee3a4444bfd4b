/* Amounts as ICU writes them, and what they are refused for. */

#include "check.h"

#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#include "cr_cart.h"


static const char *const  locales[] = {
    "en-US", "en-GB", "en-IE", "en-CA", "en-AU", "de-DE", "de-AT", "de-CH",
    "fr-FR", "fr-BE", "fr-CH", "fr-CA", "es-ES", "es-MX", "it-IT", "it-CH"
};

static const char *const  currencies[] = {
    "EUR", "USD", "GBP", "CHF", "JPY", "KWD", "CAD", "AUD", "MXN", "SEK", "PLN"
};

static const int64_t  amounts[] = {
    0, 7, 99, 100, 99999, 100000, 123450, 999999, 1234567, 123456789,
    9007199254740991
};


static void
icu_amount(const char *locale, const char *currency, int64_t minor, char *out,
    size_t cap)
{
    char               plain[32], skeleton[32];
    UChar              text[64];
    UErrorCode         rc;
    UFormattedNumber  *result;
    UNumberFormatter  *format;

    rc = U_ZERO_ERROR;

    (void) snprintf(skeleton, sizeof(skeleton), "currency/%s", currency);
    (void) u_uastrcpy(text, skeleton);

    format = unumf_openForSkeletonAndLocale(text, -1, locale, &rc);
    result = unumf_openResult(&rc);

    (void) cr_money_plain(minor, cr_money_exponent(currency), plain,
                          sizeof(plain));
    unumf_formatDecimal(format, plain, -1, result, &rc);
    (void) unumf_resultToString(result, text, 64, &rc);
    (void) u_strToUTF8(out, (int32_t) cap, NULL, text, -1, &rc);

    if (U_FAILURE(rc)) {
        (void) snprintf(out, cap, "ICU: %s", u_errorName(rc));
    }

    unumf_closeResult(result);
    unumf_close(format);
}


static int
as_icu(const char *locale, const char *currency)
{
    char    ours[64], icu[64];
    size_t  i;

    for (i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        icu_amount(locale, currency, amounts[i], icu, sizeof(icu));

        if (cr_money_format(amounts[i], currency,
                            (cr_str_t) { locale, strlen(locale) }, ours,
                            sizeof(ours)) != (int) strlen(icu)
            || strcmp(ours, icu) != 0)
        {
            printf("# ours \"%s\", ICU \"%s\"\n", ours, icu);
            return 0;
        }
    }

    return 1;
}


int
main(void)
{
    char    text[64], buf[64];
    size_t  i, k;

    for (i = 0; i < sizeof(locales) / sizeof(locales[0]); i++) {
        for (k = 0; k < sizeof(currencies) / sizeof(currencies[0]); k++) {
            (void) snprintf(text, sizeof(text), "%s %s as ICU has it",
                            locales[i], currencies[k]);
            OK_TEXT(as_icu(locales[i], currencies[k]), text);
        }
    }

    /* a control: the comparison tells two locales apart */
    icu_amount("de-DE", "EUR", 123450, text, sizeof(text));
    EQ_INT(cr_money_format(123450, "EUR", cr_lit("en-IE"), buf, sizeof(buf)),
           11);
    OK(strcmp(buf, text) != 0);

    EQ_INT(cr_money_format(123450, "EUR", cr_lit("DE_at"), buf, sizeof(buf)),
           13);
    EQ_STR(buf, "\xe2\x82\xac\xc2\xa0" "1.234,50");
    (void) cr_money_format(500, "EUR", cr_lit("deutsch"), buf, sizeof(buf));
    EQ_STR(buf, "EUR\xc2\xa0" "5.00");

    EQ_INT(cr_money_format(-1, "EUR", cr_lit("de"), buf, sizeof(buf)), CR_ERR);
    EQ_INT(cr_money_format(1, "", cr_lit("de"), buf, sizeof(buf)), CR_ERR);
    EQ_INT(cr_money_format(123450, "EUR", cr_lit("de"), buf, 12), CR_FULL);

    return check_done();
}
