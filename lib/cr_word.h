/*
 * cr_word.h: the vocabulary.  Each list is one enum and one table of words;
 * the same words stand in variables, counters, events, logs and doc/.
 */

#ifndef CR_WORD_H
#define CR_WORD_H

#include "cr_base.h"


/* What the shopper did, DESIGN 4.  "cart" is a read of the cart that the
 * shopper did not ask for: a source of totals, never a funnel event.
 * "order_page" is a thank-you page: an order only where the profile says so. */

#define CR_EVENTS(X)                                                          \
    X(NONE, "none")                                                           \
    X(VIEW_PRODUCT, "view_product")                                           \
    X(VIEW_CATEGORY, "view_category")                                         \
    X(SEARCH, "search")                                                       \
    X(ADD, "add")                                                             \
    X(UPDATE, "update")                                                       \
    X(REMOVE, "remove")                                                       \
    X(VIEW_CART, "view_cart")                                                 \
    X(COUPON, "coupon")                                                       \
    X(COUPON_FAILED, "coupon_failed")                                         \
    X(CHECKOUT_START, "checkout_start")                                       \
    X(CONTACT, "contact")                                                     \
    X(SHIPPING, "shipping")                                                   \
    X(PAYMENT, "payment")                                                     \
    X(PAYMENT_FAILED, "payment_failed")                                       \
    X(ORDER, "order")                                                         \
    X(LOGIN_WALL, "login_wall")                                               \
    X(ERROR, "error")                                                         \
    X(CART, "cart")                                                           \
    X(ORDER_PAGE, "order_page")                                               \
    X(RESTORED, "restored")

/* How far the session has come. */

#define CR_STAGES(X)                                                          \
    X(NONE, "none")                                                           \
    X(BROWSE, "browse")                                                       \
    X(PRODUCT, "product")                                                     \
    X(CART, "cart")                                                           \
    X(CHECKOUT, "checkout")                                                   \
    X(CONTACT, "contact")                                                     \
    X(SHIPPING, "shipping")                                                   \
    X(PAYMENT, "payment")                                                     \
    X(ORDERED, "ordered")

/* Consent tiers, DESIGN 4. */

#define CR_TIERS(X)                                                           \
    X(T0, "t0")                                                               \
    X(T1, "t1")                                                               \
    X(T2, "t2")                                                               \
    X(T3, "t3")

#define CR_ARMS(X)                                                            \
    X(NONE, "none")                                                           \
    X(TREAT, "treat")                                                         \
    X(HOLDOUT, "holdout")

/* Why a response got no tag, or a shopper no message. */

#define CR_SKIPS(X)                                                           \
    X(NONE, "none")                                                           \
    X(OFF, "off")                                                             \
    X(OBSERVE, "observe")                                                     \
    X(BYPASS, "bypass")                                                       \
    X(BOT, "bot")                                                             \
    X(NO_POLICY, "no_policy")                                                 \
    X(BREAKER, "breaker")                                                     \
    X(BUDGET, "budget")                                                       \
    X(STATUS, "status")                                                       \
    X(SUBREQUEST, "subrequest")                                               \
    X(TYPE, "type")                                                           \
    X(ATTACHMENT, "attachment")                                               \
    X(CHARSET, "charset")                                                     \
    X(ENCODING, "encoding")                                                   \
    X(GZIP, "gzip")                                                           \
    X(FRONT, "front")                                                         \
    X(SHORT, "short")                                                         \
    X(NO_TRANSFORM, "no_transform")                                           \
    X(DIGEST, "digest")                                                       \
    X(STREAM, "stream")                                                       \
    X(AJAX, "ajax")                                                           \
    X(PREFETCH, "prefetch")                                                   \
    X(CSP, "csp")                                                             \
    X(SIZE, "size")                                                           \
    X(NO_DOCUMENT, "no_document")                                             \
    X(NO_CONSENT, "no_consent")                                               \
    X(GPC, "gpc")                                                             \
    X(HOLDOUT, "holdout")                                                     \
    X(THRESHOLD, "threshold")                                                 \
    X(COOLDOWN, "cooldown")                                                   \
    X(STALE, "stale")

#define CR_REASONS(X)                                                         \
    X(UNKNOWN, "unknown")                                                     \
    X(SHIPPING_COST, "shipping_cost")                                         \
    X(PRICE_COMPARING, "price_comparing")                                     \
    X(PAYMENT_TRUST, "payment_trust")                                         \
    X(DELIVERY_TIME, "delivery_time")                                         \
    X(RETURNS, "returns")                                                     \
    X(FORCED_ACCOUNT, "forced_account")                                       \
    X(COMPLEXITY, "complexity")                                               \
    X(TECHNICAL_ERROR, "technical_error")                                     \
    X(PAYMENT_FAILURE, "payment_failure")                                     \
    X(JUST_LOOKING, "just_looking")

/* What a session owes Redis; each kind has a version and an acknowledged
 * version.  The word is the field "t" of the stream entry. */

#define CR_KINDS(X)                                                           \
    X(ORDER, "order")                                                         \
    X(OPTOUT, "optout")                                                       \
    X(CONTACT, "contact")                                                     \
    X(CONSENT, "consent")                                                     \
    X(CART, "cart")                                                           \
    X(STEP, "step")                                                           \
    X(SEEN, "seen")

/* Modes of a server block: directive and policy; the lower one applies. */

#define CR_MODES(X)                                                           \
    X(OFF, "off")                                                             \
    X(OBSERVE, "observe")                                                     \
    X(ON, "on")


#define CR_ENUM_EV(n, w)      CR_EV_##n,
#define CR_ENUM_STAGE(n, w)   CR_STAGE_##n,
#define CR_ENUM_TIER(n, w)    CR_TIER_##n,
#define CR_ENUM_ARM(n, w)     CR_ARM_##n,
#define CR_ENUM_SKIP(n, w)    CR_SKIP_##n,
#define CR_ENUM_REASON(n, w)  CR_REASON_##n,
#define CR_ENUM_KIND(n, w)    CR_KIND_##n,
#define CR_ENUM_MODE(n, w)    CR_MODE_##n,

typedef enum { CR_EVENTS(CR_ENUM_EV)  CR_EV_MAX } cr_event_e;
typedef enum { CR_STAGES(CR_ENUM_STAGE)  CR_STAGE_MAX } cr_stage_e;
typedef enum { CR_TIERS(CR_ENUM_TIER)  CR_TIER_MAX } cr_tier_e;
typedef enum { CR_ARMS(CR_ENUM_ARM)  CR_ARM_MAX } cr_arm_e;
typedef enum { CR_SKIPS(CR_ENUM_SKIP)  CR_SKIP_MAX } cr_skip_e;
typedef enum { CR_REASONS(CR_ENUM_REASON)  CR_REASON_MAX } cr_reason_e;
typedef enum { CR_KINDS(CR_ENUM_KIND)  CR_KIND_MAX } cr_kind_e;
typedef enum { CR_MODES(CR_ENUM_MODE)  CR_MODE_MAX } cr_mode_e;

/* Terminated words by value; index with the enum. */

extern const char *const  cr_event_word[CR_EV_MAX];
extern const char *const  cr_stage_word[CR_STAGE_MAX];
extern const char *const  cr_tier_word[CR_TIER_MAX];
extern const char *const  cr_arm_word[CR_ARM_MAX];
extern const char *const  cr_skip_word[CR_SKIP_MAX];
extern const char *const  cr_reason_word[CR_REASON_MAX];
extern const char *const  cr_kind_word[CR_KIND_MAX];
extern const char *const  cr_mode_word[CR_MODE_MAX];

/* The index of a word in one of the tables above, or CR_NONE. */

int cr_word_find(const char *const *table, int n, const char *p, size_t len);

/* The stage that an event reaches; CR_STAGE_NONE where it says nothing. */

cr_stage_e cr_event_stage(cr_event_e ev);

#endif
