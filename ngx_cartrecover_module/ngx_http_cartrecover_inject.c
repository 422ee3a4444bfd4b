/*
 * The late header and body filter: reads answers for observe.c and puts the
 * constant tag behind <head ...>.  A Content-Length that was announced is
 * kept: old length + tag, on every path.
 */

#include "ngx_http_cartrecover_module.h"


static ngx_int_t ngx_http_cartrecover_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_cartrecover_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static cr_skip_e ngx_http_cartrecover_inject_test(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static ngx_uint_t ngx_http_cartrecover_wide(ngx_str_t *text);
static cr_skip_e ngx_http_cartrecover_inject_header(ngx_table_elt_t *h);
static ngx_int_t ngx_http_cartrecover_prepare(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static ngx_int_t ngx_http_cartrecover_insert(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl,
    size_t at);
static ngx_int_t ngx_http_cartrecover_finish(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl);
static ngx_int_t ngx_http_cartrecover_output(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t *cl,
    ngx_buf_t **bufs, ngx_uint_t n);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_cartrecover_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_cartrecover_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
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

    skip = ngx_http_cartrecover_inject_test(r, ctx);

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


/* Why this response gets no tag; each test is a row of doc/variables.md. */

static cr_skip_e
ngx_http_cartrecover_inject_test(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    cr_skip_e  skip;

    if (ctx->lcf->mode == CR_MODE_OBSERVE) {
        return CR_SKIP_OBSERVE;
    }

    if (!ctx->lcf->inject) {
        return CR_SKIP_OFF;
    }

    if (r->headers_out.status != NGX_HTTP_OK) {
        return CR_SKIP_STATUS;
    }

    skip = ngx_http_cartrecover_type_test(r);

    if (skip != CR_SKIP_NONE) {
        return skip;
    }

    if (ctx->prefetch) {
        return CR_SKIP_PREFETCH;
    }

    if (ctx->ajax) {
        return CR_SKIP_AJAX;
    }

    if (r->headers_out.content_length_n >= 0
        && r->headers_out.content_length_n < NGX_HTTP_CARTRECOVER_SMALL)
    {
        return CR_SKIP_SIZE;
    }

    ngx_http_cartrecover_identify(r, ctx);

    if (ctx->tier < CR_TIER_T2) {
        return ctx->gpc ? CR_SKIP_GPC : CR_SKIP_NO_CONSENT;
    }

    return ngx_http_cartrecover_headers_test(r);
}


/* A plain document in a charset that ASCII goes into. */

cr_skip_e
ngx_http_cartrecover_type_test(ngx_http_request_t *r)
{
    ngx_str_t        *type, *charset;
    ngx_table_elt_t  *h;

    type = &r->headers_out.content_type;
    charset = &r->headers_out.charset;

    if (type->len < 9
        || (ngx_memcmp(type->data, "text/html", 9) != 0
            && ngx_strncasecmp(type->data, (u_char *) "text/html", 9) != 0)
        || (type->len > 9 && type->data[9] != ';' && type->data[9] != ' '))
    {
        return type->len >= 17
               && ngx_strncasecmp(type->data, (u_char *) "text/event-stream",
                                  17) == 0
               ? CR_SKIP_STREAM : CR_SKIP_TYPE;
    }

    if (ngx_http_cartrecover_wide(charset)
        || (type->len > 9 && ngx_http_cartrecover_wide(type)))
    {
        return CR_SKIP_CHARSET;
    }

    h = r->headers_out.content_encoding;

    if (h && h->value.len
        && ngx_strcasecmp(h->value.data, (u_char *) "identity") != 0)
    {
        return CR_SKIP_ENCODING;
    }

    return CR_SKIP_NONE;
}


static ngx_uint_t
ngx_http_cartrecover_wide(ngx_str_t *text)
{
    u_char  *last;

    last = text->data + text->len;

    return text->len >= 6
           && (ngx_strlcasestrn(text->data, last, (u_char *) "utf-16", 6 - 1)
               || ngx_strlcasestrn(text->data, last, (u_char *) "utf-32",
                                   6 - 1));
}


/* What one of the shop's own headers says of changing its response. */

static cr_skip_e
ngx_http_cartrecover_inject_header(ngx_table_elt_t *h)
{
    ngx_str_t  *v;

#define is(name)  (ngx_strncasecmp(h->key.data, (u_char *) name,              \
                                   sizeof(name) - 1) == 0)

    v = &h->value;

    switch (h->key.len) {

    case 6:
        return is("Digest") ? CR_SKIP_DIGEST : CR_SKIP_NONE;

    case 11:
        return is("Repr-Digest") || is("Content-MD5") ? CR_SKIP_DIGEST
                                                      : CR_SKIP_NONE;

    case 13:
        return is("Cache-Control")
               && ngx_strlcasestrn(v->data, v->data + v->len,
                                   (u_char *) "no-transform", 12 - 1)
               ? CR_SKIP_NO_TRANSFORM : CR_SKIP_NONE;

    case 14:
        return is("Content-Digest") ? CR_SKIP_DIGEST : CR_SKIP_NONE;

    case 19:
        return is("Content-Disposition") && v->len >= 10
               && ngx_strncasecmp(v->data, (u_char *) "attachment", 10) == 0
               ? CR_SKIP_ATTACHMENT : CR_SKIP_NONE;

    case 23:
        return is("Content-Security-Policy")
               && !cr_csp_allows(ngx_http_cartrecover_str(*v))
               ? CR_SKIP_CSP : CR_SKIP_NONE;
    }

#undef is

    return CR_SKIP_NONE;
}


/* A policy that keeps our script out says nothing of plain HTML: any other
 * reason comes first. */

cr_skip_e
ngx_http_cartrecover_headers_test(ngx_http_request_t *r)
{
    cr_skip_e         skip, csp;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    csp = CR_SKIP_NONE;
    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return csp;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        skip = h[i].hash ? ngx_http_cartrecover_inject_header(&h[i])
                         : CR_SKIP_NONE;

        if (skip == CR_SKIP_CSP) {
            csp = skip;

        } else if (skip != CR_SKIP_NONE) {
            return skip;
        }
    }
}


/* All that inserting may need is allocated before the header leaves. */

static ngx_int_t
ngx_http_cartrecover_prepare(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    off_t  length;

    length = r->headers_out.content_length_n;

    ctx->tag_buf = ngx_calloc_buf(r->pool);
    ctx->view_buf = ngx_calloc_buf(r->pool);

    if (ctx->tag_buf == NULL || ctx->view_buf == NULL) {
        return NGX_ERROR;
    }

    ctx->tag = ctx->lcf->tag;
    ctx->inject = 1;

    cr_head_scan_init(&ctx->scan, NGX_HTTP_CARTRECOVER_SCAN);

    if (length > 0) {
        ngx_http_clear_content_length(r);
        r->headers_out.content_length_n = length + ctx->tag.len;
        ctx->promised = 1;
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
        return ngx_http_next_body_filter(r, in);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_cartrecover_module);

    if (ctx == NULL) {
        return ngx_http_next_body_filter(r, in);
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
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (!ctx->scan_ended && ngx_buf_size(b) > 0) {

            rc = CR_SCAN_END;
            at = 0;

            if (ngx_buf_in_memory(b)) {
                rc = cr_head_scan(&ctx->scan, (char *) b->pos,
                                  b->last - b->pos, &at);
            }

            if (rc == CR_SCAN_FOUND) {
                return ngx_http_cartrecover_insert(r, ctx, in, cl, at);
            }

            ctx->scan_ended = (rc == CR_SCAN_END);
        }

        if (b->last_buf) {
            return ngx_http_cartrecover_finish(r, ctx, in, cl);
        }
    }

    return ngx_http_next_body_filter(r, in);
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

    } else {
        ctx->skip = CR_SKIP_NO_DOCUMENT;

        if (!ctx->promised) {
            return ngx_http_next_body_filter(r, in);
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

    return ngx_http_next_body_filter(r, out);
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
