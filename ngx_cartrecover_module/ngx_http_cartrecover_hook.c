/*
 * POST hook: a shop's signed webhooks, the second source of order truth.  The
 * sender hears 200 after Redis has what it said, and 503 when Redis does not
 * answer: it will try again.
 */

#include "ngx_http_cartrecover_module.h"

#include <hiredis/hiredis.h>


#define NGX_HTTP_CARTRECOVER_HOOK_EVENTS  2      /* of one delivery, at most */
#define NGX_HTTP_CARTRECOVER_HOOK_ARGS                                        \
    (11 + 4 * NGX_HTTP_CARTRECOVER_HOOK_EVENTS)


/* headers by which a sender is known, and its topic */

typedef struct {
    cr_str_t    signature;
    cr_str_t    topic;
} ngx_http_cartrecover_hook_head_t;


/* one delivery on its way to Redis; lives in the request's pool */

typedef struct {
    cr_hook_t   h;
    cr_id_t     once;
    cr_id_t     visitor;
    cr_id_t     other;            /* where no visitor is known */
    cr_id_t     email;            /* look-ups */
    cr_id_t     phone;
    unsigned    has_visitor:1;
} ngx_http_cartrecover_delivery_t;


static ngx_uint_t ngx_http_cartrecover_hook_ping(
    ngx_http_cartrecover_loc_conf_t *lcf, u_char *data, size_t len);
static void ngx_http_cartrecover_hook_body(ngx_http_request_t *r,
    u_char *data, size_t len);
static ngx_int_t ngx_http_cartrecover_hook_check(ngx_http_request_t *r,
    cr_str_t body, ngx_http_cartrecover_delivery_t *d);
static void ngx_http_cartrecover_hook_who(ngx_http_cartrecover_loc_conf_t *lcf,
    ngx_http_cartrecover_delivery_t *d);
static void ngx_http_cartrecover_hook_owed(ngx_http_cartrecover_loc_conf_t *lcf,
    ngx_http_cartrecover_delivery_t *d, cr_owed_t *o);
static void ngx_http_cartrecover_hook_contact(
    ngx_http_cartrecover_loc_conf_t *lcf, ngx_http_cartrecover_delivery_t *d,
    cr_contact_t *c);
static uint16_t ngx_http_cartrecover_hook_seal(
    ngx_http_cartrecover_loc_conf_t *lcf, cr_str_t channel, char *address,
    char *buf, size_t size);
static ngx_int_t ngx_http_cartrecover_hook_send(ngx_http_request_t *r,
    void *data, ngx_http_cartrecover_ask_t *ask);
static ngx_int_t ngx_http_cartrecover_hook_events(cr_owed_t *o,
    const char *once, const char **argv, int *argc);
static void ngx_http_cartrecover_hook_answer(ngx_http_request_t *r, void *data,
    redisReply *reply);
static void ngx_http_cartrecover_hook_seen(
    ngx_http_cartrecover_loc_conf_t *lcf, ngx_http_cartrecover_delivery_t *d);
static void ngx_http_cartrecover_hook_wipe(void *data);


static ngx_http_cartrecover_hook_head_t  ngx_http_cartrecover_hook_heads[] = {
    { cr_lit("x-wc-webhook-signature"), cr_lit("x-wc-webhook-topic") },
    { cr_lit("x-shopify-hmac-sha256"), cr_lit("x-shopify-topic") },
    { cr_lit("webhook-signature"), { NULL, 0 } }
};


ngx_int_t
ngx_http_cartrecover_hook(ngx_http_request_t *r)
{
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (lcf->hooks == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_cartrecover_read_body(r, CR_HOOK_BODY,
                                          ngx_http_cartrecover_hook_body);
}


static void
ngx_http_cartrecover_hook_body(ngx_http_request_t *r, u_char *data, size_t len)
{
    cr_str_t                          body;
    ngx_int_t                         rc;
    cr_zone_t                        *z;
    ngx_pool_cleanup_t               *cln;
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_delivery_t  *d;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    z = ngx_http_cartrecover_table();

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_cartrecover_delivery_t));
    if (cln == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    d = cln->data;
    ngx_memzero(d, sizeof(ngx_http_cartrecover_delivery_t));
    cln->handler = ngx_http_cartrecover_hook_wipe;

    if (ngx_http_cartrecover_hook_ping(ctx->lcf, data, len)) {
        rc = NGX_OK;

    } else {
        body = (cr_str_t) { (char *) data, len };
        rc = ngx_http_cartrecover_hook_check(r, body, d);
        ngx_explicit_memzero(data, len);
    }

    if (rc != NGX_OK) {
        cr_count(z, CR_N_hooks_refused, 1);
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (d->h.event == CR_EV_NONE) {
        ngx_http_finalize_request(r,
            ngx_http_cartrecover_send(r, NGX_HTTP_OK, "application/json",
                                      "no-store",
                                      (u_char *) "{\"result\":\"ignored\"}\n",
                                      21));
        return;
    }

    ngx_http_cartrecover_hook_who(ctx->lcf, d);

    if (ngx_http_cartrecover_wait(r, ctx->lcf->shop->redis,
                                  ngx_http_cartrecover_hook_send,
                                  ngx_http_cartrecover_hook_answer, d)
        != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    /* the body reader's reference goes; the wait keeps its own */

    ngx_http_finalize_request(r, NGX_DONE);
}


/* WooCommerce tries a new webhook's address with an unsigned number. */

static ngx_uint_t
ngx_http_cartrecover_hook_ping(
    ngx_http_cartrecover_loc_conf_t *lcf, u_char *data, size_t len)
{
    return ngx_http_cartrecover_hook_find(lcf, CR_HOOK_WOOCOMMERCE) != NULL
           && len > 11 && len < 24 && ngx_memcmp(data, "webhook_id=", 11) == 0
           && ngx_atoi(data + 11, len - 11) != NGX_ERROR;
}


/* NGX_OK, or the status of a refusal */

static ngx_int_t
ngx_http_cartrecover_hook_check(ngx_http_request_t *r, cr_str_t body,
    ngx_http_cartrecover_delivery_t *d)
{
    int                               rc;
    cr_str_t                          topic;
    ngx_uint_t                        i;
    cr_hook_head_t                    head;
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_hook_t      *hook;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    lcf = ctx->lcf;
    hook = NULL;

    for (i = 0; i < CR_HOOK_MAX; i++) {
        head.signature = ngx_http_cartrecover_header_in(r,
                                 ngx_http_cartrecover_hook_heads[i].signature);

        if (head.signature.p) {
            hook = ngx_http_cartrecover_hook_find(lcf, (cr_hook_kind_e) i);
            break;
        }
    }

    if (hook == NULL) {
        return NGX_HTTP_UNAUTHORIZED;
    }

    head.id = ngx_http_cartrecover_header_in(r, cr_lit("webhook-id"));
    head.timestamp = ngx_http_cartrecover_header_in(r,
                                                cr_lit("webhook-timestamp"));
    topic = (cr_str_t) { "", 0 };

    if (ngx_http_cartrecover_hook_heads[i].topic.p) {
        topic = ngx_http_cartrecover_header_in(r,
                                     ngx_http_cartrecover_hook_heads[i].topic);
    }

    if (cr_hook_verify(hook->kind, hook->key, (int) hook->nkeys, &head,
                       (uint32_t) hook->tolerance, (uint32_t) ngx_time(), body,
                       d->once.b)
        != CR_OK)
    {
        return NGX_HTTP_UNAUTHORIZED;
    }

    rc = cr_hook_parse(&d->h, hook->kind, topic, body,
                       lcf->shop->policy.currency);
    if (rc != CR_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    /* deliveries are remembered for longer than old news is believed */

    if (d->h.at && d->h.at / 1000 + CR_HOOK_AGE < (int64_t) ngx_time()) {
        return NGX_HTTP_UNAUTHORIZED;
    }

    return NGX_OK;
}


static void
ngx_http_cartrecover_hook_who(ngx_http_cartrecover_loc_conf_t *lcf,
    ngx_http_cartrecover_delivery_t *d)
{
    char         hex[CR_ID_HEX_LEN + 1], name[5 + sizeof(d->h.key)];
    cr_str_t     site;
    cr_cookie_t  cookie;

    site = ngx_http_cartrecover_str(lcf->shop->site);

    if (d->h.visitor[0]
        && cr_cookie_read(lcf->ring, (cr_str_t) { d->h.visitor,
                                                  ngx_strlen(d->h.visitor) },
                          &cookie)
           == CR_OK)
    {
        d->visitor = cookie.id;
        d->has_visitor = 1;
    }

    cr_id_hex(&d->once, hex);
    (void) ngx_snprintf((u_char *) name, sizeof(name), "hook:%s%Z",
                        d->h.key[0] ? d->h.key
                        : d->h.order.id[0] ? d->h.order.id : hex);
    cr_anon_id(lcf->ring, site, (cr_str_t) { name, ngx_strlen(name) },
               &d->other);

    if (!d->has_visitor && d->h.event != CR_EV_ORDER
        && d->h.event != CR_EV_PAYMENT_FAILED)
    {
        d->visitor = d->other;
        d->has_visitor = 1;
    }

    if (d->h.email[0]) {
        cr_address_look(lcf->ring, 0, site, cr_lit("email"),
                        (cr_str_t) { d->h.email, ngx_strlen(d->h.email) },
                        d->email.b);
    }

    if (d->h.phone[0]) {
        cr_address_look(lcf->ring, 0, site, cr_lit("phone"),
                        (cr_str_t) { d->h.phone, ngx_strlen(d->h.phone) },
                        d->phone.b);
    }
}


/* The delivery as a slot would owe it. */

static void
ngx_http_cartrecover_hook_owed(ngx_http_cartrecover_loc_conf_t *lcf,
    ngx_http_cartrecover_delivery_t *d, cr_owed_t *o)
{
    cr_session_t  *s;

    ngx_memzero(o, sizeof(cr_owed_t));

    o->hook = 1;
    o->has_contact = d->h.email[0] || d->h.phone[0];

    s = &o->s;
    s->stage = (uint8_t) cr_event_stage(d->h.event);
    s->step_event = d->h.event;
    s->score = -1;
    ngx_memcpy(s->locale, d->h.locale, sizeof(s->locale));

    switch (d->h.event) {

    case CR_EV_ORDER:
        o->owes = 1 << CR_KIND_ORDER;
        s->version[CR_KIND_ORDER] = 1;
        s->norders = 1;
        s->order[0] = d->h.order;
        s->order[0].at_s = (uint32_t) ngx_time();
        break;

    case CR_EV_PAYMENT_FAILED:
        o->owes = 1 << CR_KIND_STEP;
        s->stage = CR_STAGE_PAYMENT;
        break;

    default:
        s->stage = d->h.event == CR_EV_CART ? CR_STAGE_CART
                                            : CR_STAGE_CHECKOUT;
        o->owes = 1 << CR_KIND_CART;
        o->has_cart = 1;
        o->cart = d->h.cart;
        o->cart.updated_s = (uint32_t) ngx_time();
        s->version[CR_KIND_CART] = 1;

        if (o->has_contact) {
            o->owes |= 1 << CR_KIND_CONTACT;
            s->version[CR_KIND_CONTACT] = 1;
        }
    }

    if (o->has_contact) {
        ngx_http_cartrecover_hook_contact(lcf, d, &o->contact);
    }
}


/* An address is kept to write to only where the shop says that its owner
 * agreed; its keyed hash always is. */

static void
ngx_http_cartrecover_hook_contact(ngx_http_cartrecover_loc_conf_t *lcf,
    ngx_http_cartrecover_delivery_t *d, cr_contact_t *c)
{
    ngx_memcpy(c->look, d->email.b, CR_ID_LEN);
    ngx_memcpy(c->phone_look, d->phone.b, CR_ID_LEN);
    ngx_memcpy(c->country, d->h.country, sizeof(c->country));
    c->at_s = (uint32_t) ngx_time();

    if (d->h.consent != -1) {
        c->consent_known = 1 << CR_CHAN_EMAIL;
        c->consent = (uint8_t) (d->h.consent << CR_CHAN_EMAIL);
    }

    if (d->h.consent == 1) {
        c->email_len = ngx_http_cartrecover_hook_seal(lcf, cr_lit("email"),
                                     d->h.email, c->email, sizeof(c->email));
        c->phone_len = ngx_http_cartrecover_hook_seal(lcf, cr_lit("phone"),
                                     d->h.phone, c->phone, sizeof(c->phone));
    }
}


static uint16_t
ngx_http_cartrecover_hook_seal(ngx_http_cartrecover_loc_conf_t *lcf,
    cr_str_t channel, char *address, char *buf, size_t size)
{
    int        n;
    cr_str_t   plain;

    plain = (cr_str_t) { address, ngx_strlen(address) };

    n = plain.n ? cr_seal(lcf->ring, ngx_http_cartrecover_str(lcf->shop->site),
                          channel, plain, buf, size)
                : 0;

    return (uint16_t) ngx_max(n, 0);
}


static ngx_int_t
ngx_http_cartrecover_hook_send(ngx_http_request_t *r, void *data,
    ngx_http_cartrecover_ask_t *ask)
{
    ngx_http_cartrecover_delivery_t *d = data;

    int                           i, argc;
    char                          hex[5][CR_ID_HEX_LEN + 1];
    size_t                        lens[NGX_HTTP_CARTRECOVER_HOOK_ARGS];
    u_char                        key[128];
    const char                   *argv[NGX_HTTP_CARTRECOVER_HOOK_ARGS];
    ngx_int_t                     rc;
    ngx_http_cartrecover_ctx_t   *ctx;
    ngx_http_cartrecover_shop_t  *shop;

    static cr_owed_t              o;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    shop = ctx->lcf->shop;

    ngx_memzero(hex, sizeof(hex));
    cr_id_hex(&d->once, hex[0]);
    cr_id_hex(&d->other, hex[2]);

    if (d->has_visitor) {
        cr_id_hex(&d->visitor, hex[1]);
    }

    if (d->h.email[0]) {
        cr_id_hex(&d->email, hex[3]);
    }

    if (d->h.phone[0]) {
        cr_id_hex(&d->phone, hex[4]);
    }

    argv[0] = "EVALSHA";
    argv[1] = cr_script_sha(CR_LUA_HOOK);
    argv[2] = "1";
    argv[3] = (char *) key;
    ngx_sprintf(key, "cr:{%V}:in%Z", &shop->site);

    for (i = 0; i < 5; i++) {
        argv[4 + i] = hex[i];
    }

    argv[9] = d->h.event == CR_EV_ORDER ? "purchased" : "";
    argv[10] = (char *) shop->redis->node.data;
    argc = 11;

    ngx_http_cartrecover_hook_owed(ctx->lcf, d, &o);

    rc = ngx_http_cartrecover_hook_events(&o, hex[0], argv, &argc);

    ngx_explicit_memzero(&o, sizeof(cr_owed_t));

    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < argc; i++) {
        lens[i] = i == 10 ? shop->redis->node.len : ngx_strlen(argv[i]);
    }

    return ngx_http_cartrecover_redis_send(shop->redis, argc, argv, lens,
                                           ngx_http_cartrecover_answer, &ask,
                                           sizeof(ask));
}


/* Four arguments each; the texts stand until the next call. */

static ngx_int_t
ngx_http_cartrecover_hook_events(cr_owed_t *o, const char *once,
    const char **argv, int *argc)
{
    int              i, n;
    u_char          *p;
    uint64_t         number;
    cr_zone_t       *z;
    cr_zone_info_t   info;

    static char      json[NGX_HTTP_CARTRECOVER_HOOK_EVENTS][CR_EVENT_JSON];
    static u_char    words[NGX_HTTP_CARTRECOVER_HOOK_EVENTS][128];

    z = ngx_http_cartrecover_table();
    cr_zone_info(z, &info);

    for (i = 0, n = 0; i < CR_KIND_MAX; i++) {

        if (!(o->owes & (1 << i))) {
            continue;
        }

        if (n == NGX_HTTP_CARTRECOVER_HOOK_EVENTS
            || cr_event_json(o, (cr_kind_e) i, 0, json[n], CR_EVENT_JSON) < 0)
        {
            return NGX_ERROR;
        }

        (void) ngx_http_cartrecover_lock();
        number = cr_zone_seq(z);
        ngx_http_cartrecover_unlock();

        p = words[n];
        argv[(*argc)++] = cr_kind_word[i];
        argv[(*argc)++] = (char *) p;
        p = ngx_sprintf(p, "%uL-%uL%Z", info.epoch, number);
        argv[(*argc)++] = (char *) p;
        ngx_sprintf(p, "hook.%s.%s%Z", once, cr_kind_word[i]);
        argv[(*argc)++] = json[n++];
    }

    return NGX_OK;
}


static void
ngx_http_cartrecover_hook_answer(ngx_http_request_t *r, void *data,
    redisReply *reply)
{
    size_t                            len;
    u_char                           *text;
    cr_zone_t                        *z;
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_delivery_t  *d = data;

    static u_char  accepted[] = "{\"result\":\"accepted\"}\n";
    static u_char  repeated[] = "{\"result\":\"repeated\"}\n";

    z = ngx_http_cartrecover_table();

    if (reply == NULL) {
        cr_count(z, CR_N_hooks_unanswered, 1);
        ngx_http_finalize_request(r,
            ngx_http_cartrecover_send(r, NGX_HTTP_SERVICE_UNAVAILABLE, NULL,
                                      "no-store", NULL, 0));
        return;
    }

    if (reply->type == REDIS_REPLY_STRING && reply->len == 3
        && ngx_memcmp(reply->str, "dup", 3) == 0)
    {
        cr_count(z, CR_N_hooks_repeated, 1);
        text = repeated;
        len = sizeof(repeated) - 1;

    } else {
        ctx = ngx_http_cartrecover_ctx(r, 0);
        cr_count(z, CR_N_hooks, 1);
        ngx_http_cartrecover_hook_seen(ctx->lcf, d);
        text = accepted;
        len = sizeof(accepted) - 1;
    }

    ngx_http_finalize_request(r,
        ngx_http_cartrecover_send(r, NGX_HTTP_OK, "application/json",
                                  "no-store", text, len));
}


/* The shopper's own session learns of it: no messages after the order. */

static void
ngx_http_cartrecover_hook_seen(ngx_http_cartrecover_loc_conf_t *lcf,
    ngx_http_cartrecover_delivery_t *d)
{
    uint32_t              slot, now;
    cr_cart_t            *cart;
    cr_zone_t            *z;
    cr_session_t         *s;
    cr_features_event_t   fe;

    if (!d->has_visitor || (d->h.event != CR_EV_ORDER
                            && d->h.event != CR_EV_PAYMENT_FAILED))
    {
        return;
    }

    now = (uint32_t) ngx_time();

    ngx_memzero(&fe, sizeof(cr_features_event_t));

    fe.event = d->h.event;
    fe.upstream_ms = -1;
    fe.cart_value = CR_AMOUNT_UNKNOWN;
    fe.cart_shipping = CR_AMOUNT_UNKNOWN;
    fe.free_from = CR_AMOUNT_UNKNOWN;

    z = ngx_http_cartrecover_lock();

    slot = cr_session_find(z, lcf->shop->index, &d->visitor, now);

    if (slot != CR_NO_SLOT) {
        s = cr_session_begin(z, slot);
        cr_features_event(&s->features, &fe, now);
        s->last_event = (uint8_t) d->h.event;
        cart = cr_session_cart(z, slot);

        if (d->h.event == CR_EV_ORDER) {
            s->stage = CR_STAGE_ORDERED;

            if (cart) {
                cr_cart_clear(cart);
            }
        }

        cr_session_end(z, slot, now);
    }

    ngx_http_cartrecover_unlock();
}


static void
ngx_http_cartrecover_hook_wipe(void *data)
{
    ngx_explicit_memzero(data, sizeof(ngx_http_cartrecover_delivery_t));
}
