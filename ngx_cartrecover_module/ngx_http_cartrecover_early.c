/*
 * The early header filter, a module of its own for its place in the chain:
 * core gunzip inflates only for clients that take no gzip, unless it is told
 * that this is one.  The late filter puts the answer back, and the client still
 * gets gzip from the gzip filter.  That is for answers whose text has to be
 * read or that may carry a message, and for pages of a location where splicing
 * was refused of late; where gunzip is off, nothing comes of it.
 */

#include "ngx_http_cartrecover_module.h"


static ngx_int_t ngx_http_cartrecover_early_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_cartrecover_early_header_filter(
    ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_early_header_filter;


static ngx_http_module_t  ngx_http_cartrecover_early_filter_module_ctx = {
    NULL,                                   /* preconfiguration */
    ngx_http_cartrecover_early_init,        /* postconfiguration */

    NULL,                                   /* create main configuration */
    NULL,                                   /* init main configuration */

    NULL,                                   /* create server configuration */
    NULL,                                   /* merge server configuration */

    NULL,                                   /* create location configuration */
    NULL                                    /* merge location configuration */
};


ngx_module_t  ngx_http_cartrecover_early_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_cartrecover_early_filter_module_ctx,
    NULL,                                   /* module directives */
    NGX_HTTP_MODULE,                        /* module type */
    NULL,                                   /* init master */
    NULL,                                   /* init module */
    NULL,                                   /* init process */
    NULL,                                   /* init thread */
    NULL,                                   /* exit thread */
    NULL,                                   /* exit process */
    NULL,                                   /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_cartrecover_early_init(ngx_conf_t *cf)
{
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cartrecover_module);

    if (!mcf->enabled) {
        return NGX_OK;
    }

    ngx_http_next_early_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_cartrecover_early_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_cartrecover_early_header_filter(ngx_http_request_t *r)
{
#if (NGX_HTTP_GZIP)

    cr_str_t                          type;
    ngx_uint_t                        wanted;
    ngx_table_elt_t                  *h;
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);
    h = r->headers_out.content_encoding;

    if (lcf->mode == CR_MODE_OFF || r != r->main || h == NULL
        || h->value.len != 4
        || ngx_strncasecmp(h->value.data, (u_char *) "gzip", 4) != 0)
    {
        return ngx_http_next_early_header_filter(r);
    }

    ctx = ngx_http_cartrecover_ctx(r, 1);

    if (ctx == NULL || ctx->own) {
        return ngx_http_next_early_header_filter(r);
    }

    ngx_http_cartrecover_classify(r, ctx);
    ngx_http_cartrecover_identify(r, ctx);

    type = ngx_http_cartrecover_str(r->headers_out.content_type);

    wanted = ctx->match.group >= 0 && ctx->match.want_response;

    if (!wanted && type.n >= 9 && r->headers_out.status == NGX_HTTP_OK
        && ngx_strncasecmp((u_char *) type.p, (u_char *) "text/html", 9) == 0)
    {
        wanted = ngx_http_cartrecover_message_may(r, ctx);

        if (!wanted && lcf->gunzip && lcf->mode == CR_MODE_ON && lcf->inject
            && ctx->tier >= CR_TIER_T2)
        {
            lcf->gunzip--;
            wanted = 1;
        }
    }

    if (wanted) {
        (void) ngx_http_gzip_ok(r);

        ctx->gunzip = 1;
        ctx->gzip_tested = r->gzip_tested;
        ctx->gzip_ok = r->gzip_ok;

        r->gzip_tested = 1;
        r->gzip_ok = 0;
    }

#endif

    return ngx_http_next_early_header_filter(r);
}
