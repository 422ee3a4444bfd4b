#include "cr_profile_int.h"

#include <stdio.h>
#include <string.h>


#define RULE_CHANGES     (1u << CR_EV_ADD | 1u << CR_EV_UPDATE                \
                          | 1u << CR_EV_REMOVE | 1u << CR_EV_COUPON)
#define RULE_CART_PAGES  (1u << CR_EV_VIEW_CART | 1u << CR_EV_CHECKOUT_START  \
                          | 1u << CR_EV_CONTACT | 1u << CR_EV_SHIPPING        \
                          | 1u << CR_EV_PAYMENT)

static const char *const  group_keys[] = {
    "note", "match", "page", "money", "scan", "batch", "inside", "request",
    "response", "lines", "events", NULL
};

static const char *const  event_keys[] = {
    "note", "event", "when", "delta", "sign", NULL
};

static const char *const  when_keys[] = {
    "status", "request", "header", "answer", "json", "body", "text",
    "no_text", "graphql", "part", "page", NULL
};


cr_cond_t *
cr_profile_cond(cr_builder_t *x, const char *path, cr_rule_t *r, cr_src_e kind)
{
    cr_cond_t  *k;

    if (x->g->nconds == CR_CONDS_MAX) {
        (void) cr_profile_fail(x->c, path, "more than %d conditions in one "
                               "rule", CR_CONDS_MAX);
        return NULL;
    }

    r->conds |= (uint64_t) 1 << x->g->nconds;
    k = &x->conds[x->g->nconds++];
    k->src.kind = (uint8_t) kind;

    return k;
}


/* true, false, "text", 5, {"regex": ".."}, {"not": "text"} */

static int
rule_test(cr_builder_t *x, const char *path, json_t *v, cr_cond_t *k)
{
    char     *num;
    json_t   *regex, *other;

    if (json_is_boolean(v)) {
        k->op = CR_IF_PRESENT;
        k->negate = json_is_false(v);
        return CR_OK;
    }

    regex = json_object_get(v, "regex");
    other = json_object_get(v, "not");

    if (json_is_string(regex) && json_object_size(v) == 1) {
        k->op = CR_IF_REGEX;
        k->value = cr_profile_str(regex);
        k->src.re = cr_profile_regex(x->c, path, k->value, 0);
        return k->src.re ? CR_OK : CR_ERR;
    }

    if (other != NULL && json_object_size(v) == 1) {
        k->negate = 1;
        v = other;
    }

    k->op = CR_IF_EQUALS;

    if (json_is_string(v)) {
        k->value = cr_profile_str(v);
        return CR_OK;
    }

    if (json_is_integer(v)) {
        num = cr_profile_alloc(x->c, 24);

        if (num == NULL) {
            return CR_ERR;
        }

        k->value.p = num;
        k->value.n = (size_t) snprintf(num, 24, "%lld",
                                       (long long) json_integer_value(v));
        return CR_OK;
    }

    return cr_profile_fail(x->c, path, "say true, false, a text, a number, "
                           "{\"regex\": ..} or {\"not\": ..}");
}


/* An object of places and tests. */

static int
rule_tests(cr_builder_t *x, const char *path, json_t *o, cr_rule_t *r,
    cr_src_e kind)
{
    char         at[160];
    json_t      *v;
    cr_str_t     name;
    cr_cond_t   *k;
    const char  *key;

    if (o != NULL && !json_is_object(o)) {
        return cr_profile_fail(x->c, path, "must be an object of tests");
    }

    json_object_foreach(o, key, v) {
        (void) snprintf(at, sizeof(at), "%s.%s", path, key);
        k = cr_profile_cond(x, at, r, kind);
        name.p = key;
        name.n = strlen(key);

        if (k == NULL) {
            return CR_ERR;
        }

        if (kind != CR_SRC_FORM) {
            k->src.name = name;
            k->src.name.n *= (strcmp(key, "$") != 0);

        } else if (cr_profile_request_src(x->c, at, name, &k->src) != CR_OK) {
            return CR_ERR;
        }

        if (k->src.re != NULL) {
            return cr_profile_fail(x->c, at, "say {\"regex\": ..} for a test");
        }

        if (rule_test(x, at, v, k) != CR_OK) {
            return CR_ERR;
        }
    }

    return CR_OK;
}


static int
rule_texts(cr_builder_t *x, const char *path, json_t *list, cr_rule_t *r,
    int negate)
{
    size_t      i;
    json_t     *v;
    cr_cond_t  *k;

    if (list != NULL && !json_is_array(list)) {
        return cr_profile_fail(x->c, path, "must be a list of texts");
    }

    json_array_foreach(list, i, v) {
        k = cr_profile_cond(x, path, r, CR_SRC_TEXT);

        if (k == NULL) {
            return CR_ERR;
        }

        if (x->g->nmarks == CR_MARKS_MAX) {
            return cr_profile_fail(x->c, path, "more than %d texts in one "
                                   "rule", CR_MARKS_MAX);
        }

        k->mark = x->g->nmarks++;
        k->negate = (uint8_t) negate;
        k->needle = cr_profile_alloc(x->c, sizeof(cr_needle_t));

        if (k->needle == NULL
            || cr_profile_needle(x->c, path, v, k->needle) != CR_OK)
        {
            return CR_ERR;
        }
    }

    return CR_OK;
}


static int
rule_status(cr_builder_t *x, const char *path, const json_t *v, cr_rule_t *r)
{
    cr_cond_t  *k;

    if (v == NULL) {
        return CR_OK;
    }

    k = cr_profile_cond(x, path, r, CR_SRC_STATUS);

    return k ? cr_profile_range(x->c, path, v, k) : CR_ERR;
}


static int
rule_body(cr_builder_t *x, const char *path, const json_t *v, cr_rule_t *r)
{
    cr_cond_t   *k;
    const char  *s;

    if (v == NULL) {
        return CR_OK;
    }

    s = json_string_value(v);

    if (s == NULL || (strcmp(s, "json") != 0 && strcmp(s, "other") != 0)) {
        return cr_profile_fail(x->c, path, "say \"json\" or \"other\"");
    }

    k = cr_profile_cond(x, path, r, CR_SRC_IS_JSON);

    if (k == NULL) {
        return CR_ERR;
    }

    k->negate = (*s == 'o');

    return CR_OK;
}


static int
rule_graphql(cr_builder_t *x, const char *path, json_t *v, cr_rule_t *r)
{
    cr_cond_t  *k;

    if (v == NULL) {
        return CR_OK;
    }

    k = cr_profile_cond(x, path, r, CR_SRC_GRAPHQL);

    if (k == NULL) {
        return CR_ERR;
    }

    k->src.name = cr_lit("field");
    k->value = cr_profile_str(v);

    if (k->value.n == 0) {
        return cr_profile_fail(x->c, path, "must be a text: the operation's "
                               "field, or several with '|' between");
    }

    if (strspn(k->value.p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_|0123456789"
                           "abcdefghijklmnopqrstuvwxyz") == k->value.n)
    {
        k->op = CR_IF_ANY;
        return CR_OK;
    }

    k->op = CR_IF_REGEX;

    k->src.re = cr_profile_regex(x->c, path, k->value,
                                 PCRE2_ANCHORED | PCRE2_ENDANCHORED);

    return k->src.re ? CR_OK : CR_ERR;
}


static int
rule_when(cr_builder_t *x, const char *path, json_t *w, cr_rule_t *r)
{
    char        at[160];
    cr_cond_t  *k;

    /* a page that was not served was not seen */

    if (x->g->page && json_object_get(w, "status") == NULL) {
        k = cr_profile_cond(x, path, r, CR_SRC_STATUS);

        if (k == NULL) {
            return CR_ERR;
        }

        k->op = CR_IF_RANGE;
        k->lo = 200;
        k->hi = 299;
    }

    if (w == NULL) {
        return CR_OK;
    }

    if (cr_profile_keys(x->c, path, w, when_keys) != CR_OK) {
        return CR_ERR;
    }

#define AT(key)  (snprintf(at, sizeof(at), "%.120s." key, path), at)

    if (rule_status(x, AT("status"), json_object_get(w, "status"), r) != CR_OK
        || rule_tests(x, AT("request"), json_object_get(w, "request"), r,
                      CR_SRC_FORM) != CR_OK
        || rule_tests(x, AT("header"), json_object_get(w, "header"), r,
                      CR_SRC_HEADER) != CR_OK
        || rule_tests(x, AT("answer"), json_object_get(w, "answer"), r,
                      CR_SRC_ANSWER) != CR_OK
        || rule_tests(x, AT("json"), json_object_get(w, "json"), r,
                      CR_SRC_BODY) != CR_OK
        || rule_body(x, AT("body"), json_object_get(w, "body"), r) != CR_OK
        || rule_texts(x, AT("text"), json_object_get(w, "text"), r, 0)
           != CR_OK
        || rule_texts(x, AT("no_text"), json_object_get(w, "no_text"), r, 1)
           != CR_OK
        || rule_graphql(x, AT("graphql"), json_object_get(w, "graphql"), r)
           != CR_OK
        || cr_profile_page(x, AT("page"), json_object_get(w, "page"), r)
           != CR_OK
        || cr_profile_part(x, AT("part"), json_object_get(w, "part"), r)
           != CR_OK)
    {
        return CR_ERR;
    }

#undef AT

    return CR_OK;
}


static int
rule_same_text(cr_str_t a, cr_str_t b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}


/* A condition that an earlier rule of the group has is that one. */

static void
rule_share(cr_builder_t *x, cr_rule_t *r, int first)
{
    int         i, k, n;
    cr_cond_t  *a, *b;

    n = first;

    for (i = first; i < x->g->nconds; i++) {
        a = &x->conds[i];
        r->conds &= ~((uint64_t) 1 << i);

        for (k = 0; k < n; k++) {
            b = &x->conds[k];

            if (a->needle == NULL && b->needle == NULL
                && a->src.kind == b->src.kind && a->op == b->op
                && a->negate == b->negate && a->lo == b->lo && a->hi == b->hi
                && rule_same_text(a->value, b->value)
                && rule_same_text(a->src.name, b->src.name)
                && rule_same_text(a->src.inner, b->src.inner))
            {
                break;
            }
        }

        r->conds |= (uint64_t) 1 << k;

        if (k == n) {
            x->conds[n++] = *a;
        }
    }

    memset(&x->conds[n], 0, (size_t) (x->g->nconds - n) * sizeof(cr_cond_t));
    x->g->nconds = (uint8_t) n;
}


static int
rule_event(cr_builder_t *x, const char *path, json_t *o, cr_rule_t *r)
{
    int       ev, first;
    char      at[160];
    json_t   *delta, *sign;
    cr_str_t  word;

    if (cr_profile_keys(x->c, path, o, event_keys) != CR_OK) {
        return CR_ERR;
    }

    word = cr_profile_str(json_object_get(o, "event"));
    ev = cr_word_find(cr_event_word, CR_EV_MAX, word.p, word.n);

    if (ev < 0) {
        return cr_profile_fail(x->c, path, "\"event\" must be one of the "
                               "product's event words, such as \"add\"");
    }

    delta = json_object_get(o, "delta");
    sign = json_object_get(o, "sign");
    r->event = (uint8_t) ev;
    r->delta = json_is_boolean(delta) ? (int8_t) json_is_true(delta) : -1;
    r->sign = (json_integer_value(sign) < 0) ? -1 : 1;

    (void) snprintf(at, sizeof(at), "%.140s.when", path);

    first = x->g->nconds;

    if (rule_when(x, at, json_object_get(o, "when"), r) != CR_OK) {
        return CR_ERR;
    }

    rule_share(x, r, first);

    return CR_OK;
}


static void
rule_wants(cr_group_t *g)
{
    int              i;
    uint8_t          kind;
    uint64_t         bit;
    const cr_src_t  *src;

    for (i = 0; i < g->nconds + g->nbinds; i++) {
        src = (i < g->nconds) ? &g->conds[i].src : &g->binds[i - g->nconds].src;
        kind = src->kind;
        bit = (i < g->nconds) ? (uint64_t) 1 << i : 0;

        switch (kind) {

        case CR_SRC_FORM:
        case CR_SRC_JSON:
        case CR_SRC_GRAPHQL:
            g->want_request = 1;
            g->request_conds |= bit;
            break;

        case CR_SRC_PART:
            g->want_request = 1;

            /* fall through */

        case CR_SRC_BODY:
            g->want_root |= (kind == CR_SRC_BODY && src->name.n == 0);

            /* fall through */

        case CR_SRC_LINE:
            g->json_facts |= (i >= g->nconds);
            g->want_json = 1;
            g->want_response = 1;
            break;

        case CR_SRC_TEXT:
            g->want_text = 1;
            g->want_response = 1;
            break;

        case CR_SRC_PAGE:
            g->want_page = 1;

            /* fall through */

        case CR_SRC_IS_JSON:
            g->want_response = 1;
            break;

        case CR_SRC_ANSWER:
        case CR_SRC_STATUS:
            break;

        default:
            g->request_conds |= bit;
        }
    }

    if (g->lines.n != 0) {
        g->json_facts = 1;
        g->want_json = 1;
        g->want_response = 1;
    }

    if (g->rows != NULL) {
        g->want_text = 1;
        g->want_response = 1;
    }
}


static int
rule_finish(cr_builder_t *x)
{
    int          i;
    cr_group_t  *g;

    g = x->g;
    g->conds = cr_profile_alloc(x->c, (g->nconds + 1u) * sizeof(cr_cond_t));
    g->binds = cr_profile_alloc(x->c, (g->nbinds + 1u) * sizeof(cr_bind_t));

    if (g->conds == NULL || g->binds == NULL) {
        return CR_ERR;
    }

    memcpy(g->conds, x->conds, g->nconds * sizeof(cr_cond_t));
    memcpy(g->binds, x->binds, g->nbinds * sizeof(cr_bind_t));
    rule_wants(g);

    g->by_status = (g->nbinds == 0 && !g->want_request && !g->want_response);

    for (i = 0; i < g->nconds; i++) {
        g->by_status &= (g->conds[i].src.kind == CR_SRC_STATUS);
    }

    return CR_OK;
}


int
cr_profile_group(cr_compiler_t *c, const char *path, json_t *o, cr_group_t *g)
{
    char      at[160];
    size_t    i, n;
    json_t   *events;
    cr_builder_t   x;

    memset(&x, 0, sizeof(cr_builder_t));
    x.c = c;
    x.g = g;

    if (cr_profile_keys(c, path, o, group_keys) != CR_OK) {
        return CR_ERR;
    }

    g->page = json_is_true(json_object_get(o, "page"));
    g->money = c->money;
    g->scan = (uint32_t) json_integer_value(json_object_get(o, "scan"));

    if (g->scan == 0) {
        g->scan = UINT32_MAX;
    }

#define AT(key)  (snprintf(at, sizeof(at), "%.120s." key, path), at)

    if (cr_profile_money(c, AT("money"), json_object_get(o, "money"),
                         &g->money) != CR_OK
        || cr_profile_inside(&x, AT("inside"), json_object_get(o, "inside"))
           != CR_OK
        || cr_profile_batch(&x, AT("batch"), json_object_get(o, "batch"))
           != CR_OK
        || cr_profile_facts(&x, AT("request"), json_object_get(o, "request"),
                            0) != CR_OK
        || cr_profile_facts(&x, AT("response"),
                            json_object_get(o, "response"), 1) != CR_OK
        || cr_profile_lines(&x, AT("lines"), json_object_get(o, "lines"))
           != CR_OK)
    {
        return CR_ERR;
    }

#undef AT

    events = json_object_get(o, "events");
    n = json_array_size(events);

    if (!json_is_array(events) || n > CR_RULES_MAX) {
        return cr_profile_fail(c, path, "\"events\" must be a list of at most "
                               "%d, empty for traffic that means nothing",
                               CR_RULES_MAX);
    }

    g->rules = cr_profile_alloc(c, (n + 1) * sizeof(cr_rule_t));

    if (g->rules == NULL) {
        return CR_ERR;
    }

    for (i = 0; i < n; i++) {
        (void) snprintf(at, sizeof(at), "%s.events[%d]", path, (int) i);

        if (rule_event(&x, at, json_array_get(events, i), &g->rules[i])
            != CR_OK)
        {
            return CR_ERR;
        }

        g->changes |= (RULE_CHANGES >> g->rules[i].event) & 1;

        /* what only the answer tells is not known in front of it */

        if (!json_object_get(json_object_get(json_array_get(events, i),
                                             "when"), "page"))
        {
            g->cart_page |= g->page & (RULE_CART_PAGES >> g->rules[i].event);
        }
    }

    g->nrules = (uint8_t) n;

    return rule_finish(&x);
}
