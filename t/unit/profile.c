/* Profiles as objects: mistakes, matching, sessions, recognition. */

#define _GNU_SOURCE

#include "check.h"

#include "cr_profile_int.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>


typedef struct {
    const char  *json;
    const char  *path;
    int          line;
    const char  *text;           /* a part of it */
} mistake_t;


#define RULE(r)    "{\"name\":\"t\",\n\"rules\":[\n{" r "}]}"
#define EVENT(e)   RULE("\"match\":\"GET /\",\n\"events\":[\n{" e "}]")

static const mistake_t  mistakes[] = {
    { "{\"name\":", "$", 1, "" },
    { "[]", "$", 1, "must be an object" },
    { "{\"rules\":[]}", "$.name", 0, "1 to 47" },
    { "{\"name\":\"t\"}", "$.rules", 0, "list" },
    { "{\"name\":\"t\",\n\"rule\":[]}", "$", 1, "\"rule\" is unknown" },
    { "{\"name\":\"t\",\n\"money\":\"euro\",\"rules\":[]}", "$.money", 2,
      "major" },
    { "{\"name\":\"t\",\"rules\":[],\n\"session\":[{}]}", "$.session[0]", 2,
      "cookie" },
    { "{\"name\":\"t\",\"rules\":[],\n\"restore\":[]}", "$.restore", 2,
      "object" },
    { RULE("\"events\":[]"), "$.rules[0].match", 0, "missing" },
    { RULE("\"match\":\"GET /\""), "$.rules[0]", 3, "events" },
    { RULE("\"match\":\"GET (\",\"events\":[]"), "$.rules[0].match", 3,
      "offset 5" },
    { RULE("\"match\":\"GET /\",\"events\":[],\n\"request\":{\"mail\":\"x\"}"),
      "$.rules[0].request", 4, "\"mail\" is unknown" },
    { RULE("\"match\":\"GET /\",\"events\":[],\n\"request\":{\"email\":1}"),
      "$.rules[0].request.email", 4, "text" },
    { RULE("\"match\":\"GET /\",\"events\":[],\"response\":{\n\"total\":"
           "\"a~(\"}"), "$.rules[0].response.total", 4, "offset" },
    { RULE("\"match\":\"GET /\",\"events\":[],\"lines\":{\"at\":\"items\"}"),
      "$.rules[0].lines", 3, "elements" },
    { RULE("\"match\":\"GET /\",\"events\":[],\"response\":{\"total\":"
           "{\"after\":[],\"until\":\"<\"}}"), "$.rules[0].response.total", 3,
      "1 to 4" },
    { RULE("\"match\":\"GET /\",\"events\":[],\"response\":{\"total\":"
           "{\"after\":[\"x\"],\"until\":\"ab\"}}"),
      "$.rules[0].response.total", 3, "one character" },
    { EVENT("\"event\":\"buy\""), "$.rules[0].events[0]", 5, "\"event\"" },
    { EVENT("\"event\":\"add\",\"when\":{\"status\":\"2xx\"}"),
      "$.rules[0].events[0].when.status", 5, "200-299" },
    { EVENT("\"event\":\"add\",\"when\":{\"stat\":200}"),
      "$.rules[0].events[0].when", 5, "unknown" },
    { EVENT("\"event\":\"add\",\"when\":{\"json\":{\"a\":[]}}"),
      "$.rules[0].events[0].when.json.a", 5, "say true" },
    { EVENT("\"event\":\"add\",\"when\":{\"text\":\"x\"}"),
      "$.rules[0].events[0].when.text", 5, "list" },
    { EVENT("\"event\":\"add\",\"when\":{\"body\":\"xml\"}"),
      "$.rules[0].events[0].when.body", 5, "json" },
    { EVENT("\"event\":\"add\",\"when\":{\"request\":{\"a~b\":true}}"),
      "$.rules[0].events[0].when.request.a~b", 5, "regex" }
};


static cr_str_t
str(const char *p)
{
    cr_str_t  s;

    s.p = p;
    s.n = p ? strlen(p) : 0;

    return s;
}


static cr_str_t
find_header(void *data, cr_str_t name)
{
    cr_str_t     v;
    const char  *p, *end;

    for (p = data; p != NULL && *p != '\0'; p = *end ? end + 1 : end) {
        end = strchrnul(p, '\n');

        if (strncasecmp(p, name.p, name.n) == 0 && p[name.n] == ':') {
            v.p = p + name.n + 2;
            v.n = (size_t) (end - v.p);
            return v;
        }
    }

    v.p = NULL;
    v.n = 0;

    return v;
}


static void
request(cr_request_t *r, const char *method, const char *path,
    const char *args, const char *headers)
{
    r->method = str(method);
    r->path = str(path);
    r->args = str(args);
    r->header = find_header;
    r->data = (void *) (uintptr_t) headers;
}


static cr_profile_t *
compile(const char *json)
{
    cr_error_t     err;
    cr_profile_t  *p;

    p = cr_profile_compile(json, strlen(json), &err);

    if (p == NULL) {
        printf("# %s: %s\n", err.path, err.text);
    }

    return p;
}


static void
test_mistakes(void)
{
    size_t         i;
    cr_error_t     err;
    cr_profile_t  *p;

    for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        p = cr_profile_compile(mistakes[i].json, strlen(mistakes[i].json),
                               &err);
        OK_TEXT(p == NULL, mistakes[i].json);
        EQ_STR(err.path, mistakes[i].path);
        EQ_INT(err.line, mistakes[i].line);

        if (!OK(strstr(err.text, mistakes[i].text) != NULL)) {
            printf("#   %s\n", err.text);
        }

        cr_profile_free(p);
    }

    cr_profile_free(NULL);
}


static void
test_builtin(void)
{
    int            i;
    cr_str_t       text;
    cr_error_t     err;
    cr_profile_t  *p;
    const char    *name;

    for (i = 0; (name = cr_profile_builtin_name(i)) != NULL; i++) {
        text = cr_profile_builtin(name);
        OK_TEXT(text.p != NULL, name);
        p = cr_profile_compile(text.p, text.n, &err);

        if (!OK_TEXT(p != NULL, name)) {
            printf("# line %d %s: %s\n", err.line, err.path, err.text);
            continue;
        }

        EQ_STR(cr_profile_name(p), name);
        OK(p->jit);
        cr_profile_free(p);
    }

    OK(i >= 7);
    OK(cr_profile_builtin("nosuch").p == NULL);
    OK(cr_profile_builtin("../platforms/demo").p == NULL);
    OK(cr_profile_builtin_name(-1) == NULL);
}


static void
test_match(void)
{
    cr_match_t     m;
    cr_request_t   r;
    cr_profile_t  *p;

    p = compile("{\"name\":\"t\",\"words\":{\"shop\":\"a|b\"},\"rules\":["
                "{\"match\":\"GET /{shop}/x(?<id>[0-9]{2})\",\"page\":true,"
                "\"events\":[{\"event\":\"add\"}]},"
                "{\"match\":\"GET /quiet\",\"events\":[]},"
                "{\"match\":\"[A-Z]+ /q\\\\?(?:.*&)?k=(?<id>[^&]+).*\","
                "\"events\":[{\"event\":\"add\",\"when\":"
                "{\"request\":{\"f\":true}}}]}],"
                "\"restore\":{\"then\": \"/cart\"}}");
    OK(p != NULL);
    EQ_STR(cr_profile_restore(p), "{\"then\":\"/cart\"}");

    request(&r, "GET", "/b/x42", "y=1", "");
    EQ_INT(cr_profile_match(p, &r, &m), 1);
    EQ_INT(m.group, 0);
    EQ_INT(m.page, 1);
    EQ_INT(m.want_request, 0);
    EQ_INT(m.want_response, 0);
    EQ_INT(m.capture.n, 2);
    OK(m.capture.p == r.path.p + 4);

    request(&r, "GET", "/b/x423", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 0);
    EQ_INT(m.group, -1);
    request(&r, "POST", "/b/x42", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 0);
    request(&r, "GET", "/quiet", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 0);

    request(&r, "POST", "/q", "a=1&k=cart_9&b=2", "");
    EQ_INT(cr_profile_match(p, &r, &m), 1);
    EQ_INT(m.want_request, 1);
    EQ_INT(m.page, 0);
    EQ_INT(m.capture.n, 6);
    OK(m.capture.p == r.args.p + 6);

    request(&r, "GET", "/b/x42", "", "Purpose: prefetch");
    EQ_INT(cr_profile_match(p, &r, &m), 0);
    request(&r, "GET", "/b/x42", "", "Next-Router-Prefetch: 1");
    EQ_INT(cr_profile_match(p, &r, &m), 0);
    request(&r, "GET", "/b/x42", "", "Purpose: other");
    EQ_INT(cr_profile_match(p, &r, &m), 1);

    cr_profile_free(p);
}


static void
test_long(void)
{
    char          *path;
    cr_match_t     m;
    cr_request_t   r;
    cr_profile_t  *p;

    p = compile("{\"name\":\"t\",\"rules\":[{\"match\":\"GET /a[^?]*\","
                "\"events\":[{\"event\":\"add\"}]},{\"match\":\"GET "
                "/(?:b*)*c\",\"events\":[{\"event\":\"add\"}]}]}");
    path = malloc(70000);
    memset(path, 'b', 70000);
    path[0] = '/';
    path[69999] = '\0';
    request(&r, "GET", path, path, "");
    EQ_INT(cr_profile_match(p, &r, &m), 0);
    path[1] = 'a';
    EQ_INT(cr_profile_match(p, &r, &m), 1);
    free(path);
    cr_profile_free(p);
}


static void
test_extra(void)
{
    cr_obs_t       o;
    cr_error_t     err;
    cr_match_t     m;
    cr_request_t   r;
    cr_profile_t  *p;

    static const cr_profile_extra_t  extra[] = {
        { CR_EV_ORDER, "^GET /danke/(?<id>[0-9]+)" },
        { CR_EV_ADD, "basket" }
    };
    static const cr_profile_extra_t  bad[] = { { CR_EV_ADD, "GET (" } };
    static const char  text[] =
        "{\"name\":\"t\",\"rules\":[{\"match\":\"GET /danke/.*\",\"events\":"
        "[{\"event\":\"search\"}]}]}";

    p = cr_profile_compile_extra(text, sizeof(text) - 1, extra, 2, &err);
    OK(p != NULL);

    request(&r, "GET", "/danke/77", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 1);
    cr_obs_init(&o, p, &m, &r);
    EQ_INT(cr_obs_response_head(&o, 200, find_header, NULL), 1);
    EQ_INT(cr_obs_finish(&o), CR_EV_ORDER);
    EQ_STR(o.order_id, "77");

    cr_obs_init(&o, p, &m, &r);
    EQ_INT(cr_obs_response_head(&o, 404, find_header, NULL), 1);
    EQ_INT(cr_obs_finish(&o), CR_EV_NONE);

    request(&r, "POST", "/my/basket/add", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 1);
    request(&r, "GET", "/danke/x", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 1);
    EQ_INT(m.group, 2);
    cr_profile_free(p);

    p = cr_profile_compile_extra(text, sizeof(text) - 1, bad, 1, &err);
    OK(p == NULL);
    EQ_STR(err.path, "cartrecover_match");
}


static void
session_is(cr_profile_t *p, const cr_request_t *r, const cr_match_t *m,
    const char *cookie, const char *want)
{
    char      buf[128];
    cr_str_t  v;

    v = cr_profile_session(p, r, m, str(cookie));
    (void) snprintf(buf, sizeof(buf), "%.*s", (int) v.n, v.p ? v.p : "-");
    EQ_STR(v.p ? buf : "-", want);
}


static void
set_is(cr_profile_t *p, const char *cookie, const char *want)
{
    char      buf[128];
    cr_str_t  v;

    v = cr_profile_session_set(p, str(cookie));
    (void) snprintf(buf, sizeof(buf), "%.*s", (int) v.n, v.p ? v.p : "-");
    EQ_STR(v.p ? buf : "-", want);
}


static void
test_session(void)
{
    cr_match_t     m;
    cr_request_t   r;
    cr_profile_t  *p;

    p = compile("{\"name\":\"t\",\"session\":[{\"cookie\":\"wp_s_*\","
                "\"until\":\"%7C\"},{\"header\":\"authorization\"},"
                "{\"capture\":\"cart_\"}],\"rules\":[{\"match\":"
                "\"GET /(?<id>\\\\w+)\",\"events\":[{\"event\":\"add\"}]}]}");
    request(&r, "GET", "/cart_1", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 1);

    session_is(p, &r, &m, "", "cart_1");
    session_is(p, &r, &m, "a=b; wp_s_1f=t_4%7C99%7Cx; c=d", "t_4");
    session_is(p, &r, &m, "wp_s_=x", "cart_1");
    session_is(p, &r, &m, "xwp_s_1=x", "cart_1");
    session_is(p, &r, &m, "wp_s_1=; wp_s_2=y", "y");
    session_is(p, &r, &m, "wp_s_1", "cart_1");
    session_is(p, &r, &m, "wp_s_1=\"q\"", "q");

    request(&r, "GET", "/cart_1", "", "Authorization: Bearer tok");
    session_is(p, &r, &m, "", "tok");
    request(&r, "GET", "/order_1", "", "");
    EQ_INT(cr_profile_match(p, &r, &m), 1);
    session_is(p, &r, &m, "", "-");
    m.group = -1;
    session_is(p, &r, &m, "", "-");

    set_is(p, "wp_s_1=t_9%7C5; Path=/; HttpOnly", "t_9");
    set_is(p, "wp_s_1=; Max-Age=0", "-");
    set_is(p, "other=1; wp_s_1=2", "-");
    set_is(p, "", "-");

    cr_profile_free(p);
}


static void
test_cookie(void)
{
    cr_str_t  v;

    v = cr_cookie_get(str("ab=1; b=2;b=3"), str("b"));
    EQ_INT(v.n, 1);
    OK(v.p && *v.p == '2');
    v = cr_cookie_get(str("b=; b=3"), str("b"));
    OK(v.p && *v.p == '3');
    v = cr_cookie_get(str("b"), str("b"));
    OK(v.p == NULL);
    v = cr_cookie_get(str(NULL), str("b"));
    OK(v.p == NULL);
    v = cr_cookie_get(str("; ; b=x=y ;"), str("b"));
    EQ_INT(v.n, 3);
}


static void
test_wild(void)
{
    cr_str_t  star;

    OK(cr_wild(str("a.b"), str("a.b"), NULL));
    OK(!cr_wild(str("a.b"), str("a.bc"), NULL));
    OK(!cr_wild(str("a.bc"), str("a.b"), NULL));
    OK(cr_wild(str("data.*.lines[].qty"), str("data.x.lines[].qty"), NULL));
    OK(!cr_wild(str("data.*.lines"), str("data.x.y.lines"), NULL));
    OK(!cr_wild(str("data.*.lines"), str("data..lines"), NULL));
    OK(cr_wild(str("cart[*][qty]"), str("cart[0af][qty]"), &star));
    EQ_INT(star.n, 3);
    OK(!cr_wild(str("cart[*][qty]"), str("cart[a][b][qty]"), NULL));
    OK(cr_wild(str("option.*"), str("option.size"), &star));
    EQ_INT(star.n, 4);
    OK(!cr_wild(str("option.*"), str("option."), NULL));
    OK(cr_wild(str("a*a"), str("aaaa"), &star));
    EQ_INT(star.n, 2);
    OK(cr_wild(str("*ab"), str("aab"), &star));
    EQ_INT(star.n, 1);
    OK(cr_wild(str(""), str(""), NULL));
    OK(!cr_wild(str("*"), str(""), NULL));
}


/* Each platform's own traffic scores highest with its own profile. */

static void
test_recognise(void)
{
    int            i, k, score, best;
    cr_str_t       text;
    cr_error_t     err;
    const char    *name, *winner;
    cr_request_t   r;
    cr_profile_t  *p;

    static const struct {
        const char  *want, *method, *path, *args, *headers, *cookie, *set,
                    *answer;
    } table[] = {
        { "woocommerce", "POST", "/", "wc-ajax=add_to_cart", "",
          "woocommerce_items_in_cart=1", "", "" },
        { "opencart4", "GET", "/index.php", "route=common/cart.info", "",
          "OCSESSID=1", "", "" },
        { "evershop", "GET", "/", "", "", "", "sid=s%3Ax; Path=/",
          "X-Powered-By: Express\nRateLimit-Policy: 300;w=60" },
        { "medusa", "GET", "/store/products", "", "x-publishable-api-key: "
          "pk_1", "", "", "" },
        { "vendure", "POST", "/shop-api", "", "", "", "",
          "vendure-auth-token: x" },
        { "demo", "GET", "/", "", "", "shop_sid=1", "", "" },
        { "-", "GET", "/", "", "", "a=b", "", "X-Powered-By: PHP" }
    };

    for (k = 0; k < (int) (sizeof(table) / sizeof(table[0])); k++) {
        winner = "-";
        best = 0;

        for (i = 0; (name = cr_profile_builtin_name(i)) != NULL; i++) {
            text = cr_profile_builtin(name);
            p = cr_profile_compile(text.p, text.n, &err);
            request(&r, table[k].method, table[k].path, table[k].args,
                    table[k].headers);
            score = cr_profile_recognise(p, &r, str(table[k].cookie),
                        str(table[k].set), find_header,
                        (void *) (uintptr_t) table[k].answer);

            if (score > best) {
                best = score;
                winner = name;
            }

            cr_profile_free(p);
        }

        EQ_STR(winner, table[k].want);
    }
}


static void
test_generic(void)
{
    size_t         i;
    cr_obs_t       o;
    cr_str_t       text;
    cr_error_t     err;
    cr_match_t     m;
    cr_request_t   r;
    cr_profile_t  *p;

    static const char *const  table[][2] = {
        { "/cart", "view_cart" }, { "/en/warenkorb/", "view_cart" },
        { "/checkout", "checkout_start" }, { "/de/kasse", "checkout_start" },
        { "/checkout/thank-you", "order_page" }, { "/danke", "order_page" },
        { "/checkout/success/17", "order_page" },
        { "/cartoons", "none" }, { "/blog/checkout-tips", "none" },
        { "/", "none" }, { "/success-stories", "none" }
    };

    text = cr_profile_builtin("generic");
    p = cr_profile_compile(text.p, text.n, &err);

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        request(&r, "GET", table[i][0], "", "");
        (void) cr_profile_match(p, &r, &m);
        cr_obs_init(&o, p, &m, &r);
        (void) cr_obs_response_head(&o, 200, find_header, NULL);
        EQ_STR(cr_event_word[cr_obs_finish(&o)], table[i][1]);
    }

    cr_profile_free(p);
}


/* Not a check: what requests that are none of ours cost. */

static void
show_cost(void)
{
    int              i, k;
    double           ns;
    cr_str_t         text;
    cr_error_t       err;
    cr_match_t       m;
    const char      *name;
    cr_request_t     r;
    cr_profile_t    *p;
    struct timespec  a, b;

    static const char *const  paths[] = {
        "/wp-content/uploads/2026/11/blue-tee-324x324.png",
        "/blog/2026/how-we-fold-our-shirts/"
    };

    for (k = 0; (name = cr_profile_builtin_name(k / 2)) != NULL; k++) {
        text = cr_profile_builtin(name);
        p = cr_profile_compile(text.p, text.n, &err);
        request(&r, "GET", paths[k % 2], "ver=6.1.9", "");
        clock_gettime(CLOCK_MONOTONIC, &a);

        for (i = 0; i < 20000; i++) {
            (void) cr_profile_match(p, &r, &m);
        }

        clock_gettime(CLOCK_MONOTONIC, &b);
        ns = (double) (b.tv_sec - a.tv_sec) * 1e9
             + (double) (b.tv_nsec - a.tv_nsec);
        printf("# %s %s: %.0f ns\n", name, k % 2 ? "page" : "picture",
               ns / 20000);
        cr_profile_free(p);
    }
}


int
main(void)
{
    test_mistakes();
    test_builtin();
    test_match();
    test_long();
    test_extra();
    test_session();
    test_cookie();
    test_wild();
    test_recognise();
    test_generic();
    show_cost();

    return check_done();
}
