/*
 * One connection for each worker and Redis server.  nginx owns the socket and
 * the timers, hiredis is the codec.  Commands are pipelined; replies come in
 * order and find their handlers in a ring of fixed size.  A connection that
 * fails or that says LOADING, READONLY, OOM or NOAUTH is closed and made anew
 * after a while; what it had under way is told to its handlers as lost.
 */

#include "ngx_http_cartrecover_redis.h"


static void ngx_http_cartrecover_redis_connect(
    ngx_http_cartrecover_redis_t *redis);
static void ngx_http_cartrecover_redis_hello(
    ngx_http_cartrecover_redis_t *redis);
static ngx_int_t ngx_http_cartrecover_redis_command(
    ngx_http_cartrecover_redis_t *redis, int argc, const char **argv,
    const size_t *lens, ngx_http_cartrecover_reply_pt handler, void *data,
    size_t size);
static void ngx_http_cartrecover_redis_write(ngx_event_t *wev);
static void ngx_http_cartrecover_redis_retry(ngx_event_t *ev);


ngx_int_t
ngx_http_cartrecover_redis_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                           i;
    ngx_http_cartrecover_redis_t        *redis;
    ngx_http_cartrecover_main_conf_t    *mcf;
    ngx_http_cartrecover_redis_conf_t  **rcp;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_cartrecover_module);
    rcp = mcf->redis.elts;

    for (i = 0; i < mcf->redis.nelts; i++) {

        redis = ngx_pcalloc(cycle->pool, sizeof(ngx_http_cartrecover_redis_t));
        if (redis == NULL) {
            return NGX_ERROR;
        }

        redis->flight = ngx_palloc(cycle->pool,
                                   NGX_HTTP_CARTRECOVER_INFLIGHT
                                   * sizeof(ngx_http_cartrecover_flight_t));
        redis->out = ngx_palloc(cycle->pool, NGX_HTTP_CARTRECOVER_REDIS_OUT);

        if (redis->flight == NULL || redis->out == NULL) {
            return NGX_ERROR;
        }

        redis->conf = rcp[i];
        redis->log = cycle->log;
        redis->backoff = NGX_HTTP_CARTRECOVER_REDIS_MIN;

        redis->fake.fd = (ngx_socket_t) -1;
        redis->fake.data = redis;
        redis->retry.data = &redis->fake;
        redis->retry.handler = ngx_http_cartrecover_redis_retry;
        redis->retry.log = cycle->log;
        redis->retry.cancelable = 1;

        rcp[i]->redis = redis;
    }

    return NGX_OK;
}


/* At exit what is written so far gets one more chance, without waiting. */

void
ngx_http_cartrecover_redis_done(ngx_cycle_t *cycle)
{
    ngx_uint_t                           i;
    ngx_connection_t                    *c;
    ngx_http_cartrecover_redis_t        *redis;
    ngx_http_cartrecover_main_conf_t    *mcf;
    ngx_http_cartrecover_redis_conf_t  **rcp;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_cartrecover_module);
    rcp = mcf->redis.elts;

    for (i = 0; i < mcf->redis.nelts; i++) {
        redis = rcp[i]->redis;

        if (redis == NULL) {
            continue;
        }

        c = redis->peer.connection;

        if (c && redis->ready && redis->out_last > redis->out_pos) {
            (void) c->send(c, redis->out + redis->out_pos,
                           redis->out_last - redis->out_pos);
        }

        if (c) {
            ngx_close_connection(c);
            redis->peer.connection = NULL;
        }

        if (redis->reader) {
            redisReaderFree(redis->reader);
            redis->reader = NULL;
        }
    }
}


ngx_uint_t
ngx_http_cartrecover_redis_ready(ngx_http_cartrecover_redis_conf_t *rc)
{
    return rc != NULL && rc->redis != NULL && rc->redis->ready;
}


/* Opens the connection where there is none and no back-off runs. */

void
ngx_http_cartrecover_redis_up(ngx_http_cartrecover_redis_conf_t *rc)
{
    ngx_http_cartrecover_redis_t  *redis;

    if (rc == NULL || rc->redis == NULL || ngx_exiting) {
        return;
    }

    redis = rc->redis;

    if (redis->peer.connection == NULL && !redis->retry.timer_set) {
        ngx_http_cartrecover_redis_connect(redis);
    }
}


static void
ngx_http_cartrecover_redis_connect(ngx_http_cartrecover_redis_t *redis)
{
    ngx_int_t                           rc;
    ngx_connection_t                   *c;
    ngx_http_cartrecover_redis_conf_t  *conf;

    conf = redis->conf;

    ngx_memzero(&redis->peer, sizeof(ngx_peer_connection_t));

    redis->peer.sockaddr = conf->addr->sockaddr;
    redis->peer.socklen = conf->addr->socklen;
    redis->peer.name = &conf->name;
    redis->peer.get = ngx_event_get_peer;
    redis->peer.log = redis->log;
    redis->peer.log_error = NGX_ERROR_ERR;

    redis->connected = 0;
    redis->ready = 0;
    redis->first = 0;
    redis->count = 0;
    redis->out_pos = 0;
    redis->out_last = 0;

    rc = ngx_event_connect_peer(&redis->peer);

    if (rc == NGX_ERROR || rc == NGX_BUSY || rc == NGX_DECLINED) {
        ngx_http_cartrecover_redis_close(redis, "connect failed");
        return;
    }

    redis->reader = redisReaderCreate();

    if (redis->reader == NULL) {
        ngx_http_cartrecover_redis_close(redis, "no memory");
        return;
    }

    c = redis->peer.connection;
    c->data = redis;
    c->idle = 1;
    c->log = redis->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_http_cartrecover_redis_read;
    c->write->handler = ngx_http_cartrecover_redis_write;

    ngx_http_cartrecover_redis_hello(redis);

    ngx_add_timer(c->write, conf->timeout);

    if (rc == NGX_OK) {
        ngx_http_cartrecover_redis_write(c->write);
    }
}


static void
ngx_http_cartrecover_redis_hello(ngx_http_cartrecover_redis_t *redis)
{
    u_char       num[NGX_INT_T_LEN + 1];
    size_t       lens[3];
    cr_str_t     script;
    const char  *argv[3];
    ngx_uint_t   i;

    static const cr_lua_e  scripts[] = { CR_LUA_PUT, CR_LUA_STOP,
                                         CR_LUA_HOOK };

    redis->hello = 0;

    if (redis->conf->auth.len) {
        argv[0] = "AUTH";
        lens[0] = 4;
        argv[1] = (char *) redis->conf->auth.data;
        lens[1] = redis->conf->auth.len;

        (void) ngx_http_cartrecover_redis_command(redis, 2, argv, lens, NULL,
                                                  NULL, 0);
        redis->hello++;
    }

    if (redis->conf->db) {
        argv[0] = "SELECT";
        lens[0] = 6;
        argv[1] = (char *) num;
        lens[1] = ngx_sprintf(num, "%ui", redis->conf->db) - num;

        (void) ngx_http_cartrecover_redis_command(redis, 2, argv, lens, NULL,
                                                  NULL, 0);
        redis->hello++;
    }

    for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        script = cr_script(scripts[i]);

        argv[0] = "SCRIPT";
        lens[0] = 6;
        argv[1] = "LOAD";
        lens[1] = 4;
        argv[2] = script.p;
        lens[2] = script.n;

        (void) ngx_http_cartrecover_redis_command(redis, 3, argv, lens, NULL,
                                                  NULL, 0);
        redis->hello++;
    }
}


void
ngx_http_cartrecover_redis_close(ngx_http_cartrecover_redis_t *redis,
    const char *why)
{
    ngx_uint_t                      n;
    ngx_http_cartrecover_flight_t  *f;

    redis->ready = 0;
    redis->connected = 0;

    if (redis->peer.connection) {
        ngx_close_connection(redis->peer.connection);
        redis->peer.connection = NULL;
    }

    if (redis->reader) {
        redisReaderFree(redis->reader);
        redis->reader = NULL;
    }

    if (!redis->told && !ngx_exiting) {
        redis->told = 1;
        ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                      "cartrecover: redis %V: %s; pages are served as ever, "
                      "carts wait in the zone", &redis->conf->name, why);
        cr_count(ngx_http_cartrecover_table(), CR_N_queue_errors, 1);
    }

    if (!ngx_exiting) {
        ngx_add_timer(&redis->retry,
                      redis->backoff / 2
                      + (ngx_msec_t) ngx_random() % (redis->backoff / 2 + 1));

        redis->backoff = ngx_min(redis->backoff * 2,
                                 NGX_HTTP_CARTRECOVER_REDIS_MAX);
    }

    while (redis->count) {
        n = redis->first;
        f = &redis->flight[n];

        redis->first = (n + 1) % NGX_HTTP_CARTRECOVER_INFLIGHT;
        redis->count--;

        if (f->handler) {
            f->handler(f->data, NULL);
        }
    }
}


static void
ngx_http_cartrecover_redis_retry(ngx_event_t *ev)
{
    ngx_connection_t              *fake;
    ngx_http_cartrecover_redis_t  *redis;

    fake = ev->data;
    redis = fake->data;

    if (ngx_exiting || redis->peer.connection) {
        return;
    }

    ngx_http_cartrecover_redis_connect(redis);
}


/* NGX_AGAIN when there is no room or no connection: the sweep comes again. */

ngx_int_t
ngx_http_cartrecover_redis_send(ngx_http_cartrecover_redis_conf_t *rc,
    int argc, const char **argv, const size_t *lens,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size)
{
    if (!ngx_http_cartrecover_redis_ready(rc)) {
        ngx_http_cartrecover_redis_up(rc);
        return NGX_AGAIN;
    }

    return ngx_http_cartrecover_redis_command(rc->redis, argc, argv, lens,
                                              handler, data, size);
}


static ngx_int_t
ngx_http_cartrecover_redis_command(ngx_http_cartrecover_redis_t *redis,
    int argc, const char **argv, const size_t *lens,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size)
{
    char                           *cmd;
    long long                       len;
    ngx_http_cartrecover_flight_t  *f;

    if (redis->count == NGX_HTTP_CARTRECOVER_INFLIGHT
        || size > NGX_HTTP_CARTRECOVER_REDIS_DATA)
    {
        return NGX_AGAIN;
    }

    len = redisFormatCommandArgv(&cmd, argc, argv, lens);
    if (len < 0) {
        return NGX_ERROR;
    }

    if (redis->out_pos > 0
        && (size_t) len > NGX_HTTP_CARTRECOVER_REDIS_OUT - redis->out_last)
    {
        ngx_memmove(redis->out, redis->out + redis->out_pos,
                    redis->out_last - redis->out_pos);
        redis->out_last -= redis->out_pos;
        redis->out_pos = 0;
    }

    if ((size_t) len > NGX_HTTP_CARTRECOVER_REDIS_OUT - redis->out_last) {
        redisFreeCommand(cmd);
        return NGX_AGAIN;
    }

    ngx_memcpy(redis->out + redis->out_last, cmd, (size_t) len);
    redis->out_last += (size_t) len;

    redisFreeCommand(cmd);

    f = &redis->flight[(redis->first + redis->count)
                       % NGX_HTTP_CARTRECOVER_INFLIGHT];
    f->handler = handler;

    if (size) {
        ngx_memcpy(f->data, data, size);
    }

    redis->count++;

    return NGX_OK;
}


void
ngx_http_cartrecover_redis_flush(ngx_http_cartrecover_redis_conf_t *rc)
{
    ngx_connection_t  *c;

    if (ngx_http_cartrecover_redis_ready(rc)) {
        c = rc->redis->peer.connection;

        if (c->write->ready) {
            ngx_http_cartrecover_redis_write(c->write);
        }
    }
}


static void
ngx_http_cartrecover_redis_write(ngx_event_t *wev)
{
    int                            err;
    ssize_t                        n;
    socklen_t                      len;
    ngx_connection_t              *c;
    ngx_http_cartrecover_redis_t  *redis;

    c = wev->data;
    redis = c->data;

    if (wev->timedout) {
        ngx_http_cartrecover_redis_close(redis, "timed out");
        return;
    }

    if (!redis->connected) {
        err = 0;
        len = sizeof(int);

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1)
        {
            err = ngx_socket_errno;
        }

        if (err) {
            ngx_http_cartrecover_redis_close(redis, strerror(err));
            return;
        }

        redis->connected = 1;
    }

    while (redis->out_pos < redis->out_last) {

        n = c->send(c, redis->out + redis->out_pos,
                    redis->out_last - redis->out_pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_cartrecover_redis_close(redis, "write failed");
            return;
        }

        redis->out_pos += n;
    }

    if (redis->out_pos == redis->out_last) {
        redis->out_pos = 0;
        redis->out_last = 0;

        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

    } else if (!wev->timer_set) {
        ngx_add_timer(wev, redis->conf->timeout);
    }

    if (redis->count && !c->read->timer_set) {
        ngx_add_timer(c->read, redis->conf->timeout);
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_cartrecover_redis_close(redis, "event failed");
    }
}
