/*
 * Everything under the prefix: dispatch, and what its answers share.
 */

#include "ngx_http_cartrecover_module.h"


typedef struct {
    void     (*handler)(ngx_http_request_t *r, u_char *data, size_t len);
    size_t     max;
} ngx_http_cartrecover_body_t;


static void ngx_http_cartrecover_body_read(ngx_http_request_t *r);


ngx_int_t
ngx_http_cartrecover_endpoint(ngx_http_request_t *r)
{
    ngx_str_t                         name;
    ngx_int_t                         rc;
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (lcf->mode == CR_MODE_OFF || r->uri.len <= lcf->prefix.len
        || ngx_strncmp(r->uri.data, lcf->prefix.data, lcf->prefix.len) != 0)
    {
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_http_cartrecover_ctx(r, 1);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->own = 1;
    ctx->classified = 1;
    ctx->lcf = lcf;

    name.data = r->uri.data + lcf->prefix.len;
    name.len = r->uri.len - lcf->prefix.len;

    rc = ngx_http_cartrecover_web(r, &name);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (name.len == 1) {

        switch (name.data[0]) {

        case 'e':
            return ngx_http_cartrecover_beacon(r);

        case 'c':
            return ngx_http_cartrecover_contact(r);
        }
    }

    if (name.len > 2 && name.data[1] == '/') {
        rc = name.data[0];
        name.data += 2;
        name.len -= 2;

        switch (rc) {

        case 'r':
            return ngx_http_cartrecover_link(r, &name, CR_TOKEN_RESTORE);

        case 'u':
            return ngx_http_cartrecover_link(r, &name, CR_TOKEN_UNSUB);
        }
    }

    if (name.len == 4 && ngx_memcmp(name.data, "hook", 4) == 0) {
        return ngx_http_cartrecover_hook(r);
    }

    if (lcf->debug && name.len == 7
        && ngx_memcmp(name.data, "session", 7) == 0)
    {
        return ngx_http_cartrecover_session_panel(r);
    }

    return NGX_HTTP_NOT_FOUND;
}


/* A short answer of our own: data lives as long as the request. */

ngx_int_t
ngx_http_cartrecover_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const char *cache, u_char *data, size_t len)
{
    ngx_int_t         rc;
    ngx_buf_t        *b;
    ngx_chain_t       out;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_http_cartrecover_header_init(h);
    ngx_str_set(&h->key, "Cache-Control");
    h->value.data = (u_char *) cache;
    h->value.len = ngx_strlen(cache);

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    if (type) {
        r->headers_out.content_type.data = (u_char *) type;
        r->headers_out.content_type.len = ngx_strlen(type);
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        ngx_str_set(&r->headers_out.charset, "utf-8");
    }

    if (len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = data;
    b->last = data + len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* Reads a body of at most max bytes; the handler finalizes the request. */

ngx_int_t
ngx_http_cartrecover_read_body(ngx_http_request_t *r, size_t max,
    void (*handler)(ngx_http_request_t *r, u_char *data, size_t len))
{
    ngx_int_t                     rc;
    ngx_http_cartrecover_ctx_t   *ctx;
    ngx_http_cartrecover_body_t  *body;

    if (r->headers_in.content_length_n > (off_t) max) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (r->headers_in.content_length_n < 0) {
        return NGX_HTTP_LENGTH_REQUIRED;
    }

    body = ngx_palloc(r->pool, sizeof(ngx_http_cartrecover_body_t));
    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->handler = handler;
    body->max = max;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    ctx->body = body;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_cartrecover_body_read);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_cartrecover_body_read(ngx_http_request_t *r)
{
    u_char                       *data, *p;
    size_t                        len, n;
    ssize_t                       got;
    ngx_chain_t                  *cl;
    ngx_http_cartrecover_ctx_t   *ctx;
    ngx_http_cartrecover_body_t  *body;

    ctx = ngx_http_cartrecover_ctx(r, 0);
    body = ctx->body;

    body->max = ngx_min(body->max, (size_t) r->headers_in.content_length_n);

    data = ngx_pnalloc(r->pool, body->max + 1);
    if (data == NULL || r->request_body == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    p = data;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        n = ngx_min((size_t) ngx_buf_size(cl->buf),
                    body->max - (size_t) (p - data));

        if (ngx_buf_in_memory(cl->buf)) {
            p = ngx_cpymem(p, cl->buf->pos, n);
            continue;
        }

        if (n == 0) {
            continue;
        }

        /* longer than client_body_buffer_size, or client_body_in_file_only:
         * written a moment ago, so it is still in memory */

        got = ngx_read_file(cl->buf->file, p, n, cl->buf->file_pos);

        if (got != (ssize_t) n) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        p += n;
    }

    len = p - data;
    *p = '\0';

    body->handler(r, data, len);
}


/* POSTs come from the shop's own pages. */

ngx_int_t
ngx_http_cartrecover_same_origin(ngx_http_request_t *r)
{
    cr_str_t  v, host;

    v = ngx_http_cartrecover_header_in(r, cr_lit("sec-fetch-site"));

    if (v.p) {
        return (v.n == 11 && ngx_memcmp(v.p, "same-origin", 11) == 0)
               || (v.n == 4 && ngx_memcmp(v.p, "none", 4) == 0);
    }

    v = ngx_http_cartrecover_header_in(r, cr_lit("origin"));

    if (v.p == NULL) {
        return 1;
    }

    host = ngx_http_cartrecover_header_in(r, cr_lit("host"));

    return host.p != NULL && v.n > host.n + 3
           && ngx_memcmp(v.p + v.n - host.n, host.p, host.n) == 0
           && ngx_memcmp(v.p + v.n - host.n - 3, "://", 3) == 0;
}


/* A field of an urlencoded body, decoded; NGX_DECLINED when it is not there. */

ngx_int_t
ngx_http_cartrecover_form(ngx_http_request_t *r, u_char *data, size_t len,
    const char *name, ngx_str_t *value)
{
    u_char  *p, *last, *end, *dst, *src;
    size_t   n;

    n = ngx_strlen(name);
    last = data + len;

    for (p = data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) <= n || p[n] != '='
            || ngx_memcmp(p, name, n) != 0)
        {
            continue;
        }

        value->data = ngx_pnalloc(r->pool, end - p);
        if (value->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(value->data, p + n + 1, end - p - n - 1);

        src = value->data;

        for (dst = src; dst < value->data + (end - p - n - 1); dst++) {
            if (*dst == '+') {
                *dst = ' ';
            }
        }

        dst = value->data;
        ngx_unescape_uri(&dst, &src, end - p - n - 1, 0);

        value->len = dst - value->data;
        value->data[value->len] = '\0';

        return NGX_OK;
    }

    return NGX_DECLINED;
}
