/*
 * recorded.h: one recorded exchange, a JSON object with method, url,
 * request_headers, request_body, status, response_headers and response_body,
 * run through a profile.  Headers are a list of pairs.
 */

#ifndef RECORDED_H
#define RECORDED_H

#include "cr_profile.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES  (2 * 1024 * 1024)


static inline cr_str_t
recorded_text(const json_t *v)
{
    cr_str_t  s;

    s.p = json_string_value(v);
    s.n = s.p ? json_string_length(v) : 0;

    return s;
}


static inline cr_str_t
recorded_header(void *data, cr_str_t name)
{
    size_t    i;
    json_t   *pair;
    cr_str_t  s;

    json_array_foreach((json_t *) data, i, pair) {
        s = recorded_text(json_array_get(pair, 0));

        if (s.n == name.n && strncasecmp(s.p, name.p, s.n) == 0) {
            return recorded_text(json_array_get(pair, 1));
        }
    }

    s.p = NULL;
    s.n = 0;

    return s;
}


static inline void
recorded_request(json_t *e, cr_request_t *r)
{
    cr_str_t     url;
    const char  *q;

    url = recorded_text(json_object_get(e, "url"));
    q = memchr(url.p, '?', url.n);

    r->method = recorded_text(json_object_get(e, "method"));
    r->path.p = url.p;
    r->path.n = q ? (size_t) (q - url.p) : url.n;
    r->args.p = q ? q + 1 : url.p + url.n;
    r->args.n = q ? url.n - r->path.n - 1 : 0;
    r->header = recorded_header;
    r->data = json_object_get(e, "request_headers");
}


/* One exchange, its answer in pieces of the given size; 0 = nothing of
 * interest. */

static inline int
recorded_observe(const cr_profile_t *p, json_t *e, size_t piece, cr_obs_t *o)
{
    int           status;
    size_t        i, n;
    cr_str_t      body;
    cr_match_t    m;
    cr_request_t  r;

    memset(o, 0, sizeof(cr_obs_t));
    recorded_request(e, &r);

    if (!cr_profile_match(p, &r, &m)) {
        return 0;
    }

    cr_obs_init(o, p, &m, &r);
    body = recorded_text(json_object_get(e, "request_body"));

    if (m.want_request && body.n != 0) {
        cr_obs_request(o, recorded_header(r.data, cr_lit("content-type")),
                       body.p, body.n);
    }

    status = (int) json_integer_value(json_object_get(e, "status"));
    body = recorded_text(json_object_get(e, "response_body"));

    if (!cr_obs_response_head(o, status, recorded_header,
                              json_object_get(e, "response_headers")))
    {
        for (i = 0; i < body.n; i += n) {
            n = (piece < body.n - i) ? piece : body.n - i;

            if (cr_obs_response_feed(o, body.p + i, n)) {
                break;
            }
        }
    }

    (void) cr_obs_finish(o);

    return 1;
}


static inline int
recorded_same(const cr_obs_t *a, const cr_obs_t *b)
{
    return a->event == b->event && strcmp(a->email, b->email) == 0
           && strcmp(a->phone, b->phone) == 0 && a->consent == b->consent
           && a->has_lines == b->has_lines && a->has_line == b->has_line
           && strcmp(a->ref, b->ref) == 0 && a->qty == b->qty
           && a->price == b->price && strcmp(a->order_id, b->order_id) == 0
           && a->order_total == b->order_total && a->delta == b->delta
           && memcmp(&a->cart, &b->cart, sizeof(cr_cart_t)) == 0;
}


static inline cr_profile_t *
recorded_profile(const char *name)
{
    cr_str_t       text;
    cr_error_t     err;
    cr_profile_t  *p;

    text = cr_profile_builtin(name);

    if (text.p == NULL) {
        printf("# no profile %s\n", name);
        return NULL;
    }

    p = cr_profile_compile(text.p, text.n, &err);

    if (p == NULL) {
        printf("# %s: line %d, %s: %s\n", name, err.line, err.path, err.text);
    }

    return p;
}

#endif
