/*
 * cr_score.c: the scorecard.  doc/scorecard.md gives each weight's reason.
 */

#include "cr_score.h"

#include <math.h>


#define CR_SCORE_BIAS     0.6f
#define CR_REASON_RULES   (sizeof(cr_reasons) / sizeof(cr_reasons[0]))
#define CR_REASON_MIN     0.5f

typedef struct {
    uint8_t    feature;
    float      weight;           /* logits a unit, */
    float      cap;              /* of at most so many units */
} cr_weight_t;

static const cr_weight_t  cr_weights[] = {
    { CR_F_pages, -0.02f, 20 },
    { CR_F_repeat_views, -0.05f, 6 },
    { CR_F_cart_views, 0.08f, 5 },
    { CR_F_adds, -0.15f, 5 },
    { CR_F_removes, 0.20f, 4 },
    { CR_F_cart_value_ratio, -0.60f, 1 },
    { CR_F_shipping_ratio, 1.50f, 1 },
    { CR_F_free_shipping_gap, 0.60f, 1 },
    { CR_F_coupon_failures, 0.45f, 3 },
    { CR_F_checkout_step, -0.12f, 8 },
    { CR_F_checkout_max, -0.18f, 8 },
    { CR_F_checkout_back, 0.35f, 4 },
    { CR_F_checkout_seconds, 0.0015f, 900 },
    { CR_F_login_walls, 0.60f, 2 },
    { CR_F_payment_failures, 0.60f, 3 },
    { CR_F_errors, 0.30f, 4 },
    { CR_F_server_errors, 0.30f, 4 },
    { CR_F_upstream_ms, 0.0001f, 10000 },
    { CR_F_gap_seconds, 0.004f, 300 },
    { CR_F_returning, -0.40f, 1 },
    { CR_F_mobile, 0.15f, 1 },
    { CR_F_edge_seconds, -0.04f, 9 },
    { CR_F_up_speed, 0.15f, 4 },
    { CR_F_scroll_up, 0.08f, 5 },
    { CR_F_idle, 0.15f, 6 },
    { CR_F_hidden, 0.20f, 5 },
    { CR_F_rage, 0.25f, 3 },
    { CR_F_payment_changes, 0.15f, 5 },
    { CR_F_bounces, 0.20f, 5 },
    { CR_F_copied, 0.40f, 1 },
    { CR_F_dwell_shipping, 0.08f, 6 },
    { CR_F_dwell_total, 0.05f, 6 },
    { CR_F_dwell_payment, 0.05f, 6 },
};

/* "feature >= least", where a second feature is named also "< below": speaks
 * for a reason with this probability.  Delivery time and returns leave no mark
 * in schema 1, so nothing claims them. */

typedef struct {
    uint8_t    reason;
    uint8_t    feature;
    uint8_t    also;
    float      least;
    float      below;
    float      p;
} cr_reason_rule_t;

#define CR_F_NO_MORE  CR_F_MAX

static const cr_reason_rule_t  cr_reasons[] = {
    { CR_REASON_SHIPPING_COST, CR_F_shipping_ratio, CR_F_NO_MORE,
      0.10f, 0, 0.35f },
    { CR_REASON_SHIPPING_COST, CR_F_shipping_ratio, CR_F_NO_MORE,
      0.20f, 0, 0.45f },
    { CR_REASON_SHIPPING_COST, CR_F_dwell_shipping, CR_F_NO_MORE,
      0.40f, 0, 0.45f },
    { CR_REASON_SHIPPING_COST, CR_F_dwell_shipping, CR_F_free_shipping_gap,
      0.40f, 0.25f, 0.35f },
    { CR_REASON_PRICE_COMPARING, CR_F_copied, CR_F_NO_MORE, 1, 0, 0.60f },
    { CR_REASON_PRICE_COMPARING, CR_F_coupon_failures, CR_F_NO_MORE,
      1, 0, 0.55f },
    { CR_REASON_PRICE_COMPARING, CR_F_hidden, CR_F_NO_MORE, 2, 0, 0.35f },
    { CR_REASON_PRICE_COMPARING, CR_F_repeat_views, CR_F_NO_MORE,
      3, 0, 0.25f },
    { CR_REASON_PAYMENT_TRUST, CR_F_dwell_payment, CR_F_payment_failures,
      0.80f, 1, 0.55f },
    { CR_REASON_PAYMENT_TRUST, CR_F_payment_changes, CR_F_payment_failures,
      2, 1, 0.45f },
    { CR_REASON_FORCED_ACCOUNT, CR_F_login_walls, CR_F_NO_MORE, 1, 0, 0.70f },
    { CR_REASON_FORCED_ACCOUNT, CR_F_login_walls, CR_F_NO_MORE, 2, 0, 0.50f },
    { CR_REASON_COMPLEXITY, CR_F_bounces, CR_F_NO_MORE, 2, 0, 0.55f },
    { CR_REASON_COMPLEXITY, CR_F_checkout_back, CR_F_NO_MORE, 2, 0, 0.40f },
    { CR_REASON_COMPLEXITY, CR_F_checkout_seconds, CR_F_NO_MORE,
      300, 0, 0.30f },
    { CR_REASON_TECHNICAL_ERROR, CR_F_server_errors, CR_F_NO_MORE,
      1, 0, 0.65f },
    { CR_REASON_TECHNICAL_ERROR, CR_F_errors, CR_F_NO_MORE, 2, 0, 0.55f },
    { CR_REASON_TECHNICAL_ERROR, CR_F_rage, CR_F_NO_MORE, 2, 0, 0.35f },
    { CR_REASON_TECHNICAL_ERROR, CR_F_upstream_ms, CR_F_NO_MORE,
      5000, 0, 0.35f },
    { CR_REASON_PAYMENT_FAILURE, CR_F_payment_failures, CR_F_NO_MORE,
      1, 0, 0.85f },
    { CR_REASON_PAYMENT_FAILURE, CR_F_payment_failures, CR_F_NO_MORE,
      2, 0, 0.60f },
    { CR_REASON_JUST_LOOKING, CR_F_product_views, CR_F_checkout_max,
      4, CR_STAGE_CART, 0.45f },
    { CR_REASON_JUST_LOOKING, CR_F_searches, CR_F_checkout_max,
      2, CR_STAGE_CART, 0.25f },
};


float
cr_score(const cr_features_t *x, float *contribution)
{
    float               sum, v;
    size_t              i;
    const cr_weight_t  *w;

    sum = CR_SCORE_BIAS;

    if (contribution) {
        for (i = 0; i < CR_F_MAX; i++) {
            contribution[i] = 0;
        }
    }

    for (i = 0; i < sizeof(cr_weights) / sizeof(cr_weights[0]); i++) {
        w = &cr_weights[i];
        v = x->f[w->feature];

        if (isnan(v)) {
            continue;
        }

        v = w->weight * (v > w->cap ? w->cap : v < 0 ? 0 : v);
        sum += v;

        if (contribution) {
            contribution[w->feature] = v;
        }
    }

    return 1.0f / (1.0f + expf(-sum));
}


static int
cr_reason_holds(const cr_reason_rule_t *r, const cr_features_t *x)
{
    if (!(x->f[r->feature] >= r->least)) {
        return 0;
    }

    return r->also == CR_F_NO_MORE || x->f[r->also] < r->below;
}


/* Rules of one reason join as a noisy or.  The reasons, "unknown" with even
 * odds among them, then share the posterior by their odds: two that are as
 * likely make neither known. */

cr_reason_e
cr_reason(const cr_features_t *x, float *p)
{
    int     i, best;
    size_t  n;
    float   none[CR_REASON_MAX], odds, sum, top;

    for (i = 0; i < CR_REASON_MAX; i++) {
        none[i] = 1;
    }

    for (n = 0; n < CR_REASON_RULES; n++) {
        if (cr_reason_holds(&cr_reasons[n], x)) {
            none[cr_reasons[n].reason] *= 1 - cr_reasons[n].p;
        }
    }

    best = CR_REASON_UNKNOWN;
    sum = 1;
    top = 0;

    for (i = CR_REASON_UNKNOWN + 1; i < CR_REASON_MAX; i++) {
        odds = (1 - none[i]) / none[i];
        sum += odds;

        if (odds > top) {
            top = odds;
            best = i;
        }
    }

    top /= sum;

    if (p) {
        *p = top;
    }

    return top < CR_REASON_MIN ? CR_REASON_UNKNOWN : (cr_reason_e) best;
}
