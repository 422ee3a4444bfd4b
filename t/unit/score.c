#include "check.h"

#include "cr_score.h"

#include <math.h>
#include <stdlib.h>


#define NOW  1800000000u


static cr_features_t  x;


static void
fresh(void)
{
    int  i;

    cr_features_init(&x, NOW);

    for (i = 0; i < CR_F_MAX; i++) {
        x.f[i] = NAN;
    }
}


static int
feature(const char *name)
{
    int  i;

    for (i = 0; i < CR_F_MAX; i++) {
        if (strcmp(cr_feature_name(i), name) == 0) {
            return i;
        }
    }

    return -1;
}


/* 1 when more of a feature raises the score, -1 when it lowers it. */

static int
sign(int i)
{
    float  none, some;

    fresh();
    none = cr_score(&x, NULL);
    x.f[i] = 1;
    some = cr_score(&x, NULL);

    return some > none ? 1 : some < none ? -1 : 0;
}


static void
test_signs(void)
{
    size_t  i;

    static const uint8_t  up[] = {
        CR_F_idle, CR_F_gap_seconds, CR_F_shipping_ratio,
        CR_F_coupon_failures, CR_F_errors, CR_F_server_errors, CR_F_hidden,
        CR_F_payment_failures, CR_F_login_walls, CR_F_removes
    };

    static const uint8_t  down[] = {
        CR_F_checkout_step, CR_F_checkout_max, CR_F_adds, CR_F_returning,
        CR_F_edge_seconds
    };

    for (i = 0; i < sizeof(up); i++) {
        OK_TEXT(sign(up[i]) == 1, cr_feature_name(up[i]));
    }

    for (i = 0; i < sizeof(down); i++) {
        OK_TEXT(sign(down[i]) == -1, cr_feature_name(down[i]));
    }

    OK_TEXT(sign(CR_F_hour_sin) == 0, "control: an hour weighs nothing");
}


static void
test_bounds(void)
{
    int    i;
    float  c[CR_F_MAX], sum, p;

    fresh();
    p = cr_score(&x, c);
    OK(p > 0 && p < 1);

    for (i = 0, sum = 0; i < CR_F_MAX; i++) {
        sum += fabsf(c[i]);
    }

    EQ_INT(sum * 1e6f, 0);

    for (i = 0; i < CR_F_MAX; i++) {
        x.f[i] = 1e30f;
    }

    p = cr_score(&x, c);
    OK(p >= 0 && p <= 1);

    for (i = 0, sum = 0.6f; i < CR_F_MAX; i++) {
        sum += c[i];
    }

    OK(fabsf(p - 1 / (1 + expf(-sum))) < 1e-5f);

    for (i = 0; i < CR_F_MAX; i++) {
        x.f[i] = -1e30f;
    }

    p = cr_score(&x, NULL);
    OK(fabsf(p - 1 / (1 + expf(-0.6f))) < 1e-5f);

    /* who has ordered nearly is behind who wanders off */

    fresh();
    x.f[CR_F_checkout_step] = CR_STAGE_PAYMENT;
    x.f[CR_F_checkout_max] = CR_STAGE_PAYMENT;
    p = cr_score(&x, NULL);
    x.f[CR_F_payment_failures] = 2;
    x.f[CR_F_idle] = 6;
    OK(cr_score(&x, NULL) > p + 0.2f);
}


static void
test_reasons(void)
{
    float  p;

    fresh();
    EQ_INT(cr_reason(&x, &p), CR_REASON_UNKNOWN);
    OK(p < 0.5f);

    x.f[CR_F_shipping_ratio] = 0.12f;
    EQ_INT(cr_reason(&x, &p), CR_REASON_UNKNOWN);
    OK(p > 0.3f && p < 0.5f);
    x.f[CR_F_shipping_ratio] = 0.25f;
    EQ_INT(cr_reason(&x, &p), CR_REASON_SHIPPING_COST);
    OK(p >= 0.5f);
    x.f[CR_F_dwell_shipping] = 0.5f;
    EQ_INT(cr_reason(&x, NULL), CR_REASON_SHIPPING_COST);

    fresh();
    x.f[CR_F_payment_failures] = 1;
    EQ_INT(cr_reason(&x, &p), CR_REASON_PAYMENT_FAILURE);
    OK(p > 0.8f);

    fresh();
    x.f[CR_F_login_walls] = 1;
    EQ_INT(cr_reason(&x, &p), CR_REASON_FORCED_ACCOUNT);

    fresh();
    x.f[CR_F_server_errors] = 1;
    EQ_INT(cr_reason(&x, &p), CR_REASON_TECHNICAL_ERROR);

    fresh();
    x.f[CR_F_copied] = 1;
    EQ_INT(cr_reason(&x, &p), CR_REASON_PRICE_COMPARING);

    fresh();
    x.f[CR_F_bounces] = 2;
    x.f[CR_F_checkout_back] = 2;
    EQ_INT(cr_reason(&x, &p), CR_REASON_COMPLEXITY);

    fresh();
    x.f[CR_F_dwell_payment] = 1;
    x.f[CR_F_payment_failures] = 0;
    EQ_INT(cr_reason(&x, &p), CR_REASON_PAYMENT_TRUST);

    fresh();
    x.f[CR_F_product_views] = 5;
    x.f[CR_F_searches] = 3;
    x.f[CR_F_checkout_max] = CR_STAGE_PRODUCT;
    EQ_INT(cr_reason(&x, &p), CR_REASON_JUST_LOOKING);
    x.f[CR_F_checkout_max] = CR_STAGE_CHECKOUT;
    EQ_INT(cr_reason(&x, &p), CR_REASON_UNKNOWN);

    /* two that are as likely: neither */

    fresh();
    x.f[CR_F_copied] = 1;
    x.f[CR_F_bounces] = 2;
    EQ_INT(cr_reason(&x, &p), CR_REASON_UNKNOWN);
}


/* The page's table and the code's: same rows, same numbers. */

static void
test_page(const char *path)
{
    int      i, rows, wrong, weighed;
    FILE    *f;
    char     line[512], name[64];
    float    c[CR_F_MAX], weight, cap;

    f = fopen(path, "r");

    if (f == NULL) {
        OK_TEXT(0, "doc/scorecard.md can be read");
        return;
    }

    rows = 0;
    wrong = 0;

    while (fgets(line, sizeof(line), f)) {

        if (sscanf(line, "| `%63[a-z_]` | %f | %f |", name, &weight, &cap)
            != 3)
        {
            continue;
        }

        rows++;
        i = feature(name);

        if (i < 0) {
            wrong++;
            continue;
        }

        fresh();
        x.f[i] = cap / 2;
        (void) cr_score(&x, c);
        wrong += fabsf(c[i] - weight * cap / 2) > 1e-4f;
        x.f[i] = cap * 2;
        (void) cr_score(&x, c);
        wrong += fabsf(c[i] - weight * cap) > 1e-4f;

        if (wrong) {
            printf("# at %s", line);
        }
    }

    fclose(f);

    for (i = 0, weighed = 0; i < CR_F_MAX; i++) {
        fresh();
        x.f[i] = 1;
        (void) cr_score(&x, c);
        weighed += c[i] != 0;
    }

    EQ_INT(wrong, 0);
    EQ_INT(rows, weighed);
}


int
main(void)
{
    const char  *root;
    char         path[4096];

    root = getenv("CARTRECOVER_ROOT");
    snprintf(path, sizeof(path), "%s/doc/scorecard.md", root ? root : ".");

    test_signs();
    test_bounds();
    test_reasons();
    test_page(path);

    return check_done();
}
