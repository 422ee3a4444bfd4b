/* Exchanges made by hand: what each means, and what is kept of it. */

#define _GNU_SOURCE

#include "exchange.h"


#define CART2                                                                 \
    "{\"ok\":true,\"cart\":{\"id\":\"c9\",\"currency\":\"EUR\","              \
    "\"total\":34.80,\"subtotal\":29.90,\"shipping\":4.9,\"count\":2,"        \
    "\"items\":[{\"sku\":\"MUG-BLU\",\"name\":\"Blue mug\",\"qty\":2,"        \
    "\"price\":14.95,\"options\":\"size=M\"}]}}"

static const exchange_t  demo_table[] = {
    { "home", "GET", "/", 0, 0, 0, 200, 0, "<!doctype html>", "none" },
    { "category", "GET", "/c/mugs", 0, 0, 0, 200, 0, "", "view_category" },
    { "product", "GET", "/p/mug?x=1", 0, 0, 0, 200, 0, "",
      "view_product" },
    { "product gone", "GET", "/p/mug", 0, 0, 0, 404, 0, "", "none" },
    { "product broken", "GET", "/p/mug", 0, 0, 0, 500, 0, "", "error" },
    { "search", "GET", "/search?q=m", 0, 0, 0, 200, 0, "", "search" },
    { "cart", "GET", "/cart", 0, 0, 0, 200, 0, "", "view_cart" },
    { "no cart", "GET", "/cartography", 0, 0, 0, 200, 0, "", "none" },
    { "checkout", "GET", "/checkout", 0, 0, 0, 200, 0, "",
      "checkout_start" },
    { "checkout without a cart", "GET", "/checkout", 0, 0, 0, 302,
      "Location: /cart", "", "none" },
    { "prefetched checkout", "GET", "/checkout", "Sec-Purpose: prefetch",
      0, 0, 200, 0, "", "none" },
    { "prerendered checkout", "GET", "/checkout",
      "Sec-Purpose: prefetch;prerender", 0, 0, 200, 0, "", "none" },
    { "add by form", "POST", "/cart/add", 0, FORM, "sku=A&qty=1", 302,
      "Location: /cart", "", "add" },
    { "add refused", "POST", "/cart/add", 0, FORM, "sku=A&qty=1", 302,
      "Location: /cart?error=stock", "", "error" },
    { "add refused, script", "POST", "/cart/add", 0, FORM, "sku=A&qty=1",
      422, 0, "{\"ok\":false,\"error\":\"stock\"}", "error" },
    { "add says ok false", "POST", "/cart/add", 0, FORM, "sku=A", 200, 0,
      "{\"ok\":false}", "none" },
    { "update to none", "POST", "/cart/update", 0, FORM, "sku=A&qty=0",
      302, "Location: /cart", "", "remove" },
    { "coupon", "POST", "/cart/coupon", 0, FORM, "code=X", 200, 0, CART2,
      "coupon" },
    { "coupon refused", "POST", "/cart/coupon", 0, FORM, "code=X", 302,
      "Location: /cart?error=coupon", "", "coupon_failed" },
    { "contact refused", "POST", "/checkout/contact", 0, FORM,
      "email=bad&marketing=1", 422, 0, "<!doctype html>", "error" },
    { "shipping", "POST", "/checkout/shipping", 0, FORM, "method=post",
      303, "Location: /checkout/payment", "", "shipping" },
    { "declined", "POST", "/checkout/payment", 0, FORM,
      "method=card&card=4000", 402, 0, "<!doctype html>",
      "payment_failed" },
    { "payment says sold out", "POST", "/checkout/payment", 0, FORM,
      "method=card", 303, "Location: /cart?error=stock", "", "error" },
    { "order page", "GET", "/order/D-7", 0, 0, 0, 200, 0, "", "order" },
    { "another's order page", "GET", "/order/D-7", 0, 0, 0, 404, 0, "",
      "none" }
};


static void
test_demo(void)
{
    size_t  i;

    use("demo");

    for (i = 0; i < sizeof(demo_table) / sizeof(demo_table[0]); i++) {
        check(&demo_table[i]);
    }
}


static void
test_demo_lines(void)
{
    exchange_t  e;

    e = (exchange_t) { "add by script", "POST", "/cart/add", 0, FORM,
        "sku=MUG-BLU&qty=2&option.size=M&option.print=a%26b%3D+c", 200, 0,
        CART2, "add" };
    check(&e);
    EQ_INT(obs.has_lines, 1);
    EQ_INT(obs.cart.nlines, 1);
    EQ_INT(obs.cart.lines[0].qty, 2);
    EQ_INT(obs.cart.lines[0].price, 1495);
    EQ_STR(obs.cart.lines[0].ref, "MUG-BLU");
    EQ_STR(obs.cart.lines[0].name, "Blue mug");
    EQ_STR(obs.cart.lines[0].opt, "size=M");
    EQ_INT(obs.cart.total, 3480);
    EQ_INT(obs.cart.subtotal, 2990);
    EQ_INT(obs.cart.shipping, 490);
    EQ_STR(obs.cart.currency, "EUR");
    EQ_STR(obs.cart.key, "c9");
    EQ_INT(obs.has_line, 1);
    EQ_INT(obs.delta, 1);
    EQ_INT(obs.qty, 2);
    EQ_STR(obs.ref, "MUG-BLU");
    EQ_STR(obs.opt, "size=M&print=a%26b%3D%20c");

    e = (exchange_t) { "cut in the middle", "POST", "/cart/add", 0, FORM,
        "sku=MUG-BLU", 200, 0,
        "{\"ok\":true,\"cart\":{\"items\":[{\"sku\":\"A\",\"qty\":1}", "add" };
    check(&e);
    EQ_INT(obs.has_lines, 0);
    EQ_INT(obs.cart.nlines, 0);
    EQ_INT(obs.qty, 1);

    e = (exchange_t) { "a refused add keeps nothing", "POST", "/cart/add", 0,
        FORM, "sku=MUG-BLU&qty=2", 422, 0, "{\"ok\":false}", "error" };
    check(&e);
    EQ_INT(obs.has_line, 0);
    EQ_STR(obs.ref, "");

    e = (exchange_t) { "update", "POST", "/cart/update", 0, FORM,
        "sku=A&qty=5", 302, "Location: /cart", "", "update" };
    check(&e);
    EQ_INT(obs.has_line, 1);
    EQ_INT(obs.delta, 0);
    EQ_INT(obs.qty, 5);

    e = (exchange_t) { "update without a number", "POST", "/cart/update", 0,
        FORM, "sku=A&qty=x", 302, "Location: /cart", "", "update" };
    check(&e);
    EQ_INT(obs.has_line, 0);

    e = (exchange_t) { "remove", "POST", "/cart/remove", 0, FORM, "sku=A",
        302, "Location: /cart", "", "remove" };
    check(&e);
    EQ_INT(obs.has_line, 1);
    EQ_INT(obs.qty, 0);

}


static void
test_demo_cart(void)
{
    exchange_t  e;

    e = (exchange_t) { "cart page", "GET", "/cart", 0, 0, 0, 200, 0,
        "<!doctype html><ul class=\"lines\"><li class=\"line\">"
        "<a class=\"name\" href=\"/p/x\">Big &amp; blue</a>"
        "<input name=\"sku\" value=\"A\"><input name=\"qty\" min=\"0\" "
        "value=\"3\"></li></ul><dt>Subtotal</dt><dd>\xe2\x82\xac" "1,002.00"
        "</dd><dt>Total</dt><dd>\xe2\x82\xac" "1,006.90</dd>", "view_cart" };
    check(&e);
    EQ_INT(obs.has_lines, 1);
    EQ_INT(obs.cart.lines[0].qty, 3);
    EQ_STR(obs.cart.lines[0].ref, "A");
    EQ_STR(obs.cart.lines[0].name, "Big & blue");
    EQ_INT(obs.cart.subtotal, 100200);
    EQ_INT(obs.cart.total, 100690);
    EQ_STR(obs.cart.currency, "EUR");

    e = (exchange_t) { "cart read", "GET", "/cart.json", 0, 0, 0, 200, 0,
        "{\"id\":\"c9\",\"currency\":\"EUR\",\"total\":0,\"subtotal\":0,"
        "\"shipping\":null,\"count\":0,\"items\":[]}", "cart" };
    check(&e);
    EQ_INT(obs.has_lines, 1);
    EQ_INT(obs.cart.nlines, 0);
    EQ_INT(obs.cart.total, 0);
    OK(obs.cart.shipping == CR_AMOUNT_UNKNOWN);
}


static void
test_demo_checkout(void)
{
    exchange_t  e;

    e = (exchange_t) { "contact", "POST", "/checkout/contact", 0, FORM,
        "email=Jane.Doe%40Example.COM&name=Jane&phone=%2B1+555-555+0123&"
        "country=de&marketing=1", 303, "Location: /checkout/shipping", "",
        "contact" };
    check(&e);
    EQ_STR(obs.email, "jane.doe@example.com");
    EQ_STR(obs.phone, "+15555550123");
    EQ_STR(obs.country, "DE");
    EQ_INT(obs.consent, 1);

    e.body = "email=jane%40example.com&name=Jane";
    check(&e);
    EQ_INT(obs.consent, 0);
    EQ_STR(obs.phone, "");

    e.type = MULTIPART;
    e.body = "--XyZ\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n"
             "j@example.com\r\n--XyZ\r\nContent-Disposition: form-data; "
             "name=\"x\"; filename=\"email\"\r\n\r\nother@example.com\r\n"
             "--XyZ\r\nContent-Disposition: form-data; name=\"marketing\""
             "\r\n\r\n1\r\n--XyZ--\r\n";
    check(&e);
    EQ_STR(obs.email, "j@example.com");
    EQ_INT(obs.consent, 1);

    /* a body that was cut says nothing about a box it does not show */

    e.body = "--XyZ\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n"
             "j@example.com\r\n--XyZ\r\nContent-Dispo";
    check(&e);
    EQ_STR(obs.email, "j@example.com");
    EQ_INT(obs.consent, -1);

    e.type = "application/octet-stream";
    e.body = "email=jane%40example.com";
    check(&e);
    EQ_STR(obs.email, "");

    e = (exchange_t) { "shape of an address", "POST", "/checkout/contact", 0,
        FORM, "email=jane%40localhost", 303, "Location: /checkout/shipping",
        "", "contact" };
    check(&e);
    EQ_STR(obs.email, "");
    e.body = "email=a%0d%0abcc%3a@x.example";
    check(&e);
    EQ_STR(obs.email, "");
    e.body = "email=a..b@example.com";
    check(&e);
    EQ_STR(obs.email, "");

    e = (exchange_t) { "order", "POST", "/checkout/payment", 0, FORM,
        "method=card&card=4242424242424242", 303,
        "Location: http://shop.example/order/D-1007?total=2990&currency=EUR",
        "", "order" };
    check(&e);
    EQ_STR(obs.order_id, "D-1007");
    EQ_INT(obs.order_total, 2990);
    EQ_STR(obs.cart.currency, "EUR");
    OK(memmem(&obs, sizeof(obs), "4242424242424242", 16) == NULL);

    e = (exchange_t) { "order page", "GET", "/order/D-1007?total=2990", 0, 0,
        0, 200, 0, "<!doctype html>", "order" };
    check(&e);
    EQ_STR(obs.order_id, "D-1007");
}


static void
test_hint(void)
{
    cr_match_t    m;
    cr_error_t    err;
    cr_request_t  r;

    static const char  text[] =
        "{\"name\":\"t\",\"money\":\"major\",\"rules\":[{\"match\":\"GET /c\","
        "\"response\":{\"total\":\"t\"},\"events\":[{\"event\":\"cart\"}]}]}";

    cr_profile_free(profile);
    profile = cr_profile_compile(text, sizeof(text) - 1, &err);
    memset(&r, 0, sizeof(r));
    r.method = str("GET");
    r.path = str("/c");
    EQ_INT(cr_profile_match(profile, &r, &m), 1);

    cr_obs_init(&obs, profile, &m, &r);
    memcpy(obs.currency_hint, "JPY", 4);
    EQ_INT(cr_obs_response_head(&obs, 200, NULL, NULL), 0);
    EQ_INT(cr_obs_response_feed(&obs, "{\"t\":1980}", 10), 1);
    EQ_INT(cr_obs_finish(&obs), CR_EV_CART);
    EQ_INT(obs.cart.total, 1980);
    EQ_STR(obs.cart.currency, "");

    OK(sizeof(cr_obs_t) <= 8192);
}


int
main(void)
{
    test_demo();
    test_demo_lines();
    test_demo_cart();
    test_demo_checkout();
    test_hint();
    cr_profile_free(profile);

    return check_done();
}
