/*
 * The implicit location "^~ /_cr/" of each server where the module is on.
 *
 * It has to exist before the servers' location trees are built, that is while
 * configurations are merged.  Modules in front of this one have merged this
 * server's locations by then, so their part is done here; those behind merge
 * the new location together with all the others.
 */

#include "ngx_http_cartrecover_module.h"


static ngx_http_conf_ctx_t *ngx_http_cartrecover_new_location(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_http_core_loc_conf_t *ngx_http_cartrecover_find_location(
    ngx_queue_t *locations, ngx_str_t *name);


ngx_int_t
ngx_http_cartrecover_add_location(ngx_conf_t *cf,
    ngx_http_cartrecover_srv_conf_t *scf)
{
    void                      **server;
    ngx_uint_t                  i, mi;
    ngx_http_module_t          *module;
    ngx_http_conf_ctx_t        *ctx, *pctx, saved;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_loc_conf_t   *clcf, *pclcf;

    pctx = cf->ctx;
    cscf = pctx->srv_conf[ngx_http_core_module.ctx_index];
    server = cscf->ctx->loc_conf;
    pclcf = server[ngx_http_core_module.ctx_index];

    clcf = ngx_http_cartrecover_find_location(pclcf->locations, &scf->prefix);

    if (clcf != NULL) {

        /* the operator's own: access rules and the like stay his */

        if (clcf->handler == NULL) {
            clcf->handler = ngx_http_cartrecover_endpoint;
        }

#if (NGX_PCRE)
        clcf->noregex = 1;
#endif
        return NGX_OK;
    }

    ctx = ngx_http_cartrecover_new_location(cf, cscf);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    saved = *pctx;
    pctx->loc_conf = ctx->loc_conf;

    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];
    clcf->loc_conf = ctx->loc_conf;
    clcf->name = scf->prefix;
#if (NGX_PCRE)
    clcf->noregex = 1;
#endif

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (cf->cycle->modules[i]->type != NGX_HTTP_MODULE) {
            continue;
        }

        module = cf->cycle->modules[i]->ctx;
        mi = cf->cycle->modules[i]->ctx_index;

        if (mi >= ngx_http_cartrecover_module.ctx_index
            || module->merge_loc_conf == NULL)
        {
            continue;
        }

        if (module->merge_loc_conf(cf, server[mi], ctx->loc_conf[mi])
            != NGX_CONF_OK)
        {
            return NGX_ERROR;
        }
    }

    *pctx = saved;

    clcf->handler = ngx_http_cartrecover_endpoint;
    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            CR_HOOK_BODY);

    return ngx_http_add_location(cf, &pclcf->locations, clcf);
}


static ngx_http_conf_ctx_t *
ngx_http_cartrecover_new_location(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf)
{
    void                 *conf;
    ngx_uint_t            i;
    ngx_http_module_t    *module;
    ngx_http_conf_ctx_t  *ctx, *pctx, saved;

    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_conf_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    pctx = cf->ctx;

    ctx->main_conf = pctx->main_conf;
    ctx->srv_conf = cscf->ctx->srv_conf;
    ctx->loc_conf = ngx_pcalloc(cf->pool, sizeof(void *) * ngx_http_max_module);
    if (ctx->loc_conf == NULL) {
        return NULL;
    }

    saved = *pctx;
    pctx->loc_conf = ctx->loc_conf;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (cf->cycle->modules[i]->type != NGX_HTTP_MODULE) {
            continue;
        }

        module = cf->cycle->modules[i]->ctx;

        if (module->create_loc_conf == NULL) {
            continue;
        }

        conf = module->create_loc_conf(cf);
        if (conf == NULL) {
            ctx = NULL;
            break;
        }

        ctx->loc_conf[cf->cycle->modules[i]->ctx_index] = conf;
    }

    *pctx = saved;

    return ctx;
}


static ngx_http_core_loc_conf_t *
ngx_http_cartrecover_find_location(ngx_queue_t *locations, ngx_str_t *name)
{
    ngx_queue_t                *q;
    ngx_http_location_queue_t  *lq;

    if (locations == NULL) {
        return NULL;
    }

    for (q = ngx_queue_head(locations);
         q != ngx_queue_sentinel(locations);
         q = ngx_queue_next(q))
    {
        lq = (ngx_http_location_queue_t *) q;

        if (lq->inclusive != NULL
            && lq->name->len == name->len
            && ngx_strncmp(lq->name->data, name->data, name->len) == 0)
        {
            return lq->inclusive;
        }
    }

    return NULL;
}
