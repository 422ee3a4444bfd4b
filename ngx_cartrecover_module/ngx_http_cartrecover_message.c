/*
 * What the proxy itself puts into a page: one shopper's cart in words.  Only
 * where the shop marks the answer private, or on its cart and checkout pages,
 * and such an answer leaves as private, no-store, without validators.
 */

#include "ngx_http_cartrecover_module.h"


#define NGX_HTTP_CARTRECOVER_FRESH  1800    /* s that amounts stay true */


struct ngx_http_cartrecover_message_s {
    cr_message_e     id;
    int64_t          value;
    cr_str_t         sheet;
    cr_body_scan_t   scan;
    ngx_buf_t       *buf;
    ngx_buf_t       *view;
    u_char          *html;       /* CR_MESSAGE_BYTES */
    unsigned         scan_ended:1;
    unsigned         promised:1; /* Content-Length says so */
    unsigned         done:1;
};


static cr_message_e ngx_http_cartrecover_message_decide(
    ngx_http_cartrecover_ctx_t *ctx, int64_t *value);
static cr_message_e ngx_http_cartrecover_message_gates(cr_zone_t *z,
    cr_session_t *s, ngx_http_cartrecover_ctx_t *ctx, cr_cart_t *cart);
static void ngx_http_cartrecover_message_log(cr_zone_t *z, cr_session_t *s,
    ngx_http_cartrecover_ctx_t *ctx, cr_message_e id, cr_form_e form,
    uint32_t now);
static ngx_int_t ngx_http_cartrecover_message_private(ngx_http_request_t *r,
    cr_str_t *sheet);
static void ngx_http_cartrecover_message_write(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
static ngx_int_t ngx_http_cartrecover_message_insert(ngx_http_request_t *r,
    ngx_http_cartrecover_message_t *m, ngx_chain_t *in, ngx_chain_t *cl,
    size_t at, ngx_chain_t **out);


/* Whether this answer, by what its head says, may carry a message, be it as
 * plain text or to be inflated. */

ngx_uint_t
ngx_http_cartrecover_message_may(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    return ctx->lcf->mode == CR_MODE_ON
           && ctx->lcf->shop->policy.free_shipping != CR_AMOUNT_UNKNOWN
           && ctx->lcf->shop->policy.shipping_message
           && r->headers_out.status == NGX_HTTP_OK
           && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
           && !ctx->ajax && !ctx->prefetch && !ctx->bot
           && (ctx->match.cart_page || ngx_http_cartrecover_private(r));
}


/* Behind the tag's own tests: what is said here needs no script and no tier,
 * but a page that is this shopper's alone. */

void
ngx_http_cartrecover_message_head(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    off_t                            length;
    int64_t                          value;
    cr_skip_e                        skip;
    cr_message_e                     id;
    ngx_http_cartrecover_message_t  *m;

    length = r->headers_out.content_length_n;

    if (!ngx_http_cartrecover_message_may(r, ctx)
        || (length >= 0 && length < NGX_HTTP_CARTRECOVER_SMALL)
        || ngx_http_cartrecover_type_test(r) != CR_SKIP_NONE)
    {
        return;
    }

    skip = ngx_http_cartrecover_headers_test(r, ctx);

    if (skip != CR_SKIP_NONE && skip != CR_SKIP_CSP) {
        return;
    }

    ngx_http_cartrecover_identify(r, ctx);

    if (!ctx->has_id) {
        return;
    }

    id = ngx_http_cartrecover_message_decide(ctx, &value);

    if (id == CR_MESSAGE_NONE) {
        return;
    }

    m = ngx_pcalloc(r->pool, sizeof(ngx_http_cartrecover_message_t));

    if (m == NULL
        || (m->buf = ngx_calloc_buf(r->pool)) == NULL
        || (m->view = ngx_calloc_buf(r->pool)) == NULL
        || (m->html = ngx_pnalloc(r->pool, CR_MESSAGE_BYTES)) == NULL)
    {
        cr_count(ngx_http_cartrecover_table(), CR_N_faults, 1);
        return;
    }

    m->sheet = ngx_http_cartrecover_str(ctx->lcf->sheet);

    if (ngx_http_cartrecover_message_private(r, &m->sheet) != NGX_OK) {
        cr_count(ngx_http_cartrecover_table(), CR_N_faults, 1);
        return;
    }

    m->id = id;
    m->value = value;

    cr_body_scan_init(&m->scan, NGX_HTTP_CARTRECOVER_SCAN);

    if (length > 0) {
        ngx_http_clear_content_length(r);
        r->headers_out.content_length_n = length + CR_MESSAGE_BYTES;
        m->promised = 1;
    }

    r->main_filter_need_in_memory = 1;
    ctx->message = m;
}


cr_message_e
ngx_http_cartrecover_message_id(ngx_http_cartrecover_ctx_t *ctx)
{
    return ctx->message ? ctx->message->id : CR_MESSAGE_NONE;
}


static cr_message_e
ngx_http_cartrecover_message_decide(ngx_http_cartrecover_ctx_t *ctx,
    int64_t *value)
{
    uint32_t       slot, now;
    cr_zone_t     *z;
    cr_cart_t     *cart;
    cr_form_e      form;
    cr_policy_t   *policy;
    cr_message_e   id;
    cr_session_t  *s;

    policy = &ctx->lcf->shop->policy;
    now = (uint32_t) ngx_time();
    id = CR_MESSAGE_NONE;

    z = ngx_http_cartrecover_lock();

    slot = cr_session_find(z, ctx->lcf->shop->index, &ctx->id, now);

    if (slot != CR_NO_SLOT) {
        s = cr_session_begin(z, slot);
        cart = cr_session_cart(z, slot);

        id = ngx_http_cartrecover_message_gates(z, s, ctx, cart);

        if (id != CR_MESSAGE_NONE) {

            /* a request that changes the cart is told by its answer, which
             * has not come yet */

            *value = ctx->match.changes && !ctx->committed
                     ? CR_AMOUNT_UNKNOWN
                     : cr_shipping_value(cart, policy->currency, now,
                                         NGX_HTTP_CARTRECOVER_FRESH);

            form = cr_shipping_form(*value, policy->free_shipping);
            ngx_http_cartrecover_message_log(z, s, ctx, id, form, now);
        }

        cr_session_end(z, slot, now);
    }

    ngx_http_cartrecover_unlock();

    return id;
}


static cr_message_e
ngx_http_cartrecover_message_gates(cr_zone_t *z, cr_session_t *s,
    ngx_http_cartrecover_ctx_t *ctx, cr_cart_t *cart)
{
    if (cart == NULL || cart->pieces == 0 || s->bot
        || s->stage < CR_STAGE_CART || s->stage >= CR_STAGE_ORDERED)
    {
        return CR_MESSAGE_NONE;
    }

    ngx_http_cartrecover_trigger(z, s, ctx, "message");

    if (s->arm == CR_ARM_HOLDOUT) {

        if (ctx->skip == CR_SKIP_NONE) {
            ctx->skip = CR_SKIP_HOLDOUT;
        }

        return CR_MESSAGE_NONE;
    }

    return CR_MESSAGE_SHIPPING;
}


/* What was shown is told once for each form of it. */

static void
ngx_http_cartrecover_message_log(cr_zone_t *z, cr_session_t *s,
    ngx_http_cartrecover_ctx_t *ctx, cr_message_e id, cr_form_e form,
    uint32_t now)
{
    u_char    buf[CR_LOG_BYTES], *p;
    uint32_t  bit;

    bit = 1u << (id * CR_FORM_MAX + form);

    s->shown_s = now;

    if (s->shown & bit) {
        return;
    }

    s->shown |= bit;
    s->decision_seq++;

    p = ngx_snprintf(buf, sizeof(buf),
                     "{\"what\":\"message\",\"message\":\"%s\","
                     "\"form\":\"%s\",\"arm\":\"%s\",\"ep\":%uD}",
                     cr_message_word[id], cr_form_word[form],
                     cr_arm_word[s->arm], s->arm_epoch);

    (void) cr_log_put(z, ctx->lcf->shop->index, &s->id,
                      (cr_str_t) { (char *) buf, p - buf });
    cr_count(z, CR_N_decisions, 1);
}


/* From here on the answer is one shopper's: nobody may keep it, and what says
 * that it has not changed would speak of the page without the message.  On the
 * way, whether the shop's policy lets our style sheet in. */

static ngx_int_t
ngx_http_cartrecover_message_private(ngx_http_request_t *r, cr_str_t *sheet)
{
    ngx_str_t        *v;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *own;

    own = ngx_list_push(&r->headers_out.headers);
    if (own == NULL) {
        return NGX_ERROR;
    }

    own->hash = 0;
    ngx_http_cartrecover_header_init(own);
    ngx_str_set(&own->key, "Cache-Control");
    ngx_str_set(&own->value, "private, no-store");

#define is(name)  (h[i].key.len == sizeof(name) - 1                           \
                   && ngx_strncasecmp(h[i].key.data, (u_char *) name,         \
                                      sizeof(name) - 1) == 0)

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

        if (h[i].hash == 0) {
            continue;
        }

        v = &h[i].value;

        if (is("Cache-Control") || is("Expires") || is("Surrogate-Control")
            || is("CDN-Cache-Control"))
        {
            h[i].hash = 0;

        } else if (is("Content-Security-Policy")
                   && !cr_csp_allows_style(ngx_http_cartrecover_str(*v)))
        {
            sheet->n = 0;
        }
    }

#undef is

    own->hash = 1;

    ngx_http_clear_etag(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_accept_ranges(r);

    return NGX_OK;
}


/* The page's own language, the shop's otherwise. */

static void
ngx_http_cartrecover_message_write(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    cr_str_t                         locale;
    ngx_str_t                        s;
    cr_policy_t                     *policy;
    ngx_http_cartrecover_message_t  *m;

    m = ctx->message;
    policy = &ctx->lcf->shop->policy;

    locale.p = policy->locale;

    if (m->scan.lang[0]) {
        locale.p = m->scan.lang;
    }

    locale.n = ngx_strlen(locale.p);

    if (ctx->lcf->locale
        && ngx_http_complex_value(r, ctx->lcf->locale, &s) == NGX_OK
        && s.len >= 2)
    {
        locale = ngx_http_cartrecover_str(s);
    }

    if (cr_shipping_html(m->value, policy->free_shipping, policy->currency,
                         locale, m->sheet, (char *) m->html)
        != CR_OK)
    {
        cr_count(ngx_http_cartrecover_table(), CR_N_faults, 1);
        return;
    }

    cr_count(ngx_http_cartrecover_table(), CR_N_messages, 1);
}


/* *out is in with the message behind <body>, or in itself. */

ngx_int_t
ngx_http_cartrecover_message_body(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t **out)
{
    int                              rc;
    size_t                           at;
    ngx_buf_t                       *b;
    ngx_chain_t                     *cl;
    ngx_http_cartrecover_message_t  *m;

    m = ctx->message;
    *out = in;

    if (m->done) {
        return NGX_OK;
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (!m->scan_ended && ngx_buf_size(b) > 0) {

            rc = CR_SCAN_END;
            at = 0;

            if (ngx_buf_in_memory(b)) {
                rc = cr_body_scan(&m->scan, (char *) b->pos, b->last - b->pos,
                                  &at);
            }

            if (rc == CR_SCAN_FOUND) {
                ngx_http_cartrecover_message_write(r, ctx);
                return ngx_http_cartrecover_message_insert(r, m, in, cl, at,
                                                           out);
            }

            m->scan_ended = (rc == CR_SCAN_END);
        }

        if (b->last_buf) {
            m->done = 1;

            if (!m->promised) {
                return NGX_OK;
            }

            ngx_memset(m->html, ' ', CR_MESSAGE_BYTES);

            return ngx_http_cartrecover_message_insert(r, m, in, cl,
                                                       b->last - b->pos, out);
        }
    }

    return NGX_OK;
}


/* The message goes into cl's buf at offset at. */

static ngx_int_t
ngx_http_cartrecover_message_insert(ngx_http_request_t *r,
    ngx_http_cartrecover_message_t *m, ngx_chain_t *in, ngx_chain_t *cl,
    size_t at, ngx_chain_t **out)
{
    ngx_buf_t   *b, *buf, *view, *bufs[3];
    ngx_uint_t   n;

    m->done = 1;

    b = cl->buf;
    buf = m->buf;
    view = m->view;

    buf->pos = m->html;
    buf->last = m->html + CR_MESSAGE_BYTES;
    buf->memory = 1;

    n = 0;

    if (ngx_buf_size(b) > 0 && at == (size_t) (b->last - b->pos)) {
        buf->last_buf = b->last_buf;
        buf->last_in_chain = b->last_in_chain;
        buf->flush = b->flush;

        b->last_buf = 0;
        b->last_in_chain = 0;
        b->flush = 0;

        bufs[n++] = b;
        bufs[n++] = buf;

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

        bufs[n++] = buf;
        bufs[n++] = b;
    }

    return ngx_http_cartrecover_chain_copy(r, in, cl, bufs, n, out);
}
