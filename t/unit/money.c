#include "check.h"

#include "cr_cart.h"

#define BAD  (INT64_MIN + 1)


typedef struct {
    const char  *text;
    int          exponent;
    int64_t      minor;
} case_t;


static const case_t  texts[] = {
    { "1,807.00", 2, 180700 },
    { "1.129,90 EUR", 2, 112990 },
    { "EUR 1.129,90", 2, 112990 },
    { "$-150.00", 2, -15000 },
    { "-$150.00", 2, -15000 },
    { "- 5,00 \xe2\x82\xac", 2, -500 },
    { "\xe2\x88\x92" "12.50", 2, -1250 },
    { "&#36;142.50", 2, 14250 },
    { "&#036;142.50", 2, 14250 },
    { "<bdi><span class=\"s7\">&#36;</span>142.50</bdi>", 2, 14250 },
    { "&euro;&nbsp;9,99", 2, 999 },
    { "12&nbsp;345,60&nbsp;&euro;", 2, 1234560 },
    { "111.9000", 2, 11190 },
    { "65.4", 2, 6540 },
    { "58.499999999999996", 2, 5850 },
    { "0.125", 2, 13 },
    { "0.125", 3, 125 },
    { "1.234", 2, 123400 },
    { "1.234", 3, 1234 },
    { "1,234", 2, 123400 },
    { "1234.567", 2, 123457 },
    { "1,234.567", 2, 123457 },
    { "1.234.567", 2, 123456700 },
    { "1,234,567.8", 2, 123456780 },
    { "1,00,000.50", 2, 10000050 },
    { "1,00,000", 2, 10000000 },
    { "1'129.90", 2, 112990 },
    { "1\xe2\x80\x99" "129.90 CHF", 2, 112990 },
    { "1 129,90", 2, 112990 },
    { "1\xc2\xa0" "129,90", 2, 112990 },
    { "1\xe2\x80\xaf" "129,90", 2, 112990 },
    { "12 34", 2, 1200 },
    { "150,-", 2, 15000 },
    { "150,--", 2, 15000 },
    { "$.99", 2, 99 },
    { "Rs.99", 2, 9900 },
    { "Rs. 1,299.00", 2, 129900 },
    { "1,980", 0, 1980 },
    { "\xef\xbf\xa5" "1,980", 0, 1980 },
    { "19.99", 0, 20 },
    { "1.250,500", 3, 1250500 },
    { "\xd9\xa1\xd9\xa2\xd9\xab\xd9\xa5\xd9\xa0", 2, 1250 },
    { "5", 2, 500 },
    { "5.5", 9, 55000 },
    { "Total - $602.00", 2, 60200 },
    { "", 2, BAD },
    { "free", 2, BAD },
    { "&#36;", 2, BAD },
    { "12.05.2024", 2, BAD },
    { "1,2,3", 2, BAD },
    { "1,234,56", 2, BAD },
    { "99999999999999999999", 2, BAD },
    { "999999999999999999", 2, BAD },
    { "92233720368547758.07", 2, INT64_MAX },
    { "92233720368547758.08", 2, BAD }
};

static const case_t  decimals[] = {
    { "65.4", 2, 6540 },
    { "19.999", 2, 2000 },
    { "12.500", 2, 1250 },
    { "111.9000", 2, 11190 },
    { "-3", 2, -300 },
    { "0", 0, 0 },
    { "0.005", 2, 1 },
    { "0.3333333333333333333333", 2, 33 },
    { "7", 3, 7000 },
    { "", 2, BAD },
    { "-", 2, BAD },
    { ".5", 2, BAD },
    { "5.", 2, BAD },
    { "1,5", 2, BAD },
    { "1.5e3", 2, BAD },
    { "1.2.3", 2, BAD },
    { "99999999999999999999", 2, BAD }
};


static void
run(const case_t *c, size_t n, int (*parse)(cr_str_t, int, int64_t *))
{
    int       rc;
    int64_t   got;
    cr_str_t  s;

    for ( /* void */ ; n != 0; n--, c++) {
        s.p = c->text;
        s.n = strlen(c->text);
        got = BAD;
        rc = parse(s, c->exponent, &got);

        if (!OK_TEXT(got == c->minor && (rc == CR_ERR) == (got == BAD),
                     c->text))
        {
            printf("#   rc %d, got %lld\n", rc, (long long) got);
        }
    }
}


static void
test_plain(void)
{
    char  buf[32];

    EQ_INT(cr_money_plain(112990, 2, buf, sizeof(buf)), 7);
    EQ_STR(buf, "1129.90");
    EQ_INT(cr_money_plain(-5, 2, buf, sizeof(buf)), 5);
    EQ_STR(buf, "-0.05");
    EQ_INT(cr_money_plain(1980, 0, buf, sizeof(buf)), 4);
    EQ_STR(buf, "1980");
    EQ_INT(cr_money_plain(1250500, 3, buf, sizeof(buf)), 8);
    EQ_STR(buf, "1250.500");
    EQ_INT(cr_money_plain(112990, 2, buf, 7), CR_FULL);
    EQ_INT(cr_money_plain(CR_AMOUNT_UNKNOWN, 2, buf, sizeof(buf)), CR_ERR);
}


static void
test_exponent(void)
{
    EQ_INT(cr_money_exponent("EUR"), 2);
    EQ_INT(cr_money_exponent("JPY"), 0);
    EQ_INT(cr_money_exponent("KWD"), 3);
    EQ_INT(cr_money_exponent("CLF"), 4);
    EQ_INT(cr_money_exponent("XPF"), 0);
    EQ_INT(cr_money_exponent("BHD"), 3);
    EQ_INT(cr_money_exponent(""), 2);
    EQ_INT(cr_money_exponent("ZZZ"), 2);
}


/* What plain writes, both parsers read back. */

static void
test_round_trip(void)
{
    int       e, bad;
    char      buf[32];
    int64_t   v, got;
    cr_str_t  s;
    uint64_t  x;

    bad = 0;
    x = 88172645463325252u;

    for (e = 0; e < 20000; e++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        v = (int64_t) (x % 10000000000000) - 5000000000000;
        s.p = buf;
        s.n = (size_t) cr_money_plain(v, e % 3, buf, sizeof(buf));
        bad += cr_money_decimal(s, e % 3, &got) != CR_OK || got != v;
        bad += cr_money_parse(s, e % 3, &got) != CR_OK || got != v;
    }

    EQ_INT(bad, 0);
}


int
main(void)
{
    run(texts, sizeof(texts) / sizeof(texts[0]), cr_money_parse);
    run(decimals, sizeof(decimals) / sizeof(decimals[0]), cr_money_decimal);
    test_plain();
    test_exponent();
    test_round_trip();

    return check_done();
}
