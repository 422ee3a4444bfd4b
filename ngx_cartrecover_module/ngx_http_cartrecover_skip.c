/*
 * Why a response gets no tag: each test is a row of doc/variables.md.
 */

#include "ngx_http_cartrecover_module.h"


static cr_skip_e ngx_http_cartrecover_skip_type(ngx_http_request_t *r);
static ngx_uint_t ngx_http_cartrecover_wide(ngx_str_t *text);
static cr_skip_e ngx_http_cartrecover_skip_encoding(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static cr_skip_e ngx_http_cartrecover_skip_header(ngx_table_elt_t *h,
    ngx_http_cartrecover_ctx_t *ctx, cr_csp_t *csp);


cr_skip_e
ngx_http_cartrecover_skip(ngx_http_request_t *r,
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

    skip = ngx_http_cartrecover_skip_type(r);

    if (skip == CR_SKIP_NONE) {
        skip = ngx_http_cartrecover_skip_encoding(r, ctx);
    }

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

    return ngx_http_cartrecover_headers_test(r, ctx);
}


/* A plain document in a charset that ASCII goes into. */

static cr_skip_e
ngx_http_cartrecover_skip_type(ngx_http_request_t *r)
{
    ngx_str_t  *type, *charset;

    type = &r->headers_out.content_type;
    charset = &r->headers_out.charset;

    if (type->len < 9
        || ngx_strncasecmp(type->data, (u_char *) "text/html", 9) != 0
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

    return CR_SKIP_NONE;
}


/* The same of a document that comes as plain text. */

cr_skip_e
ngx_http_cartrecover_type_test(ngx_http_request_t *r)
{
    cr_skip_e         skip;
    ngx_table_elt_t  *h;

    skip = ngx_http_cartrecover_skip_type(r);
    h = r->headers_out.content_encoding;

    return skip == CR_SKIP_NONE && h && h->value.len ? CR_SKIP_ENCODING : skip;
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


/* gzip is spliced, where the client can read it; no other coding is. */

static cr_skip_e
ngx_http_cartrecover_skip_encoding(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    ngx_table_elt_t  *h;

    h = r->headers_out.content_encoding;

    if (h == NULL || h->value.len == 0) {
        return CR_SKIP_NONE;
    }

#if (NGX_HTTP_GZIP)

    if (h->value.len == 4
        && ngx_strncasecmp(h->value.data, (u_char *) "gzip", 4) == 0
        && r->headers_in.accept_encoding
        && ngx_strcasestrn(r->headers_in.accept_encoding->value.data, "gzip",
                           4 - 1))
    {
        ctx->gzip = 1;
        return CR_SKIP_NONE;
    }

#endif

    return CR_SKIP_ENCODING;
}


/* What one of the shop's own headers says of changing its response. */

static cr_skip_e
ngx_http_cartrecover_skip_header(ngx_table_elt_t *h,
    ngx_http_cartrecover_ctx_t *ctx, cr_csp_t *csp)
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
        return is("Cache-Control") && !ctx->lcf->transform
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
               && !cr_csp_add(csp, ngx_http_cartrecover_str(*v))
               ? CR_SKIP_CSP : CR_SKIP_NONE;
    }

#undef is

    return CR_SKIP_NONE;
}


/* A policy that keeps our script out says nothing of plain HTML: any other
 * reason comes first. */

cr_skip_e
ngx_http_cartrecover_headers_test(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    cr_csp_t          csp;
    cr_skip_e         skip, policy;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(&csp, sizeof(cr_csp_t));

#if (NGX_HTTP_SSL)
    csp.secure = r->connection->ssl != NULL;
#endif

    policy = CR_SKIP_NONE;
    part = &r->headers_out.headers.part;
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

        skip = h[i].hash ? ngx_http_cartrecover_skip_header(&h[i], ctx, &csp)
                         : CR_SKIP_NONE;

        if (skip == CR_SKIP_CSP) {
            policy = skip;

        } else if (skip != CR_SKIP_NONE) {
            return skip;
        }
    }

    ctx->nonce = csp.nonce;

    return policy;
}
