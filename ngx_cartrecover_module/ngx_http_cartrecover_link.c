/*
 * r/TOKEN and u/TOKEN: the two kinds of link in a message.  They wait for
 * Redis, half a second at most; a shop's page never does.
 */

#include "ngx_http_cartrecover_module.h"

#include <hiredis/hiredis.h>


static ngx_int_t ngx_http_cartrecover_link_post(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, cr_token_e purpose,
    const uint8_t subject[16]);
static void ngx_http_cartrecover_answer_later(ngx_http_request_t *r);
static ngx_int_t ngx_http_cartrecover_ask_cart(ngx_http_request_t *r,
    void *data, ngx_http_cartrecover_ask_t *ask);
static ngx_int_t ngx_http_cartrecover_ask_stop(ngx_http_request_t *r,
    void *data, ngx_http_cartrecover_ask_t *ask);
static void ngx_http_cartrecover_answer_cart(ngx_http_request_t *r,
    void *data, redisReply *reply);
static void ngx_http_cartrecover_answer_stop(ngx_http_request_t *r,
    void *data, redisReply *reply);
static ngx_int_t ngx_http_cartrecover_page_send(ngx_http_request_t *r,
    ngx_uint_t status, cr_page_e page);
static cr_str_t ngx_http_cartrecover_page_locale(ngx_http_request_t *r);
static ngx_int_t ngx_http_cartrecover_restored(ngx_http_request_t *r,
    const uint8_t subject[16]);
static void ngx_http_cartrecover_unsub_body(ngx_http_request_t *r,
    u_char *data, size_t len);
static ngx_int_t ngx_http_cartrecover_header_add(ngx_http_request_t *r,
    const char *key, const char *value);


ngx_int_t
ngx_http_cartrecover_link(ngx_http_request_t *r, ngx_str_t *token,
    cr_token_e purpose)
{
    int                           rc;
    cr_id_t                      *id;
    uint8_t                       subject[16];
    ngx_int_t                     n;
    ngx_http_cartrecover_ctx_t   *ctx;
    ngx_http_cartrecover_shop_t  *shop;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    ctx = ngx_http_cartrecover_ctx(r, 0);
    shop = ctx->lcf->shop;

    if (ngx_http_cartrecover_header_add(r, "Referrer-Policy", "no-referrer")
        != NGX_OK
        || ngx_http_cartrecover_header_add(r, "X-Robots-Tag",
                                           "noindex, nofollow")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = cr_token_read(ctx->lcf->ring, purpose,
                       ngx_http_cartrecover_str(shop->site),
                       ngx_http_cartrecover_str(*token),
                       (uint32_t) ngx_time(), subject);

    if (rc != CR_OK) {
        n = ngx_http_discard_request_body(r);
        if (n != NGX_OK) {
            return n;
        }

        return ngx_http_cartrecover_page_send(r, rc == CR_NONE ? 410 : 404,
                                              CR_PAGE_LINK_DEAD);
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_cartrecover_link_post(r, ctx, purpose, subject);
    }

    n = ngx_http_discard_request_body(r);
    if (n != NGX_OK) {
        return n;
    }

    if (purpose == CR_TOKEN_UNSUB) {
        return ngx_http_cartrecover_page_send(r, NGX_HTTP_OK,
                                              CR_PAGE_UNSUB_ASK);
    }

    id = ngx_palloc(r->pool, sizeof(cr_id_t));
    if (id == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(id->b, subject, CR_ID_LEN);

    if (ngx_http_cartrecover_wait(r, shop->redis, ngx_http_cartrecover_ask_cart,
                                  ngx_http_cartrecover_answer_cart, id)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_cartrecover_link_post(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, cr_token_e purpose,
    const uint8_t subject[16])
{
    ngx_int_t  rc;

    if (purpose == CR_TOKEN_RESTORE) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_cartrecover_restored(r, subject);
    }

    ngx_memcpy(ctx->id.b, subject, CR_ID_LEN);

    return ngx_http_cartrecover_read_body(r, 2048,
                                          ngx_http_cartrecover_unsub_body);
}


static ngx_int_t
ngx_http_cartrecover_ask_cart(ngx_http_request_t *r, void *data,
    ngx_http_cartrecover_ask_t *ask)
{
    char                          hex[CR_ID_HEX_LEN + 1];
    u_char                        key[128];
    size_t                        lens[5];
    const char                   *argv[5];
    ngx_http_cartrecover_ctx_t   *ctx;
    ngx_http_cartrecover_shop_t  *shop;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    shop = ctx->lcf->shop;

    cr_id_hex(data, hex);

    argv[0] = "HMGET";
    lens[0] = 5;
    argv[1] = (char *) key;
    lens[1] = ngx_sprintf(key, "cr:{%V}:j:%s", &shop->site, hex) - key;
    argv[2] = "cart";
    lens[2] = 4;
    argv[3] = "st";
    lens[3] = 2;
    argv[4] = "loc";
    lens[4] = 3;

    return ngx_http_cartrecover_redis_send(shop->redis, 5, argv, lens,
                                           ngx_http_cartrecover_answer, &ask,
                                           sizeof(ask));
}


static ngx_int_t
ngx_http_cartrecover_ask_stop(ngx_http_request_t *r, void *data,
    ngx_http_cartrecover_ask_t *ask)
{
    char                         hex[CR_ID_HEX_LEN + 1];
    ngx_http_cartrecover_ctx_t  *ctx;

    ctx = ngx_http_cartrecover_ctx(r, 0);

    cr_id_hex(data, hex);

    return ngx_http_cartrecover_queue_stop(ctx->lcf->shop, "a", hex, "unsub",
                                           ngx_http_cartrecover_answer, &ask,
                                           sizeof(ask));
}


static void
ngx_http_cartrecover_unsub_body(ngx_http_request_t *r, u_char *data,
    size_t len)
{
    ngx_http_cartrecover_ctx_t  *ctx;

    ctx = ngx_http_cartrecover_ctx(r, 0);

    if (ngx_http_cartrecover_wait(r, ctx->lcf->shop->redis,
                                  ngx_http_cartrecover_ask_stop,
                                  ngx_http_cartrecover_answer_stop, &ctx->id)
        != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    /* the body reader's reference goes; the wait keeps its own */

    ngx_http_finalize_request(r, NGX_DONE);
}


static void
ngx_http_cartrecover_answer_later(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r,
        ngx_http_cartrecover_page_send(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       CR_PAGE_LATER));
}


static void
ngx_http_cartrecover_answer_stop(ngx_http_request_t *r, void *data,
    redisReply *reply)
{
    if (reply == NULL) {
        ngx_http_cartrecover_answer_later(r);
        return;
    }

    cr_count(ngx_http_cartrecover_table(), CR_N_unsubscribes, 1);

    ngx_http_finalize_request(r,
        ngx_http_cartrecover_page_send(r, NGX_HTTP_OK, CR_PAGE_UNSUB_DONE));
}


static void
ngx_http_cartrecover_answer_cart(ngx_http_request_t *r, void *data,
    redisReply *reply)
{
    int                          len;
    u_char                      *page;
    cr_str_t                     locale;
    cr_cart_t                   *cart;
    redisReply                  *json;
    ngx_http_cartrecover_ctx_t  *ctx;

    if (reply == NULL) {
        ngx_http_cartrecover_answer_later(r);
        return;
    }

    ctx = ngx_http_cartrecover_ctx(r, 0);

    json = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
           ? reply->element[0] : NULL;

    cart = ngx_palloc(r->pool, sizeof(cr_cart_t));
    page = ngx_pnalloc(r->pool, CR_PAGE_MAX);

    if (cart == NULL || page == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (json == NULL || json->type != REDIS_REPLY_STRING
        || cr_cart_parse(cart, json->str, json->len) != CR_OK
        || cart->nlines == 0)
    {
        ngx_http_finalize_request(r,
            ngx_http_cartrecover_page_send(r, 410, CR_PAGE_LINK_DEAD));
        return;
    }

    locale = ngx_http_cartrecover_page_locale(r);

    len = cr_restore_page(cart, cr_profile_restore(ctx->lcf->profile),
                          ngx_http_cartrecover_str(ctx->lcf->prefix),
                          (cr_str_t) { "", 0 }, locale, (char *) page,
                          CR_PAGE_MAX);
    if (len < 0) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_finalize_request(r,
        ngx_http_cartrecover_send(r, NGX_HTTP_OK, "text/html",
                                  "private, no-store", page, len));
}


/* The page's script says that the cart was put back: an act of this shopper,
 * whose order from now on also ends the journey that the link came from. */

static ngx_int_t
ngx_http_cartrecover_restored(ngx_http_request_t *r, const uint8_t subject[16])
{
    uint32_t                      slot, now;
    cr_zone_t                    *z;
    cr_session_t                 *s;
    ngx_http_cartrecover_ctx_t   *ctx;

    if (!ngx_http_cartrecover_same_origin(r)) {
        return NGX_HTTP_FORBIDDEN;
    }

    ctx = ngx_http_cartrecover_ctx(r, 0);
    ngx_http_cartrecover_identify(r, ctx);

    if (!ctx->has_id && ctx->lcf->mode == CR_MODE_ON
        && ctx->tier >= CR_TIER_T1
        && cr_random(&ctx->id, sizeof(cr_id_t)) == CR_OK)
    {
        ctx->has_id = 1;
    }

    if (ctx->has_id) {
        z = ngx_http_cartrecover_table();
        now = (uint32_t) ngx_time();

        (void) ngx_http_cartrecover_lock();

        slot = cr_session_take(z, ctx->lcf->shop->index, &ctx->id, now);

        if (slot != CR_NO_SLOT) {
            s = cr_session_begin(z, slot);
            ngx_memcpy(s->journey, subject, sizeof(s->journey));
            s->step_event = CR_EV_RESTORED;
            cr_owe(z, slot, CR_KIND_STEP);
            cr_session_end(z, slot, now);
        }

        ngx_http_cartrecover_unlock();

        if (slot != CR_NO_SLOT) {
            cr_count(z, CR_N_restores, 1);
            ngx_http_cartrecover_queue(ctx->lcf->shop, slot);
        }

        if (!ctx->has_cookie && ctx->tier >= CR_TIER_T1
            && ctx->lcf->mode == CR_MODE_ON)
        {
            (void) ngx_http_cartrecover_set_cookie(r, ctx, 0);
        }
    }

    return ngx_http_cartrecover_send(r, NGX_HTTP_NO_CONTENT, NULL,
                                     "private, no-store", NULL, 0);
}


static cr_str_t
ngx_http_cartrecover_page_locale(ngx_http_request_t *r)
{
    cr_str_t                          v;
    ngx_str_t                         s;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (lcf->locale
        && ngx_http_complex_value(r, lcf->locale, &s) == NGX_OK && s.len >= 2)
    {
        return ngx_http_cartrecover_str(s);
    }

    v = ngx_http_cartrecover_header_in(r, cr_lit("accept-language"));

    if (v.n >= 2) {
        v.n = 2;
        return v;
    }

    return (cr_str_t) { lcf->shop->policy.locale,
                        ngx_strlen(lcf->shop->policy.locale) };
}


static ngx_int_t
ngx_http_cartrecover_page_send(ngx_http_request_t *r, ngx_uint_t status,
    cr_page_e page)
{
    int      len;
    u_char  *buf;

    buf = ngx_pnalloc(r->pool, CR_PAGE_MAX);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    len = cr_plain_page(page, ngx_http_cartrecover_page_locale(r),
                        (char *) buf, CR_PAGE_MAX);
    if (len < 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_cartrecover_send(r, status, "text/html",
                                     "private, no-store", buf, len);
}


static ngx_int_t
ngx_http_cartrecover_header_add(ngx_http_request_t *r, const char *key,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_http_cartrecover_header_init(h);
    h->key.data = (u_char *) key;
    h->key.len = ngx_strlen(key);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}
