/*
 * The tag: one constant a configuration, or one a response where the page's
 * policy has a nonce.  Its length is a multiple of five, so that a gzip stream
 * that got no tag can be filled with empty blocks to the length announced.
 */

#include "ngx_http_cartrecover_module.h"


#define NGX_HTTP_CARTRECOVER_TAG_END  "></script>"

#define ngx_http_cartrecover_five(n)  (((n) + 4) / 5 * 5)


static ngx_int_t ngx_http_cartrecover_front(ngx_pool_t *pool, ngx_str_t *tag,
    ngx_str_t *front);
static ngx_int_t ngx_http_cartrecover_fit(ngx_pool_t *pool, ngx_str_t *tag,
    cr_str_t nonce, size_t width, ngx_str_t *out);


ngx_int_t
ngx_http_cartrecover_tag_init(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *lcf)
{
    u_char     *p;
    uint32_t    hash;
    ngx_str_t   plain;

    hash = ngx_crc32_long(lcf->files[0].data.data, lcf->files[0].data.len);

    plain.data = ngx_pnalloc(cf->pool, lcf->prefix.len + 64);
    if (plain.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(plain.data, "<script async src=\"%Vb.js?v=%08xD\""
                    NGX_HTTP_CARTRECOVER_TAG_END, &lcf->prefix, hash);
    plain.len = p - plain.data;

    if (ngx_http_cartrecover_fit(cf->pool, &plain, cr_lit(""),
                                 ngx_http_cartrecover_five(plain.len),
                                 &lcf->tag)
        != NGX_OK
        || ngx_http_cartrecover_fit(cf->pool, &plain, cr_lit(""),
                                    lcf->tag.len
                                    + sizeof(NGX_HTTP_CARTRECOVER_DOCTYPE) - 1,
                                    &lcf->wide_tag)
           != NGX_OK
        || ngx_http_cartrecover_front(cf->pool, &lcf->tag, &lcf->front)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    lcf->front_crc = ngx_crc32_long(lcf->front.data + CR_SPLICE_BLOCK,
                                    lcf->front.len - CR_SPLICE_BLOCK);

    return NGX_OK;
}


/* The tag of this response, and what stands in front of a document where that
 * may be its place. */

ngx_int_t
ngx_http_cartrecover_tag(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_uint_t front)
{
    size_t                            n, wide;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ctx->lcf;

    if (ctx->nonce.n == 0) {
        ctx->tag = front && !ctx->gzip ? lcf->wide_tag : lcf->tag;
        ctx->front = lcf->front;
        return NGX_OK;
    }

    n = lcf->tag.len + sizeof(" nonce=\"\"") - 1 + ctx->nonce.n;
    n = ngx_http_cartrecover_five(n);

    if (ngx_http_cartrecover_fit(r->pool, &lcf->tag, ctx->nonce, n, &ctx->tag)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!front) {
        return NGX_OK;
    }

    if (ngx_http_cartrecover_front(r->pool, &ctx->tag, &ctx->front)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->gzip) {
        return NGX_OK;
    }

    wide = n + sizeof(NGX_HTTP_CARTRECOVER_DOCTYPE) - 1;

    return ngx_http_cartrecover_fit(r->pool, &lcf->tag, ctx->nonce, wide,
                                    &ctx->tag);
}


/* A stored block with doctype and tag; without the block's head it is what
 * stands in front of plain text. */

static ngx_int_t
ngx_http_cartrecover_front(ngx_pool_t *pool, ngx_str_t *tag, ngx_str_t *front)
{
    u_char  *p, *text;
    size_t   n;

    n = sizeof(NGX_HTTP_CARTRECOVER_DOCTYPE) - 1 + tag->len;

    front->len = CR_SPLICE_BLOCK + n;
    front->data = ngx_pnalloc(pool, front->len + n);
    if (front->data == NULL) {
        return NGX_ERROR;
    }

    text = front->data + front->len;

    p = ngx_cpymem(text, NGX_HTTP_CARTRECOVER_DOCTYPE,
                   sizeof(NGX_HTTP_CARTRECOVER_DOCTYPE) - 1);
    ngx_memcpy(p, tag->data, tag->len);

    cr_splice_front(front->data, (char *) text, n);

    return NGX_OK;
}


/* tag with a nonce, and spaces inside it up to width */

static ngx_int_t
ngx_http_cartrecover_fit(ngx_pool_t *pool, ngx_str_t *tag, cr_str_t nonce,
    size_t width, ngx_str_t *out)
{
    u_char  *p;
    size_t   n;

    out->data = ngx_pnalloc(pool, width);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = width;

    n = sizeof("<script async") - 1;
    p = ngx_cpymem(out->data, tag->data, n);

    width -= tag->len;

    if (nonce.n != 0) {
        width -= sizeof(" nonce=\"\"") - 1 + nonce.n;
        p = ngx_cpymem(p, " nonce=\"", sizeof(" nonce=\"") - 1);
        p = ngx_cpymem(p, nonce.p, nonce.n);
        *p++ = '"';
    }

    ngx_memset(p, ' ', width);
    p += width;

    ngx_memcpy(p, tag->data + n, tag->len - n);

    return NGX_OK;
}
