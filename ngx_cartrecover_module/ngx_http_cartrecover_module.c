/*
 * The module: directives, configuration, start of processes.  One file for
 * each hook beside this one.
 */

#include "ngx_http_cartrecover_module.h"


static ngx_int_t ngx_http_cartrecover_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_cartrecover_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_cartrecover_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_cartrecover_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_cartrecover_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_cartrecover_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_cartrecover_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_cartrecover_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_cartrecover_check(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *conf);
static ngx_int_t ngx_http_cartrecover_init_process(ngx_cycle_t *cycle);
static void ngx_http_cartrecover_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_cartrecover_commands[] = {

    { ngx_string("cartrecover"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_cartrecover_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_cartrecover_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_redis"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_cartrecover_redis,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_secret"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_cartrecover_secret,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_shop"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_cartrecover_shop,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_profile"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cartrecover_loc_conf_t, profile_name),
      NULL },

    { ngx_string("cartrecover_match"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_cartrecover_match,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_prefix"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_cartrecover_prefix,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_inject"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_cartrecover_inject,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_consent"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_cartrecover_consent,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_bypass"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cartrecover_loc_conf_t, bypass),
      NULL },

    { ngx_string("cartrecover_locale"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cartrecover_loc_conf_t, locale),
      NULL },

    { ngx_string("cartrecover_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1234,
      ngx_http_cartrecover_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_hook"),
      NGX_HTTP_SRV_CONF|NGX_CONF_2MORE,
      ngx_http_cartrecover_hook_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("cartrecover_debug"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_cartrecover_loc_conf_t, debug),
      NULL },

    { ngx_string("cartrecover_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_cartrecover_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_cartrecover_module_ctx = {
    ngx_http_cartrecover_preconfiguration,  /* preconfiguration */
    ngx_http_cartrecover_postconfiguration, /* postconfiguration */

    ngx_http_cartrecover_create_main_conf,  /* create main configuration */
    ngx_http_cartrecover_init_main_conf,    /* init main configuration */

    ngx_http_cartrecover_create_srv_conf,   /* create server configuration */
    ngx_http_cartrecover_merge_srv_conf,    /* merge server configuration */

    ngx_http_cartrecover_create_loc_conf,   /* create location configuration */
    ngx_http_cartrecover_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_cartrecover_module = {
    NGX_MODULE_V1,
    &ngx_http_cartrecover_module_ctx,       /* module context */
    ngx_http_cartrecover_commands,          /* module directives */
    NGX_HTTP_MODULE,                        /* module type */
    NULL,                                   /* init master */
    NULL,                                   /* init module */
    ngx_http_cartrecover_init_process,      /* init process */
    NULL,                                   /* init thread */
    NULL,                                   /* exit thread */
    ngx_http_cartrecover_exit_process,      /* exit process */
    NULL,                                   /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_cartrecover_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_cartrecover_add_variables(cf);
}


static void *
ngx_http_cartrecover_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_cartrecover_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mcf->zone = NULL;
     *     mcf->zone_name = { 0, NULL };
     *     mcf->ttl = 0;
     *     mcf->dump = { 0, NULL };
     *     mcf->dump_interval = 0;
     *     mcf->enabled = 0;
     */

    if (ngx_array_init(&mcf->redis, cf->pool, 1, sizeof(void *)) != NGX_OK
        || ngx_array_init(&mcf->shops, cf->pool, 4, sizeof(void *)) != NGX_OK
        || ngx_array_init(&mcf->profiles, cf->pool, 4, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&mcf->webs, cf->pool, 2,
                          sizeof(ngx_http_cartrecover_web_t))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_http_cartrecover_identity_init();

    ngx_rbtree_init(&mcf->paths, &mcf->none, ngx_str_rbtree_insert_value);
    ngx_rbtree_init(&mcf->sites, &mcf->none, ngx_str_rbtree_insert_value);

    return mcf;
}


static char *
ngx_http_cartrecover_init_main_conf(ngx_conf_t *cf, void *conf)
{
    return NGX_CONF_OK;
}


static void *
ngx_http_cartrecover_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_cartrecover_srv_conf_t  *scf;

    scf = ngx_pcalloc(cf->pool, sizeof(ngx_http_cartrecover_srv_conf_t));
    if (scf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     scf->prefix = { 0, NULL };
     */

    scf->on = NGX_CONF_UNSET_UINT;

    return scf;
}


static char *
ngx_http_cartrecover_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_cartrecover_srv_conf_t *prev = parent;
    ngx_http_cartrecover_srv_conf_t *conf = child;

    ngx_conf_merge_str_value(conf->prefix, prev->prefix, "/_cr/");
    ngx_conf_merge_uint_value(conf->on, prev->on, 0);

    if (conf->on && ngx_http_cartrecover_add_location(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_cartrecover_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_cartrecover_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_cartrecover_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     lcf->shop = NULL;
     *     lcf->redis = NULL;
     *     lcf->ring = NULL;
     *     lcf->profile_name = { 0, NULL };
     *     lcf->profile = NULL;
     *     lcf->match = NULL;
     *     lcf->hooks = NULL;
     *     lcf->consent_value = NULL;
     *     lcf->locale = NULL;
     *     lcf->status = 0;
     *     lcf->tag = { 0, NULL };
     *     lcf->wide_tag = { 0, NULL };
     *     lcf->front = { 0, NULL };
     *     lcf->files = NULL;
     *     lcf->refusals = 0;
     *     lcf->gunzip = 0;
     */

    lcf->mode = NGX_CONF_UNSET_UINT;
    lcf->bypass = NGX_CONF_UNSET_PTR;
    lcf->inject = NGX_CONF_UNSET_UINT;
    lcf->place = NGX_CONF_UNSET_UINT;
    lcf->transform = NGX_CONF_UNSET;
    lcf->consent = NGX_CONF_UNSET_UINT;
    lcf->debug = NGX_CONF_UNSET;
    lcf->limit_rate = NGX_CONF_UNSET_UINT;
    lcf->limit_burst = NGX_CONF_UNSET_UINT;
    lcf->address_rate = NGX_CONF_UNSET_UINT;
    lcf->address_burst = NGX_CONF_UNSET_UINT;

    return lcf;
}


static char *
ngx_http_cartrecover_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_cartrecover_loc_conf_t *prev = parent;
    ngx_http_cartrecover_loc_conf_t *conf = child;

    ngx_http_cartrecover_srv_conf_t  *scf;

    ngx_conf_merge_uint_value(conf->mode, prev->mode, CR_MODE_OFF);
    ngx_conf_merge_ptr_value(conf->bypass, prev->bypass, NULL);
    ngx_conf_merge_uint_value(conf->inject, prev->inject,
                              NGX_HTTP_CARTRECOVER_INJECT_BEACON);
    ngx_conf_merge_uint_value(conf->place, prev->place,
                              NGX_HTTP_CARTRECOVER_PLACE_HEAD);
    ngx_conf_merge_value(conf->transform, prev->transform, 0);
    ngx_conf_merge_value(conf->debug, prev->debug, 0);
    ngx_conf_merge_uint_value(conf->limit_rate, prev->limit_rate, 1000);
    ngx_conf_merge_uint_value(conf->limit_burst, prev->limit_burst, 5000);
    ngx_conf_merge_uint_value(conf->address_rate, prev->address_rate,
                              200000);
    ngx_conf_merge_uint_value(conf->address_burst, prev->address_burst,
                              1000000);

    if (conf->consent == NGX_CONF_UNSET_UINT) {
        conf->consent_value = prev->consent_value;
    }

    ngx_conf_merge_uint_value(conf->consent, prev->consent,
                              NGX_HTTP_CARTRECOVER_CONSENT_REQUIRE);

    if (conf->shop == NULL) {
        conf->shop = prev->shop;
    }

    if (conf->redis == NULL) {
        conf->redis = prev->redis;
    }

    if (conf->ring == NULL) {
        conf->ring = prev->ring;
    }

    if (conf->locale == NULL) {
        conf->locale = prev->locale;
    }

    if (conf->match == NULL) {
        conf->match = prev->match;
    }

    if (conf->hooks == NULL) {
        conf->hooks = prev->hooks;
    }

    ngx_conf_merge_str_value(conf->profile_name, prev->profile_name, "");

    if (conf->mode == CR_MODE_OFF) {
        return NGX_CONF_OK;
    }

    scf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_cartrecover_module);
    conf->prefix = scf->prefix.len ? scf->prefix
                                   : (ngx_str_t) ngx_string("/_cr/");

    return ngx_http_cartrecover_check(cf, conf);
}


static char *
ngx_http_cartrecover_check(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *conf)
{
    char                               random[64];
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cartrecover_module);

    if (mcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cartrecover\" needs a zone: add "
                           "\"cartrecover_zone zone=shops:64m;\" to http{}");
        return NGX_CONF_ERROR;
    }

    if (conf->shop == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cartrecover %s\" needs a policy: add "
                           "\"cartrecover_shop FILE;\" to this server{}",
                           cr_mode_word[conf->mode]);
        return NGX_CONF_ERROR;
    }

    if (conf->ring == NULL) {
        if (conf->mode == CR_MODE_ON) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"cartrecover on\" needs a secret: add "
                               "\"cartrecover_secret FILE;\", a file of mode "
                               "0600 with at least %d random characters",
                               CR_SECRET_MIN);
            return NGX_CONF_ERROR;
        }

        conf->ring = ngx_pcalloc(cf->pool, sizeof(cr_keyring_t));

        if (conf->ring == NULL
            || cr_random(random, sizeof(random)) != CR_OK
            || cr_keyring_add(conf->ring, random, sizeof(random)) != CR_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->shop->redis == NULL) {
        conf->shop->redis = conf->redis;
    }

    if (conf->hooks && conf->shop->redis == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cartrecover_hook\" needs Redis: add "
                           "\"cartrecover_redis ADDRESS;\" to http{} or to "
                           "this server{}");
        return NGX_CONF_ERROR;
    }

    if (conf->shop->mode < (cr_mode_e) conf->mode) {
        conf->shop->mode = ngx_min((cr_mode_e) conf->mode,
                                   conf->shop->policy.mode);
    }

    conf->mode = ngx_min(conf->mode, (ngx_uint_t) conf->shop->policy.mode);

    if (conf->mode == CR_MODE_OFF) {
        return NGX_CONF_OK;
    }

    mcf->enabled = 1;

    if (ngx_http_cartrecover_profile(cf, conf) != NGX_OK
        || ngx_http_cartrecover_files(cf, conf) != NGX_OK
        || ngx_http_cartrecover_tag_init(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_cartrecover_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt               *h;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cartrecover_module);

    if (!mcf->enabled) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_cartrecover_log_handler;

    ngx_http_cartrecover_next_request_body = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_cartrecover_request_body_filter;

    return ngx_http_cartrecover_filter_init(cf);
}


static ngx_int_t
ngx_http_cartrecover_init_process(ngx_cycle_t *cycle)
{
    ngx_http_cartrecover_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_cartrecover_module);

    if (mcf == NULL || !mcf->enabled) {
        return NGX_OK;
    }

    ngx_http_cartrecover_zone_attach(cycle);
    ngx_http_cartrecover_queue_init(cycle);

    if (ngx_http_cartrecover_redis_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_process == NGX_PROCESS_SINGLE || ngx_worker == 0) {
        ngx_http_cartrecover_sweep_init(cycle);
    }

    return NGX_OK;
}


static void
ngx_http_cartrecover_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_cartrecover_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_cartrecover_module);

    if (mcf == NULL || !mcf->enabled) {
        return;
    }

    ngx_http_cartrecover_redis_done(cycle);

    if (mcf->dump.len && (ngx_process == NGX_PROCESS_SINGLE || ngx_worker == 0))
    {
        ngx_http_cartrecover_dump_all(cycle->log);
    }
}
