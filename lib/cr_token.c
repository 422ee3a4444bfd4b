#define _GNU_SOURCE

#include "cr_token.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "cr_assign.h"


#define CR_COOKIE_BYTES   32
#define CR_COOKIE_SIGNED  24
#define CR_TOKEN_BYTES    39
#define CR_TOKEN_SIGNED   23
#define CR_TOKEN_VERSION  0x10


static const char  cr_base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static int
cr_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}


static int
cr_derive(const char *secret, size_t len, const char *label, uint8_t *out,
    size_t n)
{
    int           ok;
    EVP_KDF      *kdf;
    EVP_KDF_CTX  *ctx;
    OSSL_PARAM    params[4];

    kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    ctx = (kdf != NULL) ? EVP_KDF_CTX_new(kdf) : NULL;
    EVP_KDF_free(kdf);

    if (ctx == NULL) {
        return CR_ERR;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                                  (void *) secret, len);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                                  (void *) label,
                                                  strlen(label));
    params[3] = OSSL_PARAM_construct_end();

    ok = EVP_KDF_derive(ctx, out, n, params);
    EVP_KDF_CTX_free(ctx);

    return ok > 0 ? CR_OK : CR_ERR;
}


int
cr_keyring_add(cr_keyring_t *ring, const char *secret, size_t len)
{
    int           rc;
    uint8_t       md[EVP_MAX_MD_SIZE];
    cr_key_t     *key;
    unsigned int  n;

    while (len > 0 && cr_is_space(secret[len - 1])) {
        len--;
    }

    while (len > 0 && cr_is_space(*secret)) {
        secret++;
        len--;
    }

    if (len < CR_SECRET_MIN || len > CR_SECRET_MAX) {
        return CR_ERR;
    }

    if (ring->n < 0 || ring->n >= 2) {
        return CR_FULL;
    }

    key = &ring->key[ring->n];

    if (EVP_Digest(secret, len, md, &n, EVP_sha256(), NULL) != 1) {
        return CR_ERR;
    }

    key->tag = md[0];
    OPENSSL_cleanse(md, sizeof(md));

    rc = cr_derive(secret, len, "cartrecover 1 cookie", key->sip,
                   sizeof(key->sip));
    rc |= cr_derive(secret, len, "cartrecover 1 link", key->link,
                    sizeof(key->link));
    rc |= cr_derive(secret, len, "cartrecover 1 look-up", key->look,
                    sizeof(key->look));
    rc |= cr_derive(secret, len, "cartrecover 1 seal", key->seal,
                    sizeof(key->seal));
    rc |= cr_derive(secret, len, "cartrecover 1 session", key->anon,
                    sizeof(key->anon));

    if (rc != CR_OK) {
        OPENSSL_cleanse(key, sizeof(cr_key_t));
        return CR_ERR;
    }

    ring->n++;

    return CR_OK;
}


int
cr_random(void *p, size_t n)
{
    ssize_t   got;
    uint8_t  *b;

    b = p;

    while (n > 0) {
        got = getrandom(b, n, 0);

        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }

            return CR_ERR;
        }

        b += got;
        n -= (size_t) got;
    }

    return CR_OK;
}


/* HMAC-SHA256 over the pieces as they are: callers see to it that two lists
 * of pieces never join to the same bytes. */

static int
cr_hmac(const uint8_t key[32], const cr_str_t *piece, int n, uint8_t out[32])
{
    int           i, ok;
    size_t        len;
    EVP_MAC      *mac;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *ctx;

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ctx = (mac != NULL) ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);

    if (ctx == NULL) {
        return CR_ERR;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    ok = EVP_MAC_init(ctx, key, 32, params);

    for (i = 0; ok == 1 && i < n; i++) {
        if (piece[i].n > 0) {
            ok = EVP_MAC_update(ctx, (const uint8_t *) piece[i].p,
                                piece[i].n);
        }
    }

    if (ok == 1) {
        ok = EVP_MAC_final(ctx, out, &len, 32);
    }

    EVP_MAC_CTX_free(ctx);

    return ok == 1 ? CR_OK : CR_ERR;
}


static void
cr_put_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) (v >> 24);
    p[1] = (uint8_t) (v >> 16);
    p[2] = (uint8_t) (v >> 8);
    p[3] = (uint8_t) v;
}


static uint32_t
cr_get_u32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


static void
cr_put_u64(uint8_t *p, uint64_t v)
{
    cr_put_u32(p, (uint32_t) (v >> 32));
    cr_put_u32(p + 4, (uint32_t) v);
}


void
cr_cookie_make(const cr_keyring_t *ring, const cr_cookie_t *c,
    char out[CR_COOKIE_LEN + 1])
{
    uint8_t  b[CR_COOKIE_BYTES];

    memset(b, 0, sizeof(b));
    memcpy(b, c->id.b, CR_ID_LEN);

    cr_put_u32(b + 16, c->epoch & 0xffffff);
    b[16] = c->arm;

    cr_put_u64(b + CR_COOKIE_SIGNED,
               cr_siphash(ring->key[0].sip, b, CR_COOKIE_SIGNED));

    cr_base64url_encode(b, sizeof(b), out, CR_COOKIE_LEN + 1);
}


int
cr_cookie_read(const cr_keyring_t *ring, cr_str_t value, cr_cookie_t *c)
{
    int      i, ok;
    uint8_t  b[CR_COOKIE_BYTES], tag[8];

    if (value.n != CR_COOKIE_LEN
        || cr_base64url_decode(value, b, sizeof(b)) != CR_COOKIE_BYTES)
    {
        return CR_ERR;
    }

    ok = 0;

    for (i = 0; i < ring->n; i++) {
        cr_put_u64(tag, cr_siphash(ring->key[i].sip, b, CR_COOKIE_SIGNED));
        ok |= (CRYPTO_memcmp(tag, b + CR_COOKIE_SIGNED, 8) == 0);
    }

    if (!ok || b[16] >= CR_ARM_MAX || cr_get_u32(b + 20) != 0) {
        return CR_ERR;
    }

    memcpy(c->id.b, b, CR_ID_LEN);
    c->arm = b[16];
    c->epoch = cr_get_u32(b + 16) & 0xffffff;

    return CR_OK;
}


void
cr_anon_id(const cr_keyring_t *ring, cr_str_t site, cr_str_t session,
    cr_id_t *id)
{
    int             i;
    uint8_t         other[16], mix[24];
    const uint8_t  *key;

    key = ring->key[0].anon;

    for (i = 0; i < 16; i++) {
        other[i] = key[i] ^ 0x5c;
    }

    cr_put_u64(mix, cr_siphash(key, session.p, session.n));
    cr_put_u64(mix + 8, cr_siphash(other, session.p, session.n));
    cr_put_u64(mix + 16, cr_siphash(key, site.p, site.n));

    cr_put_u64(id->b, cr_siphash(key, mix, sizeof(mix)));
    cr_put_u64(id->b + 8, cr_siphash(other, mix, sizeof(mix)));
}


void
cr_id_hex(const cr_id_t *id, char out[CR_ID_HEX_LEN + 1])
{
    int  i;

    for (i = 0; i < CR_ID_LEN; i++) {
        out[2 * i] = "0123456789abcdef"[id->b[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[id->b[i] & 15];
    }

    out[CR_ID_HEX_LEN] = '\0';
}


int
cr_id_parse(cr_str_t hex, cr_id_t *id)
{
    char     c;
    size_t   i;
    uint8_t  v;
    cr_id_t  t;

    if (hex.n != CR_ID_HEX_LEN) {
        return CR_ERR;
    }

    memset(&t, 0, sizeof(t));

    for (i = 0; i < hex.n; i++) {
        c = hex.p[i];

        if (c >= '0' && c <= '9') {
            v = (uint8_t) (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            v = (uint8_t) (c - 'a' + 10);

        } else if (c >= 'A' && c <= 'F') {
            v = (uint8_t) (c - 'A' + 10);

        } else {
            return CR_ERR;
        }

        t.b[i / 2] = (uint8_t) (t.b[i / 2] << 4 | v);
    }

    *id = t;

    return CR_OK;
}


static int
cr_token_tag(const cr_key_t *key, cr_str_t site, const uint8_t *b,
    uint8_t tag[32])
{
    cr_str_t  piece[2];

    piece[0].p = (const char *) b;
    piece[0].n = CR_TOKEN_SIGNED;
    piece[1] = site;

    return cr_hmac(key->link, piece, 2, tag);
}


void
cr_token_make(const cr_keyring_t *ring, cr_token_e purpose,
    cr_str_t site, const uint8_t subject[16], uint32_t expires_s,
    char out[CR_TOKEN_LEN + 1])
{
    uint8_t  b[CR_TOKEN_BYTES], tag[32];

    memset(b, 0, sizeof(b));

    b[0] = (uint8_t) (CR_TOKEN_VERSION | purpose);
    b[1] = ring->key[0].tag;
    memcpy(b + 2, subject, 16);
    cr_put_u32(b + 18, expires_s);

    /* where OpenSSL fails the link is a dead one, never a forgeable one */

    if (cr_token_tag(&ring->key[0], site, b, tag) == CR_OK) {
        memcpy(b + CR_TOKEN_SIGNED, tag, 16);
    }

    cr_base64url_encode(b, sizeof(b), out, CR_TOKEN_LEN + 1);
}


int
cr_token_read(const cr_keyring_t *ring, cr_token_e purpose, cr_str_t site,
    cr_str_t token, uint32_t now_s, uint8_t subject[16])
{
    int       i, ok;
    uint8_t   b[CR_TOKEN_BYTES], tag[32];
    uint32_t  expires;

    if (token.n != CR_TOKEN_LEN
        || cr_base64url_decode(token, b, sizeof(b)) != CR_TOKEN_BYTES
        || b[0] != (CR_TOKEN_VERSION | purpose)
        || b[22] != 0)
    {
        return CR_ERR;
    }

    ok = 0;

    for (i = 0; i < ring->n; i++) {
        if (ring->key[i].tag == b[1]
            && cr_token_tag(&ring->key[i], site, b, tag) == CR_OK)
        {
            ok |= (CRYPTO_memcmp(tag, b + CR_TOKEN_SIGNED, 16) == 0);
        }
    }

    if (!ok) {
        return CR_ERR;
    }

    expires = cr_get_u32(b + 18);

    if (expires != 0 && now_s >= expires) {
        return CR_NONE;
    }

    memcpy(subject, b + 2, 16);

    return CR_OK;
}


void
cr_address_look(const cr_keyring_t *ring, int generation, cr_str_t site,
    cr_str_t channel, cr_str_t address, uint8_t out[16])
{
    int       rc;
    uint8_t   len[8], tag[32];
    cr_str_t  piece[4];

    rc = CR_ERR;

    if (generation >= 0 && generation < ring->n) {
        cr_put_u32(len, (uint32_t) site.n);
        cr_put_u32(len + 4, (uint32_t) channel.n);

        piece[0].p = (const char *) len;
        piece[0].n = sizeof(len);
        piece[1] = site;
        piece[2] = channel;
        piece[3] = address;

        rc = cr_hmac(ring->key[generation].look, piece, 4, tag);
    }

    /* a key that two people share must never come out of a fault */

    if (rc != CR_OK && cr_random(tag, 16) != CR_OK) {
        memset(tag, 0, 16);
    }

    memcpy(out, tag, 16);
}


int
cr_base64url_encode(const uint8_t *p, size_t n, char *out, size_t cap)
{
    size_t    i, len;
    uint32_t  v;

    len = n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);

    if (len > cap || len > INT32_MAX) {
        return CR_FULL;
    }

    for (i = 0; i + 2 < n; i += 3) {
        v = (uint32_t) p[i] << 16 | (uint32_t) p[i + 1] << 8 | p[i + 2];

        *out++ = cr_base64url[v >> 18];
        *out++ = cr_base64url[v >> 12 & 63];
        *out++ = cr_base64url[v >> 6 & 63];
        *out++ = cr_base64url[v & 63];
    }

    if (i < n) {
        v = (uint32_t) p[i] << 16
            | (i + 1 < n ? (uint32_t) p[i + 1] << 8 : 0);

        *out++ = cr_base64url[v >> 18];
        *out++ = cr_base64url[v >> 12 & 63];

        if (i + 1 < n) {
            *out++ = cr_base64url[v >> 6 & 63];
        }
    }

    if (len < cap) {
        *out = '\0';
    }

    return (int) len;
}


/* value + 1 of each byte, 0 for those that are none */

static const uint8_t  cr_base64url_values[256] = {
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    20, 21, 22, 23, 24, 25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
    ['-'] = 63, ['_'] = 64
};


static int
cr_base64url_value(char c)
{
    return cr_base64url_values[(uint8_t) c] - 1;
}


int
cr_base64url_decode(cr_str_t s, uint8_t *out, size_t cap)
{
    int       a, b, c, v;
    size_t    i, len;
    uint32_t  acc;

    if (s.n % 4 == 1) {
        return CR_ERR;
    }

    len = s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0);

    if (len > cap || len > INT32_MAX) {
        return CR_FULL;
    }

    for (i = 0; i + 4 <= s.n; i += 4) {
        a = cr_base64url_value(s.p[i]);
        b = cr_base64url_value(s.p[i + 1]);
        c = cr_base64url_value(s.p[i + 2]);
        v = cr_base64url_value(s.p[i + 3]);

        if ((a | b | c | v) < 0) {
            return CR_ERR;
        }

        acc = (uint32_t) (a << 18 | b << 12 | c << 6 | v);
        out[0] = (uint8_t) (acc >> 16);
        out[1] = (uint8_t) (acc >> 8);
        out[2] = (uint8_t) acc;
        out += 3;
    }

    for (acc = 0; i < s.n; i++) {
        v = cr_base64url_value(s.p[i]);

        if (v < 0) {
            return CR_ERR;
        }

        acc = acc << 6 | (uint32_t) v;

        switch (i % 4) {

        case 1:
            *out++ = (uint8_t) (acc >> 4);
            break;

        case 2:
            *out++ = (uint8_t) (acc >> 2);
            break;
        }
    }

    /* one spelling for one value: left-over bits are zero */

    if ((s.n % 4 == 2 && (acc & 15)) || (s.n % 4 == 3 && (acc & 3))) {
        return CR_ERR;
    }

    return (int) len;
}
