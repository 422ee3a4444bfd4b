#include "check.h"

#include "cr_features.h"

#include <math.h>


#define NOW  1800000000u

#define F(name)  x.f[CR_F_##name]


static cr_features_t        x;
static cr_features_event_t  e;


static void
fresh(void)
{
    cr_features_init(&x, NOW);
}


static void
blank(cr_event_e event)
{
    memset(&e, 0, sizeof(e));
    e.event = event;
    e.upstream_ms = -1;
    e.cart_value = CR_AMOUNT_UNKNOWN;
    e.cart_shipping = CR_AMOUNT_UNKNOWN;
    e.free_from = CR_AMOUNT_UNKNOWN;
    e.exponent = 2;
}


static void
event(cr_event_e ev, uint32_t after)
{
    blank(ev);
    cr_features_event(&x, &e, NOW + after);
}


static int
near(float a, float b)
{
    return fabsf(a - b) < 1e-4f * (1 + fabsf(b));
}


static void
test_names(void)
{
    int  i, j, same;

    same = 0;

    for (i = 0; i < CR_F_MAX; i++) {
        for (j = 0; j < i; j++) {
            same += strcmp(cr_feature_name(i), cr_feature_name(j)) == 0;
        }
    }

    EQ_INT(same, 0);
    EQ_STR(cr_feature_name(CR_F_pages), "pages");
    EQ_STR(cr_feature_name(CR_F_page_age), "page_age");
    EQ_STR(cr_feature_group(CR_F_login_walls), "account");
    EQ_STR(cr_feature_unit(CR_F_edge_seconds), "s");
    EQ_STR(cr_feature_name(CR_F_MAX), "");
    EQ_STR(cr_feature_name(-1), "");
    EQ_INT(CR_F_BEACON, 16);

    /* the id that trained models carry: it changes with the list only */

    OK(cr_features_schema() == cr_features_schema());
    OK(cr_features_schema() != 0);
}


static void
test_init(void)
{
    fresh();
    EQ_INT(F(pages), 0);
    OK(isnan(F(cart_value)) && isnan(F(shipping_ratio)) && isnan(F(idle)));
    OK(isnan(F(returning)) && isnan(F(upstream_ms)));
    EQ_INT(F(has_beacon), 0);
}


static void
test_counts(void)
{
    fresh();
    blank(CR_EV_NONE);
    e.page = 1;
    cr_features_event(&x, &e, NOW);
    cr_features_event(&x, &e, NOW + 10);
    EQ_INT(F(pages), 2);
    OK(near(F(gap_seconds), 10));
    cr_features_event(&x, &e, NOW + 30);
    OK(near(F(gap_seconds), 13));
    EQ_INT(F(session_seconds), 30);

    event(CR_EV_ADD, 31);
    event(CR_EV_REMOVE, 31);
    event(CR_EV_UPDATE, 31);
    event(CR_EV_SEARCH, 31);
    event(CR_EV_VIEW_CATEGORY, 31);
    event(CR_EV_VIEW_CART, 31);
    OK(F(adds) == 1 && F(removes) == 1 && F(updates) == 1);
    OK(F(searches) == 1 && F(category_views) == 1 && F(cart_views) == 1);
    EQ_INT(F(pages), 3);

    event(CR_EV_COUPON, 40);
    event(CR_EV_COUPON_FAILED, 40);
    OK(F(coupon_tries) == 2 && F(coupon_failures) == 1);
    event(CR_EV_LOGIN_WALL, 40);
    OK(F(login_walls) == 1);

    /* back in time */

    cr_features_event(&x, &e, NOW - 5000);
    EQ_INT(F(session_seconds), 0);
    OK(isfinite(F(gap_seconds)) && F(gap_seconds) >= 0);

    /* counters saturate */

    for (int i = 0; i < 3000; i++) {
        event(CR_EV_ADD, 50);
    }

    EQ_INT(F(adds), 1000);
}


static void
test_products(void)
{
    uint64_t  i;

    fresh();
    blank(CR_EV_VIEW_PRODUCT);
    e.product = 77;
    cr_features_event(&x, &e, NOW);
    cr_features_event(&x, &e, NOW);
    EQ_INT(F(product_views), 2);
    EQ_INT(F(repeat_views), 1);
    OK(F(distinct_products) > 0.9f && F(distinct_products) < 1.1f);

    fresh();

    for (i = 1; i <= 20; i++) {
        e.product = i * UINT64_C(0x123456789abcdef1);
        cr_features_event(&x, &e, NOW);
    }

    OK(F(distinct_products) > 12 && F(distinct_products) < 30);

    for (i = 1; i <= 5000; i++) {
        e.product = i * UINT64_C(0x123456789abcdef1);
        cr_features_event(&x, &e, NOW);
    }

    OK(isfinite(F(distinct_products)));
}


static void
test_cart(void)
{
    fresh();
    blank(CR_EV_ADD);
    e.cart_value = 5000;
    e.cart_shipping = 500;
    e.free_from = 10000;
    e.pieces = 3;
    cr_features_event(&x, &e, NOW);
    OK(near(F(cart_value), 50));
    OK(near(F(shipping_ratio), 0.1f));
    OK(near(F(free_shipping_gap), 0.5f));
    OK(near(F(cart_value_ratio), 1));
    EQ_INT(F(cart_pieces), 3);

    e.cart_value = 2000;
    cr_features_event(&x, &e, NOW);
    OK(near(F(cart_value_ratio), 0.4f));

    e.cart_value = 20000;
    cr_features_event(&x, &e, NOW);
    EQ_INT(F(free_shipping_gap), 0);

    e.cart_value = 0;
    e.pieces = 0;
    cr_features_event(&x, &e, NOW);
    OK(isnan(F(shipping_ratio)) && F(cart_value_ratio) == 0);
    EQ_INT(F(cart_pieces), 0);

    /* an unknown value changes nothing */

    event(CR_EV_VIEW_CART, 1);
    EQ_INT(F(cart_value), 0);

    /* yen have no cents; hostile amounts stay finite */

    e.exponent = 0;
    e.cart_value = 5000;
    cr_features_event(&x, &e, NOW);
    OK(near(F(cart_value), 5000));
    e.cart_value = INT64_MAX;
    e.cart_shipping = INT64_MAX;
    e.pieces = UINT32_MAX;
    cr_features_event(&x, &e, NOW);
    e.cart_value = -5;
    e.free_from = 1;
    cr_features_event(&x, &e, NOW);
    OK(isfinite(F(cart_value)) && isfinite(F(cart_pieces)));
    OK(isfinite(F(free_shipping_gap)));
}


static void
test_checkout(void)
{
    fresh();
    event(CR_EV_ADD, 0);
    EQ_INT(F(checkout_step), CR_STAGE_CART);
    OK(isnan(F(checkout_seconds)));
    event(CR_EV_CHECKOUT_START, 100);
    event(CR_EV_SHIPPING, 130);
    EQ_INT(F(checkout_step), CR_STAGE_SHIPPING);
    EQ_INT(F(checkout_seconds), 30);
    EQ_INT(F(checkout_back), 0);

    event(CR_EV_VIEW_CART, 140);
    EQ_INT(F(checkout_back), 1);
    EQ_INT(F(checkout_step), CR_STAGE_CART);
    EQ_INT(F(checkout_max), CR_STAGE_SHIPPING);
    event(CR_EV_VIEW_PRODUCT, 141);
    EQ_INT(F(checkout_back), 1);

    event(CR_EV_PAYMENT, 150);
    event(CR_EV_PAYMENT_FAILED, 151);
    OK(F(payment_posts) == 2 && F(payment_failures) == 1);
    event(CR_EV_LOGIN_WALL, 152);
    EQ_INT(F(checkout_back), 1);

    event(CR_EV_ORDER, 160);
    event(CR_EV_VIEW_PRODUCT, 200);
    EQ_INT(F(checkout_back), 1);
    EQ_INT(F(checkout_max), CR_STAGE_PRODUCT);
    OK(isnan(F(checkout_seconds)));
}


static void
test_failures(void)
{
    fresh();
    blank(CR_EV_NONE);
    e.status = 404;
    cr_features_event(&x, &e, NOW);
    EQ_INT(F(errors), 0);
    e.event = CR_EV_SHIPPING;
    e.status = 422;
    cr_features_event(&x, &e, NOW);
    EQ_INT(F(errors), 1);
    e.event = CR_EV_NONE;
    e.status = 502;
    cr_features_event(&x, &e, NOW);
    EQ_INT(F(errors), 2);
    EQ_INT(F(server_errors), 1);
    event(CR_EV_ERROR, 1);
    EQ_INT(F(errors), 3);

    blank(CR_EV_NONE);
    e.upstream_ms = 100;
    cr_features_event(&x, &e, NOW);
    e.upstream_ms = 200;
    cr_features_event(&x, &e, NOW);
    OK(near(F(upstream_ms), 130));
    e.upstream_ms = INT64_MAX;
    cr_features_event(&x, &e, NOW);
    OK(F(upstream_ms) < 60001);
}


static void
test_beacon(void)
{
    int    i, bad;
    float  f[40];

    fresh();

    for (i = 0; i < 40; i++) {
        f[i] = i % 2 ? 1e30f : -1e30f;
    }

    f[6] = NAN;
    f[7] = INFINITY;
    cr_features_beacon(&x, f, 40, NOW + 5);
    EQ_INT(F(has_beacon), 1);
    EQ_INT(F(edge_seconds), 0);
    EQ_INT(F(up_speed), 4);
    EQ_INT(F(pointer_y), 1);
    OK(isnan(F(idle)));
    EQ_INT(F(hidden), 5);
    EQ_INT(F(copied), 1);
    EQ_INT(F(page_age), 5);
    EQ_INT(F(session_seconds), 5);

    for (i = 0, bad = 0; i < CR_F_MAX; i++) {
        bad += isinf(x.f[i]) != 0;
    }

    EQ_INT(bad, 0);
    EQ_INT(F(pages), 0);
}


int
main(void)
{
    test_names();
    test_init();
    test_counts();
    test_products();
    test_cart();
    test_checkout();
    test_failures();
    test_beacon();

    return check_done();
}
