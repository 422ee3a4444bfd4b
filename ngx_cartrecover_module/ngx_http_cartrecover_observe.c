/*
 * What passes by: the tee of request bodies, the reading of answers, and the
 * commit of what they mean before the answer leaves.
 */

#include "ngx_http_cartrecover_module.h"


static void ngx_http_cartrecover_headers_in(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static ngx_uint_t ngx_http_cartrecover_tee_type(ngx_http_request_t *r);
static void ngx_http_cartrecover_tee(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in);
static void ngx_http_cartrecover_observe_request(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static void ngx_http_cartrecover_settle(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static ngx_uint_t ngx_http_cartrecover_look(ngx_http_cartrecover_ctx_t *ctx,
    cr_event_e event);


ngx_http_request_body_filter_pt  ngx_http_cartrecover_next_request_body;


static const char *const  ngx_http_cartrecover_tee_types[] = {
    "application/x-www-form-urlencoded", "application/json",
    "application/graphql", "text/plain", "multipart/form-data", NULL
};


void
ngx_http_cartrecover_request(ngx_http_request_t *r, cr_request_t *cr)
{
    u_char  *p, *last;

    /* as the client sent it, not as rewrites left it */

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;

    cr->path.p = (char *) p;
    p = ngx_strlchr(p, last, '?');

    if (p) {
        cr->path.n = (char *) p - cr->path.p;
        cr->args.p = (char *) p + 1;
        cr->args.n = last - p - 1;

    } else {
        cr->path.n = r->unparsed_uri.len;
        cr->args.p = "";
        cr->args.n = 0;
    }

    cr->method = ngx_http_cartrecover_str(r->method_name);
    cr->header = ngx_http_cartrecover_header_in;
    cr->data = r;
    cr->prefetch = CR_PREFETCH_UNKNOWN;
}


void
ngx_http_cartrecover_classify(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    size_t                            n;
    ngx_str_t                        *path;
    ngx_int_t                         i;
    cr_policy_t                      *policy;
    cr_request_t                      cr;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    if (ctx->classified) {
        return;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    ctx->classified = 1;
    ctx->lcf = lcf;
    ctx->match.group = -1;

    if (lcf->mode == CR_MODE_OFF) {
        ctx->skip = CR_SKIP_OFF;
        return;
    }

    if (ngx_http_test_predicates(r, lcf->bypass) == NGX_DECLINED) {
        ctx->skip = CR_SKIP_BYPASS;
        return;
    }

    path = &r->uri;

    if (path->len == 0 || r->unparsed_uri.len == 0 || r->method_name.len == 0)
    {
        /* what could not be parsed is answered with 400, by this way too */

        ctx->skip = CR_SKIP_STATUS;
        return;
    }

    policy = &lcf->shop->policy;

    for (i = 0; i < policy->nexclude_paths; i++) {
        n = ngx_strlen(policy->exclude_path[i]);

        if (path->len >= n
            && ngx_memcmp(path->data, policy->exclude_path[i], n) == 0)
        {
            ctx->skip = CR_SKIP_BYPASS;
            return;
        }
    }

    cr_count(ngx_http_cartrecover_table(), CR_N_requests, 1);

    ngx_http_cartrecover_headers_in(r, ctx);
    ngx_http_cartrecover_request(r, &cr);

    cr.prefetch = ctx->prefetch ? CR_PREFETCH_YES : CR_PREFETCH_NO;

    if (!cr_profile_match(lcf->profile, &cr, &ctx->match)) {
        ctx->match.group = -1;
    }
}


/* One pass over the request's headers for all that is asked of every page. */

static void
ngx_http_cartrecover_headers_in(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    ngx_str_t        *v;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

#define is(name)  (ngx_memcmp(h[i].lowcase_key, name, sizeof(name) - 1) == 0)

    part = &r->headers_in.headers.part;
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

        v = &h[i].value;

        switch (h[i].key.len) {

        case 6:
            if (is("accept")
                && (v->len < 9 || ngx_memcmp(v->data, "text/html", 9) != 0)
                && ngx_strlchr(v->data, v->data + v->len, '*') == NULL
                && ngx_strlcasestrn(v->data, v->data + v->len,
                                    (u_char *) "text/html", 9 - 1)
                   == NULL)
            {
                ctx->ajax = 1;
            }

            break;

        case 7:
            if (is("sec-gpc") && v->len == 1 && v->data[0] == '1') {
                ctx->gpc = 1;
                break;
            }

            /* fall through */

        case 5:
        case 11:
        case 20:
        case 28:
            if (cr_prefetch((cr_str_t) { (char *) h[i].lowcase_key,
                                         h[i].key.len },
                            ngx_http_cartrecover_str(*v)))
            {
                ctx->prefetch = 1;
            }

            break;

        case 14:
            if (is("sec-fetch-dest")
                && (v->len != 8 || ngx_memcmp(v->data, "document", 8) != 0))
            {
                ctx->ajax = 1;
            }

            break;

        case 16:
            if (is("x-requested-with")) {
                ctx->ajax = 1;
            }

            break;
        }
    }

#undef is
}


ngx_int_t
ngx_http_cartrecover_request_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    if (in == NULL || r != r->main) {
        return ngx_http_cartrecover_next_request_body(r, in);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (lcf->mode == CR_MODE_OFF) {
        return ngx_http_cartrecover_next_request_body(r, in);
    }

    ctx = ngx_http_cartrecover_ctx(r, 1);

    if (ctx && !ctx->own) {
        ngx_http_cartrecover_classify(r, ctx);

        if (ctx->match.group >= 0 && ctx->match.want_request) {
            ngx_http_cartrecover_tee(r, ctx, in);
        }
    }

    return ngx_http_cartrecover_next_request_body(r, in);
}


static ngx_uint_t
ngx_http_cartrecover_tee_type(ngx_http_request_t *r)
{
    ngx_str_t           *type;
    const char *const   *t;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    for (t = ngx_http_cartrecover_tee_types; *t; t++) {
        if (type->len >= ngx_strlen(*t)
            && ngx_strncasecmp(type->data, (u_char *) *t, ngx_strlen(*t)) == 0)
        {
            return ngx_http_cartrecover_header_in(r,
                                          cr_lit("content-encoding")).p == NULL;
        }
    }

    return 0;
}


static void
ngx_http_cartrecover_tee(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in)
{
    size_t        n;
    ngx_chain_t  *cl;

    if (ctx->tee == NULL) {

        if (!ngx_http_cartrecover_tee_type(r)) {
            ctx->match.want_request = 0;
            return;
        }

        ctx->tee_size = NGX_HTTP_CARTRECOVER_TEE;

        /* of a chunked body it is what has come so far */

        if (!r->headers_in.chunked
            && r->headers_in.content_length_n > 0
            && r->headers_in.content_length_n < NGX_HTTP_CARTRECOVER_TEE)
        {
            ctx->tee_size = (size_t) r->headers_in.content_length_n;
        }

        ctx->tee = ngx_palloc(r->pool, ctx->tee_size);
        if (ctx->tee == NULL) {
            ctx->match.want_request = 0;
            return;
        }
    }

    for (cl = in; cl; cl = cl->next) {

        if (!ngx_buf_in_memory(cl->buf)) {
            continue;
        }

        n = cl->buf->last - cl->buf->pos;

        if (n > ctx->tee_size - ctx->tee_len) {
            n = ctx->tee_size - ctx->tee_len;
            cr_count(ngx_http_cartrecover_table(), CR_N_tee_overflow, 1);
        }

        ngx_memcpy(ctx->tee + ctx->tee_len, cl->buf->pos, n);
        ctx->tee_len += n;

        if (ctx->tee_len == ctx->tee_size) {
            break;
        }
    }
}


static void
ngx_http_cartrecover_observe_request(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    cr_str_t      type;
    cr_request_t  cr;

    ngx_http_cartrecover_request(r, &cr);

    cr_obs_init(ctx->obs, ctx->lcf->profile, &ctx->match, &cr);

    ngx_memcpy(ctx->obs->currency_hint, ctx->lcf->shop->policy.currency,
               sizeof(ctx->obs->currency_hint));

    if (ctx->tee == NULL) {
        return;
    }

    type.p = "";
    type.n = 0;

    if (r->headers_in.content_type) {
        type = ngx_http_cartrecover_str(r->headers_in.content_type->value);
    }

    cr_obs_request(ctx->obs, type, (char *) ctx->tee, ctx->tee_len);

    ngx_explicit_memzero(ctx->tee, ctx->tee_len);
    ctx->tee_len = 0;
}


/* The answer's head: settles what needs no body. */

void
ngx_http_cartrecover_observe_head(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    cr_event_e       event;

    static cr_obs_t  head;

    if (ctx->match.group < 0 || ctx->observed) {
        return;
    }

    ctx->observed = 1;

    if (cr_obs_status(ctx->lcf->profile, &ctx->match, r->headers_out.status,
                      &event)
        && (event == CR_EV_NONE || ngx_http_cartrecover_look(ctx, event)))
    {
        ctx->committed = 1;
        return;
    }

    /* what the head alone settles needs no memory beyond this call */

    ctx->obs = ctx->match.want_response
               ? ngx_palloc(r->pool, sizeof(cr_obs_t)) : &head;

    if (ctx->obs == NULL) {
        cr_count(ngx_http_cartrecover_table(), CR_N_faults, 1);
        return;
    }

    ngx_http_cartrecover_identify(r, ctx);
    ngx_http_cartrecover_observe_request(r, ctx);

    if (cr_obs_response_head(ctx->obs, r->headers_out.status,
                             ngx_http_cartrecover_header_out, r)
        || ctx->obs == &head || r->header_only
        || r->headers_out.content_length_n == 0)
    {
        ngx_http_cartrecover_settle(r, ctx);

        if (ctx->obs == &head) {
            ngx_explicit_memzero(head.email, sizeof(head.email));
            ngx_explicit_memzero(head.phone, sizeof(head.phone));
            ctx->obs = NULL;
        }

        return;
    }

    if (r->headers_out.content_encoding
        && r->headers_out.content_encoding->value.len)
    {
        cr_count(ngx_http_cartrecover_table(), CR_N_body_unparsed, 1);
        ngx_http_cartrecover_settle(r, ctx);
        return;
    }

    /* the answer decides later, but the cookie has to go with its header */

    if (ctx->match.want_response && !ctx->has_cookie
        && ctx->tier >= CR_TIER_T1 && ctx->lcf->mode == CR_MODE_ON
        && ngx_http_cartrecover_private(r)
        && (ctx->has_id
            || ngx_http_cartrecover_new_id(r, ctx, 1) == NGX_OK))
    {
        (void) ngx_http_cartrecover_set_cookie(r, ctx, 0);
    }

    ctx->feed = 1;
    r->filter_need_in_memory = 1;
}


void
ngx_http_cartrecover_observe_body(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b) && b->last > b->pos
            && cr_obs_response_feed(ctx->obs, (char *) b->pos,
                                    b->last - b->pos))
        {
            ngx_http_cartrecover_settle(r, ctx);
            return;
        }

        if (b->last_buf) {
            ngx_http_cartrecover_settle(r, ctx);
            return;
        }
    }
}


static void
ngx_http_cartrecover_settle(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    cr_event_e  event;

    if (ctx->committed) {
        return;
    }

    ctx->committed = 1;
    ctx->feed = 0;

    event = cr_obs_finish(ctx->obs);

    if (event == CR_EV_NONE) {
        return;
    }

    if (ngx_http_cartrecover_look(ctx, event)) {
        return;
    }

    ngx_http_cartrecover_commit(r, ctx, event, ctx->obs,
                                !r->header_sent
                                && ngx_http_cartrecover_private(r));
}


/* What was looked at changes nothing for the next page: the log phase writes
 * it, together with the page itself. */

static ngx_uint_t
ngx_http_cartrecover_look(ngx_http_cartrecover_ctx_t *ctx, cr_event_e event)
{
    if (event != CR_EV_VIEW_PRODUCT && event != CR_EV_VIEW_CATEGORY
        && event != CR_EV_SEARCH)
    {
        return 0;
    }

    ctx->event = event;
    ctx->viewed = 1;

    cr_count(ngx_http_cartrecover_table(), CR_N_events, 1);
    cr_count_event(ngx_http_cartrecover_table(), event);

    return 1;
}
