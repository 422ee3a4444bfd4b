/*
 * The connection itself, for the two files that work on it.
 */

#ifndef _NGX_HTTP_CARTRECOVER_REDIS_H_INCLUDED_
#define _NGX_HTTP_CARTRECOVER_REDIS_H_INCLUDED_


#include "ngx_http_cartrecover_module.h"

#include <hiredis/hiredis.h>


#define NGX_HTTP_CARTRECOVER_REDIS_OUT    (1024 * 1024)
#define NGX_HTTP_CARTRECOVER_REDIS_MIN    100      /* ms of back-off */
#define NGX_HTTP_CARTRECOVER_REDIS_MAX    30000
#define NGX_HTTP_CARTRECOVER_REDIS_DATA   96


typedef struct {
    ngx_http_cartrecover_reply_pt       handler;
    u_char                              data[NGX_HTTP_CARTRECOVER_REDIS_DATA];
} ngx_http_cartrecover_flight_t;


struct ngx_http_cartrecover_redis_s {
    ngx_http_cartrecover_redis_conf_t  *conf;
    ngx_peer_connection_t               peer;
    ngx_event_t                         retry;
    ngx_connection_t                    fake;     /* for the retry timer */
    redisReader                        *reader;

    u_char                             *out;
    size_t                              out_pos;
    size_t                              out_last;

    ngx_http_cartrecover_flight_t      *flight;
    ngx_uint_t                          first;
    ngx_uint_t                          count;
    ngx_uint_t                          hello;    /* replies until ready */

    ngx_msec_t                          backoff;
    ngx_log_t                          *log;

    unsigned                            connected:1;
    unsigned                            ready:1;
    unsigned                            told:1;   /* the failure was logged */
};


void ngx_http_cartrecover_redis_close(ngx_http_cartrecover_redis_t *redis,
    const char *why);
void ngx_http_cartrecover_redis_read(ngx_event_t *rev);


#endif /* _NGX_HTTP_CARTRECOVER_REDIS_H_INCLUDED_ */
