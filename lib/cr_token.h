/*
 * cr_token.h: the secret and all that is derived from it: the session cookie,
 * link tokens, address look-up keys.  Two generations of the secret may be in
 * force; new things are made with the current one, both are accepted.
 *
 * HMAC is HMAC-SHA256 by OpenSSL (which allocates inside); the cookie's tag is
 * SipHash-2-4, which does not.
 */

#ifndef CR_TOKEN_H
#define CR_TOKEN_H

#include "cr_base.h"
#include "cr_word.h"


#define CR_SECRET_MIN     32     /* bytes of a secret file, at least */
#define CR_SECRET_MAX     256

typedef struct {
    uint8_t   tag;               /* first byte of SHA-256(secret): the key id */
    uint8_t   sip[16];           /* session cookie, arms */
    uint8_t   link[32];          /* link tokens */
    uint8_t   look[32];          /* address look-up HMAC */
    uint8_t   seal[32];          /* AES-256-GCM of addresses */
    uint8_t   anon[16];          /* hash of the shop's own session */
} cr_key_t;

typedef struct {
    int       n;                 /* 1 or 2; [0] is current */
    cr_key_t  key[2];
} cr_keyring_t;

/* Derives the keys from a secret's bytes (white space around is trimmed;
 * HKDF-SHA256 with one label each) and appends them to the ring.  CR_OK,
 * CR_ERR when the secret is shorter than CR_SECRET_MIN or longer than
 * CR_SECRET_MAX, CR_FULL. */

int cr_keyring_add(cr_keyring_t *ring, const char *secret, size_t len);

/* n random bytes from the kernel (getrandom).  CR_OK or CR_ERR. */

int cr_random(void *p, size_t n);


/* ---- session cookie cr_sid ---- */

/* base64url of 32 bytes: 16 of the id, 1 arm, 3 epoch (big-endian), 4 zero, 8
 * SipHash-2-4 of the 24 before (big-endian).  One spelling a value. */

#define CR_COOKIE       "cr_sid"
#define CR_COOKIE_LEN   43

typedef struct {
    cr_id_t    id;
    uint8_t    arm;              /* cr_arm_e */
    uint32_t   epoch;            /* of the arm; 24 bits travel */
} cr_cookie_t;

void cr_cookie_make(const cr_keyring_t *ring, const cr_cookie_t *c,
    char out[CR_COOKIE_LEN + 1]);

/* CR_OK, or CR_ERR for anything that is not ours. */

int cr_cookie_read(const cr_keyring_t *ring, cr_str_t value, cr_cookie_t *c);

/* The visitor behind a shop's own session value: a keyed hash. */

void cr_anon_id(const cr_keyring_t *ring, cr_str_t site, cr_str_t session,
    cr_id_t *id);

/* 32 hex digits, terminated; and back (CR_OK or CR_ERR). */

void cr_id_hex(const cr_id_t *id, char out[CR_ID_HEX_LEN + 1]);
int cr_id_parse(cr_str_t hex, cr_id_t *id);


/* ---- link tokens: r/TOKEN and u/TOKEN ---- */

typedef enum {
    CR_TOKEN_RESTORE = 1,        /* subject: journey id */
    CR_TOKEN_UNSUB = 2           /* subject: address look-up HMAC */
} cr_token_e;

#define CR_TOKEN_LEN   52

/* One purpose, one site, 16 bytes of subject, an end (Unix seconds, 0 = none)
 * under a 128-bit HMAC.  base64url of 39 bytes: version 1 and purpose (4 bits
 * each), key id, 16 of the subject, 4 end (big-endian), 1 zero, 16 HMAC-SHA256
 * of the 23 before and the site. */

void cr_token_make(const cr_keyring_t *ring, cr_token_e purpose,
    cr_str_t site, const uint8_t subject[16], uint32_t expires_s,
    char out[CR_TOKEN_LEN + 1]);

/* CR_OK; CR_ERR forged, foreign or malformed; CR_NONE genuine but ended. */

int cr_token_read(const cr_keyring_t *ring, cr_token_e purpose, cr_str_t site,
    cr_str_t token, uint32_t now_s, uint8_t subject[16]);


/* ---- addresses ---- */

/* Normalises in place: trims, lower-cases the domain and the local part.
 * CR_ERR when it has no shape of an address: ASCII dot-atom, 64 + "@" + a
 * domain of two labels or more, 254 in all.  buf is terminated. */

int cr_email_normalise(char *buf);

/* "+" and 7 to 15 digits from what was typed ("+49 (0)30 ...", "0049 30 ...");
 * CR_ERR without country code.  Never longer than what was typed. */

int cr_phone_normalise(char *buf);

/* Look-up HMAC of a normalised address, 16 bytes, per site and channel
 * ("email", "phone"); generation 0 or 1 of the ring.  Where the ring has no
 * such generation, or OpenSSL fails, random bytes: they find nobody. */

void cr_address_look(const cr_keyring_t *ring, int generation, cr_str_t site,
    cr_str_t channel, cr_str_t address, uint8_t out[16]);

/* AES-256-GCM: base64url of (version, key id, nonce, ciphertext, tag); site and
 * channel are authenticated.  1 to 254 bytes.  Terminated where cap leaves
 * room.  Returns the length or CR_FULL / CR_ERR. */

#define CR_SEALED_MAX   400

int cr_seal(const cr_keyring_t *ring, cr_str_t site, cr_str_t channel,
    cr_str_t plain, char *out, size_t cap);

/* Opens it, terminates; the length, CR_ERR, or CR_FULL without room. */

int cr_open(const cr_keyring_t *ring, cr_str_t site, cr_str_t channel,
    cr_str_t sealed, char *out, size_t cap);


/* base64url without padding; returns the length or CR_FULL / CR_ERR.  Encoding
 * terminates where cap leaves room; decoding takes one spelling of a value. */

int cr_base64url_encode(const uint8_t *p, size_t n, char *out, size_t cap);
int cr_base64url_decode(cr_str_t s, uint8_t *out, size_t cap);

#endif
