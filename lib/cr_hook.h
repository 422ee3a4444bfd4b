/*
 * cr_hook.h: signed webhooks of a shop, doc/webhooks.md.  Is the body the
 * shop's, and what does it say?  Pure functions over the body and the headers
 * that belong to its signature.
 *
 * Nothing that the signature does not cover is believed: a topic header only
 * narrows what the body's own shape says, and the name under which a delivery
 * is remembered is made of signed bytes.
 */

#ifndef CR_HOOK_H
#define CR_HOOK_H

#include "cr_base.h"
#include "cr_cart.h"
#include "cr_token.h"
#include "cr_word.h"


#define CR_HOOK_BODY        (256 * 1024)
#define CR_HOOK_SECRET_MIN  16       /* bytes */
#define CR_HOOK_SECRET_MAX  256
#define CR_HOOK_AGE         (7 * 86400)   /* s: older news is a replay */

#define CR_HOOK_KINDS(X)                                                      \
    X(WOOCOMMERCE, "woocommerce")                                             \
    X(SHOPIFY, "shopify")                                                     \
    X(STANDARD, "standard")

#define CR_ENUM_HOOK(n, w)  CR_HOOK_##n,

typedef enum { CR_HOOK_KINDS(CR_ENUM_HOOK)  CR_HOOK_MAX } cr_hook_kind_e;

extern const char *const  cr_hook_word[CR_HOOK_MAX];

typedef struct {
    uint16_t   len;
    uint8_t    b[CR_HOOK_SECRET_MAX];
} cr_hook_key_t;

/* The key in a secret file's text; white space around it goes.  "standard"
 * takes "whsec_BASE64" too.  CR_OK, or CR_ERR when it is too short, too long
 * or no base64. */

int cr_hook_key(cr_hook_kind_e kind, const char *text, size_t len,
    cr_hook_key_t *key);

/* The signature as its header has it; id and timestamp ("standard" only) are
 * signed together with the body. */

typedef struct {
    cr_str_t   signature;
    cr_str_t   id;
    cr_str_t   timestamp;
} cr_hook_head_t;

/* CR_OK: one of the n keys made this signature, and a signed timestamp is
 * within tolerance_s of now_s; CR_NONE: genuine, but not of now; CR_ERR:
 * anything else.  once names the delivery for the refusal of replays: made of
 * signed bytes, the same for each repetition. */

int cr_hook_verify(cr_hook_kind_e kind, const cr_hook_key_t *keys, int n,
    const cr_hook_head_t *head, uint32_t tolerance_s, uint32_t now_s,
    cr_str_t body, uint8_t once[16]);

typedef struct {
    cr_event_e   event;          /* ORDER, CART, CHECKOUT_START,
                                    PAYMENT_FAILED; NONE: not for us */
    int64_t      at;             /* the newest date in it, 0 = none */
    cr_order_t   order;
    cr_cart_t    cart;           /* amounts and lines as the body has them */
    char         email[255];     /* normalised; "" = none */
    char         phone[32];      /* the same */
    int8_t       consent;        /* to e-mail: 1, 0, -1 = not said */
    char         visitor[CR_COOKIE_LEN + 1];   /* our cookie's value, or "" */
    char         key[64];        /* the shop's cart or checkout id, or "" */
    char         locale[8];
    char         country[4];
} cr_hook_t;

/* CR_OK, or CR_ERR: no JSON, or not what the topic ("" = none) promises.
 * currency: the shop's own, for a body that names none.  What h holds is
 * personal: wipe it after use. */

int cr_hook_parse(cr_hook_t *h, cr_hook_kind_e kind, cr_str_t topic,
    cr_str_t body, const char *currency);

#endif
