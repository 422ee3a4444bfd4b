/*
 * cr_hook.c: whose webhook it is: signatures.
 */

#include "cr_hook.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>


#define CR_HOOK_MAC    32
#define CR_HOOK_TRIES  8         /* signatures in one header */
#define CR_HOOK_ID     128       /* bytes of a webhook-id */

#define CR_HOOK_TEXT(n, w)  w,

const char *const  cr_hook_word[CR_HOOK_MAX] = {
    CR_HOOK_KINDS(CR_HOOK_TEXT)
};


static int
cr_hook_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* Plain base64 with or without padding; the length, or CR_ERR. */

static int
cr_hook_base64(cr_str_t s, uint8_t *out, size_t cap)
{
    char      text[CR_HOOK_SECRET_MAX * 2];
    size_t    i;

    while (s.n && s.p[s.n - 1] == '=') {
        s.n--;
    }

    if (s.n == 0 || s.n > sizeof(text)) {
        return CR_ERR;
    }

    for (i = 0; i < s.n; i++) {
        text[i] = s.p[i] == '+' ? '-' : s.p[i] == '/' ? '_' : s.p[i];
    }

    s.p = text;

    return cr_base64url_decode(s, out, cap);
}


int
cr_hook_key(cr_hook_kind_e kind, const char *text, size_t len,
    cr_hook_key_t *key)
{
    int  n;

    while (len && cr_hook_space(text[len - 1])) {
        len--;
    }

    while (len && cr_hook_space(text[0])) {
        text++;
        len--;
    }

    if (kind == CR_HOOK_STANDARD && len > 6 && memcmp(text, "whsec_", 6) == 0) {
        n = cr_hook_base64((cr_str_t) { text + 6, len - 6 }, key->b,
                           sizeof(key->b));
        if (n < CR_HOOK_SECRET_MIN) {
            return CR_ERR;
        }

        key->len = (uint16_t) n;

        return CR_OK;
    }

    if (len < CR_HOOK_SECRET_MIN || len > CR_HOOK_SECRET_MAX) {
        return CR_ERR;
    }

    memcpy(key->b, text, len);
    key->len = (uint16_t) len;

    return CR_OK;
}


static int
cr_hook_mac(const cr_hook_key_t *key, const cr_str_t *piece, int n,
    uint8_t out[CR_HOOK_MAC])
{
    int           i, ok;
    size_t        len;
    char          digest[] = "SHA256";
    EVP_MAC      *mac;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *ctx;

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ctx = (mac != NULL) ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);

    if (ctx == NULL) {
        return CR_ERR;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
                                                 0);
    params[1] = OSSL_PARAM_construct_end();

    ok = EVP_MAC_init(ctx, key->b, key->len, params);

    for (i = 0; ok == 1 && i < n; i++) {
        ok = EVP_MAC_update(ctx, (const uint8_t *) piece[i].p, piece[i].n);
    }

    if (ok == 1) {
        ok = EVP_MAC_final(ctx, out, &len, CR_HOOK_MAC);
    }

    EVP_MAC_CTX_free(ctx);

    return ok == 1 ? CR_OK : CR_ERR;
}


/* Is mac among the signatures?  "standard" has several with a scheme in
 * front, "v1,BASE64 v1,BASE64"; the others have one. */

static int
cr_hook_signed(cr_hook_kind_e kind, cr_str_t s, const uint8_t *mac)
{
    int       i, ok;
    size_t    n;
    uint8_t   b[CR_HOOK_MAC];
    cr_str_t  one;

    ok = 0;

    for (i = 0; s.n && i < CR_HOOK_TRIES; i++) {

        for (n = 0; n < s.n && s.p[n] != ' '; n++) { /* void */ }

        one.p = s.p;
        one.n = kind == CR_HOOK_STANDARD ? n : s.n;

        s.p += one.n + (one.n < s.n);
        s.n -= one.n + (one.n < s.n);

        if (kind == CR_HOOK_STANDARD) {

            if (one.n < 3 || memcmp(one.p, "v1,", 3) != 0) {
                continue;
            }

            one.p += 3;
            one.n -= 3;
        }

        if (cr_hook_base64(one, b, sizeof(b)) == CR_HOOK_MAC) {
            ok |= CRYPTO_memcmp(b, mac, CR_HOOK_MAC) == 0;
        }
    }

    return ok;
}


static int
cr_hook_in_time(cr_str_t s, uint32_t tolerance_s, uint32_t now_s)
{
    size_t    i;
    uint64_t  t, now;

    if (s.n == 0 || s.n > 12) {
        return 0;
    }

    for (i = 0, t = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return 0;
        }

        t = t * 10 + (uint64_t) (s.p[i] - '0');
    }

    now = now_s;

    return t + tolerance_s >= now && t <= now + tolerance_s;
}


int
cr_hook_verify(cr_hook_kind_e kind, const cr_hook_key_t *keys, int n,
    const cr_hook_head_t *head, uint32_t tolerance_s, uint32_t now_s,
    cr_str_t body, uint8_t once[16])
{
    int       i, ok, npieces;
    uint8_t   mac[EVP_MAX_MD_SIZE];
    cr_str_t  piece[5], name;
    unsigned  len;

    npieces = 0;
    name = body;

    if (kind == CR_HOOK_STANDARD) {

        if (head->id.n == 0 || head->id.n > CR_HOOK_ID
            || head->timestamp.n == 0 || head->timestamp.n > 12)
        {
            return CR_ERR;
        }

        piece[npieces++] = head->id;
        piece[npieces++] = cr_lit(".");
        piece[npieces++] = head->timestamp;
        piece[npieces++] = cr_lit(".");
        name = head->id;
    }

    piece[npieces++] = body;

    ok = 0;

    for (i = 0; i < n; i++) {
        if (cr_hook_mac(&keys[i], piece, npieces, mac) == CR_OK) {
            ok |= cr_hook_signed(kind, head->signature, mac);
        }
    }

    if (!ok) {
        return CR_ERR;
    }

    if (EVP_Digest(name.p, name.n, mac, &len, EVP_sha256(), NULL) != 1) {
        return CR_ERR;
    }

    memcpy(once, mac, 16);

    /* two senders may count their deliveries alike */

    once[0] = (uint8_t) ((once[0] & 0x3f) | ((unsigned) kind << 6));

    if (kind == CR_HOOK_STANDARD
        && !cr_hook_in_time(head->timestamp, tolerance_s, now_s))
    {
        return CR_NONE;
    }

    return CR_OK;
}
