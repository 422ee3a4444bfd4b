#define _GNU_SOURCE

#include "check.h"

#include <stdlib.h>

#include "../../lib/cr_token.h"


#define SECRET_A  "0123456789abcdef0123456789abcdef"
#define SECRET_B  "another secret of the shop, 40 bytes..."

typedef struct {
    const char  *typed;
    const char  *want;           /* NULL: refused */
} row_t;

#define L16  "abcdefghijklmnop"
#define L64  L16 L16 L16 L16

static const row_t  emails[] = {
    { "ada@shop.example", "ada@shop.example" },
    { "  Ada.Lovelace@Shop.EXAMPLE \r\n", "ada.lovelace@shop.example" },
    { "a+b_c-d'e@x-y.z9.museum", "a+b_c-d'e@x-y.z9.museum" },
    { L64 "@a.de", L64 "@a.de" },
    { L64 "a@a.de", NULL },
    { "a@" L16 L16 L16 "abcdefghijklmno.de",
      "a@" L16 L16 L16 "abcdefghijklmno.de" },
    { "a@" L64 ".de", NULL },
    { "a@" L16 "." L16 "." L16 "." L16 "." L16 "." L16 "." L16 "." L16 "."
      L16 "." L16 "." L16 "." L16 "." L16 "." L16 "." L16 ".de", NULL },
    { "", NULL },
    { "   ", NULL },
    { "@", NULL },
    { "a@", NULL },
    { "@b.de", NULL },
    { "a.b.de", NULL },
    { "a@b", NULL },
    { "a@b.d", NULL },
    { "a@127.0.0.1", NULL },
    { "a@b..de", NULL },
    { "a@.b.de", NULL },
    { "a@b.de.", NULL },
    { "a@-b.de", NULL },
    { "a@b-.de", NULL },
    { "a@b.de-", NULL },
    { "a@b_c.de", NULL },
    { ".a@b.de", NULL },
    { "a.@b.de", NULL },
    { "a..b@b.de", NULL },
    { "a@b@c.de", NULL },
    { "a b@c.de", NULL },
    { "a,b@c.de", NULL },
    { "\"a\"@c.de", NULL },
    { "Ada <a@c.de>", NULL },
    { "a@c.de\r\nBcc: b@c.de", NULL },
    { "a@c.de,b@c.de", NULL },
    { "\xc3\xa4@c.de", NULL },
    { "a@\xc3\xa4.de", NULL },
    { NULL, NULL }
};

static const row_t  phones[] = {
    { "+49 151 2345678", "+491512345678" },
    { "0049 (0)151/234-56.78", "+491512345678" },
    { "+1 (415) 555-0100", "+14155550100" },
    { "+49\xc2\xa0""151\xc2\xa0""2345678", "+491512345678" },
    { "+1234567", "+1234567" },
    { "+123456789012345", "+123456789012345" },
    { "+1234567890123456", NULL },
    { "+123456", NULL },
    { "0151 2345678", NULL },
    { "151 2345678", NULL },
    { "+0151 2345678", NULL },
    { "+49 151 CALLNOW", NULL },
    { "+49 151 2345678 ext 9", NULL },
    { "+49+151 2345678", NULL },
    { "", NULL },
    { "+", NULL },
    { NULL, NULL }
};


static cr_str_t
str(const char *s)
{
    cr_str_t  v;

    v.p = s;
    v.n = strlen(s);

    return v;
}


/* On the heap in its exact size: a sanitizer sees a byte too far. */

static void
test_normalise(const row_t *row, int (*normalise)(char *))
{
    int    rc, n;
    char  *buf, label[32];

    for (n = 1; row->typed != NULL; row++, n++) {
        buf = strdup(row->typed);
        rc = normalise(buf);

        snprintf(label, sizeof(label), "address row %d", n);
        OK_TEXT(rc == (row->want ? CR_OK : CR_ERR), label);

        if (rc == CR_OK) {
            EQ_STR(buf, row->want);
            EQ_INT(normalise(buf), CR_OK);
            EQ_STR(buf, row->want);
        }

        free(buf);
    }
}


static void
test_look(const cr_keyring_t *r)
{
    int      i;
    char     hex[CR_ID_HEX_LEN + 1];
    cr_id_t  a, b;

    cr_address_look(r, 0, str("shop"), str("email"), str("ada@shop.example"),
                    a.b);
    cr_id_hex(&a, hex);

    /* computed by an independent HMAC and HKDF */

    EQ_STR(hex, "e14b8eccb87000f3178382e07f289145");

    for (i = 0; i < 6; i++) {
        cr_address_look(r, i == 0, str(i == 1 ? "shop2" : "shop"),
                        str(i == 2 ? "phone" : "email"),
                        str(i == 3 ? "bob@shop.example" : "ada@shop.example"),
                        b.b);
        OK((memcmp(&a, &b, sizeof(a)) == 0) == (i > 3));
    }

    cr_address_look(r, 0, str("shope"), str("mail"), str("ada@shop.example"),
                    b.b);
    OK(memcmp(&a, &b, sizeof(a)) != 0);

    /* a generation that there is not finds nobody, not everybody */

    cr_address_look(r, 2, str("shop"), str("email"), str("a@b.de"), a.b);
    cr_address_look(r, 2, str("shop"), str("email"), str("a@b.de"), b.b);
    OK(memcmp(&a, &b, sizeof(a)) != 0);
}


static void
test_seal(const cr_keyring_t *a, const cr_keyring_t *b,
    const cr_keyring_t *ba)
{
    int       n, m, i, opened;
    char      out[CR_SEALED_MAX], two[CR_SEALED_MAX], bad[CR_SEALED_MAX];
    char      text[256], plain[256];
    cr_str_t  site, chan;

    site = str("shop");
    chan = str("email");

    n = cr_seal(a, site, chan, str("ada@shop.example"), out, sizeof(out));
    m = cr_seal(a, site, chan, str("ada@shop.example"), two, sizeof(two));
    EQ_INT(n, (14 + 16 + 16) * 4 / 3 + 1);
    EQ_INT(strlen(out), n);
    OK(n == m && strcmp(out, two) != 0);

    EQ_INT(cr_open(a, site, chan, str(out), text, sizeof(text)), 16);
    EQ_STR(text, "ada@shop.example");
    EQ_INT(cr_open(ba, site, chan, str(out), text, sizeof(text)), 16);
    EQ_INT(cr_open(b, site, chan, str(out), text, sizeof(text)), CR_ERR);
    EQ_INT(cr_open(a, str("shop2"), chan, str(out), text, sizeof(text)),
           CR_ERR);
    EQ_INT(cr_open(a, site, str("phone"), str(out), text, sizeof(text)),
           CR_ERR);
    EQ_INT(cr_open(a, str("shope"), str("mail"), str(out), text,
                   sizeof(text)), CR_ERR);
    EQ_INT(cr_open(a, site, chan, str(out), text, 17), 16);
    EQ_INT(cr_open(a, site, chan, str(out), text, 16), CR_FULL);

    opened = 0;

    for (i = 0; i < n; i++) {
        memcpy(bad, out, sizeof(bad));
        bad[i] = (bad[i] == 'A') ? 'B' : 'A';
        opened += (cr_open(a, site, chan, str(bad), text, sizeof(text)) >= 0);

        memcpy(bad, out, sizeof(bad));
        bad[i] = '\0';
        opened += (cr_open(a, site, chan, str(bad), text, sizeof(text)) >= 0);
    }

    EQ_INT(opened, 0);

    memset(plain, 'x', sizeof(plain));
    plain[254] = '\0';
    n = cr_seal(a, site, chan, str(plain), out, sizeof(out));
    OK(n > 0 && n < CR_SEALED_MAX);
    EQ_INT(cr_open(a, site, chan, str(out), text, sizeof(text)), 254);
    EQ_STR(text, plain);
    EQ_INT(cr_seal(a, site, chan, str(plain), two, (size_t) n - 1), CR_FULL);

    plain[254] = 'x';
    plain[255] = '\0';
    EQ_INT(cr_seal(a, site, chan, str(plain), out, sizeof(out)), CR_ERR);
    EQ_INT(cr_seal(a, site, chan, str(""), out, sizeof(out)), CR_ERR);
}


int
main(void)
{
    cr_keyring_t  a, b, ba;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    memset(&ba, 0, sizeof(ba));

    cr_keyring_add(&a, SECRET_A, strlen(SECRET_A));
    cr_keyring_add(&b, SECRET_B, strlen(SECRET_B));
    cr_keyring_add(&ba, SECRET_B, strlen(SECRET_B));
    cr_keyring_add(&ba, SECRET_A, strlen(SECRET_A));

    test_normalise(emails, cr_email_normalise);
    test_normalise(phones, cr_phone_normalise);

    cr_keyring_add(&a, SECRET_B, strlen(SECRET_B));
    test_look(&a);
    a.n = 1;
    test_seal(&a, &b, &ba);

    return check_done();
}
