/*
 * The log phase: what was looked at, and how long it took.  The response has
 * gone; nothing that the next page depends on is left for here.
 */

#include "ngx_http_cartrecover_module.h"


static int64_t ngx_http_cartrecover_upstream_ms(ngx_http_request_t *r);
static ngx_uint_t ngx_http_cartrecover_page(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static ngx_uint_t ngx_http_cartrecover_log_page(cr_zone_t *z, uint32_t slot,
    ngx_http_cartrecover_ctx_t *ctx, const cr_features_event_t *fe,
    uint32_t now);


/* After the response: what the next page does not depend on. */

ngx_int_t
ngx_http_cartrecover_log_handler(ngx_http_request_t *r)
{
    uint32_t                     slot, now;
    cr_zone_t                   *z;
    ngx_uint_t                   owes, page;
    cr_features_event_t          fe;
    ngx_http_cartrecover_ctx_t  *ctx;

    ctx = ngx_http_cartrecover_ctx(r, 0);

    if (ctx == NULL || ctx->lcf == NULL || ctx->lcf->mode == CR_MODE_OFF
        || ctx->own)
    {
        return NGX_OK;
    }

    z = ngx_http_cartrecover_table();

    if (ctx->skip != CR_SKIP_NONE) {
        cr_count_skip(z, ctx->skip);
    }

    page = ngx_http_cartrecover_page(r, ctx);

    if (ctx->skip == CR_SKIP_OFF || ctx->skip == CR_SKIP_BYPASS
        || (!page && ctx->match.group < 0))
    {
        return NGX_OK;
    }

    ngx_http_cartrecover_identify(r, ctx);

    if (!ctx->has_id) {
        return NGX_OK;
    }

    ngx_memzero(&fe, sizeof(cr_features_event_t));

    fe.event = ctx->viewed ? ctx->event : CR_EV_NONE;
    fe.status = r->headers_out.status;
    fe.upstream_ms = ngx_http_cartrecover_upstream_ms(r);
    fe.cart_value = CR_AMOUNT_UNKNOWN;
    fe.cart_shipping = CR_AMOUNT_UNKNOWN;
    fe.free_from = CR_AMOUNT_UNKNOWN;
    fe.page = page;

    if (ctx->event == CR_EV_VIEW_PRODUCT) {
        fe.product = ngx_murmur_hash2(r->uri.data, r->uri.len) | 1ull << 32;
    }

    now = (uint32_t) ngx_time();
    owes = 0;

    (void) ngx_http_cartrecover_lock();

    slot = cr_session_find(z, ctx->lcf->shop->index, &ctx->id, now);

    if (slot != CR_NO_SLOT) {
        owes = ngx_http_cartrecover_log_page(z, slot, ctx, &fe, now);
    }

    ngx_http_cartrecover_unlock();

    if (owes) {
        ngx_http_cartrecover_queue(ctx->lcf->shop, slot);
    }

    return NGX_OK;
}


/* Under the lock; 1 when the worker is to hear that the shopper is there. */

static ngx_uint_t
ngx_http_cartrecover_log_page(cr_zone_t *z, uint32_t slot,
    ngx_http_cartrecover_ctx_t *ctx, const cr_features_event_t *fe,
    uint32_t now)
{
    uint32_t       seen;
    ngx_uint_t     owes;
    cr_session_t  *s;

    s = cr_session_begin(z, slot);
    cr_features_event(&s->features, fe, now);

    if (ctx->viewed) {
        s->last_event = (uint8_t) ctx->event;

        if (s->stage < CR_STAGE_CART) {
            s->stage = (uint8_t) cr_event_stage(ctx->event);
        }
    }

    seen = s->version[CR_KIND_SEEN];

    if (s->stage >= CR_STAGE_CART && s->stage < CR_STAGE_ORDERED) {
        cr_owe(z, slot, CR_KIND_SEEN);
    }

    owes = s->version[CR_KIND_SEEN] != seen;

    cr_session_end(z, slot, now);

    return owes;
}


static int64_t
ngx_http_cartrecover_upstream_ms(ngx_http_request_t *r)
{
    int64_t                     ms;
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL || r->upstream_states->nelts == 0) {
        return -1;
    }

    ms = 0;
    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].response_time != (ngx_msec_t) -1) {
            ms += state[i].response_time;
        }
    }

    return ms;
}


static ngx_uint_t
ngx_http_cartrecover_page(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    if (ctx->ajax || ctx->prefetch || r->method != NGX_HTTP_GET
        || r->headers_out.status != NGX_HTTP_OK
        || r->headers_out.content_type.len < 9
        || (ngx_memcmp(r->headers_out.content_type.data, "text/html", 9) != 0
            && ngx_strncasecmp(r->headers_out.content_type.data,
                               (u_char *) "text/html", 9)
               != 0))
    {
        return 0;
    }

    return 1;
}
