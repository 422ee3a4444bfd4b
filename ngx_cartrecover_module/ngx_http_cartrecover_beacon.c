/*
 * POST e, POST c and the debug panel's session: what a page of the shop sends
 * to us about its shopper.
 */

#include "ngx_http_cartrecover_module.h"


static void ngx_http_cartrecover_beacon_body(ngx_http_request_t *r,
    u_char *data, size_t len);
static ngx_int_t ngx_http_cartrecover_beacon_limit(
    ngx_http_cartrecover_loc_conf_t *lcf, cr_session_t *s);
static void ngx_http_cartrecover_beacon_fold(cr_session_t *s, cr_beacon_t *b,
    uint32_t now);
static ngx_int_t ngx_http_cartrecover_beacon_write(
    ngx_http_cartrecover_ctx_t *ctx, cr_beacon_t *b);
static ngx_int_t ngx_http_cartrecover_beacon_claim(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, cr_beacon_t *b);
static void ngx_http_cartrecover_contact_body(ngx_http_request_t *r,
    u_char *data, size_t len);
static void ngx_http_cartrecover_panel_body(ngx_http_request_t *r,
    u_char *data, size_t len);
static ngx_int_t ngx_http_cartrecover_panel_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_cartrecover_own_id(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);


ngx_int_t
ngx_http_cartrecover_beacon(ngx_http_request_t *r)
{
    ngx_http_cartrecover_loc_conf_t  *lcf;

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (!ngx_http_cartrecover_same_origin(r)) {
        return NGX_HTTP_FORBIDDEN;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (ngx_http_cartrecover_limit_address(r, lcf) != NGX_OK) {
        return NGX_HTTP_TOO_MANY_REQUESTS;
    }

    return ngx_http_cartrecover_read_body(r, CR_BEACON_MAX,
                                          ngx_http_cartrecover_beacon_body);
}


/* On our own endpoints a new shopper may get an id at once. */

static ngx_int_t
ngx_http_cartrecover_own_id(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    ngx_http_cartrecover_identify(r, ctx);

    if (!ctx->has_id) {

        if (ctx->tier < CR_TIER_T1 || ctx->lcf->mode != CR_MODE_ON
            || cr_random(&ctx->id, sizeof(cr_id_t)) != CR_OK)
        {
            return NGX_DECLINED;
        }

        ctx->has_id = 1;
    }

    return NGX_OK;
}


static void
ngx_http_cartrecover_beacon_body(ngx_http_request_t *r, u_char *data,
    size_t len)
{
    int                          rc;
    size_t                       at;
    cr_zone_t                   *z;
    cr_beacon_t                 *b;
    ngx_http_cartrecover_ctx_t  *ctx;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    z = ngx_http_cartrecover_table();

    b = ngx_palloc(r->pool, sizeof(cr_beacon_t));
    if (b == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = cr_beacon_parse(b, (char *) data, len, &at);

    if (rc != CR_OK) {
        cr_count(z, CR_N_beacons_bad, 1);
        ngx_http_finalize_request(r, rc == CR_FULL
                                     ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                                     : NGX_HTTP_BAD_REQUEST);
        return;
    }

    if (ngx_http_cartrecover_own_id(r, ctx) != NGX_OK
        || ctx->tier < CR_TIER_T2
        || (ngx_http_cartrecover_bot(r)
            && ctx->lcf->shop->policy.exclude_bots))
    {
        goto done;
    }

    if (ngx_http_cartrecover_beacon_write(ctx, b) == NGX_BUSY) {
        cr_count(z, CR_N_beacons_limited, 1);
        ngx_http_finalize_request(r, 429);
        return;
    }

    cr_count(z, CR_N_beacons, 1);

    if (b->version == 2 && b->page_event != CR_EV_NONE
        && ngx_http_cartrecover_beacon_claim(r, ctx, b) != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (!ctx->has_cookie && ctx->lcf->mode == CR_MODE_ON) {
        (void) ngx_http_cartrecover_set_cookie(r, ctx, 0);
    }

done:

    ngx_http_finalize_request(r,
        ngx_http_cartrecover_send(r, NGX_HTTP_NO_CONTENT, NULL,
                                  "private, no-store", NULL, 0));
}


static ngx_int_t
ngx_http_cartrecover_beacon_write(ngx_http_cartrecover_ctx_t *ctx,
    cr_beacon_t *b)
{
    uint32_t       slot, now;
    cr_zone_t     *z;
    ngx_int_t      rc;
    cr_session_t  *s;

    now = (uint32_t) ngx_time();
    rc = NGX_OK;

    z = ngx_http_cartrecover_lock();

    slot = cr_session_take(z, ctx->lcf->shop->index, &ctx->id, now);

    if (slot != CR_NO_SLOT) {
        s = cr_session_begin(z, slot);

        if (ngx_http_cartrecover_beacon_limit(ctx->lcf, s)) {
            rc = NGX_BUSY;

        } else {
            s->tier = (uint8_t) ctx->tier;
            ngx_http_cartrecover_beacon_fold(s, b, now);
        }

        cr_session_end(z, slot, now);
    }

    ngx_http_cartrecover_unlock();

    return rc;
}


/* What a page says of itself: lines for the mail, no amount and no order. */

static ngx_int_t
ngx_http_cartrecover_beacon_claim(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, cr_beacon_t *b)
{
    cr_obs_t    *obs;
    cr_line_t   *line;
    cr_event_e   event;

    obs = ngx_pcalloc(r->pool, sizeof(cr_obs_t));
    if (obs == NULL) {
        return NGX_ERROR;
    }

    event = b->page_event;

    obs->consent = -1;
    obs->order_total = CR_AMOUNT_UNKNOWN;
    obs->cart = b->cart;
    obs->has_lines = b->cart.nlines != 0
                     && (event == CR_EV_VIEW_CART
                         || event == CR_EV_CHECKOUT_START
                         || event == CR_EV_SHIPPING
                         || event == CR_EV_PAYMENT);

    if (b->cart.nlines && (event == CR_EV_ADD || event == CR_EV_REMOVE)) {
        line = &b->cart.lines[0];

        obs->has_line = 1;
        obs->delta = 1;
        obs->qty = event == CR_EV_ADD ? (int64_t) line->qty
                                      : -(int64_t) line->qty;
        obs->price = line->price;

        ngx_memcpy(obs->ref, line->ref, sizeof(obs->ref));
        ngx_memcpy(obs->name, line->name, sizeof(obs->name));

        obs->cart.total = CR_AMOUNT_UNKNOWN;
        obs->cart.subtotal = CR_AMOUNT_UNKNOWN;
    }

    ngx_http_cartrecover_commit(r, ctx, event == CR_EV_ORDER
                                        ? CR_EV_ORDER_PAGE : event, obs, 1);

    return NGX_OK;
}


/* A leaky bucket of bodies, 1/1000 units, as limit_req counts. */

static ngx_int_t
ngx_http_cartrecover_beacon_limit(ngx_http_cartrecover_loc_conf_t *lcf,
    cr_session_t *s)
{
    uint32_t   now;
    ngx_int_t  excess, passed;

    now = (uint32_t) ngx_time();
    passed = (ngx_int_t) (int32_t) (now - s->beacon_s);
    passed = ngx_max(passed, 0);
    passed = ngx_min(passed, 3600);

    excess = (ngx_int_t) s->beacon_excess
             - passed * (ngx_int_t) lcf->limit_rate + 1000;
    excess = ngx_max(excess, 0);

    if (excess > (ngx_int_t) lcf->limit_burst + 1000) {
        return 1;
    }

    s->beacon_s = now;
    s->beacon_excess = (uint32_t) excess;

    return 0;
}


static void
ngx_http_cartrecover_beacon_fold(cr_session_t *s, cr_beacon_t *b,
    uint32_t now)
{
    ngx_uint_t           i;
    cr_features_event_t  fe;

    if (b->version != 1) {
        return;
    }

    cr_features_beacon(&s->features, b->feat, b->nfeats, now);

    for (i = 0; i < b->nevents; i++) {

        if (b->event[i].code != 'E') {
            continue;
        }

        ngx_memzero(&fe, sizeof(cr_features_event_t));

        fe.event = CR_EV_ERROR;
        fe.upstream_ms = -1;
        fe.cart_value = CR_AMOUNT_UNKNOWN;
        fe.cart_shipping = CR_AMOUNT_UNKNOWN;
        fe.free_from = CR_AMOUNT_UNKNOWN;

        cr_features_event(&s->features, &fe, now);

        return;
    }
}


/* POST c: an address given to us, with a box of its own for each channel */

ngx_int_t
ngx_http_cartrecover_contact(ngx_http_request_t *r)
{
    ngx_http_cartrecover_loc_conf_t  *lcf;

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (!ngx_http_cartrecover_same_origin(r)) {
        return NGX_HTTP_FORBIDDEN;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (ngx_http_cartrecover_limit_address(r, lcf) != NGX_OK) {
        return NGX_HTTP_TOO_MANY_REQUESTS;
    }

    return ngx_http_cartrecover_read_body(r, 2048,
                                          ngx_http_cartrecover_contact_body);
}


static void
ngx_http_cartrecover_contact_body(ngx_http_request_t *r, u_char *data,
    size_t len)
{
    cr_obs_t                    *obs;
    ngx_str_t                    email, box;
    ngx_http_cartrecover_ctx_t  *ctx;

    ctx = ngx_http_cartrecover_ctx(r, 0);

    obs = ngx_pcalloc(r->pool, sizeof(cr_obs_t));
    if (obs == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ctx->obs = obs;       /* wiped with the request */

    obs->order_total = CR_AMOUNT_UNKNOWN;
    obs->cart.total = CR_AMOUNT_UNKNOWN;
    obs->cart.subtotal = CR_AMOUNT_UNKNOWN;
    obs->cart.shipping = CR_AMOUNT_UNKNOWN;

    if (ngx_http_cartrecover_form(r, data, len, "email", &email) != NGX_OK
        || email.len == 0 || email.len >= sizeof(obs->email))
    {
        ngx_http_finalize_request(r, NGX_HTTP_BAD_REQUEST);
        return;
    }

    ngx_memcpy(obs->email, email.data, email.len);
    ngx_explicit_memzero(email.data, email.len);

    if (cr_email_normalise(obs->email) != CR_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_BAD_REQUEST);
        return;
    }

    obs->consent = 0;

    if (ngx_http_cartrecover_form(r, data, len, "consent_email", &box)
        == NGX_OK
        && box.len == 1 && box.data[0] == '1')
    {
        obs->consent = 1;
    }

    ngx_explicit_memzero(data, len);

    if (ngx_http_cartrecover_own_id(r, ctx) == NGX_OK) {
        ngx_http_cartrecover_commit(r, ctx, CR_EV_CONTACT, obs, 1);
    }

    ngx_http_finalize_request(r,
        ngx_http_cartrecover_send(r, NGX_HTTP_NO_CONTENT, NULL,
                                  "private, no-store", NULL, 0));
}


/* GET and POST session, with cartrecover_debug only */

ngx_int_t
ngx_http_cartrecover_session_panel(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->method == NGX_HTTP_POST) {

        if (!ngx_http_cartrecover_same_origin(r)) {
            return NGX_HTTP_FORBIDDEN;
        }

        return ngx_http_cartrecover_read_body(r, 256,
                                              ngx_http_cartrecover_panel_body);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_cartrecover_panel_json(r);
}


static void
ngx_http_cartrecover_panel_body(ngx_http_request_t *r, u_char *data,
    size_t len)
{
    int                          arm;
    uint32_t                     slot, now;
    ngx_str_t                    value;
    cr_zone_t                   *z;
    cr_session_t                *s;
    ngx_http_cartrecover_ctx_t  *ctx;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    z = ngx_http_cartrecover_table();
    now = (uint32_t) ngx_time();

    ngx_http_cartrecover_identify(r, ctx);

    if (ngx_http_cartrecover_form(r, data, len, "new", &value) == NGX_OK) {

        if (ctx->has_id) {
            (void) ngx_http_cartrecover_set_cookie(r, ctx, 1);
        }

    } else if (ngx_http_cartrecover_form(r, data, len, "arm", &value) == NGX_OK
               && ngx_http_cartrecover_own_id(r, ctx) == NGX_OK)
    {
        arm = cr_word_find(cr_arm_word, CR_ARM_MAX, (char *) value.data,
                           value.len);
        arm = ngx_max(arm, CR_ARM_NONE);

        (void) ngx_http_cartrecover_lock();

        slot = cr_session_take(z, ctx->lcf->shop->index, &ctx->id, now);

        if (slot != CR_NO_SLOT) {
            s = cr_session_begin(z, slot);
            s->arm = (uint8_t) arm;
            s->arm_epoch = ctx->lcf->shop->policy.holdout_epoch;
            s->triggered = 0;
            cr_session_end(z, slot, now);
        }

        ngx_http_cartrecover_unlock();

        ctx->cookie.arm = (uint8_t) arm;
        ctx->cookie.epoch = ctx->lcf->shop->policy.holdout_epoch;
        (void) ngx_http_cartrecover_set_cookie(r, ctx, 0);
    }

    ngx_http_finalize_request(r,
        ngx_http_cartrecover_send(r, NGX_HTTP_NO_CONTENT, NULL,
                                  "private, no-store", NULL, 0));
}


static ngx_int_t
ngx_http_cartrecover_panel_json(ngx_http_request_t *r)
{
    char                         cart[CR_CART_JSON], hex[CR_ID_HEX_LEN + 1];
    float                        score;
    u_char                      *buf, *p, *last;
    uint32_t                     slot;
    cr_cart_t                   *c, copy;
    cr_zone_t                   *z;
    ngx_http_cartrecover_ctx_t  *ctx;
    ngx_http_cartrecover_view_t  view;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    ngx_http_cartrecover_identify(r, ctx);

    buf = ngx_pnalloc(r->pool, CR_CART_JSON + 1024);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = buf;
    last = buf + CR_CART_JSON + 1024;

    if (ngx_http_cartrecover_view(ctx, &view) != NGX_OK) {
        p = ngx_slprintf(p, last, "{\"tier\":\"%s\",\"gpc\":%s,"
                         "\"stage\":\"none\",\"model\":\"%s\"}",
                         cr_tier_word[ctx->tier], ctx->gpc ? "true" : "false",
                         CR_SCORECARD);

        return ngx_http_cartrecover_send(r, NGX_HTTP_OK, "application/json",
                                         "private, no-store", buf, p - buf);
    }

    ngx_memcpy(cart, "null", 5);

    z = ngx_http_cartrecover_lock();

    slot = cr_session_find(z, ctx->lcf->shop->index, &ctx->id,
                           (uint32_t) ngx_time());
    c = slot != CR_NO_SLOT ? cr_session_cart(z, slot) : NULL;

    if (c) {
        copy = *c;
    }

    ngx_http_cartrecover_unlock();

    if (c && cr_cart_json(&copy, cart, sizeof(cart)) < 0) {
        ngx_memcpy(cart, "null", 5);
    }

    cr_id_hex(&ctx->id, hex);
    score = cr_score(&view.session.features, NULL);

    p = ngx_slprintf(p, last,
                     "{\"sid\":\"%*s\",\"tier\":\"%s\",\"gpc\":%s,"
                     "\"stage\":\"%s\",\"event\":\"%s\",\"score\":%.3f,"
                     "\"reason\":\"%s\",\"arm\":\"%s\",\"action\":\"none\","
                     "\"message\":\"none\",\"skip\":\"%s\",\"bot\":%s,"
                     "\"orders\":%ud,\"model\":\"%s\",\"cart\":%s}",
                     (size_t) 8, hex, cr_tier_word[ctx->tier],
                     ctx->gpc ? "true" : "false",
                     cr_stage_word[view.session.stage],
                     cr_event_word[view.session.last_event], (double) score,
                     cr_reason_word[cr_reason(&view.session.features, NULL)],
                     cr_arm_word[view.session.arm],
                     view.session.arm == CR_ARM_HOLDOUT
                     ? cr_skip_word[CR_SKIP_HOLDOUT]
                     : ctx->tier < CR_TIER_T2 ? cr_skip_word[CR_SKIP_NO_CONSENT]
                                              : cr_skip_word[CR_SKIP_NONE],
                     view.session.bot ? "true" : "false",
                     (unsigned) view.session.norders, CR_SCORECARD, cart);

    return ngx_http_cartrecover_send(r, NGX_HTTP_OK, "application/json",
                                     "private, no-store", buf, p - buf);
}
