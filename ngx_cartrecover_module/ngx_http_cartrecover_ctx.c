/*
 * The request's context, which survives internal redirects, and the look-up of
 * headers by name.
 */

#include "ngx_http_cartrecover_module.h"


static void ngx_http_cartrecover_ctx_cleanup(void *data);


ngx_http_cartrecover_ctx_t *
ngx_http_cartrecover_ctx(ngx_http_request_t *r, ngx_uint_t create)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_cartrecover_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_cartrecover_module);
    if (ctx) {
        return ctx;
    }

    /* an internal redirect clears the contexts: the pool remembers */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_cartrecover_ctx_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_cartrecover_module);
            return ctx;
        }
    }

    if (!create) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_cartrecover_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_cartrecover_ctx_t));

    ctx->request = r;
    ctx->match.group = -1;

    cln->handler = ngx_http_cartrecover_ctx_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_cartrecover_module);

    return ctx;
}


static void
ngx_http_cartrecover_ctx_cleanup(void *data)
{
    ngx_http_cartrecover_ctx_t  *ctx = data;

    if (ctx->tee) {
        ngx_explicit_memzero(ctx->tee, ctx->tee_size);
    }

    if (ctx->obs) {
        ngx_explicit_memzero(ctx->obs, sizeof(cr_obs_t));
    }
}


static cr_str_t
ngx_http_cartrecover_header(ngx_list_t *headers, cr_str_t name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &headers->part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash != 0
            && h[i].key.len == name.n
            && ngx_strncasecmp(h[i].key.data, (u_char *) name.p, name.n) == 0)
        {
            return ngx_http_cartrecover_str(h[i].value);
        }
    }

    return (cr_str_t) { NULL, 0 };
}


cr_str_t
ngx_http_cartrecover_header_in(void *data, cr_str_t name)
{
    ngx_http_request_t  *r = data;

    return ngx_http_cartrecover_header(&r->headers_in.headers, name);
}


cr_str_t
ngx_http_cartrecover_header_out(void *data, cr_str_t name)
{
    ngx_http_request_t  *r = data;

    if (name.n == 12 && ngx_memcmp(name.p, "content-type", 12) == 0) {
        return ngx_http_cartrecover_str(r->headers_out.content_type);
    }

    if (name.n == 8 && ngx_memcmp(name.p, "location", 8) == 0
        && r->headers_out.location)
    {
        return ngx_http_cartrecover_str(r->headers_out.location->value);
    }

    return ngx_http_cartrecover_header(&r->headers_out.headers, name);
}
