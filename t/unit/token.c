#include "check.h"

#include "../../lib/cr_token.h"


#define SECRET_A  "0123456789abcdef0123456789abcdef"
#define SECRET_B  "another secret of the shop, 40 bytes..."

typedef struct {
    const char  *plain;
    const char  *coded;
} pair_t;

static const pair_t  base64_pairs[] = {
    { "", "" },
    { "f", "Zg" },
    { "fo", "Zm8" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg" },
    { "fooba", "Zm9vYmE" },
    { "foobar", "Zm9vYmFy" },
    { "\xff\xef\xbe", "_---" },
    { NULL, NULL }
};

static const char *const  base64_bad[] = {
    "A", "AAAAA", "AA=", "AA==", "A+AA", "A/AA", "AA A", "AB", "AAB",
    "\xc3\xa9", NULL
};

static const uint8_t  subject[16] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};


static cr_str_t
str(const char *s)
{
    cr_str_t  v;

    v.p = s;
    v.n = strlen(s);

    return v;
}


static void
test_keyring(void)
{
    char          big[CR_SECRET_MAX + 1];
    cr_keyring_t  r, q;

    memset(&r, 0, sizeof(r));
    memset(&q, 0, sizeof(q));
    memset(big, 'x', sizeof(big));

    EQ_INT(cr_keyring_add(&r, "short", 5), CR_ERR);
    EQ_INT(cr_keyring_add(&r, SECRET_A, CR_SECRET_MIN - 1), CR_ERR);
    EQ_INT(cr_keyring_add(&r, SECRET_A "        ", 31), CR_ERR);
    EQ_INT(cr_keyring_add(&r, big, sizeof(big)), CR_ERR);
    EQ_INT(r.n, 0);

    EQ_INT(cr_keyring_add(&r, SECRET_A, strlen(SECRET_A)), CR_OK);
    EQ_INT(cr_keyring_add(&q, " \t" SECRET_A "\r\n",
                          strlen(SECRET_A) + 4), CR_OK);
    OK(memcmp(&r.key[0], &q.key[0], sizeof(cr_key_t)) == 0);
    OK(memcmp(r.key[0].link, r.key[0].look, 32) != 0);
    OK(memcmp(r.key[0].sip, r.key[0].anon, 16) != 0);

    EQ_INT(cr_keyring_add(&r, SECRET_B, strlen(SECRET_B)), CR_OK);
    EQ_INT(cr_keyring_add(&r, big, CR_SECRET_MAX), CR_FULL);
    EQ_INT(r.n, 2);
}


static void
test_base64(void)
{
    int            i, n;
    char           out[16];
    uint8_t        raw[16];
    const pair_t  *p;

    for (p = base64_pairs; p->plain != NULL; p++) {
        n = cr_base64url_encode((const uint8_t *) p->plain, strlen(p->plain),
                                out, sizeof(out));
        EQ_INT(n, strlen(p->coded));
        EQ_STR(out, p->coded);

        n = cr_base64url_decode(str(p->coded), raw, sizeof(raw));
        EQ_INT(n, strlen(p->plain));
        OK(memcmp(raw, p->plain, strlen(p->plain)) == 0);
    }

    for (i = 0; base64_bad[i] != NULL; i++) {
        OK_TEXT(cr_base64url_decode(str(base64_bad[i]), raw, sizeof(raw))
                == CR_ERR, base64_bad[i]);
    }

    EQ_INT(cr_base64url_encode((const uint8_t *) "foobar", 6, out, 7),
           CR_FULL);
    EQ_INT(cr_base64url_encode((const uint8_t *) "foobar", 6, out, 8), 8);
    EQ_INT(cr_base64url_decode(str("Zm9vYmFy"), raw, 5), CR_FULL);
    EQ_INT(cr_base64url_decode(str("Zm9vYmFy"), raw, 6), 6);
}


/* Every single changed character must be noticed. */

static int
cookie_survivors(const cr_keyring_t *r, const char *good)
{
    int          n;
    char         bad[CR_COOKIE_LEN + 1];
    size_t       i;
    cr_cookie_t  c;
    const char  *a;

    n = 0;

    for (i = 0; i < CR_COOKIE_LEN; i++) {
        for (a = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                 "0123456789-_=+/ "; *a; a++)
        {
            memcpy(bad, good, sizeof(bad));

            if (bad[i] != *a) {
                bad[i] = *a;
                n += (cr_cookie_read(r, str(bad), &c) == CR_OK);
            }
        }
    }

    return n;
}


static void
test_cookie(const cr_keyring_t *a, const cr_keyring_t *b,
    const cr_keyring_t *ba)
{
    char         out[CR_COOKIE_LEN + 1], longer[64];
    cr_cookie_t  c, d;

    memset(&c, 0, sizeof(c));
    memcpy(c.id.b, subject, 16);
    c.arm = CR_ARM_TREAT;
    c.epoch = 7;

    cr_cookie_make(a, &c, out);
    EQ_INT(strlen(out), CR_COOKIE_LEN);

    /* computed by an independent SipHash and HKDF */

    EQ_STR(out, "AAECAwQFBgcICQoLDA0ODwEAAAcAAAAAQ2Am61iLATA");

    memset(&d, 0xff, sizeof(d));
    EQ_INT(cr_cookie_read(a, str(out), &d), CR_OK);
    OK(memcmp(d.id.b, c.id.b, 16) == 0);
    EQ_INT(d.arm, CR_ARM_TREAT);
    EQ_INT(d.epoch, 7);

    EQ_INT(cr_cookie_read(ba, str(out), &d), CR_OK);
    EQ_INT(cr_cookie_read(b, str(out), &d), CR_ERR);
    EQ_INT(cookie_survivors(a, out), 0);

    EQ_INT(cr_cookie_read(a, str(""), &d), CR_ERR);
    snprintf(longer, sizeof(longer), "%sA", out);
    EQ_INT(cr_cookie_read(a, str(longer), &d), CR_ERR);
    longer[CR_COOKIE_LEN - 1] = '\0';
    EQ_INT(cr_cookie_read(a, str(longer), &d), CR_ERR);

    c.epoch = 0xffffff;
    c.arm = CR_ARM_HOLDOUT;
    cr_cookie_make(a, &c, out);
    EQ_INT(cr_cookie_read(a, str(out), &d), CR_OK);
    EQ_INT(d.epoch, 0xffffff);
    EQ_INT(d.arm, CR_ARM_HOLDOUT);

    /* a tag of ours over an arm that there is not */

    c.arm = CR_ARM_MAX;
    cr_cookie_make(a, &c, out);
    EQ_INT(cr_cookie_read(a, str(out), &d), CR_ERR);
}


static int
token_survivors(const cr_keyring_t *r, const char *good)
{
    int      n;
    char     bad[CR_TOKEN_LEN + 1];
    size_t   i;
    uint8_t  s[16];

    n = 0;

    for (i = 0; i < CR_TOKEN_LEN; i++) {
        memcpy(bad, good, sizeof(bad));
        bad[i] = (bad[i] == 'A') ? 'B' : 'A';
        n += (cr_token_read(r, CR_TOKEN_RESTORE, str("shop"), str(bad), 1, s)
              != CR_ERR);
    }

    return n;
}


static void
test_token(const cr_keyring_t *a, const cr_keyring_t *b,
    const cr_keyring_t *ba)
{
    char     out[CR_TOKEN_LEN + 1];
    uint8_t  s[16];

    cr_token_make(a, CR_TOKEN_RESTORE, str("shop"), subject, 1800000000, out);
    EQ_STR(out, "ET4AAQIDBAUGBwgJCgsMDQ4Pa0nSAACRGwYeUHAmKC5-UabObZ-N");

    memset(s, 0xff, sizeof(s));
    EQ_INT(cr_token_read(a, CR_TOKEN_RESTORE, str("shop"), str(out),
                         1799999999, s), CR_OK);
    OK(memcmp(s, subject, 16) == 0);

    memset(s, 0xff, sizeof(s));
    EQ_INT(cr_token_read(a, CR_TOKEN_RESTORE, str("shop"), str(out),
                         1800000000, s), CR_NONE);
    EQ_INT(s[0], 0xff);

    EQ_INT(cr_token_read(ba, CR_TOKEN_RESTORE, str("shop"), str(out), 1, s),
           CR_OK);
    EQ_INT(cr_token_read(b, CR_TOKEN_RESTORE, str("shop"), str(out), 1, s),
           CR_ERR);
    EQ_INT(cr_token_read(a, CR_TOKEN_UNSUB, str("shop"), str(out), 1, s),
           CR_ERR);
    EQ_INT(cr_token_read(a, CR_TOKEN_RESTORE, str("shop2"), str(out), 1, s),
           CR_ERR);
    EQ_INT(cr_token_read(a, CR_TOKEN_RESTORE, str(""), str(out), 1, s),
           CR_ERR);
    EQ_INT(cr_token_read(a, CR_TOKEN_RESTORE, str("shop"), str(""), 1, s),
           CR_ERR);

    EQ_INT(token_survivors(a, out), 0);

    cr_token_make(a, CR_TOKEN_UNSUB, str("shop"), subject, 0, out);
    EQ_INT(cr_token_read(a, CR_TOKEN_UNSUB, str("shop"), str(out),
                         UINT32_MAX, s), CR_OK);
    EQ_INT(cr_token_read(a, CR_TOKEN_RESTORE, str("shop"), str(out), 1, s),
           CR_ERR);
}


static void
test_ids(const cr_keyring_t *a, const cr_keyring_t *b)
{
    char     hex[CR_ID_HEX_LEN + 1];
    cr_id_t  x, y;

    memcpy(x.b, subject, 16);
    cr_id_hex(&x, hex);
    EQ_STR(hex, "000102030405060708090a0b0c0d0e0f");
    EQ_INT(cr_id_parse(str(hex), &y), CR_OK);
    OK(memcmp(&x, &y, sizeof(x)) == 0);
    EQ_INT(cr_id_parse(str("000102030405060708090A0B0C0D0E0F"), &y), CR_OK);
    OK(memcmp(&x, &y, sizeof(x)) == 0);
    EQ_INT(cr_id_parse(str("000102030405060708090a0b0c0d0e0g"), &y), CR_ERR);
    EQ_INT(cr_id_parse(str("000102030405060708090a0b0c0d0e0"), &y), CR_ERR);

    cr_anon_id(a, str("shop"), str("session"), &x);
    cr_anon_id(a, str("shop"), str("session"), &y);
    OK(memcmp(&x, &y, sizeof(x)) == 0);
    cr_anon_id(a, str("shop"), str("sessioo"), &y);
    OK(memcmp(x.b, y.b, 8) != 0 && memcmp(x.b + 8, y.b + 8, 8) != 0);
    cr_anon_id(a, str("shops"), str("ession"), &y);
    OK(memcmp(x.b, y.b, 8) != 0 && memcmp(x.b + 8, y.b + 8, 8) != 0);
    cr_anon_id(b, str("shop"), str("session"), &y);
    OK(memcmp(x.b, y.b, 8) != 0 && memcmp(x.b + 8, y.b + 8, 8) != 0);

    memset(&x, 0, sizeof(x));
    memset(&y, 0, sizeof(y));
    EQ_INT(cr_random(&x, sizeof(x)), CR_OK);
    EQ_INT(cr_random(&y, sizeof(y)), CR_OK);
    OK(memcmp(&x, &y, sizeof(x)) != 0);
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

    test_keyring();
    test_base64();
    test_cookie(&a, &b, &ba);
    test_token(&a, &b, &ba);
    test_ids(&a, &b);

    return check_done();
}
