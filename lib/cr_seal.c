#include "cr_token.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>


#define CR_SEAL_VERSION  1
#define CR_SEAL_HEAD     14      /* version, key id, nonce */
#define CR_SEAL_NONCE    12
#define CR_SEAL_TAG      16
#define CR_SEAL_PLAIN    254
#define CR_SEAL_BYTES    (CR_SEAL_HEAD + CR_SEAL_PLAIN + CR_SEAL_TAG)

#define CR_LOCAL_MAX     64
#define CR_DOMAIN_MAX    253
#define CR_ADDRESS_MAX   254


static const char  cr_atext[] = "!#$%&'*+-/=?^_`{|}~";


static int
cr_is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}


static char *
cr_trim(char *buf, size_t *len)
{
    size_t  n;

    n = strlen(buf);

    while (n > 0 && strchr(" \t\r\n", buf[n - 1]) != NULL) {
        buf[--n] = '\0';
    }

    while (*buf != '\0' && strchr(" \t\r\n", *buf) != NULL) {
        buf++;
        n--;
    }

    *len = n;

    return buf;
}


static int
cr_local_valid(const char *p, size_t n)
{
    size_t  i;

    if (n == 0 || n > CR_LOCAL_MAX || p[0] == '.' || p[n - 1] == '.') {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (p[i] == '.') {
            if (p[i + 1] == '.') {
                return 0;
            }

        } else if (!cr_is_alnum(p[i]) && strchr(cr_atext, p[i]) == NULL) {
            return 0;
        }
    }

    return 1;
}


static int
cr_domain_valid(const char *p, size_t n)
{
    int     digits;
    size_t  i, label, labels;

    if (n == 0 || n > CR_DOMAIN_MAX) {
        return 0;
    }

    digits = 1;
    label = 0;
    labels = 1;

    for (i = 0; i < n; i++) {
        if (p[i] == '.') {
            if (label == 0 || p[i - 1] == '-') {
                return 0;
            }

            digits = 1;
            label = 0;
            labels++;
            continue;
        }

        if (!cr_is_alnum(p[i]) && (p[i] != '-' || label == 0)) {
            return 0;
        }

        if (++label > 63) {
            return 0;
        }

        digits &= (p[i] >= '0' && p[i] <= '9');
    }

    return labels > 1 && label > 1 && !digits && p[n - 1] != '-';
}


int
cr_email_normalise(char *buf)
{
    char    *p, *at;
    size_t   i, n;

    p = cr_trim(buf, &n);

    if (n == 0 || n > CR_ADDRESS_MAX) {
        return CR_ERR;
    }

    for (i = 0; i < n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z') {
            p[i] = (char) (p[i] | 0x20);
        }
    }

    at = memchr(p, '@', n);

    if (at == NULL || !cr_local_valid(p, (size_t) (at - p))
        || !cr_domain_valid(at + 1, n - (size_t) (at + 1 - p)))
    {
        return CR_ERR;
    }

    memmove(buf, p, n + 1);

    return CR_OK;
}


int
cr_phone_normalise(char *buf)
{
    char    digit[15], *p;
    size_t  n, len;

    p = cr_trim(buf, &len);

    if (p[0] == '+') {
        p++;

    } else if (p[0] == '0' && p[1] == '0') {
        p += 2;

    } else {
        return CR_ERR;
    }

    n = 0;

    while (*p != '\0') {
        if (*p >= '0' && *p <= '9') {
            if (n == sizeof(digit) || (n == 0 && *p == '0')) {
                return CR_ERR;
            }

            digit[n++] = *p++;

        } else if (strncmp(p, "(0)", 3) == 0) {
            p += 3;

        } else if ((uint8_t) p[0] == 0xc2 && (uint8_t) p[1] == 0xa0) {
            p += 2;

        } else if (strchr(" -./()", *p) != NULL) {
            p++;

        } else {
            return CR_ERR;
        }
    }

    if (n < 7) {
        return CR_ERR;
    }

    buf[0] = '+';
    memcpy(buf + 1, digit, n);
    buf[n + 1] = '\0';

    return CR_OK;
}


/* What is authenticated beside the text: the head's version and key id, and
 * site and channel behind their lengths. */

static int
cr_seal_aad(EVP_CIPHER_CTX *ctx, const uint8_t *head, cr_str_t site,
    cr_str_t channel)
{
    int      n;
    uint8_t  b[6];

    if (site.n > 0xffff || channel.n > 0xffff) {
        return 0;
    }

    b[0] = head[0];
    b[1] = head[1];
    b[2] = (uint8_t) (site.n >> 8);
    b[3] = (uint8_t) site.n;
    b[4] = (uint8_t) (channel.n >> 8);
    b[5] = (uint8_t) channel.n;

    return EVP_CipherUpdate(ctx, NULL, &n, b, sizeof(b)) == 1
           && (site.n == 0
               || EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *) site.p,
                                   (int) site.n) == 1)
           && (channel.n == 0
               || EVP_CipherUpdate(ctx, NULL, &n,
                                   (const uint8_t *) channel.p,
                                   (int) channel.n) == 1);
}


/* dir 1 encrypts and writes the tag behind the text, dir 0 checks it. */

static int
cr_seal_run(int dir, const cr_key_t *key, cr_str_t site, cr_str_t channel,
    const uint8_t *head, const uint8_t *in, size_t n, uint8_t *out,
    uint8_t *tag)
{
    int              ok, len;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL) {
        return CR_ERR;
    }

    ok = EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->seal, head + 2,
                           dir) == 1
         && cr_seal_aad(ctx, head, site, channel)
         && EVP_CipherUpdate(ctx, out, &len, in, (int) n) == 1
         && (dir == 1
             || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, CR_SEAL_TAG,
                                    tag) == 1)
         && EVP_CipherFinal_ex(ctx, out + n, &len) == 1
         && (dir == 0
             || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CR_SEAL_TAG,
                                    tag) == 1);

    EVP_CIPHER_CTX_free(ctx);

    return ok ? CR_OK : CR_ERR;
}


int
cr_seal(const cr_keyring_t *ring, cr_str_t site, cr_str_t channel,
    cr_str_t plain, char *out, size_t cap)
{
    uint8_t  b[CR_SEAL_BYTES];

    if (ring->n < 1 || plain.n == 0 || plain.n > CR_SEAL_PLAIN) {
        return CR_ERR;
    }

    b[0] = CR_SEAL_VERSION;
    b[1] = ring->key[0].tag;

    if (cr_random(b + 2, CR_SEAL_NONCE) != CR_OK
        || cr_seal_run(1, &ring->key[0], site, channel, b,
                       (const uint8_t *) plain.p, plain.n, b + CR_SEAL_HEAD,
                       b + CR_SEAL_HEAD + plain.n) != CR_OK)
    {
        return CR_ERR;
    }

    return cr_base64url_encode(b, CR_SEAL_HEAD + plain.n + CR_SEAL_TAG, out,
                               cap);
}


int
cr_open(const cr_keyring_t *ring, cr_str_t site, cr_str_t channel,
    cr_str_t sealed, char *out, size_t cap)
{
    int      i, n, rc;
    size_t   len;
    uint8_t  b[CR_SEAL_BYTES], text[CR_SEAL_PLAIN + CR_SEAL_TAG];

    n = cr_base64url_decode(sealed, b, sizeof(b));

    if (n <= CR_SEAL_HEAD + CR_SEAL_TAG || b[0] != CR_SEAL_VERSION) {
        return CR_ERR;
    }

    len = (size_t) n - CR_SEAL_HEAD - CR_SEAL_TAG;

    if (len >= cap) {
        return CR_FULL;
    }

    rc = CR_ERR;

    for (i = 0; i < ring->n && rc != CR_OK; i++) {
        if (ring->key[i].tag == b[1]) {
            rc = cr_seal_run(0, &ring->key[i], site, channel, b,
                             b + CR_SEAL_HEAD, len, text,
                             b + CR_SEAL_HEAD + len);
        }
    }

    if (rc == CR_OK) {
        memcpy(out, text, len);
        out[len] = '\0';
    }

    OPENSSL_cleanse(text, sizeof(text));

    return rc == CR_OK ? (int) len : CR_ERR;
}
