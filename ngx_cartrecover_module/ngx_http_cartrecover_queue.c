/*
 * The hand-over: what slots owe becomes pipelined commands, and a kind is
 * cleared by Redis's reply alone, up to the version that was sent.
 *
 * Slots that a request of this worker touched are sent when the event loop has
 * finished its round; the sweep sends again what got no reply.
 */

#include "ngx_http_cartrecover_module.h"

#include <hiredis/hiredis.h>


typedef struct {
    int           site;
    cr_kind_e     kind;
    uint32_t      version;
    cr_id_t       id;
} ngx_http_cartrecover_ack_t;


static void ngx_http_cartrecover_queue_flush(ngx_event_t *ev);
static ngx_int_t ngx_http_cartrecover_queue_kind(cr_owed_t *o,
    ngx_http_cartrecover_shop_t *shop, cr_kind_e kind);
static ngx_int_t ngx_http_cartrecover_queue_put(
    ngx_http_cartrecover_shop_t *shop, const cr_id_t *id, const char *t,
    const char *e, const char *d, size_t len,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size);
static void ngx_http_cartrecover_queue_stops(cr_owed_t *o,
    ngx_http_cartrecover_shop_t *shop, const char *why);
static ngx_int_t ngx_http_cartrecover_queue_out(
    ngx_http_cartrecover_shop_t *shop, cr_lua_e script, int argc,
    const char **argv, const size_t *lens,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size);
static void ngx_http_cartrecover_queue_ack(void *data, redisReply *reply);


static ngx_event_t                    ngx_http_cartrecover_queue_event;
static ngx_connection_t               ngx_http_cartrecover_queue_fake;
static uint32_t                       ngx_http_cartrecover_dirty[
                                              NGX_HTTP_CARTRECOVER_DIRTY];
static ngx_uint_t                     ngx_http_cartrecover_ndirty;

static ngx_http_cartrecover_shop_t  **ngx_http_cartrecover_shops;
static ngx_uint_t                     ngx_http_cartrecover_nshops;
static uint64_t                       ngx_http_cartrecover_epoch;
static ngx_http_cartrecover_main_conf_t  *ngx_http_cartrecover_queue_conf;


void
ngx_http_cartrecover_queue_init(ngx_cycle_t *cycle)
{
    cr_zone_info_t                     info;
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_cartrecover_module);

    ngx_http_cartrecover_queue_conf = mcf;
    ngx_http_cartrecover_shops = mcf->shops.elts;
    ngx_http_cartrecover_nshops = mcf->shops.nelts;

    cr_zone_info(ngx_http_cartrecover_table(), &info);
    ngx_http_cartrecover_epoch = info.epoch;

    ngx_http_cartrecover_queue_fake.fd = (ngx_socket_t) -1;
    ngx_http_cartrecover_queue_event.data = &ngx_http_cartrecover_queue_fake;
    ngx_http_cartrecover_queue_event.handler = ngx_http_cartrecover_queue_flush;
    ngx_http_cartrecover_queue_event.log = cycle->log;
}


ngx_http_cartrecover_shop_t *
ngx_http_cartrecover_shop_by_index(int index)
{
    ngx_uint_t  i;

    if (index >= 0 && (ngx_uint_t) index < ngx_http_cartrecover_nshops
        && ngx_http_cartrecover_shops[index]->index == index)
    {
        return ngx_http_cartrecover_shops[index];
    }

    for (i = 0; i < ngx_http_cartrecover_nshops; i++) {
        if (ngx_http_cartrecover_shops[i]->index == index) {
            return ngx_http_cartrecover_shops[i];
        }
    }

    return NULL;
}


void
ngx_http_cartrecover_queue(ngx_http_cartrecover_shop_t *shop, uint32_t slot)
{
    ngx_uint_t  i;

    if (shop->redis == NULL) {
        return;
    }

    for (i = 0; i < ngx_http_cartrecover_ndirty; i++) {
        if (ngx_http_cartrecover_dirty[i] == slot) {
            return;
        }
    }

    if (ngx_http_cartrecover_ndirty == NGX_HTTP_CARTRECOVER_DIRTY) {
        return;
    }

    ngx_http_cartrecover_dirty[ngx_http_cartrecover_ndirty++] = slot;

    ngx_post_event(&ngx_http_cartrecover_queue_event, &ngx_posted_events);
}


static void
ngx_http_cartrecover_queue_flush(ngx_event_t *ev)
{
    ngx_uint_t                           i;
    ngx_http_cartrecover_redis_conf_t  **rcp;

    for (i = 0; i < ngx_http_cartrecover_ndirty; i++) {
        if (ngx_http_cartrecover_queue_slot(ngx_http_cartrecover_dirty[i],
                                            NGX_HTTP_CARTRECOVER_ALL_KINDS,
                                            NGX_HTTP_CARTRECOVER_RETRY)
            != NGX_OK)
        {
            break;
        }
    }

    ngx_http_cartrecover_ndirty = 0;

    rcp = ngx_http_cartrecover_queue_conf->redis.elts;

    for (i = 0; i < ngx_http_cartrecover_queue_conf->redis.nelts; i++) {
        ngx_http_cartrecover_redis_flush(rcp[i]);
    }
}


/* Sends what one slot owes; NGX_AGAIN when Redis cannot take it now. */

ngx_int_t
ngx_http_cartrecover_queue_slot(uint32_t slot, unsigned kinds,
    uint32_t retry_s)
{
    int                           rc, site;
    ngx_int_t                     i;
    uint32_t                      now;
    cr_zone_t                    *z;
    const cr_session_t           *s;
    ngx_http_cartrecover_shop_t  *shop;

    static cr_owed_t              o;

    now = (uint32_t) ngx_time();

    z = ngx_http_cartrecover_lock();
    s = cr_session_get(z, slot);
    site = s ? (int) s->site : CR_NONE;
    ngx_http_cartrecover_unlock();

    shop = ngx_http_cartrecover_shop_by_index(site);

    if (shop == NULL || shop->redis == NULL) {
        return NGX_OK;
    }

    if (!ngx_http_cartrecover_redis_ready(shop->redis)) {
        ngx_http_cartrecover_redis_up(shop->redis);

        if (!ngx_http_cartrecover_spool_open()) {
            return NGX_AGAIN;
        }

    } else if (ngx_http_cartrecover_spool_open()) {
        return NGX_OK;
    }

    z = ngx_http_cartrecover_lock();
    rc = cr_owed_copy(z, slot, kinds, now, now - retry_s, &o);
    ngx_http_cartrecover_unlock();

    if (rc != 1) {
        return NGX_OK;
    }

    for (i = 0; i < CR_KIND_MAX; i++) {
        if ((o.owes & (1 << i))
            && ngx_http_cartrecover_queue_kind(&o, shop, (cr_kind_e) i)
               != NGX_OK)
        {
            return NGX_AGAIN;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_cartrecover_queue_kind(cr_owed_t *o,
    ngx_http_cartrecover_shop_t *shop, cr_kind_e kind)
{
    int                          n, nth, total;
    char                         e[CR_EVENT_ID];
    ngx_int_t                    rc;
    ngx_http_cartrecover_ack_t   ack;

    static char                  d[CR_EVENT_JSON];

    ack.site = shop->index;
    ack.kind = kind;
    ack.version = o->s.version[kind];
    ack.id = o->s.id;

    total = 1;

    if (kind == CR_KIND_ORDER) {
        total = o->s.norders;
        ngx_http_cartrecover_queue_stops(o, shop, "purchased");

    } else if (kind == CR_KIND_OPTOUT) {
        ngx_http_cartrecover_queue_stops(o, shop, "unsub");
    }

    rc = NGX_OK;

    for (nth = 0; nth < total; nth++) {
        n = cr_event_json(o, kind, nth, d, sizeof(d));

        if (n < 0 || cr_event_id(o, ngx_http_cartrecover_epoch, kind, nth, e)
                     < 0)
        {
            continue;
        }

        /* the last entry's reply acknowledges them all: replies come in the
         * order of the commands */

        rc = ngx_http_cartrecover_queue_put(shop, &o->s.id, cr_kind_word[kind],
                                            e, d, n,
                                            nth == total - 1
                                            ? ngx_http_cartrecover_queue_ack
                                            : NULL,
                                            &ack, sizeof(ack));
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return rc;
}


static void
ngx_http_cartrecover_queue_stops(cr_owed_t *o,
    ngx_http_cartrecover_shop_t *shop, const char *why)
{
    char      hex[CR_ID_HEX_LEN + 1];
    cr_id_t   look;

    static const cr_id_t  none;

    cr_id_hex(&o->s.id, hex);
    (void) ngx_http_cartrecover_queue_stop(shop, "v", hex, why, NULL, NULL, 0);

    if (o->has_contact) {
        ngx_memcpy(look.b, o->contact.look, CR_ID_LEN);

        if (ngx_memcmp(&look, &none, sizeof(cr_id_t)) == 0) {
            return;
        }

        cr_id_hex(&look, hex);
        (void) ngx_http_cartrecover_queue_stop(shop, "a", hex, why, NULL, NULL,
                                               0);
    }
}


ngx_int_t
ngx_http_cartrecover_queue_stop(ngx_http_cartrecover_shop_t *shop,
    const char *by, const char *subject, const char *why,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size)
{
    size_t       lens[8];
    u_char       key[64];
    const char  *argv[8];
    ngx_uint_t   i;

    argv[0] = "EVALSHA";
    argv[1] = cr_script_sha(CR_LUA_STOP);
    argv[2] = "1";
    argv[3] = (char *) key;
    argv[4] = by;
    argv[5] = subject;
    argv[6] = why;
    argv[7] = "all";

    for (i = 0; i < 8; i++) {
        lens[i] = i == 3 ? (size_t) (ngx_sprintf(key, "cr:{%V}:in",
                                                 &shop->site) - key)
                         : ngx_strlen(argv[i]);
    }

    return ngx_http_cartrecover_queue_out(shop, CR_LUA_STOP, 8, argv, lens,
                                          handler, data, size);
}


static ngx_int_t
ngx_http_cartrecover_queue_put(ngx_http_cartrecover_shop_t *shop,
    const cr_id_t *id, const char *t, const char *e, const char *d, size_t len,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size)
{
    char         vid[CR_ID_HEX_LEN + 1];
    size_t       lens[11];
    u_char       key[64], cap[NGX_INT_T_LEN], seq[48];
    const char  *argv[11];
    cr_zone_t   *z;
    uint64_t     n;

    z = ngx_http_cartrecover_lock();
    n = cr_zone_seq(z);
    ngx_http_cartrecover_unlock();

    cr_id_hex(id, vid);

    argv[0] = "EVALSHA";
    lens[0] = 7;
    argv[1] = cr_script_sha(CR_LUA_PUT);
    lens[1] = ngx_strlen(argv[1]);
    argv[2] = "1";
    lens[2] = 1;
    argv[3] = (char *) key;
    lens[3] = ngx_sprintf(key, "cr:{%V}:in", &shop->site) - key;
    argv[4] = (char *) cap;
    lens[4] = ngx_sprintf(cap, "%d", NGX_HTTP_CARTRECOVER_STREAM) - cap;
    argv[5] = t;
    lens[5] = ngx_strlen(t);
    argv[6] = vid;
    lens[6] = CR_ID_HEX_LEN;
    argv[7] = (char *) shop->redis->node.data;
    lens[7] = shop->redis->node.len;
    argv[8] = (char *) seq;
    lens[8] = ngx_sprintf(seq, "%uL-%uL", ngx_http_cartrecover_epoch, n) - seq;
    argv[9] = e;
    lens[9] = ngx_strlen(e);
    argv[10] = d;
    lens[10] = len;

    cr_count(z, CR_N_queued, 1);

    return ngx_http_cartrecover_queue_out(shop, CR_LUA_PUT, 11, argv, lens,
                                          handler, data, size);
}


/* To Redis; or to the spool, whose word is as good as a reply. */

static ngx_int_t
ngx_http_cartrecover_queue_out(ngx_http_cartrecover_shop_t *shop,
    cr_lua_e script, int argc, const char **argv, const size_t *lens,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size)
{
    redisReply  reply;

    if (!ngx_http_cartrecover_spool_open()) {
        return ngx_http_cartrecover_redis_send(shop->redis, argc, argv, lens,
                                               handler, data, size);
    }

    if (ngx_http_cartrecover_spool_put(shop, script, argc, argv, lens)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (handler) {
        ngx_memzero(&reply, sizeof(redisReply));
        reply.type = REDIS_REPLY_STATUS;
        handler(data, &reply);
    }

    return NGX_OK;
}


static void
ngx_http_cartrecover_queue_ack(void *data, redisReply *reply)
{
    cr_zone_t                   *z;
    ngx_http_cartrecover_ack_t  *ack = data;

    z = ngx_http_cartrecover_table();

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        cr_count(z, CR_N_queue_errors, reply != NULL);
        return;
    }

    if (reply->type == REDIS_REPLY_STRING && reply->len == 4
        && ngx_memcmp(reply->str, "full", 4) == 0)
    {
        cr_count(z, CR_N_queue_full, 1);
    }

    (void) ngx_http_cartrecover_lock();
    cr_owed_ack(z, ack->site, &ack->id, ack->kind, ack->version,
                (uint32_t) ngx_time());
    ngx_http_cartrecover_unlock();

    cr_count(z, CR_N_acked, 1);
}


/* One record of the log ring; NGX_DECLINED when it is empty. */

ngx_int_t
ngx_http_cartrecover_queue_log(void)
{
    int                           rc;
    char                          e[CR_EVENT_ID];
    cr_zone_t                    *z;
    ngx_uint_t                           i;
    ngx_http_cartrecover_shop_t         *shop;
    ngx_http_cartrecover_redis_conf_t  **rcp;

    static cr_log_t                      rec;

    rcp = ngx_http_cartrecover_queue_conf->redis.elts;

    for (i = 0; i < ngx_http_cartrecover_queue_conf->redis.nelts; i++) {
        if (!ngx_http_cartrecover_redis_ready(rcp[i])) {
            return NGX_DECLINED;
        }
    }

    z = ngx_http_cartrecover_lock();
    rc = cr_log_get(z, &rec);
    ngx_http_cartrecover_unlock();

    if (rc != CR_OK) {
        return NGX_DECLINED;
    }

    shop = ngx_http_cartrecover_shop_by_index(rec.site);

    if (shop == NULL || shop->redis == NULL) {
        return NGX_OK;
    }

    ngx_sprintf((u_char *) e, "%uL.log.%uL%Z", ngx_http_cartrecover_epoch,
                rec.seq);

    if (ngx_http_cartrecover_queue_put(shop, &rec.id, "exposure", e, rec.text,
                                       rec.len, NULL, NULL, 0)
        != NGX_OK)
    {
        cr_count(z, CR_N_log_dropped, 1);
        return NGX_DECLINED;
    }

    return NGX_OK;
}
