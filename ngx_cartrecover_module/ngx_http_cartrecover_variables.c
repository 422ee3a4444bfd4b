/*
 * Variables for logs, maps and headers to the storefront.  They say what this
 * request meant; where it meant nothing, what the session is known for.
 */

#include "ngx_http_cartrecover_module.h"


typedef enum {
    NGX_HTTP_CARTRECOVER_SID,
    NGX_HTTP_CARTRECOVER_EVENT,
    NGX_HTTP_CARTRECOVER_STAGE,
    NGX_HTTP_CARTRECOVER_VALUE,
    NGX_HTTP_CARTRECOVER_SCORE,
    NGX_HTTP_CARTRECOVER_REASON,
    NGX_HTTP_CARTRECOVER_ARM,
    NGX_HTTP_CARTRECOVER_ACTION,
    NGX_HTTP_CARTRECOVER_MESSAGE,
    NGX_HTTP_CARTRECOVER_SKIP,
    NGX_HTTP_CARTRECOVER_MODEL
} ngx_http_cartrecover_variable_e;


static ngx_int_t ngx_http_cartrecover_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_cartrecover_variable_session(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_http_cartrecover_ctx_t *ctx,
    uintptr_t data);


#define var(s, i)                                                             \
    { ngx_string("cartrecover_" s), NULL, ngx_http_cartrecover_variable, i,   \
      NGX_HTTP_VAR_NOCACHEABLE, 0 }

static ngx_http_variable_t  ngx_http_cartrecover_vars[] = {
    var("sid", NGX_HTTP_CARTRECOVER_SID),
    var("event", NGX_HTTP_CARTRECOVER_EVENT),
    var("stage", NGX_HTTP_CARTRECOVER_STAGE),
    var("value", NGX_HTTP_CARTRECOVER_VALUE),
    var("score", NGX_HTTP_CARTRECOVER_SCORE),
    var("reason", NGX_HTTP_CARTRECOVER_REASON),
    var("arm", NGX_HTTP_CARTRECOVER_ARM),
    var("action", NGX_HTTP_CARTRECOVER_ACTION),
    var("message", NGX_HTTP_CARTRECOVER_MESSAGE),
    var("skip", NGX_HTTP_CARTRECOVER_SKIP),
    var("model", NGX_HTTP_CARTRECOVER_MODEL),
    ngx_http_null_variable
};

#undef var


ngx_int_t
ngx_http_cartrecover_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_cartrecover_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static void
ngx_http_cartrecover_variable_set(ngx_http_variable_value_t *v,
    const char *word)
{
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->data = (u_char *) word;
    v->len = ngx_strlen(word);
}


static ngx_int_t
ngx_http_cartrecover_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_cartrecover_ctx_t       *ctx;
    ngx_http_cartrecover_loc_conf_t  *lcf;

    r = r->main;
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);

    if (lcf->mode == CR_MODE_OFF) {

        if (data == NGX_HTTP_CARTRECOVER_SKIP) {
            ngx_http_cartrecover_variable_set(v, cr_skip_word[CR_SKIP_OFF]);
            return NGX_OK;
        }

        v->not_found = 1;
        return NGX_OK;
    }

    ctx = ngx_http_cartrecover_ctx(r, 1);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (!ctx->own) {
        ngx_http_cartrecover_classify(r, ctx);
    }

    switch (data) {

    case NGX_HTTP_CARTRECOVER_EVENT:
        ngx_http_cartrecover_variable_set(v, cr_event_word[ctx->event]);
        return NGX_OK;

    case NGX_HTTP_CARTRECOVER_SKIP:
        ngx_http_cartrecover_variable_set(v, cr_skip_word[ctx->skip]);
        return NGX_OK;

    case NGX_HTTP_CARTRECOVER_ACTION:
        ngx_http_cartrecover_variable_set(v, ctx->message ? "bar" : "none");
        return NGX_OK;

    case NGX_HTTP_CARTRECOVER_MESSAGE:
        ngx_http_cartrecover_variable_set(v,
                      cr_message_word[ngx_http_cartrecover_message_id(ctx)]);
        return NGX_OK;

    case NGX_HTTP_CARTRECOVER_MODEL:
        ngx_http_cartrecover_variable_set(v, CR_SCORECARD);
        return NGX_OK;
    }

    if (ctx->skip == CR_SKIP_BYPASS) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_cartrecover_variable_session(r, v, ctx, data);
}


static ngx_int_t
ngx_http_cartrecover_variable_session(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_http_cartrecover_ctx_t *ctx,
    uintptr_t data)
{
    char                         hex[CR_ID_HEX_LEN + 1];
    u_char                      *p;
    ngx_http_cartrecover_view_t  view;

    ngx_http_cartrecover_identify(r, ctx);

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    if (!ctx->has_id || ngx_http_cartrecover_view(ctx, &view) != NGX_OK) {

        if (data == NGX_HTTP_CARTRECOVER_STAGE
            || data == NGX_HTTP_CARTRECOVER_ARM)
        {
            ngx_http_cartrecover_variable_set(v, "none");
            return NGX_OK;
        }

        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_CARTRECOVER_STAGE:
        ngx_http_cartrecover_variable_set(v,
                                        cr_stage_word[view.session.stage]);
        return NGX_OK;

    case NGX_HTTP_CARTRECOVER_ARM:
        ngx_http_cartrecover_variable_set(v, cr_arm_word[view.session.arm]);
        return NGX_OK;

    case NGX_HTTP_CARTRECOVER_REASON:
        ngx_http_cartrecover_variable_set(v,
                   cr_reason_word[cr_reason(&view.session.features, NULL)]);
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, NGX_INT64_LEN + 16);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    p = v->data;

    switch (data) {

    case NGX_HTTP_CARTRECOVER_SID:

        /* a hash of the hash: a log names sessions, it does not open them */

        cr_id_hex(&ctx->id, hex);
        p = ngx_sprintf(p, "%08xD",
                        (uint32_t) cr_siphash(ctx->lcf->ring->key[0].anon,
                                              hex, CR_ID_HEX_LEN));
        break;

    case NGX_HTTP_CARTRECOVER_VALUE:

        if (view.value == CR_AMOUNT_UNKNOWN) {
            v->not_found = 1;
            return NGX_OK;
        }

        p = ngx_sprintf(p, "%L", view.value);
        break;

    default: /* NGX_HTTP_CARTRECOVER_SCORE */
        p = ngx_sprintf(p, "%.3f",
                        (double) cr_score(&view.session.features, NULL));
    }

    v->len = p - v->data;

    return NGX_OK;
}
