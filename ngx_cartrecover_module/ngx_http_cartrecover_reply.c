/*
 * What comes back: replies in the order of the commands, each to its handler.
 */

#include "ngx_http_cartrecover_redis.h"


static ngx_int_t ngx_http_cartrecover_redis_replies(
    ngx_http_cartrecover_redis_t *redis);
static ngx_int_t ngx_http_cartrecover_redis_greet(
    ngx_http_cartrecover_redis_t *redis, redisReply *reply);
static ngx_uint_t ngx_http_cartrecover_redis_fatal(redisReply *reply);


static const char *const  ngx_http_cartrecover_redis_errors[] = {
    "LOADING", "READONLY", "OOM", "NOAUTH", "MOVED", "NOSCRIPT", "WRONGPASS",
    "MASTERDOWN", "NOREPLICAS", "MISCONF", "NOPERM", NULL
};


void
ngx_http_cartrecover_redis_read(ngx_event_t *rev)
{
    u_char                         buf[16384];
    ssize_t                        n;
    ngx_connection_t              *c;
    ngx_http_cartrecover_redis_t  *redis;

    c = rev->data;
    redis = c->data;

    if (c->close) {
        ngx_http_cartrecover_redis_close(redis, "exit");
        return;
    }

    if (rev->timedout) {
        ngx_http_cartrecover_redis_close(redis, "no reply in time");
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_cartrecover_redis_close(redis, n == 0 ? "closed"
                                                           : "read failed");
            return;
        }

        if (redisReaderFeed(redis->reader, (char *) buf, n) != REDIS_OK
            || ngx_http_cartrecover_redis_replies(redis) != NGX_OK)
        {
            ngx_http_cartrecover_redis_close(redis, "refused a command");
            return;
        }
    }

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    if (redis->count) {
        ngx_add_timer(rev, redis->conf->timeout);
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_cartrecover_redis_close(redis, "event failed");
    }
}


static ngx_int_t
ngx_http_cartrecover_redis_replies(ngx_http_cartrecover_redis_t *redis)
{
    void                           *p;
    redisReply                     *reply;
    ngx_http_cartrecover_flight_t   f;

    for ( ;; ) {

        if (redisReaderGetReply(redis->reader, &p) != REDIS_OK) {
            return NGX_ERROR;
        }

        reply = p;

        if (reply == NULL) {
            return NGX_OK;
        }

        if (redis->count == 0 || ngx_http_cartrecover_redis_fatal(reply)) {

            if (reply->type == REDIS_REPLY_ERROR && !redis->told) {
                redis->told = 1;
                ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                              "cartrecover: redis %V: %s",
                              &redis->conf->name, reply->str);
            }

            freeReplyObject(reply);
            return NGX_ERROR;
        }

        f = redis->flight[redis->first];
        redis->first = (redis->first + 1) % NGX_HTTP_CARTRECOVER_INFLIGHT;
        redis->count--;

        if (redis->hello) {

            if (ngx_http_cartrecover_redis_greet(redis, reply) != NGX_OK) {
                freeReplyObject(reply);
                return NGX_ERROR;
            }

        } else if (f.handler) {
            f.handler(f.data, reply);
        }

        freeReplyObject(reply);
    }
}


/* Replies to what every connection begins with; after the last it is ready. */

static ngx_int_t
ngx_http_cartrecover_redis_greet(ngx_http_cartrecover_redis_t *redis,
    redisReply *reply)
{
    redis->hello--;

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0, "cartrecover: redis %V: %s",
                      &redis->conf->name, reply->str);
        return NGX_ERROR;
    }

    if (redis->hello) {
        return NGX_OK;
    }

    redis->ready = 1;
    redis->backoff = NGX_HTTP_CARTRECOVER_REDIS_MIN;

    if (redis->told) {
        redis->told = 0;
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "cartrecover: redis %V is back", &redis->conf->name);
    }

    cr_count(ngx_http_cartrecover_table(), CR_N_reconnects, 1);
    ngx_http_cartrecover_sweep_again();

    return NGX_OK;
}


/* Errors after which this connection is of no use for now. */

static ngx_uint_t
ngx_http_cartrecover_redis_fatal(redisReply *reply)
{
    const char *const  *word;

    if (reply->type != REDIS_REPLY_ERROR) {
        return 0;
    }

    for (word = ngx_http_cartrecover_redis_errors; *word; word++) {
        if (ngx_strncmp(reply->str, *word, ngx_strlen(*word)) == 0) {
            return 1;
        }
    }

    return 0;
}
