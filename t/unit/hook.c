#include "check.h"

#include "cr_hook.h"


static cr_hook_t  h;


static int
parse(cr_hook_kind_e kind, const char *topic, const char *body)
{
    return cr_hook_parse(&h, kind, (cr_str_t) { topic, strlen(topic) },
                         (cr_str_t) { body, strlen(body) }, "EUR");
}


static int
verify(const cr_hook_key_t *key, int n, const cr_hook_head_t *head,
    uint32_t now_s, uint8_t once[16])
{
    return cr_hook_verify(CR_HOOK_STANDARD, key, n, head, 300, now_s,
                          cr_lit("{\"test\": 2432232314}"), once);
}


/* The example of the Standard Webhooks specification. */

static void
signatures(void)
{
    uint8_t         once[16], again[16];
    cr_hook_key_t   key[2];
    cr_hook_head_t  head;

    static const char  secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

    head.id = cr_lit("msg_p5jXN8AQM9LWM0D4loKWxJek");
    head.timestamp = cr_lit("1614265330");
    head.signature =
        cr_lit("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    OK(cr_hook_key(CR_HOOK_STANDARD, secret, strlen(secret), &key[1])
       == CR_OK);
    EQ_INT(key[1].len, 24);
    OK(cr_hook_key(CR_HOOK_STANDARD, "sixteen letters!", 16, &key[0])
       == CR_OK);
    OK(cr_hook_key(CR_HOOK_SHOPIFY, " fifteen letters ", 16, &key[0])
       == CR_ERR);
    OK(cr_hook_key(CR_HOOK_STANDARD, "whsec_!!!!!!!!!!!!!!!!!!!!!!!!", 30,
                   &key[0]) == CR_ERR);

    EQ_INT(verify(key, 2, &head, 1614265330, once), CR_OK);
    EQ_INT(verify(key, 2, &head, 1614265630, again), CR_OK);
    OK(memcmp(once, again, 16) == 0);
    EQ_INT(verify(key, 2, &head, 1614265631, again), CR_NONE);
    EQ_INT(verify(key, 2, &head, 1614265029, again), CR_NONE);
    EQ_INT(verify(key, 1, &head, 1614265330, again), CR_ERR);

    head.signature = cr_lit("v1, v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlN"
                            "IOLJ1OE= v1,AAAA");
    EQ_INT(verify(key, 2, &head, 1614265330, again), CR_OK);

    head.id = cr_lit("msg_p5jXN8AQM9LWM0D4loKWxJel");
    EQ_INT(verify(key, 2, &head, 1614265330, again), CR_ERR);

    /* the body alone, as the platforms sign */

    OK(cr_hook_key(CR_HOOK_SHOPIFY, "key of the shop!", 16, &key[0]) == CR_OK);
    head.signature = cr_lit("U5GtIQzoFgSNALlqpqHK0rFb8k3AKGDW2Ozh+pIZOCM=");
    EQ_INT(cr_hook_verify(CR_HOOK_SHOPIFY, key, 1, &head, 0, 0, cr_lit("{}"),
                          again), CR_ERR);
}


static void
platforms(void)
{
    EQ_INT(parse(CR_HOOK_WOOCOMMERCE, "order.created",
             "{\"id\":17,\"status\":\"on-hold\",\"order_key\":\"k\","
             "\"currency\":\"eur\",\"total\":\"29.90\","
             "\"date_created_gmt\":\"2026-01-31T10:00:00\","
             "\"billing\":{\"email\":\" Ann@Example.org\"}}"), CR_OK);
    EQ_INT(h.event, CR_EV_ORDER);
    EQ_INT(h.order.total, 2990);
    EQ_STR(h.order.id, "17");
    EQ_STR(h.order.currency, "EUR");
    EQ_STR(h.email, "ann@example.org");
    EQ_INT(h.at, 1769853600000LL);

    EQ_INT(parse(CR_HOOK_WOOCOMMERCE, "order.created", "{\"id\":17}"), CR_ERR);
    EQ_INT(parse(CR_HOOK_WOOCOMMERCE, "order.deleted", "{\"id\":17}"), CR_OK);
    EQ_INT(h.event, CR_EV_NONE);

    EQ_INT(parse(CR_HOOK_SHOPIFY, "orders/create",
             "{\"id\":5500000001,\"order_number\":1,\"total_price\":\"500\","
             "\"currency\":\"JPY\","
             "\"created_at\":\"2026-01-31T12:00:00+02:00\"}"), CR_OK);
    EQ_INT(h.event, CR_EV_ORDER);
    EQ_INT(h.order.total, 500);
    EQ_INT(h.at, 1769853600000LL);

    EQ_INT(parse(CR_HOOK_SHOPIFY, "orders/create",
             "{\"token\":\"t\",\"abandoned_checkout_url\":\"u\"}"), CR_ERR);
    EQ_INT(parse(CR_HOOK_SHOPIFY, "checkouts/update",
             "{\"token\":\"t\",\"abandoned_checkout_url\":\"u\","
             "\"buyer_accepts_marketing\":true,\"line_items\":[{\"variant_id\""
             ":44,\"quantity\":2,\"price\":\"2.50\",\"title\":\"Mug\"}]}"),
       CR_OK);
    EQ_INT(h.event, CR_EV_CHECKOUT_START);
    EQ_INT(h.cart.nlines, 1);
    EQ_INT(h.cart.lines[0].qty, 2);
    EQ_INT(h.cart.lines[0].price, 250);
    EQ_STR(h.cart.lines[0].ref, "44");
    EQ_INT(h.consent, 1);
}


static void
standard(void)
{
    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"type\":\"order.created\",\"data\":"
             "{\"order_id\":\"o1\",\"total\":29.9}}"), CR_OK);
    EQ_INT(h.event, CR_EV_ORDER);
    EQ_INT(h.order.total, 2990);
    EQ_INT(h.consent, -1);
    EQ_INT(h.at, 0);

    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"type\":\"order.created\",\"data\":"
             "{\"order_id\":\"o1\",\"total\":-1}}"), CR_OK);
    OK(h.order.total == CR_AMOUNT_UNKNOWN);

    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"type\":\"ordering\"}"), CR_OK);
    EQ_INT(h.event, CR_EV_NONE);
    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"type\":\"order\"}"), CR_ERR);
    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"type\":\"cart\",\"data\":{}}"),
           CR_ERR);
    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"data\":{}}"), CR_ERR);
    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"type\":\"cart\""), CR_ERR);
    EQ_INT(parse(CR_HOOK_STANDARD, "", "{\"type\":\"payment_failed\",\"data\":"
             "{\"email\":\"a@example.org\"}}"), CR_OK);
    EQ_INT(h.event, CR_EV_PAYMENT_FAILED);
}


int
main(void)
{
    signatures();
    platforms();
    standard();

    return check_done();
}
