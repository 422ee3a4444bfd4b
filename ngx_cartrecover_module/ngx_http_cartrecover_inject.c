/*
 * The late header and body filter: reads answers for observe.c and puts the
 * tag behind <head ...>, or in front of the document.  A Content-Length that
 * was announced is kept: old length + tag, on every path.
 */

#include "ngx_http_cartrecover_module.h"


static ngx_int_t ngx_http_cartrecover_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_cartrecover_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_cartrecover_prepare(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static int ngx_http_cartrecover_place(ngx_http_cartrecover_ctx_t *ctx,
    ngx_buf_t *b, size_t *at);
static ngx_int_t ngx_http_cartrecover_insert(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl,
    size_t at);
static ngx_int_t ngx_http_cartrecover_finish(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl);
static ngx_int_t ngx_http_cartrecover_output(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl,
    ngx_buf_t **bufs, ngx_uint_t n);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
ngx_http_output_body_filter_pt           ngx_http_cartrecover_next_body_filter;


ngx_int_t
ngx_http_cartrecover_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_cartrecover_header_filter;

    ngx_http_cartrecover_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_cartrecover_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_cartrecover_header_filter(ngx_http_request_t *r)
{
    cr_skip_e                         skip;
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (lcf->mode == CR_MODE_OFF || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_cartrecover_ctx(r, 1);

    if (ctx == NULL || ctx->own) {
        return ngx_http_next_header_filter(r);
    }

#if (NGX_HTTP_GZIP)

    if (ctx->gunzip) {
        r->gzip_tested = ctx->gzip_tested;
        r->gzip_ok = ctx->gzip_ok;
    }

#endif

    ngx_http_cartrecover_classify(r, ctx);

    if (ctx->skip == CR_SKIP_OFF || ctx->skip == CR_SKIP_BYPASS) {
        return ngx_http_next_header_filter(r);
    }

    ngx_http_cartrecover_observe_head(r, ctx);

    skip = ngx_http_cartrecover_skip(r, ctx);

    if (skip == CR_SKIP_NONE) {

        if (ngx_http_cartrecover_prepare(r, ctx) != NGX_OK) {
            cr_count(ngx_http_cartrecover_table(), CR_N_faults, 1);
        }

    } else if (ctx->skip == CR_SKIP_NONE) {
        ctx->skip = skip;
    }

    ngx_http_cartrecover_message_head(r, ctx);

    return ngx_http_next_header_filter(r);
}


/* All that inserting may need is allocated before the header leaves. */

static ngx_int_t
ngx_http_cartrecover_prepare(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    off_t       length;
    ngx_uint_t  start;

    length = r->headers_out.content_length_n;
    start = ctx->gzip || ctx->lcf->place == NGX_HTTP_CARTRECOVER_PLACE_START;

    if (ngx_http_cartrecover_tag(r, ctx, start) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->gzip) {

        if (ngx_http_cartrecover_splice_prepare(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        ctx->tag_buf = ngx_calloc_buf(r->pool);
        ctx->view_buf = ngx_calloc_buf(r->pool);

        if (ctx->tag_buf == NULL || ctx->view_buf == NULL) {
            return NGX_ERROR;
        }

        ctx->inject = 1;
        ctx->start = start;

        cr_head_scan_init(&ctx->scan, NGX_HTTP_CARTRECOVER_SCAN);

        if (length > 0) {
            ngx_http_clear_content_length(r);
            r->headers_out.content_length_n = length + ctx->tag.len;
            ctx->promised = 1;
        }
    }

    ngx_http_clear_accept_ranges(r);
    ngx_http_weak_etag(r);

    r->main_filter_need_in_memory = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_cartrecover_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    int                          rc;
    size_t                       at;
    ngx_buf_t                   *b;
    ngx_chain_t                 *cl;
    ngx_http_cartrecover_ctx_t  *ctx;

    if (in == NULL || r != r->main) {
        return ngx_http_cartrecover_next_body_filter(r, in);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_cartrecover_module);

    if (ctx == NULL) {
        return ngx_http_cartrecover_next_body_filter(r, in);
    }

    if (ctx->feed) {
        ngx_http_cartrecover_observe_body(r, ctx, in);
    }

    if (ctx->message
        && ngx_http_cartrecover_message_body(r, ctx, in, &in) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ctx->inject || ctx->done) {
        return ngx_http_cartrecover_next_body_filter(r, in);
    }

    if (ctx->splice) {
        return ngx_http_cartrecover_splice_body(r, ctx, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (!ctx->scan_ended && ngx_buf_size(b) > 0) {

            rc = ngx_http_cartrecover_place(ctx, b, &at);

            if (rc == CR_SCAN_FOUND) {
                return ngx_http_cartrecover_insert(r, ctx, in, cl, at);
            }

            ctx->scan_ended = (rc == CR_SCAN_END);
        }

        if (b->last_buf) {
            return ngx_http_cartrecover_finish(r, ctx, in, cl);
        }
    }

    return ngx_http_cartrecover_next_body_filter(r, in);
}


/* Where in b the tag belongs: as cr_head_scan() says, or in front of it all. */

static int
ngx_http_cartrecover_place(ngx_http_cartrecover_ctx_t *ctx, ngx_buf_t *b,
    size_t *at)
{
    int  rc;

    *at = 0;

    if (!ngx_buf_in_memory(b)) {
        return CR_SCAN_END;
    }

    if (ctx->start) {
        ctx->start = 0;

        if (cr_splice_text((char *) b->pos, b->last - b->pos)
            == CR_SPLICE_DONE)
        {
            ctx->tag.data = ctx->front.data + CR_SPLICE_BLOCK;
            ctx->tag.len = ctx->front.len - CR_SPLICE_BLOCK;

            return CR_SCAN_FOUND;
        }
    }

    rc = cr_head_scan(&ctx->scan, (char *) b->pos, b->last - b->pos, at);

    if (rc == CR_SCAN_END && ctx->scan.seen == ctx->scan.cap) {
        cr_count(ngx_http_cartrecover_table(), CR_N_scan_capped, 1);
    }

    return rc;
}


/* The tag goes into cl's buf at offset at. */

static ngx_int_t
ngx_http_cartrecover_insert(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl,
    size_t at)
{
    ngx_buf_t   *b, *tag, *view, *bufs[3];
    ngx_uint_t   n;

    b = cl->buf;
    tag = ctx->tag_buf;
    view = ctx->view_buf;

    tag->pos = ctx->tag.data;
    tag->last = ctx->tag.data + ctx->tag.len;
    tag->memory = 1;

    n = 0;

    if (at == (size_t) (b->last - b->pos)) {
        tag->last_buf = b->last_buf;
        tag->last_in_chain = b->last_in_chain;
        tag->flush = b->flush;

        b->last_buf = 0;
        b->last_in_chain = 0;
        b->flush = 0;

        bufs[n++] = b;
        bufs[n++] = tag;

    } else {

        if (at > 0) {
            view->pos = b->pos;
            view->last = b->pos + at;
            view->memory = 1;
            bufs[n++] = view;
        }

        b->pos += at;

        if (b->in_file) {
            b->file_pos += at;
        }

        bufs[n++] = tag;
        bufs[n++] = b;
    }

    ctx->done = 1;
    cr_count(ngx_http_cartrecover_table(), CR_N_injected, 1);

    return ngx_http_cartrecover_output(r, ctx, in, cl, bufs, n);
}


/* The end came without a place: a document gets the tag behind its last byte,
 * anything else the spaces that make the announced length true. */

static ngx_int_t
ngx_http_cartrecover_finish(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl)
{
    ngx_buf_t   *b, *tag, *bufs[2];
    ngx_uint_t   n;

    ctx->done = 1;

    b = cl->buf;
    tag = ctx->tag_buf;

    if (ctx->scan.document) {
        tag->pos = ctx->tag.data;
        tag->last = ctx->tag.data + ctx->tag.len;
        tag->memory = 1;
        cr_count(ngx_http_cartrecover_table(), CR_N_injected, 1);
        cr_count(ngx_http_cartrecover_table(), CR_N_tag_at_end, 1);

    } else {
        ctx->skip = CR_SKIP_NO_DOCUMENT;

        if (!ctx->promised) {
            return ngx_http_cartrecover_next_body_filter(r, in);
        }

        tag->pos = ngx_pnalloc(r->pool, ctx->tag.len);
        if (tag->pos == NULL) {
            return NGX_ERROR;
        }

        ngx_memset(tag->pos, ' ', ctx->tag.len);
        tag->last = tag->pos + ctx->tag.len;
        tag->memory = 1;
    }

    n = 0;

    if (ngx_buf_size(b) > 0) {
        tag->last_buf = 1;
        tag->last_in_chain = b->last_in_chain;
        tag->flush = b->flush;

        b->last_buf = 0;
        b->last_in_chain = 0;
        b->flush = 0;

        bufs[n++] = b;
        bufs[n++] = tag;

    } else {
        bufs[n++] = tag;
        bufs[n++] = b;
    }

    return ngx_http_cartrecover_output(r, ctx, in, cl, bufs, n);
}


static ngx_int_t
ngx_http_cartrecover_output(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl,
    ngx_buf_t **bufs, ngx_uint_t n)
{
    ngx_chain_t  *out;

    if (ngx_http_cartrecover_chain_copy(r, in, cl, bufs, n, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_cartrecover_next_body_filter(r, out);
}


/* in with cl replaced by bufs; the caller's links stay as they are, since he
 * may keep them in his busy list. */

ngx_int_t
ngx_http_cartrecover_chain_copy(ngx_http_request_t *r, ngx_chain_t *in,
    ngx_chain_t *cl, ngx_buf_t **bufs, ngx_uint_t n, ngx_chain_t **out)
{
    ngx_uint_t    i;
    ngx_chain_t  **last, *link;

    last = out;

    for (link = in; link != cl; link = link->next) {
        *last = ngx_alloc_chain_link(r->pool);
        if (*last == NULL) {
            return NGX_ERROR;
        }

        (*last)->buf = link->buf;
        last = &(*last)->next;
    }

    for (i = 0; i < n; i++) {
        *last = ngx_alloc_chain_link(r->pool);
        if (*last == NULL) {
            return NGX_ERROR;
        }

        (*last)->buf = bufs[i];
        last = &(*last)->next;
    }

    *last = cl->next;

    return NGX_OK;
}
