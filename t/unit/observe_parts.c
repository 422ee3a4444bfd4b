/* Batches, JSON inside of pages, and pages that scripts fetch. */

#define _GNU_SOURCE

#include "exchange.h"


static void
compile(const char *text)
{
    cr_error_t  err;

    cr_profile_free(profile);
    profile = cr_profile_compile(text, strlen(text), &err);

    if (!OK(profile != NULL)) {
        printf("# %s: %s\n", err.path, err.text);
    }
}


static void
refused(const char *text, const char *path)
{
    cr_error_t     err;
    cr_profile_t  *p;

    p = cr_profile_compile(text, strlen(text), &err);

    if (!OK_TEXT(p == NULL && strcmp(err.path, path) == 0, text)) {
        printf("#   %s\n", p ? "was taken" : err.path);
    }

    cr_profile_free(p);
}


#define RULE(more)                                                            \
    "{\"name\":\"t\",\"money\":\"text\",\"rules\":[{\"match\":\"GET /c\"," more

static void
test_inside(void)
{
    exchange_t  e;

    compile(RULE("\"page\":true,\"inside\":{\"after\":[\"<script\",\"var shop\""
                 "],\"as\":\"plain\",\"money\":\"minor\"},\"response\":"
                 "{\"total\":[\"cart.total\",{\"after\":[\"Total\"],\"until\":"
                 "\"<\"}],\"currency\":\"cart.cur\"},\"lines\":{\"at\":"
                 "\"cart.items[]\",\"ref\":\"id\",\"qty\":\"n\"},\"events\":"
                 "[{\"event\":\"view_cart\"}]}]}"));

    e = (exchange_t) { "behind both marks", "GET", "/c", 0, 0, 0, 200, 0,
        "<html>var shop = {\"cart\":{\"total\":1}}<p>Total 77.00</p><script>"
        "x();var shop = {\"cart\":{\"items\":[{\"id\":\"a\",\"n\":2}],"
        "\"total\":1980,\"cur\":\"EUR\"}};</script><p>Total 88.00</p>",
        "view_cart" };
    check(&e);
    EQ_INT(obs.cart.total, 1980);
    EQ_STR(obs.cart.currency, "EUR");
    EQ_INT(obs.has_lines, 1);
    EQ_INT(obs.cart.lines[0].qty, 2);

    e.what = "no mark: the text counts, in its own way of writing";
    e.answer = "<html><script>shop = {}</script><p>Total 88.50</p>";
    check(&e);
    EQ_INT(obs.cart.total, 8850);
    EQ_INT(obs.has_lines, 0);

    e.what = "cut in the middle";
    e.answer = "<html><script>var shop={\"cart\":{\"items\":[{\"id\":\"a\",";
    check(&e);
    EQ_INT(obs.has_lines, 0);

    e.what = "no JSON near the mark";
    e.answer = "<html><script>var shop = 0; /* 4567890123456789012345678901234"
               "5678901234567890123456789 */ x = {\"cart\":{\"total\":5}}";
    check(&e);
    OK(obs.cart.total == CR_AMOUNT_UNKNOWN);

    e.what = "broken JSON tells nothing more";
    e.answer = "<html><script>var shop = {\"cart\":{\"total\":7,oops"
               "\"cur\":\"USD\"}}";
    check(&e);
    EQ_STR(obs.cart.currency, "");
}


static void
test_inside_encoded(void)
{
    exchange_t  e;

    compile(RULE("\"page\":true,\"inside\":{\"after\":[\"data-c=\"],\"as\":"
                 "\"entities\"},\"response\":{\"key\":\"k\"},\"events\":"
                 "[{\"event\":\"view_cart\"}]}]}"));
    e = (exchange_t) { "entities", "GET", "/c", 0, 0, 0, 200, 0,
        "<html><p data-c=\"{&quot;a&quot;:&#34;100%25&amp;&#x22;,&#034;k"
        "&quot;:&quot;v &amp; w&quot;}\">", "view_cart" };
    check(&e);
    EQ_STR(obs.cart.key, "v & w");

    e.what = "an entity that never ends";
    e.answer = "<html><p data-c=\"{&quotquotquotquot;k&quot;:1}";
    check(&e);
    EQ_STR(obs.cart.key, "");

    compile(RULE("\"page\":true,\"inside\":{\"after\":[\"decode(\"],\"as\":"
                 "\"percent\"},\"response\":{\"key\":\"k\"},\"events\":"
                 "[{\"event\":\"view_cart\"}]}]}"));
    e.what = "percent";
    e.answer = "<html>decode( '%7B%22k%22%3A%22%C3%A9%26x%22%7D' )";
    check(&e);
    EQ_STR(obs.cart.key, "\xc3\xa9&x");

    e.what = "percent that is none";
    e.answer = "<html>decode( '%7B%22k%2z%3A%22v%22%7D' )";
    check(&e);
    EQ_STR(obs.cart.key, "");
}


static void
test_batch(void)
{
    int          i;
    char         body[4096], answer[4096];
    size_t       n, k;
    exchange_t   e;

    compile("{\"name\":\"t\",\"rules\":[{\"match\":\"POST /b\",\"batch\":"
            "{\"name\":\"q[].op\",\"status\":\"r[].s\"},\"request\":"
            "{\"email\":\"$.q[].mail\",\"ref\":\"$.q[].id\"},\"events\":["
            "{\"event\":\"add\",\"when\":{\"part\":{\"name\":\"^add$\","
            "\"status\":201}}},{\"event\":\"contact\",\"when\":{\"part\":"
            "{\"name\":\"^mail$\",\"status\":\"200-299\"}}},{\"event\":"
            "\"cart\",\"when\":{\"part\":{\"name\":\"mail\"}}}]}]}");

    e = (exchange_t) { "one of each, one refused", "POST", "/b", 0, JSON,
        "{\"q\":[{\"op\":\"add\",\"id\":\"A\"},{\"op\":\"mail\",\"mail\":"
        "\"a@example.com\"}]}", 207, 0, "{\"r\":[{\"s\":409},{\"s\":200}]}",
        "contact" };
    check(&e);
    EQ_STR(obs.email, "a@example.com");

    e.what = "the other one refused";
    e.answer = "{\"r\":[{\"s\":201},{\"s\":400}]}";
    e.event = "add";
    check(&e);
    EQ_STR(obs.email, "");
    EQ_STR(obs.ref, "A");

    e.what = "fewer answers than requests";
    e.answer = "{\"r\":[]}";
    e.event = "none";
    check(&e);
    EQ_STR(obs.email, "");

    e.what = "any status, and nothing kept of a refusal";
    e.answer = "{\"r\":[{\"s\":500},{\"s\":500}]}";
    e.event = "cart";
    check(&e);
    EQ_STR(obs.email, "");

    /* the seventeenth part is not paired */

    n = (size_t) sprintf(body, "{\"q\":[");
    k = (size_t) sprintf(answer, "{\"r\":[");

    for (i = 0; i < 17; i++) {
        n += (size_t) sprintf(body + n, "%s{\"op\":\"%s\",\"mail\":\"%s\"}",
                              i ? "," : "", i == 16 ? "mail" : "x",
                              i == 16 ? "z@example.com" : "");
        k += (size_t) sprintf(answer + k, "%s{\"s\":200}", i ? "," : "");
    }

    (void) sprintf(body + n, "]}");
    (void) sprintf(answer + k, "]}");
    e = (exchange_t) { "one too many", "POST", "/b", 0, JSON, body, 207, 0,
        answer, "none" };
    check(&e);
    EQ_STR(obs.email, "");
}


static void
test_page(void)
{
    exchange_t  e;

    compile(RULE("\"page\":true,\"events\":[{\"event\":\"view_cart\","
                 "\"when\":{\"page\":\"basket|cart\"}},{\"event\":"
                 "\"search\",\"when\":{\"page\":\"search\"}}]}]}"));

    e = (exchange_t) { "an id", "GET", "/c", 0, 0, 0, 200, 0,
        "<!doctype html><head><<bodyx id=\"search\"></head><BODY id='cart' "
        "class=\"a b\"><p id=\"search\">", "view_cart" };
    check(&e);
    e.what = "a class among others, without quotes around the id";
    e.answer = "<html><body data-x=cart id=home class=\"x\n search y\">";
    e.event = "search";
    check(&e);
    e.what = "a word that begins so, and another attribute";
    e.answer = "<html><body title=\"cart\" class=\"carts xcart\"><i id=cart>";
    e.event = "none";
    check(&e);
    e.what = "no attributes";
    e.answer = "<html><body><div class=\"cart\"></div>";
    check(&e);
    e.what = "JSON is no page";
    e.answer = "{\"x\":\"<body id='cart'>\"}";
    check(&e);
    e.what = "a tag that never ends";
    e.answer = "<html><body class=\"cart ";
    check(&e);
}


static void
test_root(void)
{
    exchange_t  e;

    compile(RULE("\"response\":{\"order_id\":\"$\"},\"events\":[{\"event\":"
                 "\"order\",\"when\":{\"json\":{\"$\":{\"regex\":\"^[0-9]+$"
                 "\"}}}},{\"event\":\"error\"}]}]}"));
    e = (exchange_t) { "a bare number", "GET", "/c", 0, 0, 0, 200, 0,
        " 317", "order" };
    check(&e);
    EQ_STR(obs.order_id, "317");
    e.what = "a bare text";
    e.answer = "\"000318\"";
    check(&e);
    EQ_STR(obs.order_id, "000318");
    e.what = "words, an object, a number inside of one";
    e.event = "error";
    e.answer = "no";
    check(&e);
    e.answer = "{\"a\":317}";
    check(&e);
    e.answer = "[317]";
    check(&e);
    e.answer = "<p>317</p>";
    check(&e);
}


static void
test_fetched(void)
{
    exchange_t  e;

    use("demo");

    e = (exchange_t) { "a script reads a product", "GET", "/p/mug",
        "X-Requested-With: XMLHttpRequest", 0, 0, 200, 0, "", "none" };
    check(&e);
    e.headers = "Sec-Fetch-Dest: empty";
    check(&e);
    e.headers = "Sec-Fetch-Dest: iframe";
    check(&e);
    e.what = "a document";
    e.headers = "Sec-Fetch-Dest: document";
    e.event = "view_product";
    check(&e);
    e.what = "Next's router";
    e.headers = "RSC: 1\nSec-Fetch-Dest: empty";
    check(&e);

    e = (exchange_t) { "a script reads the cart", "GET", "/cart",
        "Sec-Fetch-Dest: empty", 0, 0, 200, 0, "", "cart" };
    check(&e);
    e = (exchange_t) { "a script begins the checkout", "GET", "/checkout",
        "Sec-Fetch-Dest: empty", 0, 0, 200, 0, "", "none" };
    check(&e);
}


static void
test_js(void)
{
    exchange_t  e;

    use("shopify");
    e = (exchange_t) { "data that ends like a script", "GET", "/cart.js", 0,
        0, 0, 200, 0, "{\"total_price\":1980,\"currency\":\"JPY\","
        "\"items\":[]}", "cart" };
    check(&e);
    EQ_INT(obs.cart.total, 1980);
    EQ_INT(obs.has_lines, 1);

    e.what = "a picture, all the same";
    e.url = "/cart.png";
    e.event = "none";
    check(&e);
}


static void
test_refused(void)
{
    refused(RULE("\"inside\":{\"as\":\"plain\"},\"events\":[]}]}"),
            "$.rules[0].inside");
    refused(RULE("\"inside\":{\"after\":[\"x\"],\"as\":\"base64\"},"
                 "\"events\":[]}]}"), "$.rules[0].inside");
    refused(RULE("\"inside\":{\"after\":[\"x\"],\"until\":\"y\"},"
                 "\"events\":[]}]}"), "$.rules[0].inside");
    refused(RULE("\"batch\":{\"name\":\"a.b\",\"status\":\"r[].s\"},"
                 "\"events\":[]}]}"), "$.rules[0].batch");
    refused(RULE("\"batch\":{\"name\":\"a[].b\"},\"events\":[]}]}"),
            "$.rules[0].batch");
    refused(RULE("\"events\":[{\"event\":\"add\",\"when\":{\"part\":"
                 "{\"name\":\"x\"}}}]}]}"), "$.rules[0].events[0].when.part");
    refused(RULE("\"lines\":[{\"at\":\"a[]\",\"ref\":\"r\"},{\"at\":\"b[]\","
                 "\"ref\":\"r\"}],\"events\":[]}]}"), "$.rules[0].lines");
}


int
main(void)
{
    test_inside();
    test_inside_encoded();
    test_batch();
    test_page();
    test_root();
    test_fetched();
    test_js();
    test_refused();
    cr_profile_free(profile);

    return check_done();
}
