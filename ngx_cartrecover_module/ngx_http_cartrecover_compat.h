/*
 * The only place that tests nginx_version: what differs between the releases
 * this module builds with.
 */

#ifndef _NGX_HTTP_CARTRECOVER_COMPAT_H_INCLUDED_
#define _NGX_HTTP_CARTRECOVER_COMPAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>


/* since 1.23.0 headers of one name are linked lists */

#if (nginx_version >= 1023000)
#define ngx_http_cartrecover_header_init(h)  (h)->next = NULL
#else
#define ngx_http_cartrecover_header_init(h)
#endif


/* calls cb(data, line) for each Cookie line until it returns non-zero */

typedef ngx_int_t (*ngx_http_cartrecover_cookie_pt)(void *data,
    ngx_str_t *line);


static ngx_inline ngx_int_t
ngx_http_cartrecover_each_cookie(ngx_http_request_t *r,
    ngx_http_cartrecover_cookie_pt cb, void *data)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *h;

#if (nginx_version >= 1023000)

    for (h = r->headers_in.cookie; h; h = h->next) {
        rc = cb(data, &h->value);
        if (rc) {
            return rc;
        }
    }

#else
    ngx_uint_t         i;
    ngx_table_elt_t  **cookies;

    cookies = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {
        h = cookies[i];
        rc = cb(data, &h->value);
        if (rc) {
            return rc;
        }
    }

#endif

    return 0;
}


#endif /* _NGX_HTTP_CARTRECOVER_COMPAT_H_INCLUDED_ */
