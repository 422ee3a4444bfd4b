/*
 * Worker 0's timer: sends again what got no reply, empties the log ring,
 * beats the heart, writes the dump.  Each tick looks at the tags, 16 bytes a
 * slot, in slices; it is cancelable and never holds a worker's exit.
 */

#include "ngx_http_cartrecover_module.h"


#define NGX_HTTP_CARTRECOVER_TICK   250     /* ms */
#define NGX_HTTP_CARTRECOVER_SLICE  256     /* slots a lock */
#define NGX_HTTP_CARTRECOVER_LOGS   512     /* log records a tick */
#define NGX_HTTP_CARTRECOVER_BEATS  128     /* shops whose heart beats a tick */


typedef struct {
    ngx_event_t        event;
    ngx_connection_t   fake;
    time_t             beat;         /* of the next round */
    ngx_uint_t         next;         /* shop in this round */
    uint32_t           owed;         /* as counted for this round */
    ngx_uint_t         connections;  /* made so far, from 1 */
    uint32_t           again;        /* cursor */
    uint32_t           again_since;
    ngx_uint_t         late;         /* owed stops that found no way out */
    ngx_uint_t         spooled;      /* records that wait in the file */
    ngx_uint_t         resend;       /* whatever was sent before */
    unsigned           again_on:1;
} ngx_http_cartrecover_sweep_t;


static void ngx_http_cartrecover_tick(ngx_event_t *ev);
static void ngx_http_cartrecover_sweep_owed(cr_zone_t *z);
static void ngx_http_cartrecover_sweep_unack(cr_zone_t *z);
static void ngx_http_cartrecover_beat(void);
static ngx_int_t ngx_http_cartrecover_register(
    ngx_http_cartrecover_redis_conf_t *rc, ngx_http_cartrecover_shop_t *shop);
static ngx_int_t ngx_http_cartrecover_heartbeat(
    ngx_http_cartrecover_redis_conf_t *rc, ngx_http_cartrecover_shop_t *shop);


static ngx_http_cartrecover_sweep_t       ngx_http_cartrecover_sweep;
static ngx_http_cartrecover_main_conf_t  *ngx_http_cartrecover_sweep_conf;


void
ngx_http_cartrecover_sweep_init(ngx_cycle_t *cycle)
{
    ngx_http_cartrecover_sweep_t  *sw;

    sw = &ngx_http_cartrecover_sweep;

    ngx_memzero(sw, sizeof(ngx_http_cartrecover_sweep_t));

    ngx_http_cartrecover_sweep_conf = ngx_http_cycle_get_module_main_conf(cycle,
                                                  ngx_http_cartrecover_module);

    sw->fake.fd = (ngx_socket_t) -1;
    sw->event.data = &sw->fake;
    sw->event.handler = ngx_http_cartrecover_tick;
    sw->event.log = cycle->log;
    sw->event.cancelable = 1;

    ngx_add_timer(&sw->event, NGX_HTTP_CARTRECOVER_TICK);
}


/* A connection was made anew: what Redis said it has may be gone with the
 * last second of its log, so the newest acknowledgements are owed again. */

void
ngx_http_cartrecover_sweep_again(void)
{
    ngx_http_cartrecover_sweep_t  *sw;

    sw = &ngx_http_cartrecover_sweep;

    if (sw->event.handler == NULL) {
        return;
    }

    sw->again = 0;
    sw->again_on = 1;
    sw->again_since = (uint32_t) ngx_time() - NGX_HTTP_CARTRECOVER_AGAIN;
    sw->connections++;
    sw->beat = 0;
    sw->next = 0;
    sw->resend = 1;
}


static void
ngx_http_cartrecover_tick(ngx_event_t *ev)
{
    cr_zone_t                           *z;
    ngx_uint_t                           i;
    ngx_http_cartrecover_redis_conf_t  **rcp;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    z = ngx_http_cartrecover_table();

    rcp = ngx_http_cartrecover_sweep_conf->redis.elts;

    for (i = 0; i < ngx_http_cartrecover_sweep_conf->redis.nelts; i++) {
        ngx_http_cartrecover_redis_up(rcp[i]);
    }

    ngx_http_cartrecover_sweep.spooled = ngx_http_cartrecover_spool_tick(
                                      ngx_http_cartrecover_sweep_conf, ev->log);

    ngx_http_cartrecover_sweep_unack(z);
    ngx_http_cartrecover_sweep_owed(z);

    for (i = 0; i < NGX_HTTP_CARTRECOVER_LOGS; i++) {
        if (ngx_http_cartrecover_queue_log() != NGX_OK) {
            break;
        }
    }

    ngx_http_cartrecover_beat();

    for (i = 0; i < ngx_http_cartrecover_sweep_conf->redis.nelts; i++) {
        ngx_http_cartrecover_redis_flush(rcp[i]);
    }

    ngx_http_cartrecover_dump_tick(ev->log);

    ngx_add_timer(ev, NGX_HTTP_CARTRECOVER_TICK);
}


static void
ngx_http_cartrecover_sweep_unack(cr_zone_t *z)
{
    int                            end;
    ngx_http_cartrecover_sweep_t  *sw;

    sw = &ngx_http_cartrecover_sweep;

    while (sw->again_on) {
        (void) ngx_http_cartrecover_lock();
        end = cr_owed_again(z, &sw->again, NGX_HTTP_CARTRECOVER_SLICE,
                            sw->again_since);
        ngx_http_cartrecover_unlock();

        if (end) {
            sw->again_on = 0;
        }
    }
}


static void
ngx_http_cartrecover_sweep_owed(cr_zone_t *z)
{
    uint32_t                       cursor, slot, from, retry;
    ngx_uint_t                     late;
    ngx_http_cartrecover_sweep_t  *sw;

    sw = &ngx_http_cartrecover_sweep;

    cursor = 0;
    late = 0;
    retry = sw->resend ? 0 : NGX_HTTP_CARTRECOVER_RETRY;

    do {
        from = cursor;

        (void) ngx_http_cartrecover_lock();
        slot = cr_owed_next(z, &cursor, NGX_HTTP_CARTRECOVER_SLICE,
                            NGX_HTTP_CARTRECOVER_ALL_KINDS);
        ngx_http_cartrecover_unlock();

        if (slot == CR_NO_SLOT) {
            continue;
        }

        if (ngx_http_cartrecover_queue_slot(slot,
                                            NGX_HTTP_CARTRECOVER_ALL_KINDS,
                                            retry)
            != NGX_OK)
        {
            late = cr_owed_count(z, NGX_HTTP_CARTRECOVER_STOP_KINDS);
            break;
        }

    } while (cursor > from);

    sw->late = late;

    if (late == 0) {
        sw->resend = 0;
    }
}


/* A round over all shops in ten seconds, some of them each tick. */

static void
ngx_http_cartrecover_beat(void)
{
    ngx_uint_t                      n, nshops;
    ngx_http_cartrecover_shop_t   **shops, *shop;
    ngx_http_cartrecover_sweep_t   *sw;

    sw = &ngx_http_cartrecover_sweep;
    shops = ngx_http_cartrecover_sweep_conf->shops.elts;
    nshops = ngx_http_cartrecover_sweep_conf->shops.nelts;

    if (sw->next == 0) {

        if (ngx_time() < sw->beat) {
            return;
        }

        sw->beat = ngx_time() + NGX_HTTP_CARTRECOVER_HEARTBEAT;
        sw->owed = cr_owed_count(ngx_http_cartrecover_table(),
                                 NGX_HTTP_CARTRECOVER_ALL_KINDS);
    }

    for (n = 0; n < NGX_HTTP_CARTRECOVER_BEATS && sw->next < nshops; n++) {
        shop = shops[sw->next];

        if (shop->redis && ngx_http_cartrecover_redis_ready(shop->redis)) {

            if (shop->told != sw->connections) {
                if (ngx_http_cartrecover_register(shop->redis, shop)
                    != NGX_OK)
                {
                    return;
                }

                shop->told = sw->connections;
            }

            if (ngx_http_cartrecover_heartbeat(shop->redis, shop) != NGX_OK) {
                return;
            }

        } else if (shop->redis) {
            sw->beat = 0;      /* as soon as it is there */
        }

        sw->next++;
    }

    if (sw->next == nshops) {
        sw->next = 0;
    }
}


#define arg(i, s, n)  argv[i] = (const char *) (s); lens[i] = (size_t) (n)


/* The site, its policy and this node: once for each connection. */

static ngx_int_t
ngx_http_cartrecover_register(ngx_http_cartrecover_redis_conf_t *rc,
    ngx_http_cartrecover_shop_t *shop)
{
    u_char       key[128], at[NGX_INT64_LEN];
    size_t       lens[10];
    ngx_time_t  *tp;
    const char  *argv[10];

    tp = ngx_timeofday();

    arg(0, "SADD", 4);
    arg(1, "cr:sites", 8);
    arg(2, shop->site.data, shop->site.len);

    if (ngx_http_cartrecover_redis_send(rc, 3, argv, lens, NULL, NULL, 0)
        != NGX_OK)
    {
        return NGX_AGAIN;
    }

    arg(0, "HSET", 4);
    arg(1, key, ngx_sprintf(key, "cr:{%V}:policy", &shop->site) - key);
    arg(2, "json", 4);
    arg(3, shop->json.data, shop->json.len);
    arg(4, "ver", 3);
    arg(5, shop->version, 16);
    arg(6, "node", 4);
    arg(7, rc->node.data, rc->node.len);
    arg(8, "at", 2);
    arg(9, at, ngx_sprintf(at, "%T%03M", tp->sec, tp->msec) - at);

    if (ngx_http_cartrecover_redis_send(rc, 10, argv, lens, NULL, NULL, 0)
        != NGX_OK)
    {
        return NGX_AGAIN;
    }

    arg(0, "HSETNX", 6);
    arg(1, key, ngx_sprintf(key, "cr:{%V}:nodes", &shop->site) - key);
    arg(2, rc->node.data, rc->node.len);
    arg(3, at, lens[9]);

    return ngx_http_cartrecover_redis_send(rc, 4, argv, lens, NULL, NULL, 0);
}


/* This node sees the shop's orders, and what of them found no way out. */

static ngx_int_t
ngx_http_cartrecover_heartbeat(ngx_http_cartrecover_redis_conf_t *rc,
    ngx_http_cartrecover_shop_t *shop)
{
    u_char           key[128], beat[320];
    size_t           lens[5];
    cr_zone_t       *z;
    ngx_time_t      *tp;
    const char      *argv[5];
    cr_zone_info_t   info;

    z = ngx_http_cartrecover_table();
    cr_zone_info(z, &info);

    tp = ngx_timeofday();

    arg(0, "SET", 3);
    arg(1, key, ngx_sprintf(key, "cr:{%V}:hb:%V", &shop->site, &rc->node)
                - key);
    arg(2, beat, ngx_snprintf(beat, sizeof(beat),
               "{\"mode\":\"%s\",\"spool\":%ui,\"owed\":%uD,\"seen\":%uL,"
               "\"orders\":%uL,\"at\":%T%03M,\"boot\":%uL,\"ver\":\"%s\"}",
               cr_mode_word[shop->mode],
               ngx_http_cartrecover_sweep.late
               + ngx_http_cartrecover_sweep.spooled,
               ngx_http_cartrecover_sweep.owed, cr_counter(z, CR_N_events),
               cr_counter(z, CR_N_orders), tp->sec, tp->msec, info.epoch,
               CR_VERSION) - beat);
    arg(3, "EX", 2);
    arg(4, "30", 2);

    return ngx_http_cartrecover_redis_send(rc, 5, argv, lens, NULL, NULL, 0);
}


#undef arg
