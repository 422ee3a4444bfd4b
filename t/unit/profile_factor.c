/* Patterns that share their beginning, and that the first one still wins. */

#include "check.h"

#include <stdlib.h>

#include "cr_profile_int.h"


typedef struct {
    const char  *patterns[6];
    const char  *want;
} case_t;

static const case_t  cases[] = {
    { { "GET /a" }, "(?:GET /a)(*MARK:0)" },
    { { "GET /cart", "GET /card" },
      "GET /car(?:(?:t)(*MARK:0)|(?:d)(*MARK:1))" },
    { { "GET /cart", "GET /cart/add" },
      "GET /cart(?:(?:)(*MARK:0)|(?:/add)(*MARK:1))" },
    { { "GET /", "POST /" }, "(?:GET /)(*MARK:0)|(?:POST /)(*MARK:1)" },

    /* an atom keeps its quantifier, a class and a group stay whole */
    { { "GET /aab*x", "GET /aab+y" },
      "GET /aa(?:(?:b*x)(*MARK:0)|(?:b+y)(*MARK:1))" },
    { { "GET /x[^]a]?1", "GET /x[^]a]?2" },
      "GET /x[^]a]?(?:(?:1)(*MARK:0)|(?:2)(*MARK:1))" },
    { { "GET /(?:a|b)c", "GET /(?:a|d)c" },
      "GET /(?:(?:(?:a|b)c)(*MARK:0)|(?:(?:a|d)c)(*MARK:1))" },
    { { "GET /a\\.b", "GET /a\\?b" },
      "GET /a(?:(?:\\.b)(*MARK:0)|(?:\\?b)(*MARK:1))" },
    { { "GET /a{2,3}x", "GET /a{2,3}y" },
      "GET /a{2,3}(?:(?:x)(*MARK:0)|(?:y)(*MARK:1))" },

    /* nothing is taken out of a pattern that is divided */
    { { "GET /a|POST /b", "GET /a" },
      "(?:GET /a|POST /b)(*MARK:0)|(?:GET /a)(*MARK:1)" },

    /* one method comes together, unless something stands between that may
     * have any */
    { { "GET /a", "POST /a", "GET /b" },
      "GET /(?:(?:a)(*MARK:0)|(?:b)(*MARK:2))|(?:POST /a)(*MARK:1)" },
    { { "GET /a", "[A-Z]+ /b", "GET /b" },
      "(?:GET /a)(*MARK:0)|(?:[A-Z]+ /b)(*MARK:1)|(?:GET /b)(*MARK:2)" },
};

static const char *const  urls[] = {
    "GET /", "GET /cart", "GET /cart?a=b", "POST /cart", "GET /checkout/",
    "GET /index.php?route=checkout/cart", "POST /index.php?route=checkout/cart",
    "GET /index.php?a=b&route=product/product&product_id=1",
    "GET /index.php?route=product%2Fcategory", "GET /en/product/x?route=",
    "GET /product/shirt/?add-to-cart=7", "GET /?wc-ajax=add_to_cart",
    "POST /?wc-ajax=checkout", "GET /checkout/order-received/7/?key=wc_order_x",
    "POST /api/cart/mine/items", "DELETE /api/cart/01234567/items/7",
    "POST /store/carts/c1/line-items", "DELETE /store/carts/c1/line-items/i1",
    "POST /shop-api?languageCode=en", "GET /p/mug", "GET /c/all", "PUT /x"
};


static void
test_case(const case_t *c)
{
    int                n;
    char               buf[1024];
    cr_str_t           patterns[6];
    cr_alternation_t   a;

    for (n = 0; n < 6 && c->patterns[n] != NULL; n++) {
        patterns[n].p = c->patterns[n];
        patterns[n].n = strlen(c->patterns[n]);
    }

    a.p = buf;
    a.cap = sizeof(buf);

    EQ_INT(cr_profile_factor(&a, patterns, n), CR_OK);
    EQ_STR(buf, c->want);

    a.cap = strlen(c->want);
    EQ_INT(cr_profile_factor(&a, patterns, n), CR_ERR);
}


/* Which group a URL belongs to, by the profile whole and by its rules alone. */

static int
group_of(const char *json, size_t n, const char *url)
{
    char           method[8];
    cr_match_t     m;
    cr_error_t     err;
    const char    *path, *args;
    cr_request_t   r;
    cr_profile_t  *p;

    p = cr_profile_compile(json, n, &err);

    if (p == NULL) {
        return -2;
    }

    memset(&r, 0, sizeof(r));
    path = strchr(url, ' ') + 1;
    args = strchr(path, '?');

    r.method.p = memcpy(method, url, (size_t) (path - url));
    r.method.n = (size_t) (path - url) - 1;
    r.path.p = path;
    r.path.n = args ? (size_t) (args - path) : strlen(path);
    r.args.p = args ? args + 1 : "";
    r.args.n = strlen(r.args.p);

    (void) cr_profile_match(p, &r, &m);
    cr_profile_free(p);

    return m.group;
}


static void
test_profile(const char *name)
{
    int       found, wrong;
    char     *text, *whole;
    size_t    i, u, n;
    json_t   *root, *rules, *one;
    cr_str_t  json;

    json = cr_profile_builtin(name);
    root = json_loadb(json.p, json.n, 0, NULL);
    rules = json_incref(json_object_get(root, "rules"));
    n = json_array_size(rules);
    wrong = 0;

    /* what means nothing counts here as well */

    for (i = 0; i < n; i++) {
        one = json_array_get(rules, i);

        if (json_array_size(json_object_get(one, "events")) == 0) {
            json_object_set_new(one, "events",
                                json_pack("[{s:s}]", "event", "search"));
        }
    }

    whole = json_dumps(root, JSON_COMPACT);

    for (u = 0; u < sizeof(urls) / sizeof(urls[0]); u++) {
        found = -1;

        for (i = 0; i < n && found < 0; i++) {
            one = json_array();
            json_array_append(one, json_array_get(rules, i));
            json_object_set_new(root, "rules", one);
            text = json_dumps(root, JSON_COMPACT);

            if (group_of(text, strlen(text), urls[u]) == 0) {
                found = (int) i;
            }

            free(text);
        }

        if (group_of(whole, strlen(whole), urls[u]) != found) {
            printf("# %s: %s is %d, not %d\n", name, urls[u],
                   group_of(whole, strlen(whole), urls[u]), found);
            wrong++;
        }
    }

    OK_TEXT(wrong == 0, name);
    free(whole);
    json_decref(rules);
    json_decref(root);
}


int
main(void)
{
    int     i;
    size_t  k;

    for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        test_case(&cases[k]);
    }

    for (i = 0; cr_profile_builtin_name(i) != NULL; i++) {
        test_profile(cr_profile_builtin_name(i));
    }

    return check_done();
}
