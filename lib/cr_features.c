/*
 * cr_features.c: the feature block: names, and what each event does to it.
 */

#include "cr_features.h"
#include "cr_cart.h"

#include <math.h>
#include <string.h>


#define CR_EWMA        0.3f
#define CR_COUNT_CAP   1000.0f
#define CR_VALUE_CAP   1e9f
#define CR_TIME_CAP    1e7f

#define CR_FEATURE_NAME(n, g, u)   #n,
#define CR_FEATURE_GROUP(n, g, u)  #g,
#define CR_FEATURE_UNIT(n, g, u)   u,

_Static_assert(sizeof(cr_features_t) == 224, "the block's layout");

static const char *const  cr_feature_names[CR_F_MAX] = {
    CR_FEATURES_SERVER(CR_FEATURE_NAME) CR_FEATURES_BEACON(CR_FEATURE_NAME)
};

static const char *const  cr_feature_groups[CR_F_MAX] = {
    CR_FEATURES_SERVER(CR_FEATURE_GROUP) CR_FEATURES_BEACON(CR_FEATURE_GROUP)
};

static const char *const  cr_feature_units[CR_F_MAX] = {
    CR_FEATURES_SERVER(CR_FEATURE_UNIT) CR_FEATURES_BEACON(CR_FEATURE_UNIT)
};

/* Known from the first event on: they start at 0, the others at NaN. */

static const uint8_t  cr_feature_zero[] = {
    CR_F_pages, CR_F_product_views, CR_F_category_views, CR_F_searches,
    CR_F_distinct_products, CR_F_repeat_views, CR_F_cart_views, CR_F_adds,
    CR_F_removes, CR_F_updates, CR_F_coupon_tries, CR_F_coupon_failures,
    CR_F_checkout_step, CR_F_checkout_max, CR_F_checkout_back,
    CR_F_login_walls, CR_F_payment_posts, CR_F_payment_failures, CR_F_errors,
    CR_F_server_errors, CR_F_session_seconds, CR_F_has_beacon
};

/* What an event counts: up to two features; 0 (pages) stands for none, which
 * the page flag counts. */

static const uint8_t  cr_feature_counts[CR_EV_MAX][2] = {
    [CR_EV_VIEW_PRODUCT] = { CR_F_product_views },
    [CR_EV_VIEW_CATEGORY] = { CR_F_category_views },
    [CR_EV_SEARCH] = { CR_F_searches },
    [CR_EV_ADD] = { CR_F_adds },
    [CR_EV_UPDATE] = { CR_F_updates },
    [CR_EV_REMOVE] = { CR_F_removes },
    [CR_EV_VIEW_CART] = { CR_F_cart_views },
    [CR_EV_COUPON] = { CR_F_coupon_tries },
    [CR_EV_COUPON_FAILED] = { CR_F_coupon_tries, CR_F_coupon_failures },
    [CR_EV_PAYMENT] = { CR_F_payment_posts },
    [CR_EV_PAYMENT_FAILED] = { CR_F_payment_posts, CR_F_payment_failures },
    [CR_EV_LOGIN_WALL] = { CR_F_login_walls },
};

static const float  cr_beacon_cap[CR_F_BEACON] = {
    9, 4, 4, 1, 8, 5, 6, 5, 3, 5, 5, 1, 6, 6, 6, 5
};


const char *
cr_feature_name(int i)
{
    return (i >= 0 && i < CR_F_MAX) ? cr_feature_names[i] : "";
}


const char *
cr_feature_group(int i)
{
    return (i >= 0 && i < CR_F_MAX) ? cr_feature_groups[i] : "";
}


const char *
cr_feature_unit(int i)
{
    return (i >= 0 && i < CR_F_MAX) ? cr_feature_units[i] : "";
}


static uint64_t
cr_fnv(uint64_t h, const char *s)
{
    do {
        h = (h ^ (uint8_t) *s) * UINT64_C(0x100000001b3);
    } while (*s++);

    return h;
}


uint64_t
cr_features_schema(void)
{
    int       i;
    uint64_t  h;

    h = UINT64_C(0xcbf29ce484222325);

    for (i = 0; i < CR_F_MAX; i++) {
        h = cr_fnv(h, cr_feature_names[i]);
        h = cr_fnv(h, cr_feature_groups[i]);
        h = cr_fnv(h, cr_feature_units[i]);
    }

    return h;
}


static float
cr_clamp(float v, float lo, float hi)
{
    return v > hi ? hi : v < lo ? lo : v;
}


static void
cr_feature_add(cr_features_t *x, int i)
{
    x->f[i] = cr_clamp(x->f[i] + 1.0f, 0, CR_COUNT_CAP);
}


static void
cr_feature_ewma(float *f, float v)
{
    *f = isnan(*f) ? v : *f + CR_EWMA * (v - *f);
}


static float
cr_seconds(uint32_t now_s, uint32_t then_s)
{
    return now_s > then_s
           ? cr_clamp((float) (now_s - then_s), 0, CR_TIME_CAP) : 0;
}


void
cr_features_init(cr_features_t *x, uint32_t now_s)
{
    size_t  i;

    memset(x, 0, sizeof(cr_features_t));

    for (i = 0; i < CR_F_MAX; i++) {
        x->f[i] = NAN;
    }

    for (i = 0; i < sizeof(cr_feature_zero); i++) {
        x->f[cr_feature_zero[i]] = 0;
    }

    x->first_s = now_s;
    x->last_s = now_s;
}


/* One bit a product: a set bit that is met again is a repeated view, and the
 * number of bits estimates the number of products. */

static void
cr_features_product(cr_features_t *x, uint64_t product)
{
    int       n;
    uint64_t  bit;

    bit = UINT64_C(1) << ((product * UINT64_C(0x9e3779b97f4a7c15)) >> 58);

    if (x->products & bit) {
        cr_feature_add(x, CR_F_repeat_views);
        return;
    }

    x->products |= bit;
    n = __builtin_popcountll(x->products);

    x->f[CR_F_distinct_products] = n < 64
                                   ? -64.0f * log1pf(-(float) n / 64.0f)
                                   : 64.0f * logf(64.0f);
}


static float
cr_major(int64_t minor, int exponent)
{
    double  v;

    v = (double) minor;

    while (exponent-- > 0) {
        v /= 10;
    }

    return cr_clamp((float) v, 0, CR_VALUE_CAP);
}


static void
cr_features_cart(cr_features_t *x, const cr_features_event_t *e)
{
    float  value, from;

    if (e->cart_value == CR_AMOUNT_UNKNOWN) {
        if (e->pieces) {
            x->f[CR_F_cart_pieces] = cr_clamp((float) e->pieces, 0,
                                              CR_COUNT_CAP);
        }

        return;
    }

    value = cr_major(e->cart_value, e->exponent);

    x->f[CR_F_cart_pieces] = cr_clamp((float) e->pieces, 0, CR_COUNT_CAP);
    x->f[CR_F_cart_value] = value;
    x->value_max = value > x->value_max ? value : x->value_max;
    x->f[CR_F_cart_value_ratio] = x->value_max > 0 ? value / x->value_max
                                                   : NAN;

    if (e->cart_shipping != CR_AMOUNT_UNKNOWN) {
        x->f[CR_F_shipping_ratio] = value > 0
            ? cr_clamp(cr_major(e->cart_shipping, e->exponent) / value, 0, 10)
            : NAN;
    }

    if (e->free_from != CR_AMOUNT_UNKNOWN && e->free_from > 0) {
        from = cr_major(e->free_from, e->exponent);
        x->f[CR_F_free_shipping_gap] = cr_clamp((from - value) / from, 0, 1);
    }
}


static void
cr_features_stage(cr_features_t *x, cr_event_e ev, uint32_t now_s)
{
    float       was;
    cr_stage_e  stage;

    stage = cr_event_stage(ev);
    was = x->f[CR_F_checkout_step];

    if (stage == CR_STAGE_NONE) {
        return;
    }

    if (was == CR_STAGE_ORDERED && stage < CR_STAGE_ORDERED) {

        /* the next purchase of the same session */

        x->f[CR_F_checkout_max] = 0;
        x->f[CR_F_checkout_seconds] = NAN;
        x->checkout_s = 0;

    } else if (was >= CR_STAGE_CHECKOUT && (float) stage < was
               && ev != CR_EV_LOGIN_WALL)
    {
        cr_feature_add(x, CR_F_checkout_back);
    }

    x->f[CR_F_checkout_step] = (float) stage;

    if ((float) stage > x->f[CR_F_checkout_max]) {
        x->f[CR_F_checkout_max] = (float) stage;
    }

    if (stage >= CR_STAGE_CHECKOUT && x->checkout_s == 0) {
        x->checkout_s = now_s;
    }
}


static void
cr_features_failure(cr_features_t *x, const cr_features_event_t *e)
{
    if (e->event == CR_EV_ERROR
        || (e->status >= 400
            && (e->event != CR_EV_NONE
                || x->f[CR_F_checkout_step] >= CR_STAGE_CHECKOUT)))
    {
        cr_feature_add(x, CR_F_errors);
    }

    if (e->status >= 500) {
        cr_feature_add(x, CR_F_server_errors);
    }
}


static void
cr_features_time(cr_features_t *x, uint32_t now_s)
{
    float  day;

    x->f[CR_F_session_seconds] = cr_seconds(now_s, x->first_s);

    if (x->checkout_s) {
        x->f[CR_F_checkout_seconds] = cr_seconds(now_s, x->checkout_s);
    }

    /* UTC: the shopper's own clock is not known */

    day = (float) (now_s % 86400) / 86400.0f * 6.2831853f;
    x->f[CR_F_hour_sin] = sinf(day);
    x->f[CR_F_hour_cos] = cosf(day);
}


void
cr_features_event(cr_features_t *x, const cr_features_event_t *e,
    uint32_t now_s)
{
    int             i;
    const uint8_t  *counts;

    if (x->f[CR_F_pages] > 0 || x->last_s != x->first_s) {
        cr_feature_ewma(&x->f[CR_F_gap_seconds],
                        cr_seconds(now_s, x->last_s));
    }

    if (e->page) {
        cr_feature_add(x, CR_F_pages);
    }

    counts = cr_feature_counts[e->event];

    for (i = 0; i < 2; i++) {
        if (counts[i]) {
            cr_feature_add(x, counts[i]);
        }
    }

    if (e->event == CR_EV_VIEW_PRODUCT && e->product) {
        cr_features_product(x, e->product);
    }

    cr_features_stage(x, e->event, now_s);
    cr_features_cart(x, e);
    cr_features_failure(x, e);

    if (e->upstream_ms >= 0) {
        cr_feature_ewma(&x->f[CR_F_upstream_ms],
                        cr_clamp((float) e->upstream_ms, 0, 60000));
    }

    x->f[CR_F_returning] = e->returning;
    x->f[CR_F_mobile] = e->mobile;

    cr_features_time(x, now_s);
    x->last_s = now_s;
}


void
cr_features_beacon(cr_features_t *x, const float *f, int n, uint32_t now_s)
{
    int  i;

    for (i = 0; i < n && i < CR_F_BEACON; i++) {
        x->f[CR_F_SERVER + i] = isnan(f[i])
                                ? NAN : cr_clamp(f[i], 0, cr_beacon_cap[i]);
    }

    x->f[CR_F_has_beacon] = 1;
    cr_features_time(x, now_s);
}
