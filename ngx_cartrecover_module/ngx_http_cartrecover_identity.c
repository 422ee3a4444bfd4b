/*
 * Who the shopper is: his cookie, the shop's own session, his consent tier.
 */

#include "ngx_http_cartrecover_module.h"


typedef struct {
    ngx_http_request_t          *request;
    ngx_http_cartrecover_ctx_t  *ctx;
    cr_request_t                *cr;
    cr_str_t                     session;
} ngx_http_cartrecover_cookies_t;


/* Cookies that were found good a while ago, by all of their bytes: a page has
 * the cookie of the page before it. */

typedef struct {
    cr_keyring_t                *ring;       /* NULL: free */
    cr_cookie_t                  cookie;
    char                         value[CR_COOKIE_LEN];
} ngx_http_cartrecover_known_t;


static ngx_uint_t ngx_http_cartrecover_cookie(cr_keyring_t *ring,
    cr_str_t value, cr_cookie_t *cookie);
static ngx_int_t ngx_http_cartrecover_cookie_line(void *data, ngx_str_t *line);
static ngx_int_t ngx_http_cartrecover_session_line(void *data,
    ngx_str_t *line);
static void ngx_http_cartrecover_tier(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);


#define NGX_HTTP_CARTRECOVER_KNOWN  256

static ngx_http_cartrecover_known_t
    ngx_http_cartrecover_known[NGX_HTTP_CARTRECOVER_KNOWN];


/* A configuration brings its own secrets. */

void
ngx_http_cartrecover_identity_init(void)
{
    ngx_memzero(ngx_http_cartrecover_known,
                sizeof(ngx_http_cartrecover_known));
}


void
ngx_http_cartrecover_identify(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    cr_str_t                           gpc;
    cr_request_t                       cr;
    ngx_http_cartrecover_cookies_t     ck;
    ngx_http_cartrecover_loc_conf_t   *lcf;

    if (ctx->identified) {
        return;
    }

    ctx->identified = 1;
    lcf = ctx->lcf;

    if (ctx->own) {
        gpc = ngx_http_cartrecover_header_in(r, cr_lit("sec-gpc"));
        ctx->gpc = gpc.n == 1 && gpc.p[0] == '1';
    }

    ngx_http_cartrecover_tier(r, ctx);

    ck.request = r;
    ck.ctx = ctx;
    ck.cr = &cr;
    ck.session.p = NULL;
    ck.session.n = 0;

    (void) ngx_http_cartrecover_each_cookie(r,
                                            ngx_http_cartrecover_cookie_line,
                                            &ck);

    if (ctx->has_cookie) {
        ctx->id = ctx->cookie.id;
        ctx->has_id = 1;
        return;
    }

    ngx_http_cartrecover_request(r, &cr);

    (void) ngx_http_cartrecover_each_cookie(r,
                                            ngx_http_cartrecover_session_line,
                                            &ck);

    if (ck.session.p == NULL) {
        ck.session = cr_profile_session(lcf->profile, &cr, &ctx->match,
                                        (cr_str_t) { "", 0 });
    }

    if (ck.session.p != NULL && ck.session.n != 0) {
        cr_anon_id(lcf->ring, ngx_http_cartrecover_str(lcf->shop->site),
                   ck.session, &ctx->id);
        ctx->has_id = 1;
    }
}


static ngx_int_t
ngx_http_cartrecover_cookie_line(void *data, ngx_str_t *line)
{
    ngx_http_cartrecover_cookies_t *ck = data;

    cr_str_t                     value;
    ngx_http_cartrecover_ctx_t  *ctx;

    ctx = ck->ctx;

    if (!ctx->has_cookie) {
        value = cr_cookie_get(ngx_http_cartrecover_str(*line),
                              cr_lit(CR_COOKIE));

        if (value.p != NULL
            && ngx_http_cartrecover_cookie(ctx->lcf->ring, value,
                                           &ctx->cookie))
        {
            ctx->has_cookie = 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_cartrecover_cookie(cr_keyring_t *ring, cr_str_t value,
    cr_cookie_t *cookie)
{
    ngx_http_cartrecover_known_t  *known;

    if (value.n != CR_COOKIE_LEN) {
        return 0;
    }

    /* an identifier is random from its first letters on */

    known = &ngx_http_cartrecover_known[
                (value.p[0] ^ value.p[1] << 2 ^ value.p[2] << 4
                 ^ value.p[3] << 6) & (NGX_HTTP_CARTRECOVER_KNOWN - 1)];

    if (known->ring == ring
        && ngx_memcmp(known->value, value.p, CR_COOKIE_LEN) == 0)
    {
        *cookie = known->cookie;
        return 1;
    }

    if (cr_cookie_read(ring, value, cookie) != CR_OK) {
        return 0;
    }

    known->ring = ring;
    known->cookie = *cookie;
    ngx_memcpy(known->value, value.p, CR_COOKIE_LEN);

    return 1;
}


static ngx_int_t
ngx_http_cartrecover_session_line(void *data, ngx_str_t *line)
{
    ngx_http_cartrecover_cookies_t *ck = data;

    if (ck->session.p == NULL) {
        ck->session = cr_profile_session(ck->ctx->lcf->profile, ck->cr,
                                         &ck->ctx->match,
                                         ngx_http_cartrecover_str(*line));
    }

    return 0;
}


static void
ngx_http_cartrecover_tier(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    int                               tier;
    ngx_str_t                         value;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ctx->lcf;

    switch (lcf->consent) {

    case NGX_HTTP_CARTRECOVER_CONSENT_ASSUME:
        tier = CR_TIER_T3;
        break;

    case NGX_HTTP_CARTRECOVER_CONSENT_VALUE:
        tier = CR_TIER_T0;

        if (ngx_http_complex_value(r, lcf->consent_value, &value) == NGX_OK) {
            tier = cr_word_find(cr_tier_word, CR_TIER_MAX,
                                (char *) value.data, value.len);
            tier = ngx_max(tier, CR_TIER_T0);
        }

        break;

    default: /* NGX_HTTP_CARTRECOVER_CONSENT_REQUIRE */
        tier = CR_TIER_T0;
        break;
    }

    if (ctx->gpc && tier > CR_TIER_T2 && lcf->shop->policy.gpc_no_marketing) {
        tier = CR_TIER_T2;
    }

    ctx->tier = (cr_tier_e) tier;
}


/* One pass: a letter that begins none of the words costs one look-up. */

ngx_uint_t
ngx_http_cartrecover_bot(ngx_http_request_t *r)
{
    u_char                   *p, *last;
    const char *const        *word;

    static const char *const  words[] = {
        "bot", "crawl", "spider", "slurp", "preview", "monitor", NULL
    };

    static const uint32_t     first = 1 << ('b' - 'a') | 1 << ('c' - 'a')
                                      | 1 << ('s' - 'a') | 1 << ('p' - 'a')
                                      | 1 << ('m' - 'a');

    if (r->headers_in.user_agent == NULL) {
        return 0;
    }

    p = r->headers_in.user_agent->value.data;
    last = p + r->headers_in.user_agent->value.len;

    for ( /* void */ ; p < last; p++) {

        if (*p < 'A' || !(first & 1u << ((*p - 1) & 31))) {
            continue;
        }

        for (word = words; *word; word++) {
            if ((*p | 0x20) == (u_char) **word
                && (size_t) (last - p) >= ngx_strlen(*word)
                && ngx_strncasecmp(p, (u_char *) *word, ngx_strlen(*word))
                   == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


/* A response that its shop marks private or uncacheable may carry a cookie. */

ngx_uint_t
ngx_http_cartrecover_private(ngx_http_request_t *r)
{
    cr_str_t  cc;

    cc = ngx_http_cartrecover_header_out(r, cr_lit("cache-control"));

    if (cc.p == NULL) {
        return 0;
    }

    return ngx_strlcasestrn((u_char *) cc.p, (u_char *) cc.p + cc.n,
                            (u_char *) "private", 7 - 1) != NULL
           || ngx_strlcasestrn((u_char *) cc.p, (u_char *) cc.p + cc.n,
                               (u_char *) "no-store", 8 - 1) != NULL;
}


ngx_int_t
ngx_http_cartrecover_new_id(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_uint_t may_set_cookie)
{
    cr_str_t          session;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    /* a session that the shop opens in this very answer */

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

        if (h[i].hash == 0 || h[i].key.len != 10
            || ngx_strncasecmp(h[i].key.data, (u_char *) "Set-Cookie", 10) != 0)
        {
            continue;
        }

        session = cr_profile_session_set(ctx->lcf->profile,
                                     ngx_http_cartrecover_str(h[i].value));

        if (session.p != NULL && session.n != 0) {
            cr_anon_id(ctx->lcf->ring,
                       ngx_http_cartrecover_str(ctx->lcf->shop->site),
                       session, &ctx->id);
            ctx->has_id = 1;
            return NGX_OK;
        }
    }

    if (may_set_cookie && ctx->tier >= CR_TIER_T1
        && ctx->lcf->mode == CR_MODE_ON
        && cr_random(&ctx->id, sizeof(cr_id_t)) == CR_OK)
    {
        ctx->has_id = 1;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_cartrecover_set_cookie(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_uint_t expire)
{
    char              value[CR_COOKIE_LEN + 1];
    u_char           *p;
    ngx_uint_t        secure;
    ngx_table_elt_t  *h;

    if (ctx->set_cookie) {
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 0;
    ngx_http_cartrecover_header_init(h);
    ngx_str_set(&h->key, "Set-Cookie");

    h->value.data = ngx_pnalloc(r->pool, 160);
    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    ctx->cookie.id = ctx->id;
    cr_cookie_make(ctx->lcf->ring, &ctx->cookie, value);

    secure = 0;

#if (NGX_HTTP_SSL)
    secure = r->connection->ssl != NULL
             || (r->http_version >= NGX_HTTP_VERSION_20
                 && ngx_strncmp(r->schema.data, "https", 5) == 0);
#endif

    p = ngx_sprintf(h->value.data, CR_COOKIE "=%s; Path=/; Max-Age=%s; "
                    "HttpOnly; SameSite=Lax%s",
                    expire ? "" : value, expire ? "0" : "2592000",
                    secure ? "; Secure" : "");

    h->value.len = p - h->value.data;
    h->hash = 1;
    ctx->set_cookie = 1;

    return NGX_OK;
}
