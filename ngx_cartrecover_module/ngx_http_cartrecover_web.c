/*
 * The scripts and the style sheet under the prefix.  b.js is one expression;
 * the call with its parameters is appended here, so that the address in the tag
 * (tag.c) carries a hash of what the configuration says.
 */

#include "ngx_http_cartrecover_module.h"

#include <zlib.h>


typedef struct {
    ngx_str_t    uri;            /* below the prefix */
    const char  *asset;
    const char  *type;
} ngx_http_cartrecover_script_t;


static ngx_uint_t ngx_http_cartrecover_web_current(ngx_http_request_t *r,
    ngx_http_cartrecover_loc_conf_t *lcf, ngx_uint_t file);
static ngx_int_t ngx_http_cartrecover_web_make(ngx_conf_t *cf,
    ngx_http_cartrecover_web_t *web);
static ngx_int_t ngx_http_cartrecover_file(ngx_conf_t *cf,
    ngx_http_cartrecover_file_t *file, const char *asset, ngx_str_t *call);


static ngx_http_cartrecover_script_t  ngx_http_cartrecover_scripts[] = {
    { ngx_string("b.js"), "web/b.js", "text/javascript" },
    { ngx_string("g.js"), "web/g.js", "text/javascript" },
    { ngx_string("r.js"), "web/r.js", "text/javascript" },
    { ngx_string("m.css"), "web/m.css", "text/css" },
    { ngx_null_string, NULL, NULL }
};

#define NGX_HTTP_CARTRECOVER_BEACON_FILE  0
#define NGX_HTTP_CARTRECOVER_SHEET_FILE   3
#define NGX_HTTP_CARTRECOVER_FILES        4


/* Made once for each prefix and call, however many shops there are. */

ngx_int_t
ngx_http_cartrecover_files(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *lcf)
{
    ngx_str_t                          call;
    ngx_uint_t                         i;
    ngx_http_cartrecover_web_t        *web;
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cartrecover_module);

    if (ngx_strcmp(cr_profile_name(lcf->profile), "generic") == 0) {
        ngx_str_set(&call, "({\"g\":1});");

    } else {
        ngx_str_set(&call, "({});");
    }

    web = mcf->webs.elts;

    for (i = 0; i < mcf->webs.nelts; i++) {
        if (web[i].prefix.len == lcf->prefix.len
            && ngx_memcmp(web[i].prefix.data, lcf->prefix.data,
                          lcf->prefix.len) == 0
            && web[i].call.len == call.len
            && ngx_memcmp(web[i].call.data, call.data, call.len) == 0)
        {
            break;
        }
    }

    if (i == mcf->webs.nelts) {
        web = ngx_array_push(&mcf->webs);
        if (web == NULL) {
            return NGX_ERROR;
        }

        web->prefix = lcf->prefix;
        web->call = call;

        if (ngx_http_cartrecover_web_make(cf, web) != NGX_OK) {
            return NGX_ERROR;
        }

        web = mcf->webs.elts;
    }

    lcf->files = web[i].files;
    lcf->sheet = web[i].sheet;

    return NGX_OK;
}


static ngx_int_t
ngx_http_cartrecover_web_make(ngx_conf_t *cf, ngx_http_cartrecover_web_t *web)
{
    u_char      *p;
    uint32_t     hash;
    ngx_str_t    none;
    ngx_uint_t   i;

    ngx_str_null(&none);

    web->files = ngx_pcalloc(cf->pool, NGX_HTTP_CARTRECOVER_FILES
                                       * sizeof(ngx_http_cartrecover_file_t));
    if (web->files == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; ngx_http_cartrecover_scripts[i].asset; i++) {
        if (ngx_http_cartrecover_file(cf, &web->files[i],
                                      ngx_http_cartrecover_scripts[i].asset,
                                      i == NGX_HTTP_CARTRECOVER_BEACON_FILE
                                      ? &web->call : &none)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    hash = ngx_crc32_long(
                        web->files[NGX_HTTP_CARTRECOVER_SHEET_FILE].data.data,
                        web->files[NGX_HTTP_CARTRECOVER_SHEET_FILE].data.len);

    web->sheet.data = ngx_pnalloc(cf->pool, web->prefix.len + 32);
    if (web->sheet.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(web->sheet.data, "%Vm.css?v=%08xD", &web->prefix, hash);
    web->sheet.len = p - web->sheet.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_cartrecover_file(ngx_conf_t *cf, ngx_http_cartrecover_file_t *file,
    const char *asset, ngx_str_t *call)
{
    u_char            *p;
    z_stream           z;
    const cr_asset_t  *a;

    a = cr_asset(asset);
    if (a == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s was not built into this module", asset);
        return NGX_ERROR;
    }

    file->data.len = a->size + call->len;
    file->data.data = ngx_pnalloc(cf->pool, file->data.len);
    if (file->data.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(file->data.data, a->data, a->size);
    ngx_memcpy(p, call->data, call->len);

    ngx_memzero(&z, sizeof(z_stream));

    if (deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        return NGX_ERROR;
    }

    file->gzip.len = deflateBound(&z, file->data.len);
    file->gzip.data = ngx_pnalloc(cf->pool, file->gzip.len);

    if (file->gzip.data == NULL) {
        (void) deflateEnd(&z);
        return NGX_ERROR;
    }

    z.next_in = file->data.data;
    z.avail_in = file->data.len;
    z.next_out = file->gzip.data;
    z.avail_out = file->gzip.len;

    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        (void) deflateEnd(&z);
        return NGX_ERROR;
    }

    file->gzip.len = z.total_out;

    (void) deflateEnd(&z);

    return NGX_OK;
}


/* An old page in somebody's cache names an old hash: it gets that of
 * today, for a short time. */

static ngx_uint_t
ngx_http_cartrecover_web_current(ngx_http_request_t *r,
    ngx_http_cartrecover_loc_conf_t *lcf, ngx_uint_t file)
{
    ngx_str_t  v;

    if (ngx_http_arg(r, (u_char *) "v", 1, &v) != NGX_OK || v.len != 8) {
        return 0;
    }

    switch (file) {

    case NGX_HTTP_CARTRECOVER_BEACON_FILE:
        return ngx_memcmp(lcf->tag.data + lcf->tag.len
                          - sizeof("12345678\"></script>") + 1, v.data, 8) == 0;

    case NGX_HTTP_CARTRECOVER_SHEET_FILE:
        return ngx_memcmp(lcf->sheet.data + lcf->sheet.len - 8, v.data, 8)
               == 0;

    default:
        return 1;
    }
}


/* NGX_DECLINED when the name is none of ours */

ngx_int_t
ngx_http_cartrecover_web(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_int_t                         rc;
    ngx_str_t                        *content;
    ngx_uint_t                        i;
    ngx_table_elt_t                  *h;
    ngx_http_cartrecover_file_t      *file;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    for (i = 0; ngx_http_cartrecover_scripts[i].asset; i++) {
        if (ngx_http_cartrecover_scripts[i].uri.len == name->len
            && ngx_memcmp(ngx_http_cartrecover_scripts[i].uri.data, name->data,
                          name->len) == 0)
        {
            break;
        }
    }

    if (ngx_http_cartrecover_scripts[i].asset == NULL) {
        return NGX_DECLINED;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    file = &lcf->files[i];
    content = &file->data;

#if (NGX_HTTP_GZIP)

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_http_cartrecover_header_init(h);
    ngx_str_set(&h->key, "Vary");
    ngx_str_set(&h->value, "Accept-Encoding");

    if (ngx_http_gzip_ok(r) == NGX_OK) {
        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        h->hash = 1;
        ngx_http_cartrecover_header_init(h);
        ngx_str_set(&h->key, "Content-Encoding");
        ngx_str_set(&h->value, "gzip");
        r->headers_out.content_encoding = h;

        content = &file->gzip;
    }

#endif

    return ngx_http_cartrecover_send(r, NGX_HTTP_OK,
                                     ngx_http_cartrecover_scripts[i].type,
                                     ngx_http_cartrecover_web_current(r, lcf,
                                                                      i)
                                     ? "public, max-age=31536000, immutable"
                                     : "public, max-age=300",
                                     content->data, content->len);
}
