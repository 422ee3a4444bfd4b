/* Exchanges made by hand: the cases that platforms make hard. */

#define _GNU_SOURCE

#include "exchange.h"


static void
test_woocommerce(void)
{
    exchange_t  e;

    use("woocommerce");

    e = (exchange_t) { "e-mail in a form in a field", "POST",
        "/?wc-ajax=update_order_review", 0, FORM,
        "country=US&post_data=billing_country%3DUS%26billing_phone%3D"
        "%252B15555550123%26billing_email%3Dann%2540example.com%26"
        "account_password%3Dhunter2", 200, 0,
        "{\"result\":\"success\",\"messages\":\"\"}", "contact" };
    check(&e);
    EQ_STR(obs.email, "ann@example.com");
    EQ_STR(obs.phone, "+15555550123");
    EQ_STR(obs.country, "US");
    EQ_INT(obs.consent, -1);
    OK(memmem(&obs, sizeof(obs), "hunter2", 7) == NULL);

    e.what = "half an address while typing";
    e.body = "country=US&post_data=billing_email%3Dann%2540exa";
    e.event = "cart";
    check(&e);
    EQ_STR(obs.email, "");

    e = (exchange_t) { "add refused, 200 page", "POST", "/product/x/", 0,
        FORM, "add-to-cart=5&quantity=1", 200, 0,
        "<!doctype html><body><ul class=\"woocommerce-error\">", "error" };
    check(&e);
    EQ_INT(obs.has_line, 0);

    e.what = "add, 200 page";
    e.answer = "<!doctype html><body><div class=\"woocommerce-message\">";
    e.event = "add";
    check(&e);
    EQ_STR(obs.ref, "5");

    e = (exchange_t) { "gateway, not yet an order", "POST",
        "/?wc-ajax=checkout", 0, FORM, "billing_email=a@example.com", 200, 0,
        "{\"result\":\"success\",\"redirect\":\"https://pay.example/x\"}",
        "payment" };
    check(&e);

    e = (exchange_t) { "order page without its key", "GET",
        "/checkout/order-received/20/", 0, 0, 0, 200, 0, "", "none" };
    check(&e);
    e.what = "order page";
    e.url = "/checkout/order-received/20/?key=wc_order_abc";
    e.answer = "<li class=\"woocommerce-order-overview__total total\">Total: "
               "<strong><span><bdi><span>&euro;</span>1.132,75</bdi></span>"
               "</strong></li>";
    e.event = "order";
    check(&e);
    EQ_STR(obs.order_id, "20");
    EQ_INT(obs.order_total, 113275);

}


static void
test_woocommerce_rows(void)
{
    exchange_t  e;

    e = (exchange_t) { "two rows of one product", "GET", "/cart/", 0, 0, 0,
        200, 0,
        "<table class=\"woocommerce-cart-form__contents\">"
        "<tr class=\"woocommerce-cart-form__cart-item\">"
        "<a data-product_id=\"5\"><td class=\"product-name\">A</td>"
        "<td class=\"product-price\">$1.00</td>"
        "<input name=\"cart[k][qty]\" value=\"2\"></tr>"
        "<tr class=\"woocommerce-cart-form__cart-item\">"
        "<a data-product_id=\"5\"><td class=\"product-name\">B</td>"
        "<td class=\"product-price\">$1.00</td>"
        "<input name=\"cart[l][qty]\" value=\"1\"></tr></table>",
        "view_cart" };
    check(&e);
    EQ_INT(obs.has_lines, 0);

    e.what = "a row that is cut";
    e.answer = "<table class=\"woocommerce-cart-form__contents\">"
        "<tr class=\"woocommerce-cart-form__cart-item\">"
        "<a data-product_id=\"5\"><td class=\"product-name\">A</td></table>";
    check(&e);
    EQ_INT(obs.has_lines, 0);

    e.what = "one row";
    e.answer = "<table class=\"woocommerce-cart-form__contents\">"
        "<tr class=\"woocommerce-cart-form__cart-item\">"
        "<a data-product_id=\"5\"><td class=\"product-name\"> <b>A</b>\n</td>"
        "<td class=\"product-price\">&#36;1,001.50</td>"
        "<input name=\"cart[k][qty]\" value=\"2\"></tr></table>";
    check(&e);
    EQ_INT(obs.has_lines, 1);
    EQ_INT(obs.cart.lines[0].price, 100150);
    EQ_INT(obs.cart.lines[0].qty, 2);
    EQ_STR(obs.cart.lines[0].name, "A");
}


static void
test_vendure(void)
{
    exchange_t  e;

    use("vendure");

    e = (exchange_t) { "inline values, alias, comment", "POST",
        "/shop-api?languageCode=de", 0, JSON,
        "{\"query\":\"# addPaymentToOrder\\nmutation M @x(a: \\\"}\\\") { "
        "a: addItemToOrder(productVariantId: 3, quantity: 1) { __typename } "
        "}\"}", 200, 0,
        "{\"data\":{\"a\":{\"__typename\":\"Order\",\"state\":"
        "\"AddingItems\",\"totalWithTax\":2940,\"currencyCode\":\"USD\"}}}",
        "add" };
    check(&e);
    EQ_INT(obs.cart.total, 2940);
    EQ_INT(obs.has_lines, 0);

    e.what = "refused under an alias";
    e.answer = "{\"data\":{\"a\":{\"errorCode\":\"ORDER_LIMIT_ERROR\"}}}";
    e.event = "error";
    check(&e);

    e = (exchange_t) { "a name in a string, a fragment and a variable", "POST",
        "/shop-api", 0, JSON,
        "{\"query\":\"query addPaymentToOrder($addPaymentToOrder: ID) { "
        "activeCustomer(x: \\\"addPaymentToOrder\\\") { id ...F } } "
        "fragment addPaymentToOrder on X { addPaymentToOrder }\"}", 200, 0,
        "{\"data\":{\"x\":{\"state\":\"PaymentSettled\",\"active\":false}}}",
        "none" };
    check(&e);

    e = (exchange_t) { "the operation that runs", "POST", "/shop-api", 0,
        JSON,
        "{\"query\":\"mutation P { addPaymentToOrder { code } } query A { "
        "activeOrder { lines { id } } }\",\"operationName\":\"A\"}", 200, 0,
        "{\"data\":{\"activeOrder\":{\"lines\":[]}}}", "view_cart" };
    check(&e);
    EQ_INT(obs.has_lines, 1);

    e = (exchange_t) { "an inline fragment at the top", "POST", "/shop-api",
        0, JSON,
        "{\"query\":\"mutation { ... on Mutation { adjustOrderLine { id } } "
        "}\"}", 200, 0, "{\"data\":{\"adjustOrderLine\":{\"id\":1}}}",
        "update" };
    check(&e);

    e = (exchange_t) { "a batch", "POST", "/shop-api", 0, JSON,
        "[{\"query\":\"{ me { id } }\"},{\"query\":\"mutation { "
        "removeOrderLine(orderLineId: 1) { id } }\"}]", 200, 0, "[{}]",
        "remove" };
    check(&e);

    e = (exchange_t) { "declined with 200", "POST", "/shop-api", 0, JSON,
        "{\"query\":\"mutation { addPaymentToOrder(input: {method: \\\"x\\\"})"
        " { __typename } }\"}", 200, 0,
        "{\"data\":{\"addPaymentToOrder\":{\"errorCode\":"
        "\"PAYMENT_DECLINED_ERROR\"}}}", "payment_failed" };
    check(&e);

    e.what = "an order that is not yet paid";
    e.answer = "{\"data\":{\"addPaymentToOrder\":{\"state\":"
               "\"ArrangingPayment\",\"active\":true,\"code\":\"X\"}}}";
    e.event = "error";
    check(&e);
    EQ_STR(obs.order_id, "");

    e.what = "an order";
    e.answer = "{\"data\":{\"addPaymentToOrder\":{\"code\":\"X7\",\"state\":"
               "\"PaymentSettled\",\"active\":false,\"totalWithTax\":9510}}}";
    e.event = "order";
    check(&e);
    EQ_STR(obs.order_id, "X7");
    EQ_INT(obs.order_total, 9510);
}


static void
test_opencart(void)
{
    exchange_t  e;

    use("opencart4");

    e = (exchange_t) { "route first, encoded slash, options", "POST",
        "/en-gb?route=checkout%2Fcart.add&language=en-gb",
        "Cookie: a=b; currency=JPY; OCSESSID=abc", FORM,
        "product_id=42&quantity=2&option%5B218%5D=5&option%5B223%5D=9", 200,
        0, "{\"success\":\"ok\",\"redirect\":\"/x\"}", "add" };
    check(&e);
    EQ_STR(obs.ref, "42");
    EQ_STR(obs.opt, "218=5&223=9");
    EQ_STR(obs.cart.currency, "JPY");

    e.what = "more options than fit restore nothing";
    e.body = "product_id=42&option%5B1%5D=aaaaaaaaaaaaaaaaaaaaaaaaaaaaa&"
             "option%5B2%5D=bbbbbbbbbbbbbbbbbbbbbb&option%5B3%5D=c";
    check(&e);
    EQ_STR(obs.opt, "");

    e = (exchange_t) { "error and redirect", "POST",
        "/index.php?route=checkout/cart.add", 0, FORM, "product_id=42", 200,
        0, "{\"redirect\":\"/x\",\"error\":{\"option_1\":\"no\"}}", "error" };
    check(&e);

    e = (exchange_t) { "success that removes nothing", "POST",
        "/index.php?route=checkout/cart.remove", 0, FORM, "key=1", 200, 0,
        "{\"success\":\"ok\"}", "none" };
    check(&e);

    e = (exchange_t) { "order by GET", "GET",
        "/index.php?route=extension/opencart/payment/cod.confirm", 0, 0, 0,
        200, 0, "{\"redirect\":\"http:\\/\\/x\\/index.php?route=checkout"
        "\\/success\"}", "order" };
    check(&e);

    e = (exchange_t) { "thank-you page alone", "GET",
        "/index.php?route=checkout/success", 0, 0, 0, 200, 0,
        "<!doctype html>", "order_page" };
    check(&e);

    e = (exchange_t) { "yen have no decimals", "GET",
        "/index.php?route=checkout/confirm.confirm", "Cookie: currency=JPY",
        0, 0, 200, 0,
        "<div><tfoot><tr><td><strong>Total</strong></td>"
        "<td class=\"text-end\">12</td></tr><tr><td><strong>T</strong></td>"
        "<td class=\"text-end\">&yen;1,980</td>", "cart" };
    check(&e);
    EQ_INT(obs.cart.total, 1980);
}


static void
test_evershop_and_medusa(void)
{
    exchange_t  e;

    use("evershop");

    e = (exchange_t) { "a wrong coupon is a 500", "POST",
        "/api/carts/0123456789abcdef0123456789abcdef/coupons", 0, JSON,
        "{\"coupon\":\"X\"}", 500, 0, "{\"error\":{\"status\":500}}",
        "coupon_failed" };
    check(&e);

    e = (exchange_t) { "fewer", "PATCH", "/api/cart/mine/items/0af-1", 0,
        JSON, "{\"qty\":2,\"action\":\"decrease\"}", 200, 0,
        "{\"data\":{\"item\":{\"product_sku\":\"B\",\"final_price\":18.5},"
        "\"count\":1}}", "update" };
    check(&e);
    EQ_INT(obs.delta, 1);
    EQ_INT(obs.qty, -2);
    EQ_STR(obs.ref, "B");
    EQ_INT(obs.price, 1850);

    e = (exchange_t) { "a read that is no cart", "POST", "/api/graphql", 0,
        JSON, "{\"query\":\"{ countries { code } }\"}", 200, 0,
        "{\"data\":{\"countries\":[]}}", "none" };
    check(&e);

    e = (exchange_t) { "JSON for a variant", "GET", "/a/b?ajax=true&color=1",
        0, 0, 0, 200, 0, "{\"x\":\"\\\"route\\\":{\\\"id\\\":"
        "\\\"productView\\\"\"}", "none" };
    check(&e);

    use("medusa");

    e = (exchange_t) { "completed without payment", "POST",
        "/store/carts/cart_01AB/complete", 0, JSON, "{}", 200, 0,
        "{\"type\":\"cart\",\"cart\":{\"id\":\"cart_01AB\"},\"error\":{}}",
        "payment_failed" };
    check(&e);

    e = (exchange_t) { "no address in it", "POST", "/store/carts/cart_01AB",
        0, JSON, "{\"region_id\":\"reg_1\"}", 200, 0,
        "{\"cart\":{\"id\":\"cart_01AB\",\"total\":5.5,\"currency_code\":"
        "\"kwd\"}}", "cart" };
    check(&e);
    EQ_INT(obs.cart.total, 5500);
    EQ_STR(obs.cart.currency, "KWD");
}


int
main(void)
{
    test_woocommerce();
    test_woocommerce_rows();
    test_vendure();
    test_opencart();
    test_evershop_and_medusa();
    cr_profile_free(profile);

    return check_done();
}
