/*
 * A request of our own that waits for Redis, half a second at most; a shop's
 * page never does.
 */

#include "ngx_http_cartrecover_module.h"

#include <hiredis/hiredis.h>


#define NGX_HTTP_CARTRECOVER_WAIT  500      /* ms */
#define NGX_HTTP_CARTRECOVER_LOOK  20       /* ms between looks at Redis */


struct ngx_http_cartrecover_ask_s {
    ngx_http_request_t                  *request;  /* NULL: the client went */
    ngx_http_cartrecover_redis_conf_t   *redis;
    ngx_http_cartrecover_ask_pt          send;     /* NULL: sent */
    ngx_http_cartrecover_wait_pt         handler;
    void                                *data;
    ngx_msec_t                           end;
    ngx_event_t                          timer;
    ngx_connection_t                     fake;
    unsigned                             done:1;
};


static void ngx_http_cartrecover_wait_send(ngx_http_cartrecover_ask_t *ask);
static void ngx_http_cartrecover_wait_timer(ngx_event_t *ev);
static void ngx_http_cartrecover_wait_cleanup(void *data);


/* Suspends the request and asks, as soon as there is a connection.  The record
 * outlives the request: a late reply finds nobody. */

ngx_int_t
ngx_http_cartrecover_wait(ngx_http_request_t *r,
    ngx_http_cartrecover_redis_conf_t *rc, ngx_http_cartrecover_ask_pt send,
    ngx_http_cartrecover_wait_pt handler, void *data)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_cartrecover_ask_t  *ask;

    ask = ngx_alloc(sizeof(ngx_http_cartrecover_ask_t), r->connection->log);
    if (ask == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(ask, sizeof(ngx_http_cartrecover_ask_t));

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        ngx_free(ask);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_cartrecover_wait_cleanup;
    cln->data = ask;

    ask->request = r;
    ask->redis = rc;
    ask->send = send;
    ask->handler = handler;
    ask->data = data;
    ask->end = ngx_current_msec + NGX_HTTP_CARTRECOVER_WAIT;
    ask->fake.fd = (ngx_socket_t) -1;
    ask->timer.data = &ask->fake;
    ask->fake.data = ask;
    ask->timer.handler = ngx_http_cartrecover_wait_timer;
    ask->timer.log = ngx_cycle->log;

    r->main->count++;

    ngx_http_cartrecover_redis_up(rc);
    ngx_http_cartrecover_wait_send(ask);

    return NGX_OK;
}


/* Sends, or looks again in a while; then the rest of the time is Redis'. */

static void
ngx_http_cartrecover_wait_send(ngx_http_cartrecover_ask_t *ask)
{
    ngx_msec_t                   left;
    ngx_http_cartrecover_ask_pt  send;

    left = ask->end - ngx_current_msec;

    if (!ngx_http_cartrecover_redis_ready(ask->redis)) {
        ngx_add_timer(&ask->timer, ngx_min(left, NGX_HTTP_CARTRECOVER_LOOK));
        return;
    }

    ngx_add_timer(&ask->timer, left);

    send = ask->send;
    ask->send = NULL;

    if (send(ask->request, ask->data, ask) != NGX_OK) {
        ngx_http_cartrecover_answer(&ask, NULL);
        return;
    }

    ngx_http_cartrecover_redis_flush(ask->redis);
}


static void
ngx_http_cartrecover_wait_cleanup(void *data)
{
    ngx_http_cartrecover_ask_t  *ask = data;

    ask->request = NULL;

    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    if (ask->done || ask->send) {
        ngx_free(ask);
    }
}


static void
ngx_http_cartrecover_wait_timer(ngx_event_t *ev)
{
    ngx_connection_t            *c, *fake;
    ngx_http_cartrecover_ask_t  *ask;

    fake = ev->data;
    ask = fake->data;
    c = ask->request->connection;

    if (ask->send && (ngx_msec_int_t) (ask->end - ngx_current_msec) > 0) {
        ngx_http_cartrecover_wait_send(ask);

    } else {
        ask->handler(ask->request, ask->data, NULL);
    }

    ngx_http_run_posted_requests(c);
}


/* data: a pointer to the ask pointer; called exactly once for each ask that
 * was sent */

void
ngx_http_cartrecover_answer(void *data, redisReply *reply)
{
    ngx_connection_t             *c;
    ngx_http_request_t           *r;
    ngx_http_cartrecover_ask_t   *ask;

    ask = *(ngx_http_cartrecover_ask_t **) data;
    ask->done = 1;
    r = ask->request;

    if (r == NULL) {
        ngx_free(ask);
        return;
    }

    if (!ask->timer.timer_set) {
        /* the timeout has answered; the request's end frees the record */
        return;
    }

    ngx_del_timer(&ask->timer);

    c = r->connection;

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        reply = NULL;
    }

    ask->handler(r, ask->data, reply);
    ngx_http_run_posted_requests(c);
}
