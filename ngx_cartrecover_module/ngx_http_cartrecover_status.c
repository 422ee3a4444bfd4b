/*
 * The counters, as JSON or in Prometheus' text format.  Labels are words of
 * the enums in lib/cr_word.h, so there is an end to them.
 */

#include "ngx_http_cartrecover_module.h"


#define NGX_HTTP_CARTRECOVER_STATUS_SIZE  32768


static u_char *ngx_http_cartrecover_status_json(u_char *p, u_char *last,
    cr_zone_t *z);
static u_char *ngx_http_cartrecover_status_prometheus(u_char *p, u_char *last,
    cr_zone_t *z);


ngx_int_t
ngx_http_cartrecover_status_handler(ngx_http_request_t *r)
{
    u_char                            *buf, *p, *last;
    ngx_int_t                          rc;
    cr_zone_t                         *z;
    ngx_http_cartrecover_ctx_t        *ctx;
    ngx_http_cartrecover_loc_conf_t   *lcf;
    ngx_http_cartrecover_main_conf_t  *mcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_cartrecover_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_http_cartrecover_module);

    if (!mcf->enabled) {
        return NGX_HTTP_NOT_FOUND;
    }

    ctx = ngx_http_cartrecover_ctx(r, 1);
    buf = ngx_pnalloc(r->pool, NGX_HTTP_CARTRECOVER_STATUS_SIZE);

    if (ctx == NULL || buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->own = 1;
    ctx->classified = 1;
    ctx->lcf = lcf;

    z = ngx_http_cartrecover_table();
    last = buf + NGX_HTTP_CARTRECOVER_STATUS_SIZE;

    if (lcf->status == NGX_HTTP_CARTRECOVER_STATUS_PROMETHEUS) {
        p = ngx_http_cartrecover_status_prometheus(buf, last, z);

        return ngx_http_cartrecover_send(r, NGX_HTTP_OK,
                                         "text/plain; version=0.0.4",
                                         "no-store", buf, p - buf);
    }

    p = ngx_http_cartrecover_status_json(buf, last, z);

    return ngx_http_cartrecover_send(r, NGX_HTTP_OK, "application/json",
                                     "no-store", buf, p - buf);
}


static u_char *
ngx_http_cartrecover_status_json(u_char *p, u_char *last, cr_zone_t *z)
{
    ngx_uint_t      i;
    cr_zone_info_t  info;

    cr_zone_info(z, &info);

    p = ngx_slprintf(p, last, "{\"version\":\"%s\",\"zone\":{\"bytes\":%uz,"
                     "\"sessions\":%uD,\"used\":%uD,\"carts\":%uD,"
                     "\"contacts\":%uD,\"sites\":%uD,\"epoch\":%uL,"
                     "\"owed\":%uD,\"owed_stops\":%uD},\"counters\":{",
                     CR_VERSION, info.bytes, info.sessions, info.used,
                     info.carts, info.contacts, info.sites, info.epoch,
                     cr_owed_count(z, NGX_HTTP_CARTRECOVER_ALL_KINDS),
                     cr_owed_count(z, NGX_HTTP_CARTRECOVER_STOP_KINDS));

    for (i = 0; i < CR_N_MAX; i++) {
        p = ngx_slprintf(p, last, "%s\"%s\":%uL", i ? "," : "",
                         cr_count_word[i], cr_counter(z, (cr_count_e) i));
    }

    p = ngx_slprintf(p, last, "},\"events\":{");

    for (i = 0; i < CR_EV_MAX; i++) {
        p = ngx_slprintf(p, last, "%s\"%s\":%uL", i ? "," : "",
                         cr_event_word[i],
                         cr_counter_event(z, (cr_event_e) i));
    }

    p = ngx_slprintf(p, last, "},\"skip\":{");

    for (i = 0; i < CR_SKIP_MAX; i++) {
        p = ngx_slprintf(p, last, "%s\"%s\":%uL", i ? "," : "",
                         cr_skip_word[i], cr_counter_skip(z, (cr_skip_e) i));
    }

    return ngx_slprintf(p, last, "}}\n");
}


static u_char *
ngx_http_cartrecover_status_prometheus(u_char *p, u_char *last, cr_zone_t *z)
{
    ngx_uint_t      i;
    cr_zone_info_t  info;

    cr_zone_info(z, &info);

    p = ngx_slprintf(p, last,
                     "# TYPE cartrecover_zone_sessions gauge\n"
                     "cartrecover_zone_sessions %uD\n"
                     "# TYPE cartrecover_zone_capacity gauge\n"
                     "cartrecover_zone_capacity %uD\n"
                     "# TYPE cartrecover_owed gauge\n"
                     "cartrecover_owed %uD\n"
                     "# TYPE cartrecover_owed_stops gauge\n"
                     "cartrecover_owed_stops %uD\n",
                     info.used, info.sessions,
                     cr_owed_count(z, NGX_HTTP_CARTRECOVER_ALL_KINDS),
                     cr_owed_count(z, NGX_HTTP_CARTRECOVER_STOP_KINDS));

    for (i = 0; i < CR_N_MAX; i++) {
        p = ngx_slprintf(p, last, "# TYPE cartrecover_%s_total counter\n"
                         "cartrecover_%s_total %uL\n", cr_count_word[i],
                         cr_count_word[i], cr_counter(z, (cr_count_e) i));
    }

    p = ngx_slprintf(p, last, "# TYPE cartrecover_event_total counter\n");

    for (i = 1; i < CR_EV_MAX; i++) {
        p = ngx_slprintf(p, last, "cartrecover_event_total{event=\"%s\"} %uL\n",
                         cr_event_word[i],
                         cr_counter_event(z, (cr_event_e) i));
    }

    p = ngx_slprintf(p, last, "# TYPE cartrecover_skip_total counter\n");

    for (i = 1; i < CR_SKIP_MAX; i++) {
        p = ngx_slprintf(p, last, "cartrecover_skip_total{why=\"%s\"} %uL\n",
                         cr_skip_word[i], cr_counter_skip(z, (cr_skip_e) i));
    }

    return p;
}
