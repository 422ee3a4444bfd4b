/*
 * The spool: while Redis is away, what no later request would say again --
 * orders, contacts, opt-outs, withdrawals -- goes from the slots to a file, so
 * that a full zone pushes out nothing of it.  Worker 0 alone writes and
 * drains; who holds the lock of the file is the one.
 *
 * A record is a length, a checksum and the arguments of one command, the site
 * in front and a script by its number.  It is handed over as often as it takes
 * until a reply comes: events are deduplicated by their id.
 */

#include "ngx_http_cartrecover_module.h"

#include <sys/file.h>

#include <hiredis/hiredis.h>


#define NGX_HTTP_CARTRECOVER_SPOOL_ARGS    12
#define NGX_HTTP_CARTRECOVER_SPOOL_RECORD  8192
#define NGX_HTTP_CARTRECOVER_SPOOL_BATCH   128
#define NGX_HTTP_CARTRECOVER_SPOOL_BUFFER  (64 * 1024)
#define NGX_HTTP_CARTRECOVER_SPOOL_SLOTS   4096     /* a tick */


typedef struct {
    ngx_fd_t      fd;
    off_t         size;            /* written and whole */
    off_t         done;            /* handed over */
    ngx_uint_t    records;         /* not handed over yet */
    ngx_uint_t    waiting;         /* replies */
    ngx_uint_t    batch;           /* records of this batch */
    off_t         batch_end;
    unsigned      failed:1;
    unsigned      open:1;          /* for what slots owe, now */
} ngx_http_cartrecover_spool_t;


static void ngx_http_cartrecover_spool_begin(ngx_log_t *log);
static void ngx_http_cartrecover_spool_cut(ngx_log_t *log);
static ssize_t ngx_http_cartrecover_spool_read(u_char *buf, off_t at);
static size_t ngx_http_cartrecover_spool_record(u_char *p, u_char *last,
    ngx_str_t *args, ngx_uint_t *n);
static void ngx_http_cartrecover_spool_fill(void);
static void ngx_http_cartrecover_spool_drain(ngx_log_t *log);
static ngx_int_t ngx_http_cartrecover_spool_send(ngx_str_t *args,
    ngx_uint_t n);
static void ngx_http_cartrecover_spool_reply(void *data, redisReply *reply);


static ngx_http_cartrecover_spool_t       ngx_http_cartrecover_spool = {
    NGX_INVALID_FILE, 0, 0, 0, 0, 0, 0, 0, 0
};
static ngx_http_cartrecover_main_conf_t  *ngx_http_cartrecover_spool_conf;


/* Worker 0's tick, ahead of the sweep; how many records wait */

ngx_uint_t
ngx_http_cartrecover_spool_tick(ngx_http_cartrecover_main_conf_t *mcf,
    ngx_log_t *log)
{
    ngx_http_cartrecover_spool_t  *sp;

    sp = &ngx_http_cartrecover_spool;

    if (mcf->spool.len == 0) {
        return 0;
    }

    ngx_http_cartrecover_spool_conf = mcf;

    if (sp->fd == NGX_INVALID_FILE) {
        ngx_http_cartrecover_spool_begin(log);

        if (sp->fd == NGX_INVALID_FILE) {
            return 0;
        }
    }

    ngx_http_cartrecover_spool_fill();
    ngx_http_cartrecover_spool_drain(log);

    return sp->records;
}


/* Opens it and counts what an earlier process left; a torn end goes. */

static void
ngx_http_cartrecover_spool_begin(ngx_log_t *log)
{
    size_t                         n;
    ssize_t                        have;
    u_char                        *p;
    ngx_str_t                     *path, args[NGX_HTTP_CARTRECOVER_SPOOL_ARGS];
    ngx_uint_t                     nargs;
    ngx_http_cartrecover_spool_t  *sp;

    static u_char                  buf[NGX_HTTP_CARTRECOVER_SPOOL_BUFFER];

    sp = &ngx_http_cartrecover_spool;
    path = &ngx_http_cartrecover_spool_conf->spool;

    sp->fd = ngx_open_file(path->data, NGX_FILE_RDWR,
                           NGX_FILE_CREATE_OR_OPEN, 0600);

    if (sp->fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed: a long outage of Redis "
                      "may push orders out", path);
        ngx_str_null(path);
        return;
    }

    if (flock(sp->fd, LOCK_EX|LOCK_NB) == -1) {

        /* the process that this one replaces still has it */

        (void) ngx_close_file(sp->fd);
        sp->fd = NGX_INVALID_FILE;
        return;
    }

    for ( ;; ) {
        have = ngx_http_cartrecover_spool_read(buf, sp->size);
        p = buf;

        while (have > 0
               && (n = ngx_http_cartrecover_spool_record(p, buf + have, args,
                                                         &nargs))
                  > 0)
        {
            p += n;
            sp->records++;
        }

        if (p == buf) {
            break;
        }

        sp->size += p - buf;
    }

    ngx_http_cartrecover_spool_cut(log);
}


static void
ngx_http_cartrecover_spool_cut(ngx_log_t *log)
{
    if (ftruncate(ngx_http_cartrecover_spool.fd,
                  ngx_http_cartrecover_spool.size)
        == -1)
    {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno, "ftruncate() failed");
    }
}


static ssize_t
ngx_http_cartrecover_spool_read(u_char *buf, off_t at)
{
    return pread(ngx_http_cartrecover_spool.fd, buf,
                 NGX_HTTP_CARTRECOVER_SPOOL_BUFFER, at);
}


/* The length of the record at p; 0: none, torn, or not whole */

static size_t
ngx_http_cartrecover_spool_record(u_char *p, u_char *last, ngx_str_t *args,
    ngx_uint_t *n)
{
    u_char    *end;
    uint32_t   head[2], len;

    if ((size_t) (last - p) < sizeof(head)) {
        return 0;
    }

    ngx_memcpy(head, p, sizeof(head));
    p += sizeof(head);

    if (head[0] > NGX_HTTP_CARTRECOVER_SPOOL_RECORD
        || head[0] > (size_t) (last - p)
        || ngx_crc32_long(p, head[0]) != head[1])
    {
        return 0;
    }

    end = p + head[0];

    for (*n = 0; p < end; (*n)++) {

        if (*n == NGX_HTTP_CARTRECOVER_SPOOL_ARGS
            || (size_t) (end - p) < sizeof(len))
        {
            return 0;
        }

        ngx_memcpy(&len, p, sizeof(len));
        p += sizeof(len);

        if (len > (size_t) (end - p)) {
            return 0;
        }

        args[*n].data = p;
        args[*n].len = len;
        p += len;
    }

    return *n < 3 ? 0 : head[0] + sizeof(head);
}


/* Is the spool open for what this round of the queue has to say? */

ngx_uint_t
ngx_http_cartrecover_spool_open(void)
{
    return ngx_http_cartrecover_spool.open;
}


/* One command of a slot; argv[1] is the script's sum. */

ngx_int_t
ngx_http_cartrecover_spool_put(ngx_http_cartrecover_shop_t *shop,
    cr_lua_e script, int argc, const char **argv, const size_t *lens)
{
    int                            i;
    size_t                         n;
    u_char                        *p, word[NGX_INT_T_LEN];
    uint32_t                       head[2], len;
    const char                    *s;
    ngx_http_cartrecover_spool_t  *sp;

    static u_char                  buf[NGX_HTTP_CARTRECOVER_SPOOL_RECORD + 8];

    sp = &ngx_http_cartrecover_spool;
    p = buf + sizeof(head);

    for (i = 0; i < argc; i++) {
        s = i == 0 ? (char *) shop->site.data : i == 1 ? (char *) word
                                                       : argv[i];
        n = i == 0 ? shop->site.len
            : i == 1 ? (size_t) (ngx_sprintf(word, "%d", script) - word)
            : lens[i];

        if (n + sizeof(len) > (size_t) (buf + sizeof(buf) - p)) {
            return NGX_ERROR;
        }

        len = (uint32_t) n;
        p = ngx_cpymem(p, &len, sizeof(len));
        p = ngx_cpymem(p, s, n);
    }

    head[0] = (uint32_t) (p - buf - sizeof(head));
    head[1] = ngx_crc32_long(buf + sizeof(head), head[0]);
    ngx_memcpy(buf, head, sizeof(head));

    if (sp->size + (p - buf)
        > (off_t) ngx_http_cartrecover_spool_conf->spool_size)
    {
        cr_count(ngx_http_cartrecover_table(), CR_N_spool_full, 1);
        return NGX_ERROR;
    }

    if (pwrite(sp->fd, buf, p - buf, sp->size) != p - buf) {
        return NGX_ERROR;
    }

    sp->size += p - buf;
    sp->records++;
    cr_count(ngx_http_cartrecover_table(), CR_N_spooled, 1);

    return NGX_OK;
}


static void
ngx_http_cartrecover_spool_fill(void)
{
    uint32_t                       cursor, from, slot;
    cr_zone_t                     *z;
    ngx_uint_t                     n;
    ngx_http_cartrecover_spool_t  *sp;

    sp = &ngx_http_cartrecover_spool;

    cursor = 0;
    n = 0;
    sp->open = 1;

    do {
        from = cursor;

        z = ngx_http_cartrecover_lock();
        slot = cr_owed_next(z, &cursor, 256,
                            NGX_HTTP_CARTRECOVER_STOP_KINDS);
        ngx_http_cartrecover_unlock();

        if (slot != CR_NO_SLOT
            && ngx_http_cartrecover_queue_slot(slot,
                                               NGX_HTTP_CARTRECOVER_STOP_KINDS,
                                               NGX_HTTP_CARTRECOVER_RETRY)
               != NGX_OK)
        {
            break;
        }

    } while (cursor > from && ++n < NGX_HTTP_CARTRECOVER_SPOOL_SLOTS);

    sp->open = 0;
}


/* A batch at a time: the next one when each of this has its reply. */

static void
ngx_http_cartrecover_spool_drain(ngx_log_t *log)
{
    size_t                         n;
    ssize_t                        have;
    u_char                        *p;
    ngx_str_t                      args[NGX_HTTP_CARTRECOVER_SPOOL_ARGS];
    ngx_uint_t                     nargs;
    ngx_http_cartrecover_spool_t  *sp;

    static u_char                  buf[NGX_HTTP_CARTRECOVER_SPOOL_BUFFER];

    sp = &ngx_http_cartrecover_spool;

    if (sp->waiting) {
        return;
    }

    if (sp->batch && !sp->failed) {
        sp->done = sp->batch_end;
        sp->records -= sp->batch;
    }

    sp->batch = 0;
    sp->failed = 0;

    if (sp->done == sp->size) {

        if (sp->size) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "cartrecover: the spool is empty again");
            sp->size = 0;
            ngx_http_cartrecover_spool_cut(log);
        }

        sp->done = 0;
        sp->records = 0;
        return;
    }

    have = ngx_http_cartrecover_spool_read(buf, sp->done);
    sp->batch_end = sp->done;

    for (p = buf; have > 0 && sp->batch < NGX_HTTP_CARTRECOVER_SPOOL_BATCH;
         p += n)
    {
        n = ngx_http_cartrecover_spool_record(p, buf + have, args, &nargs);

        if (n == 0 && p == buf) {
            ngx_log_error(NGX_LOG_ALERT, log, 0,
                          "cartrecover: the spool is damaged: %ui records "
                          "are lost", sp->records);
            sp->done = sp->size;
            return;
        }

        if (n == 0 || ngx_http_cartrecover_spool_send(args, nargs) != NGX_OK) {
            break;
        }

        sp->batch++;
        sp->batch_end += n;
    }
}


static ngx_int_t
ngx_http_cartrecover_spool_send(ngx_str_t *args, ngx_uint_t n)
{
    size_t                         lens[NGX_HTTP_CARTRECOVER_SPOOL_ARGS];
    const char                    *argv[NGX_HTTP_CARTRECOVER_SPOOL_ARGS];
    ngx_int_t                      script;
    ngx_uint_t                     i;
    ngx_str_node_t                *node;
    ngx_http_cartrecover_shop_t   *shop;
    ngx_http_cartrecover_spool_t  *sp;

    sp = &ngx_http_cartrecover_spool;

    node = ngx_str_rbtree_lookup(&ngx_http_cartrecover_spool_conf->sites,
                                 &args[0],
                                 ngx_crc32_long(args[0].data, args[0].len));
    script = ngx_atoi(args[1].data, args[1].len);

    if (node == NULL || script < 0 || script >= CR_LUA_MAX) {
        return NGX_OK;                  /* a shop that is no more */
    }

    shop = ngx_rbtree_data(&node->node, ngx_http_cartrecover_shop_t,
                           by_site.node);

    if (!ngx_http_cartrecover_redis_ready(shop->redis)) {
        return NGX_AGAIN;
    }

    argv[0] = "EVALSHA";
    lens[0] = 7;
    argv[1] = cr_script_sha((cr_lua_e) script);
    lens[1] = CR_SHA_HEX;

    for (i = 2; i < n; i++) {
        argv[i] = (char *) args[i].data;
        lens[i] = args[i].len;
    }

    sp->waiting++;

    if (ngx_http_cartrecover_redis_send(shop->redis, (int) n, argv, lens,
                                        ngx_http_cartrecover_spool_reply, NULL,
                                        0)
        != NGX_OK)
    {
        sp->waiting--;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


static void
ngx_http_cartrecover_spool_reply(void *data, redisReply *reply)
{
    ngx_http_cartrecover_spool_t  *sp;

    sp = &ngx_http_cartrecover_spool;

    sp->waiting--;

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        sp->failed = 1;
    }
}
