/*
 * cr_features.h: the session's feature block, schema 1.  Fixed slots of
 * float32; NaN = unknown; each event updates it in O(1).
 */

#ifndef CR_FEATURES_H
#define CR_FEATURES_H

#include "cr_base.h"
#include "cr_word.h"


/* name, group (the reason group a contribution is summed under), unit */

#define CR_FEATURES_SERVER(X)                                                 \
    X(pages, tempo, "count")                                                  \
    X(product_views, tempo, "count")                                          \
    X(category_views, tempo, "count")                                         \
    X(searches, tempo, "count")                                               \
    X(distinct_products, price, "count")                                      \
    X(repeat_views, price, "count")                                           \
    X(cart_views, complexity, "count")                                        \
    X(adds, tempo, "count")                                                   \
    X(removes, price, "count")                                                \
    X(updates, price, "count")                                                \
    X(cart_value, price, "major units")                                       \
    X(cart_pieces, tempo, "count")                                            \
    X(cart_value_ratio, price, "value / largest value")                       \
    X(shipping_ratio, shipping, "shipping / cart value")                      \
    X(free_shipping_gap, shipping, "gap / threshold")                         \
    X(coupon_tries, price, "count")                                           \
    X(coupon_failures, price, "count")                                        \
    X(checkout_step, complexity, "stage index")                               \
    X(checkout_max, complexity, "stage index")                                \
    X(checkout_back, complexity, "count")                                     \
    X(checkout_seconds, complexity, "s")                                      \
    X(login_walls, account, "count")                                          \
    X(payment_posts, payment, "count")                                        \
    X(payment_failures, payment, "count")                                     \
    X(errors, technical, "count")                                             \
    X(server_errors, technical, "count")                                      \
    X(upstream_ms, technical, "ms, EWMA 0.3")                                 \
    X(session_seconds, tempo, "s")                                            \
    X(gap_seconds, tempo, "s, EWMA 0.3")                                      \
    X(returning, tempo, "0/1")                                                \
    X(hour_sin, tempo, "-1..1")                                               \
    X(hour_cos, tempo, "-1..1")                                               \
    X(mobile, tempo, "0/1")                                                   \
    X(has_beacon, tempo, "0/1")

/* The 16 numbers of the beacon's wire format v1, in its order. */

#define CR_FEATURES_BEACON(X)                                                 \
    X(edge_seconds, tempo, "s")                                               \
    X(up_speed, tempo, "px/ms")                                               \
    X(side_speed, tempo, "px/ms")                                             \
    X(pointer_y, tempo, "0..1")                                               \
    X(scroll_speed, tempo, "px/ms")                                           \
    X(scroll_up, tempo, "viewports")                                          \
    X(idle, tempo, "10 s")                                                    \
    X(hidden, price, "count")                                                 \
    X(rage, technical, "count")                                               \
    X(payment_changes, payment, "count")                                      \
    X(bounces, complexity, "count")                                           \
    X(copied, price, "0/1")                                                   \
    X(dwell_shipping, shipping, "10 s")                                       \
    X(dwell_total, shipping, "10 s")                                          \
    X(dwell_payment, payment, "10 s")                                         \
    X(page_age, tempo, "min")

#define CR_ENUM_FEATURE(n, g, u)  CR_F_##n,

enum {
    CR_FEATURES_SERVER(CR_ENUM_FEATURE)
    CR_F_SERVER,                 /* number of server features */
    CR_F_SERVER_LAST = CR_F_SERVER - 1,
    CR_FEATURES_BEACON(CR_ENUM_FEATURE)
    CR_F_MAX
};

#define CR_F_BEACON  (CR_F_MAX - CR_F_SERVER)

typedef struct {
    float      f[CR_F_MAX];
    float      value_max;
    uint32_t   first_s;
    uint32_t   last_s;
    uint32_t   checkout_s;
    uint64_t   products;         /* 64-bit Bloom of product paths */
} cr_features_t;                 /* 224 bytes */

typedef struct {
    cr_event_e  event;
    int         status;          /* HTTP status, 0 = none */
    int64_t     upstream_ms;     /* -1 = unknown */
    uint64_t    product;         /* hash of the product's path, 0 = none */
    int64_t     cart_value;      /* minor units or CR_AMOUNT_UNKNOWN */
    int64_t     cart_shipping;
    int64_t     free_from;       /* free-shipping threshold or unknown */
    int         exponent;        /* of the currency */
    unsigned    pieces;
    unsigned    page:1;          /* a page view, beside the event */
    unsigned    mobile:1;
    unsigned    returning:1;
} cr_features_event_t;


void cr_features_init(cr_features_t *x, uint32_t now_s);

/* Folds one event in, O(1). */

void cr_features_event(cr_features_t *x, const cr_features_event_t *e,
    uint32_t now_s);

/* Copies n beacon numbers (NaN = unknown), each clamped to its cap again. */

void cr_features_beacon(cr_features_t *x, const float *f, int n,
    uint32_t now_s);

/* Name, reason group and unit of feature i, terminated. */

const char *cr_feature_name(int i);
const char *cr_feature_group(int i);
const char *cr_feature_unit(int i);

/* FNV-1a of all names, groups and units in order: the schema id. */

uint64_t cr_features_schema(void);

#endif
