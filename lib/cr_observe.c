#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


const cr_group_t *
cr_obs_group(const cr_obs_t *o)
{
    return &o->profile->groups[o->match.group];
}


/* One of the words of "a|b|c". */

static int
obs_any(cr_str_t words, cr_str_t value)
{
    size_t       n;
    const char  *p, *end, *bar;

    end = words.p + words.n;

    for (p = words.p; p <= end; p = bar + 1) {
        bar = (p < end) ? memchr(p, '|', (size_t) (end - p)) : NULL;
        bar = bar ? bar : end;
        n = (size_t) (bar - p);

        if (n == value.n && memcmp(p, value.p, n) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
obs_holds(const cr_obs_t *o, const cr_cond_t *k, cr_str_t value, int present)
{
    cr_str_t  found;

    switch (k->op) {

    case CR_IF_PRESENT:
        return present && value.n != 0;

    case CR_IF_EQUALS:
        return value.n == k->value.n
               && memcmp(value.p, k->value.p, value.n) == 0;

    case CR_IF_ANY:
        return obs_any(k->value, value);

    case CR_IF_REGEX:
        return cr_profile_re(o->profile, k->src.re, value, &found);

    default:
        return 0;
    }
}


static int
obs_source(const cr_src_t *s, cr_src_e kind, cr_str_t name, cr_str_t inner,
    cr_str_t *star)
{
    if (s->kind != kind || (s->inner.n == 0) != (inner.n == 0)) {
        return 0;
    }

    if (inner.n != 0) {
        return cr_wild(s->name, name, NULL) && cr_wild(s->inner, inner, star);
    }

    return cr_wild(s->name, name, star);
}


void
cr_obs_offer(cr_obs_t *o, cr_src_e kind, cr_str_t name, cr_str_t inner,
    cr_str_t value, int present)
{
    int                i;
    uint64_t           bit;
    cr_str_t           star, found;
    const cr_bind_t   *b;
    const cr_cond_t   *k;
    const cr_group_t  *g;

    g = cr_obs_group(o);

    for (i = 0; i < g->nconds; i++) {
        k = &g->conds[i];
        bit = (uint64_t) 1 << i;

        if (!(o->truth & bit) && obs_source(&k->src, kind, name, inner, NULL)
            && obs_holds(o, k, value, present))
        {
            o->truth |= bit;
        }
    }

    for (i = 0; i < g->nbinds; i++) {
        b = &g->binds[i];

        if ((o->rank[b->fact] != 0 && o->rank[b->fact] < b->rank)
            || !obs_source(&b->src, kind, name, inner, &star))
        {
            continue;
        }

        found = value;

        if (b->src.re != NULL
            && !cr_profile_re(o->profile, b->src.re, value, &found))
        {
            continue;
        }

        cr_obs_fact(o, b, found, star, present);
    }
}


/* Everything of one kind that is looked up by name, not found by reading. */

static void
obs_lookup(cr_obs_t *o, cr_src_e kind, cr_header_pt header, void *data)
{
    int                i;
    cr_str_t           v, none;
    const cr_src_t    *s;
    const cr_group_t  *g;

    g = cr_obs_group(o);
    none.p = NULL;
    none.n = 0;

    for (i = 0; i < g->nconds + g->nbinds; i++) {
        s = (i < g->nconds) ? &g->conds[i].src : &g->binds[i - g->nconds].src;

        if (s->kind != kind) {
            continue;
        }

        if (kind == CR_SRC_CONST) {
            v = s->name;

        } else if (kind == CR_SRC_CAPTURE) {
            v = o->match.capture;

        } else if (header == NULL) {
            continue;

        } else if (kind == CR_SRC_COOKIE) {
            v = cr_cookie_get(header(data, cr_lit("cookie")), s->name);

        } else {
            v = header(data, s->name);
        }

        if (v.p != NULL) {
            cr_obs_offer(o, kind, s->name, none, v, 1);
        }
    }
}


static void
obs_currency(cr_obs_t *o, const cr_request_t *r)
{
    cr_str_t         v;
    const cr_src_t  *s;

    if (!o->profile->has_currency || r->header == NULL) {
        return;
    }

    s = &o->profile->currency;

    v = (s->kind == CR_SRC_COOKIE)
        ? cr_cookie_get(r->header(r->data, cr_lit("cookie")), s->name)
        : r->header(r->data, s->name);

    if (v.p != NULL && v.n == 3 && v.p[0] >= 'A' && v.p[0] <= 'Z') {
        memcpy(o->cart.currency, v.p, 3);
        o->cart.currency[3] = '\0';
    }
}


int
cr_obs_status(const cr_profile_t *p, const cr_match_t *m, int status,
    cr_event_e *event)
{
    int                i, k, in;
    const cr_cond_t   *c;
    const cr_group_t  *g;

    g = &p->groups[m->group];

    if (!g->by_status) {
        return 0;
    }

    *event = (status >= 500) ? CR_EV_ERROR : CR_EV_NONE;

    for (i = 0; i < g->nrules; i++) {

        for (k = 0; k < g->nconds; k++) {
            c = &g->conds[k];
            in = (status >= c->lo && status <= c->hi);

            if (((g->rules[i].conds >> k) & 1) && in == c->negate) {
                break;
            }
        }

        if (k == g->nconds) {
            *event = cr_obs_viewed(m, (cr_event_e) g->rules[i].event);
            break;
        }
    }

    return 1;
}


void
cr_obs_init(cr_obs_t *o, const cr_profile_t *p, const cr_match_t *m,
    const cr_request_t *r)
{
    cr_str_t  none;

    memset(o, 0, sizeof(cr_obs_t));
    o->profile = p;
    o->match = *m;
    o->consent = -1;
    o->sign = 1;
    o->price = CR_AMOUNT_UNKNOWN;
    o->order_total = CR_AMOUNT_UNKNOWN;
    cr_cart_clear(&o->cart);

    if (m->group < 0) {
        return;
    }

    none.p = NULL;
    none.n = 0;
    o->money = cr_obs_group(o)->money;

    obs_currency(o, r);
    cr_obs_form(o, CR_SRC_ARG, none, r->args.p, r->args.n);
    obs_lookup(o, CR_SRC_CAPTURE, NULL, NULL);
    obs_lookup(o, CR_SRC_CONST, NULL, NULL);
    obs_lookup(o, CR_SRC_HEADER, r->header, r->data);
    obs_lookup(o, CR_SRC_COOKIE, r->header, r->data);
}


/* The first rule whose conditions all hold; final: what was not seen to be true
 * is not. */

int
cr_obs_decide(cr_obs_t *o, int final)
{
    int                i, k, dead, open, undecided;
    uint64_t           bit, known;
    const cr_rule_t   *r;
    const cr_group_t  *g;

    g = cr_obs_group(o);
    known = final ? UINT64_MAX : o->known | o->truth;
    undecided = 0;
    o->rules = 0;

    for (i = 0; i < g->nrules; i++) {
        r = &g->rules[i];
        dead = open = 0;

        for (k = 0; k < g->nconds && !dead; k++) {
            bit = (uint64_t) 1 << k;

            if (!(r->conds & bit)) {
                continue;
            }

            if (!(known & bit)) {
                open = 1;

            } else if (((o->truth & bit) != 0) == g->conds[k].negate) {
                dead = 1;
            }
        }

        if (dead) {
            continue;
        }

        o->rules |= (uint64_t) 1 << i;

        if (!open && !undecided) {
            return i;
        }

        undecided = 1;
    }

    return undecided ? CR_UNDECIDED : CR_NOTHING;
}


/* The meaning is certain, and no fact of it is still to come. */

static int
obs_settled(cr_obs_t *o)
{
    int                rule;
    cr_event_e         event;
    const cr_group_t  *g;

    if (o->parts == 0) {
        return 1;
    }

    rule = cr_obs_decide(o, 0);

    if (rule < 0) {
        return rule == CR_NOTHING;
    }

    g = cr_obs_group(o);
    event = (cr_event_e) g->rules[rule].event;

    if (event == CR_EV_NONE || event == CR_EV_ERROR
        || event == CR_EV_COUPON_FAILED)
    {
        return 1;
    }

    return !(g->json_facts && (o->parts & CR_PART_JSON))
           && (!(o->parts & CR_PART_TEXT) || cr_obs_text_done(o));
}


/* The conditions of this kind will not change any more. */

static void
obs_known(cr_obs_t *o, cr_src_e kind)
{
    int                i;
    const cr_group_t  *g;

    g = cr_obs_group(o);

    for (i = 0; i < g->nconds; i++) {
        if (g->conds[i].src.kind == kind) {
            o->known |= (uint64_t) 1 << i;
        }
    }
}


int
cr_obs_response_head(cr_obs_t *o, int status, cr_header_pt header,
    void *data)
{
    int                i;
    const cr_cond_t   *k;
    const cr_group_t  *g;

    o->status = (uint16_t) status;
    o->response_head_done = 1;

    if (o->match.group < 0) {
        return 1;
    }

    g = cr_obs_group(o);
    o->known |= g->request_conds;
    obs_known(o, CR_SRC_STATUS);
    obs_known(o, CR_SRC_ANSWER);

    for (i = 0; i < g->nconds; i++) {
        k = &g->conds[i];

        if (k->src.kind == CR_SRC_STATUS && status >= k->lo && status <= k->hi)
        {
            o->truth |= (uint64_t) 1 << i;
        }
    }

    obs_lookup(o, CR_SRC_ANSWER, header, data);

    o->parts = (uint8_t) ((g->want_json ? CR_PART_JSON : 0)
                          | (g->want_text ? CR_PART_TEXT : 0)
                          | (g->want_page ? CR_PART_PAGE : 0)
                          | (g->want_response ? CR_PART_SNIFF : 0));

    return obs_settled(o);
}


static void
obs_end_json(cr_obs_t *o)
{
    o->parts &= (uint8_t) ~CR_PART_JSON;
    obs_known(o, CR_SRC_BODY);
    obs_known(o, CR_SRC_PART);
}


static void
obs_feed_text(cr_obs_t *o, const char *p, size_t n)
{
    const cr_group_t  *g;

    g = cr_obs_group(o);

    if (n > g->scan - o->scanned) {
        n = g->scan - o->scanned;
    }

    cr_obs_text(o, p, n);
    o->scanned += (uint32_t) n;

    if (o->scanned == g->scan) {
        o->parts &= (uint8_t) ~CR_PART_TEXT;
        obs_known(o, CR_SRC_TEXT);
    }
}


/* HTML inside JSON is read as the strings come, unescaped. */

static void
obs_piece(void *data, cr_str_t path, const char *p, size_t n, int end)
{
    cr_obs_t  *o;

    (void) path;

    o = data;

    if (o->parts & CR_PART_TEXT) {
        obs_feed_text(o, end ? "\n" : p, end ? 1 : n);
    }
}


/* The first byte that is no white space tells JSON from the rest. */

static size_t
obs_sniff(cr_obs_t *o, const char *p, size_t n)
{
    int                i;
    size_t             at;
    const cr_group_t  *g;

    for (at = 0; at < n; at++) {
        if (strchr(" \t\r\n\xef\xbb\xbf", p[at]) == NULL || p[at] == '\0') {
            break;
        }
    }

    if (at == n) {
        return n;
    }

    o->parts &= (uint8_t) ~CR_PART_SNIFF;
    g = cr_obs_group(o);
    o->body = (p[at] == '{' || p[at] == '['
               || (g->want_root && strchr("\"-0123456789tfn", p[at])))
              ? CR_BODY_JSON : CR_BODY_OTHER;
    o->response_json = (o->body == CR_BODY_JSON);
    obs_known(o, CR_SRC_IS_JSON);

    if (o->body == CR_BODY_OTHER) {
        if (g->inside == NULL) {
            obs_end_json(o);
        }

        return at;
    }

    for (i = 0; i < g->nconds; i++) {
        if (g->conds[i].src.kind == CR_SRC_IS_JSON) {
            o->truth |= (uint64_t) 1 << i;
        }
    }

    cr_json_init(&o->json, cr_obs_answer_json, o);

    if (o->parts & CR_PART_TEXT) {
        o->json.piece = obs_piece;
    }

    return at;
}


int
cr_obs_response_feed(cr_obs_t *o, const char *p, size_t n)
{
    size_t  at;

    if (o->match.group < 0 || o->parts == 0) {
        return 1;
    }

    at = (o->parts & CR_PART_SNIFF) ? obs_sniff(o, p, n) : 0;

    if (at == n || o->body == CR_BODY_UNKNOWN) {
        return 0;
    }

    if (o->body == CR_BODY_OTHER) {
        if ((o->parts & CR_PART_PAGE) && cr_obs_page(o, p + at, n - at)) {
            o->parts &= (uint8_t) ~CR_PART_PAGE;
            obs_known(o, CR_SRC_PAGE);
        }

        if ((o->parts & CR_PART_JSON)
            && cr_obs_inside(o, p + at, n - at))
        {
            obs_end_json(o);
        }

        if (o->parts & CR_PART_TEXT) {
            obs_feed_text(o, p + at, n - at);
        }

    } else if (cr_json_feed(&o->json, p + at, n - at) != CR_OK) {
        o->parts = 0;
        obs_known(o, CR_SRC_BODY);
        obs_known(o, CR_SRC_TEXT);
    }

    return obs_settled(o);
}
