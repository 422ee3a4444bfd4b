/*
 * Parsers of the directives.
 */

#include "ngx_http_cartrecover_module.h"


static ngx_int_t ngx_http_cartrecover_zone_parameter(ngx_conf_t *cf,
    ngx_http_cartrecover_main_conf_t *mcf, ngx_str_t *value, ssize_t *size);
static ngx_int_t ngx_http_cartrecover_redis_parameter(ngx_conf_t *cf,
    ngx_http_cartrecover_redis_conf_t *rc, ngx_str_t *value);


char *
ngx_http_cartrecover_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    int                               mode;
    ngx_str_t                        *value;
    ngx_http_cartrecover_srv_conf_t  *scf;

    if (lcf->mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mode = cr_word_find(cr_mode_word, CR_MODE_MAX, (char *) value[1].data,
                        value[1].len);
    if (mode < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"cartrecover\": it is "
                           "\"on\", \"observe\" or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->mode = mode;

    scf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_cartrecover_module);

    if (mode != CR_MODE_OFF) {
        scf->on = 1;

    } else if (scf->on == NGX_CONF_UNSET_UINT) {
        scf->on = 0;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_cartrecover_zone_parameter(ngx_conf_t *cf,
    ngx_http_cartrecover_main_conf_t *mcf, ngx_str_t *value, ssize_t *size)
{
    u_char     *p;
    ngx_str_t   s;

    if (ngx_strncmp(value->data, "zone=", 5) == 0) {
        mcf->zone_name.data = value->data + 5;
        p = (u_char *) ngx_strchr(mcf->zone_name.data, ':');

        if (p == NULL) {
            return NGX_ERROR;
        }

        mcf->zone_name.len = p - mcf->zone_name.data;
        s.data = p + 1;
        s.len = value->data + value->len - s.data;
        *size = ngx_parse_size(&s);

        return *size == NGX_ERROR || mcf->zone_name.len == 0 ? NGX_ERROR
                                                             : NGX_OK;
    }

    if (ngx_strncmp(value->data, "ttl=", 4) == 0) {
        s.data = value->data + 4;
        s.len = value->len - 4;
        mcf->ttl = ngx_parse_time(&s, 1);

        return mcf->ttl == (time_t) NGX_ERROR || mcf->ttl == 0 ? NGX_ERROR
                                                               : NGX_OK;
    }

    if (ngx_strncmp(value->data, "dump=", 5) == 0) {
        mcf->dump.data = value->data + 5;
        mcf->dump.len = value->len - 5;

        return mcf->dump.len == 0 ? NGX_ERROR
                                  : ngx_conf_full_name(cf->cycle, &mcf->dump,
                                                       0);
    }

    if (ngx_strncmp(value->data, "spool=", 6) == 0) {
        mcf->spool.data = value->data + 6;
        mcf->spool.len = value->len - 6;

        return mcf->spool.len == 0 ? NGX_ERROR
                                   : ngx_conf_full_name(cf->cycle, &mcf->spool,
                                                        0);
    }

    if (ngx_strncmp(value->data, "spool_size=", 11) == 0) {
        s.data = value->data + 11;
        s.len = value->len - 11;
        mcf->spool_size = (size_t) ngx_parse_size(&s);

        return mcf->spool_size == (size_t) NGX_ERROR || mcf->spool_size == 0
               ? NGX_ERROR : NGX_OK;
    }

    if (ngx_strncmp(value->data, "interval=", 9) == 0) {
        s.data = value->data + 9;
        s.len = value->len - 9;
        mcf->dump_interval = ngx_parse_time(&s, 0);

        return mcf->dump_interval == (ngx_msec_t) NGX_ERROR
               || mcf->dump_interval == 0 ? NGX_ERROR : NGX_OK;
    }

    return NGX_ERROR;
}


char *
ngx_http_cartrecover_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_main_conf_t *mcf = conf;

    ssize_t      size;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (mcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = 0;
    mcf->ttl = 2700;
    mcf->dump_interval = 60000;
    mcf->spool_size = 64 * 1024 * 1024;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_cartrecover_zone_parameter(cf, mcf, &value[i], &size)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"cartrecover_zone\": it takes "
                               "zone=NAME:SIZE ttl=TIME dump=PATH "
                               "interval=TIME spool=PATH "
                               "spool_size=SIZE", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (mcf->zone_name.len == 0) {
        return "needs \"zone=NAME:SIZE\"";
    }

    if (size < 2 * CR_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: give it at least 2m "
                           "(64m holds about 30,000 shoppers)",
                           &mcf->zone_name);
        return NGX_CONF_ERROR;
    }

    mcf->zone = ngx_shared_memory_add(cf, &mcf->zone_name, size,
                                      &ngx_http_cartrecover_module);
    if (mcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (mcf->zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is already in use", &mcf->zone_name);
        return NGX_CONF_ERROR;
    }

    mcf->zone->init = ngx_http_cartrecover_zone_init;
    mcf->zone->data = mcf;

    return NGX_CONF_OK;
}


/* NGX_DECLINED for a parameter that is none of these */

static ngx_int_t
ngx_http_cartrecover_redis_parameter(ngx_conf_t *cf,
    ngx_http_cartrecover_redis_conf_t *rc, ngx_str_t *value)
{
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "db=", 3) == 0) {
        rc->db = ngx_atoi(value->data + 3, value->len - 3);

        return rc->db == (ngx_uint_t) NGX_ERROR ? NGX_DECLINED : NGX_OK;
    }

    if (ngx_strncmp(value->data, "timeout=", 8) == 0) {
        s.data = value->data + 8;
        s.len = value->len - 8;
        rc->timeout = ngx_parse_time(&s, 0);

        return rc->timeout == (ngx_msec_t) NGX_ERROR || rc->timeout == 0
               ? NGX_DECLINED : NGX_OK;
    }

    if (ngx_strncmp(value->data, "node=", 5) == 0 && value->len > 5
        && value->len <= 5 + NGX_HTTP_CARTRECOVER_NODE)
    {
        rc->node.data = value->data + 5;
        rc->node.len = value->len - 5;

        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "auth_file=", 10) == 0) {
        s.data = value->data + 10;
        s.len = value->len - 10;

        if (ngx_http_cartrecover_read_file(cf, &s, 512, 1, &rc->auth)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        while (rc->auth.len && rc->auth.data[rc->auth.len - 1] <= ' ') {
            rc->auth.len--;
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


char *
ngx_http_cartrecover_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    ngx_url_t                            u;
    ngx_str_t                           *value;
    ngx_uint_t                           i;
    ngx_http_cartrecover_redis_conf_t   *rc, **rcp;
    ngx_http_cartrecover_main_conf_t    *mcf;

    if (lcf->redis) {
        return "is duplicate";
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cartrecover_module);
    value = cf->args->elts;

    rc = ngx_pcalloc(cf->pool, sizeof(ngx_http_cartrecover_redis_conf_t));
    if (rc == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url = value[1];
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"cartrecover_redis %V\"",
                           u.err ? u.err : "wrong address", &value[1]);
        return NGX_CONF_ERROR;
    }

    rc->name = value[1];
    rc->addr = &u.addrs[0];
    rc->timeout = 1000;
    rc->node = cf->cycle->hostname;
    rc->node.len = ngx_min(rc->node.len, NGX_HTTP_CARTRECOVER_NODE);

    for (i = 2; i < cf->args->nelts; i++) {
        switch (ngx_http_cartrecover_redis_parameter(cf, rc, &value[i])) {

        case NGX_OK:
            break;

        case NGX_DECLINED:
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"cartrecover_redis\": it takes db=N "
                               "auth_file=PATH timeout=TIME node=NAME",
                               &value[i]);
            return NGX_CONF_ERROR;

        default: /* NGX_ERROR, told */
            return NGX_CONF_ERROR;
        }
    }

    rcp = ngx_array_push(&mcf->redis);
    if (rcp == NULL) {
        return NGX_CONF_ERROR;
    }

    *rcp = rc;
    lcf->redis = rc;

    return NGX_CONF_OK;
}


char *
ngx_http_cartrecover_match(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    int                  event;
    ngx_str_t           *value;
    cr_profile_extra_t  *extra;

    value = cf->args->elts;

    event = cr_word_find(cr_event_word, CR_EV_MAX, (char *) value[1].data,
                         value[1].len);
    if (event <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown event \"%V\" in \"cartrecover_match\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (lcf->match == NULL) {
        lcf->match = ngx_array_create(cf->pool, 4, sizeof(cr_profile_extra_t));
        if (lcf->match == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    extra = ngx_array_push(lcf->match);
    if (extra == NULL) {
        return NGX_CONF_ERROR;
    }

    extra->event = (cr_event_e) event;
    extra->regex = (char *) value[2].data;

    return NGX_CONF_OK;
}


char *
ngx_http_cartrecover_prefix(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_srv_conf_t *scf = conf;

    ngx_str_t  *value;

    if (scf->prefix.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len < 3 || value[1].len > 32
        || value[1].data[0] != '/'
        || value[1].data[value[1].len - 1] != '/')
    {
        return "is a path such as \"/_cr/\": it begins and ends with a slash";
    }

    scf->prefix = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_cartrecover_inject(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (lcf->inject != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        lcf->inject = NGX_HTTP_CARTRECOVER_INJECT_OFF;

    } else if (ngx_strcmp(value[1].data, "beacon") == 0
               || ngx_strcmp(value[1].data, "all") == 0)
    {
        lcf->inject = NGX_HTTP_CARTRECOVER_INJECT_BEACON;

    } else {
        return "is \"beacon\" or \"off\"";
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "place=head") == 0) {
            lcf->place = NGX_HTTP_CARTRECOVER_PLACE_HEAD;

        } else if (ngx_strcmp(value[i].data, "place=start") == 0) {
            lcf->place = NGX_HTTP_CARTRECOVER_PLACE_START;

        } else if (ngx_strcmp(value[i].data, "no_transform=heed") == 0) {
            lcf->transform = 0;

        } else if (ngx_strcmp(value[i].data, "no_transform=ignore") == 0) {
            lcf->transform = 1;

        } else {
            return "takes place=head|start no_transform=heed|ignore";
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_cartrecover_consent(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    if (lcf->consent != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "require") == 0) {
        lcf->consent = NGX_HTTP_CARTRECOVER_CONSENT_REQUIRE;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "assume") == 0) {
        lcf->consent = NGX_HTTP_CARTRECOVER_CONSENT_ASSUME;
        return NGX_CONF_OK;
    }

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '$') == NULL)
    {
        return "is \"require\", \"assume\" or a variable with t0 .. t3";
    }

    lcf->consent = NGX_HTTP_CARTRECOVER_CONSENT_VALUE;
    lcf->consent_value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (lcf->consent_value == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = lcf->consent_value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_cartrecover_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (cf->args->nelts == 1 || ngx_strcmp(value[1].data, "json") == 0) {
        lcf->status = NGX_HTTP_CARTRECOVER_STATUS_JSON;

    } else if (ngx_strcmp(value[1].data, "prometheus") == 0) {
        lcf->status = NGX_HTTP_CARTRECOVER_STATUS_PROMETHEUS;

    } else {
        return "is \"json\" or \"prometheus\"";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_cartrecover_status_handler;

    return NGX_CONF_OK;
}
