#include "check.h"

#include "cr_cart.h"

#include <stdlib.h>

#define U  CR_AMOUNT_UNKNOWN


static cr_str_t
str(const char *p)
{
    cr_str_t  s;

    s.p = p;
    s.n = strlen(p);

    return s;
}


static int
put(cr_cart_t *c, const char *ref, int64_t qty, int delta, int64_t price,
    const char *name, const char *opt)
{
    return cr_cart_line(c, str(ref), qty, delta, price, str(name), str(opt));
}


static void
empty(cr_cart_t *c)
{
    memset(c, 0, sizeof(cr_cart_t));
    cr_cart_clear(c);
}


static void
test_lines(void)
{
    cr_cart_t  c;

    OK(sizeof(cr_cart_t) <= 2048);

    empty(&c);
    EQ_INT(put(&c, "A", 1, 1, U, "", ""), CR_OK);
    EQ_INT(put(&c, "A", 2, 1, 500, "Cup", ""), CR_OK);
    EQ_INT(c.nlines, 1);
    EQ_INT(c.lines[0].qty, 3);
    EQ_INT(c.lines[0].price, 500);
    EQ_STR(c.lines[0].name, "Cup");
    EQ_INT(c.version, 2);
    EQ_INT(c.pieces, 3);

    put(&c, "A", 3, 0, U, "", "");
    EQ_INT(c.version, 2);

    put(&c, "B", 1, 1, U, "", "size=M");
    put(&c, "B", 1, 1, U, "", "size=L");
    put(&c, "B", 1, 1, U, "", "size=M");
    EQ_INT(c.nlines, 3);
    EQ_INT(c.lines[1].qty, 2);
    EQ_STR(c.lines[2].opt, "size=L");

    put(&c, "A", -5, 1, U, "", "");
    EQ_INT(c.nlines, 2);
    EQ_STR(c.lines[0].ref, "B");
    EQ_INT(c.pieces, 3);

    put(&c, "nothing", 0, 0, U, "", "");
    put(&c, "nothing", -1, 1, U, "", "");
    put(&c, "", 1, 1, U, "", "");
    EQ_INT(c.nlines, 2);
    EQ_INT(c.version, 6);

    put(&c, "B", INT64_MAX, 1, U, "", "size=M");
    EQ_INT(c.lines[0].qty, 99999);
    EQ_INT(c.pieces, UINT16_MAX);
    put(&c, "B", INT64_MIN, 1, U, "", "size=M");
    EQ_INT(c.nlines, 1);

    c.total = 5;
    cr_cart_clear(&c);
    EQ_INT(c.nlines, 0);
    EQ_INT(c.version, 8);
    OK(c.total == U);
}


static void
test_full(void)
{
    int        i;
    char       ref[16];
    cr_cart_t  c;

    empty(&c);

    for (i = 0; i < CR_CART_LINES; i++) {
        sprintf(ref, "R%d", i);
        EQ_INT(put(&c, ref, 1, 1, U, "", ""), CR_OK);
    }

    EQ_INT(put(&c, "more", 2, 1, U, "", ""), CR_FULL);
    EQ_INT(c.cut, 1);
    EQ_INT(c.pieces, CR_CART_LINES + 2);
    EQ_INT(put(&c, "R3", 4, 0, U, "", ""), CR_OK);
    EQ_INT(c.pieces, CR_CART_LINES + 5);
}


static void
test_long_refs(void)
{
    char       a[32], b[32], same[32];
    cr_cart_t  c;

    cr_ref_copy(a, str("variant_01J0000000000000000000000A"));
    cr_ref_copy(b, str("variant_01J0000000000000000000000B"));
    cr_ref_copy(same, str("variant_01J0000000000000000000000A"));
    EQ_STR(a, same);
    OK(strcmp(a, b) != 0);
    OK(strchr(a, '~') != NULL);
    EQ_INT(strlen(a), 31);

    empty(&c);
    put(&c, "variant_01J0000000000000000000000A", 1, 1, U, "", "");
    put(&c, "variant_01J0000000000000000000000B", 1, 1, U, "", "");
    put(&c, "variant_01J0000000000000000000000A", 1, 1, U, "", "");
    EQ_INT(c.nlines, 2);
    EQ_INT(c.lines[0].qty, 2);
}


static void
test_replace(void)
{
    cr_cart_t  c, f;

    empty(&c);
    put(&c, "A", 1, 1, 500, "Cup", "x=1");
    c.total = 500;
    c.total_version = c.version;

    empty(&f);
    put(&f, "A", 1, 1, U, "", "");
    EQ_INT(cr_cart_replace(&c, &f), 0);
    EQ_INT(c.total, 500);
    EQ_INT(c.lines[0].price, 500);
    EQ_STR(c.lines[0].name, "Cup");
    EQ_STR(c.lines[0].opt, "x=1");
    EQ_INT(c.version, 1);

    f.shipping = 90;
    EQ_INT(cr_cart_replace(&c, &f), 0);
    EQ_INT(c.total, 500);
    EQ_INT(c.shipping, 90);

    put(&f, "B", 2, 1, 100, "Pen", "");
    f.shipping = U;
    f.subtotal = 700;
    memcpy(f.currency, "EUR", 4);
    EQ_INT(cr_cart_replace(&c, &f), 1);
    EQ_INT(c.version, 2);
    EQ_INT(c.total_version, 2);
    OK(c.total == U);
    OK(c.shipping == U);
    EQ_INT(c.subtotal, 700);
    EQ_INT(c.pieces, 3);
    EQ_STR(c.currency, "EUR");

    empty(&f);
    EQ_INT(cr_cart_replace(&c, &f), 1);
    EQ_INT(c.nlines, 0);
    EQ_INT(c.pieces, 0);
    OK(c.subtotal == U);
    EQ_STR(c.currency, "EUR");
    EQ_INT(cr_cart_replace(&c, &f), 0);
}


static void
test_amounts(void)
{
    cr_cart_t  c, f;

    empty(&c);
    put(&c, "A", 1, 1, U, "", "");
    c.total = 1;
    c.shipping = 2;

    empty(&f);
    cr_cart_amounts(&c, &f);
    EQ_INT(c.total, 1);
    EQ_INT(c.total_version, 0);

    f.total = 900;
    cr_cart_amounts(&c, &f);
    EQ_INT(c.total, 900);
    EQ_INT(c.total_version, 1);
    OK(c.shipping == U);
    EQ_INT(c.nlines, 1);
}


static void
test_fingerprint(void)
{
    uint64_t   h;
    cr_cart_t  a, b;

    empty(&a);
    empty(&b);
    put(&a, "A", 1, 1, U, "", "");
    put(&a, "B", 2, 1, U, "", "");
    put(&b, "B", 2, 1, 5, "name", "");
    put(&b, "A", 1, 1, U, "", "");
    h = cr_cart_fingerprint(&a);
    OK(h == cr_cart_fingerprint(&b));

    put(&b, "A", 1, 1, U, "", "");
    OK(h != cr_cart_fingerprint(&b));

    put(&b, "A", 2, 0, U, "", "");
    put(&b, "B", 1, 0, U, "", "");
    OK(h != cr_cart_fingerprint(&b));
}


static void
test_json(void)
{
    int        n, i;
    char       buf[CR_CART_JSON + 100], ref[64], bad[60];
    cr_cart_t  c, back;

    empty(&c);
    put(&c, "A\"1", 2, 1, 1495, "Tasse <blau> \xc3\xa9", "size=M&x=1");
    put(&c, "B", 1, 1, U, "", "");
    memcpy(c.currency, "EUR", 4);
    c.total = 2990;
    c.total_version = c.version;
    strcpy(c.key, "k-1");

    n = cr_cart_json(&c, buf, sizeof(buf));
    EQ_INT(n, strlen(buf));
    EQ_STR(buf, "{\"ver\":2,\"cur\":\"EUR\",\"total\":2990,\"n\":3,\"items\":"
                "[{\"q\":2,\"r\":\"A\\\"1\",\"p\":1495,\"name\":\"Tasse "
                "\\u003cblau\\u003e \xc3\xa9\",\"opt\":\"size=M\\u0026x=1\"},"
                "{\"q\":1,\"r\":\"B\"}],\"key\":\"k-1\"}");
    EQ_INT(cr_cart_parse(&back, buf, (size_t) n), CR_OK);
    OK(memcmp(&c, &back, sizeof(c)) == 0);

    EQ_INT(cr_cart_json(&c, buf, (size_t) n + 1), n);
    EQ_INT(cr_cart_json(&c, buf, (size_t) n), CR_FULL);
    EQ_INT(cr_cart_json(&c, buf, 0), CR_FULL);

    /* an amount of an older version is not told */

    put(&c, "B", 1, 1, U, "", "");
    n = cr_cart_json(&c, buf, sizeof(buf));
    OK(strstr(buf, "total") == NULL);

    /* the bound holds for the worst text, and says what it cost */

    empty(&c);
    memset(bad, '<', sizeof(bad) - 1);
    bad[59] = '\0';

    for (i = 0; i < CR_CART_LINES; i++) {
        sprintf(ref, "%02d%.29s", i, bad);
        put(&c, ref, 1, 1, 5, bad, bad);
    }

    n = cr_cart_json(&c, buf, sizeof(buf));
    OK(n > 0 && n < CR_CART_JSON);
    OK(strstr(buf, "\"cut\":1") != NULL);
    EQ_INT(cr_cart_parse(&back, buf, (size_t) n), CR_OK);
    EQ_INT(back.pieces, CR_CART_LINES);

    EQ_INT(cr_cart_parse(&back, "[]", 2), CR_ERR);
    EQ_INT(cr_cart_parse(&back, "{}", 2), CR_ERR);
    EQ_INT(cr_cart_parse(&back, "{\"items\":[1]}", 13), CR_ERR);
    EQ_INT(cr_cart_parse(&back, "{\"items\":[]}", 12), CR_OK);
}


static void
test_text(void)
{
    char  buf[8];

    cr_text_copy(buf, sizeof(buf), str("abcdefghij"));
    EQ_STR(buf, "abcdefg");
    cr_text_copy(buf, sizeof(buf), str("abcdef\xc3\xa9"));
    EQ_STR(buf, "abcdef");
    cr_text_copy(buf, sizeof(buf), str("abcde\xc3\xa9"));
    EQ_STR(buf, "abcde\xc3\xa9");
    cr_text_copy(buf, sizeof(buf), str("abcd\xf0\x9f\x98\x80"));
    EQ_STR(buf, "abcd");
    cr_text_copy(buf, sizeof(buf), cr_lit("ab\0cd"));
    EQ_STR(buf, "ab");
    cr_text_copy(buf, 1, str("x"));
    EQ_STR(buf, "");
    cr_text_copy(buf, sizeof(buf), (cr_str_t) { NULL, 0 });
    EQ_STR(buf, "");
}


int
main(void)
{
    test_lines();
    test_full();
    test_long_refs();
    test_replace();
    test_amounts();
    test_fingerprint();
    test_json();
    test_text();

    return check_done();
}
