/*
 * The directive cartrecover_hook: whose webhooks a server takes, and the
 * secrets that they are signed with.
 */

#include "ngx_http_cartrecover_module.h"


static char *ngx_http_cartrecover_hook_parameter(ngx_conf_t *cf,
    ngx_http_cartrecover_hook_t *hook, ngx_str_t *value);


/* cartrecover_hook SENDER secret=PATH [previous=PATH] [tolerance=TIME] */

char *
ngx_http_cartrecover_hook_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    int                           kind;
    char                         *rv;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_cartrecover_hook_t  *hook;

    value = cf->args->elts;

    kind = cr_word_find(cr_hook_word, CR_HOOK_MAX, (char *) value[1].data,
                        value[1].len);
    if (kind < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown sender \"%V\" in \"cartrecover_hook\": it "
                           "is woocommerce, shopify or standard", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_cartrecover_hook_find(lcf, (cr_hook_kind_e) kind)) {
        return "is duplicate";
    }

    if (lcf->hooks == NULL) {
        lcf->hooks = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_cartrecover_hook_t));
        if (lcf->hooks == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    hook = ngx_array_push(lcf->hooks);
    if (hook == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(hook, sizeof(ngx_http_cartrecover_hook_t));
    hook->kind = (cr_hook_kind_e) kind;
    hook->tolerance = 300;

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_cartrecover_hook_parameter(cf, hook, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return hook->nkeys ? NGX_CONF_OK : "needs \"secret=PATH\"";
}


static char *
ngx_http_cartrecover_hook_parameter(ngx_conf_t *cf,
    ngx_http_cartrecover_hook_t *hook, ngx_str_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  path, content;

    path = *value;

    if (ngx_strncmp(path.data, "tolerance=", 10) == 0) {
        path.data += 10;
        path.len -= 10;
        hook->tolerance = ngx_parse_time(&path, 1);

        return hook->tolerance > 0 && hook->tolerance <= 3600
               ? NGX_CONF_OK : "takes a tolerance of 1s to 1h";
    }

    if (ngx_strncmp(path.data, "secret=", 7) == 0 && hook->nkeys == 0) {
        path.data += 7;
        path.len -= 7;

    } else if (ngx_strncmp(path.data, "previous=", 9) == 0 && hook->nkeys == 1)
    {
        path.data += 9;
        path.len -= 9;

    } else {
        return "takes SENDER secret=PATH previous=PATH tolerance=TIME, in "
               "this order";
    }

    if (ngx_http_cartrecover_read_file(cf, &path, 2 * CR_HOOK_SECRET_MAX, 1,
                                       &content)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rc = cr_hook_key(hook->kind, (char *) content.data, content.len,
                     &hook->key[hook->nkeys++]);
    ngx_explicit_memzero(content.data, content.len);

    if (rc != CR_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "webhook secret \"%V\" has to have %d to %d "
                           "characters%s", &path, CR_HOOK_SECRET_MIN,
                           CR_HOOK_SECRET_MAX,
                           hook->kind == CR_HOOK_STANDARD
                           ? ", or to be whsec_ and base64" : "");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_http_cartrecover_hook_t *
ngx_http_cartrecover_hook_find(ngx_http_cartrecover_loc_conf_t *lcf,
    cr_hook_kind_e kind)
{
    ngx_uint_t                    i;
    ngx_http_cartrecover_hook_t  *hook;

    if (lcf->hooks == NULL) {
        return NULL;
    }

    hook = lcf->hooks->elts;

    for (i = 0; i < lcf->hooks->nelts; i++) {
        if (hook[i].kind == kind) {
            return &hook[i];
        }
    }

    return NULL;
}
