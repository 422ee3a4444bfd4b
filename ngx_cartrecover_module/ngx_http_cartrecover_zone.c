/*
 * The shared zone: one slab allocation that lib/cr_table.h lays out, under
 * the slab pool's own mutex, which nginx releases when a worker dies; and its
 * dump file.
 */

#include "ngx_http_cartrecover_module.h"


#define NGX_HTTP_CARTRECOVER_DUMP_SLICE  256
#define NGX_HTTP_CARTRECOVER_DUMP_BYTES  (256 * CR_DUMP_SLOT)


typedef struct {
    void        *mem;
    size_t       size;
    cr_limit_t  *limits;
} ngx_http_cartrecover_shm_t;


static ngx_int_t ngx_http_cartrecover_sites(ngx_shm_zone_t *shm_zone,
    ngx_http_cartrecover_main_conf_t *mcf, cr_zone_t *z);
static void ngx_http_cartrecover_load(ngx_log_t *log);
static ngx_int_t ngx_http_cartrecover_dump_slice(ngx_log_t *log);


static ngx_slab_pool_t                   *ngx_http_cartrecover_pool;
static cr_zone_t                         *ngx_http_cartrecover_zone_p;
static cr_limit_t                        *ngx_http_cartrecover_limits_p;
static ngx_http_cartrecover_main_conf_t  *ngx_http_cartrecover_mcf;

static ngx_fd_t                           ngx_http_cartrecover_dump_fd
                                              = NGX_INVALID_FILE;
static u_char                            *ngx_http_cartrecover_dump_buf;
static uint32_t                           ngx_http_cartrecover_dump_cursor;
static ngx_msec_t                         ngx_http_cartrecover_dump_last;
static ngx_file_uniq_t                    ngx_http_cartrecover_dump_uniq;


ngx_int_t
ngx_http_cartrecover_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                             size;
    ngx_time_t                        *tp;
    cr_zone_t                         *z;
    ngx_slab_pool_t                   *pool;
    ngx_http_cartrecover_shm_t        *shm;
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = shm_zone->data;
    pool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    pool->log_nomem = 0;

    shm = pool->data;

    if (shm == NULL) {
        shm = ngx_slab_calloc(pool, sizeof(ngx_http_cartrecover_shm_t));
        if (shm == NULL) {
            return NGX_ERROR;
        }

        shm->limits = ngx_slab_calloc(pool, sizeof(cr_limit_t));
        if (shm->limits == NULL) {
            return NGX_ERROR;
        }

        for (size = pool->pfree * ngx_pagesize; size >= CR_ZONE_MIN;
             size -= ngx_pagesize)
        {
            shm->mem = ngx_slab_alloc(pool, size);
            if (shm->mem) {
                break;
            }
        }

        if (shm->mem == NULL) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "zone \"%V\" is too small: give it at least 2m",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        shm->size = size;
        pool->data = shm;
    }

    z = cr_zone_attach(shm->mem, shm->size);

    if (z == NULL) {

        if (data) {
            ngx_log_error(NGX_LOG_NOTICE, shm_zone->shm.log, 0,
                          "zone \"%V\" has another version's layout: "
                          "sessions begin anew", &shm_zone->shm.name);
        }

        tp = ngx_timeofday();

        if (cr_zone_init(shm->mem, shm->size,
                         (uint64_t) tp->sec * 1000 + tp->msec, mcf->ttl)
            != CR_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "zone \"%V\" is too small: give it at least 2m",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        z = cr_zone_attach(shm->mem, shm->size);
    }

    return ngx_http_cartrecover_sites(shm_zone, mcf, z);
}


static ngx_int_t
ngx_http_cartrecover_sites(ngx_shm_zone_t *shm_zone,
    ngx_http_cartrecover_main_conf_t *mcf, cr_zone_t *z)
{
    int                            quota;
    ngx_uint_t                     i;
    ngx_slab_pool_t               *pool;
    ngx_http_cartrecover_shop_t  **shops;

    pool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    shops = mcf->shops.elts;

    quota = mcf->shops.nelts > 1 ? (int) ngx_max(200 / mcf->shops.nelts, 1)
                                 : 100;
    quota = ngx_min(quota, 100);

    for (i = 0; i < mcf->shops.nelts; i++) {
        ngx_shmtx_lock(&pool->mutex);
        shops[i]->index = cr_zone_site(z, ngx_http_cartrecover_str(
                                              shops[i]->site), quota);
        ngx_shmtx_unlock(&pool->mutex);

        if (shops[i]->index < 0) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "zone \"%V\" holds no more than %d shops",
                          &shm_zone->shm.name, CR_SITES_MAX);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_cartrecover_zone_attach(ngx_cycle_t *cycle)
{
    cr_zone_info_t               info;
    ngx_http_cartrecover_shm_t  *shm;

    ngx_http_cartrecover_mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                                  ngx_http_cartrecover_module);

    ngx_http_cartrecover_pool = (ngx_slab_pool_t *)
                                    ngx_http_cartrecover_mcf->zone->shm.addr;
    shm = ngx_http_cartrecover_pool->data;
    ngx_http_cartrecover_zone_p = cr_zone_attach(shm->mem, shm->size);
    ngx_http_cartrecover_limits_p = shm->limits;

    ngx_http_cartrecover_dump_last = ngx_current_msec;

    if (ngx_http_cartrecover_mcf->dump.len == 0
        || (ngx_process != NGX_PROCESS_SINGLE && ngx_worker != 0))
    {
        return;
    }

    cr_zone_info(ngx_http_cartrecover_zone_p, &info);

    if (info.used == 0) {
        ngx_http_cartrecover_load(cycle->log);
    }
}


cr_zone_t *
ngx_http_cartrecover_table(void)
{
    return ngx_http_cartrecover_zone_p;
}


cr_limit_t *
ngx_http_cartrecover_limits(void)
{
    return ngx_http_cartrecover_limits_p;
}


cr_zone_t *
ngx_http_cartrecover_lock(void)
{
    ngx_shmtx_lock(&ngx_http_cartrecover_pool->mutex);

    return ngx_http_cartrecover_zone_p;
}


void
ngx_http_cartrecover_unlock(void)
{
    ngx_shmtx_unlock(&ngx_http_cartrecover_pool->mutex);
}


/* Merges the dump file; records that do not fit the read wait for the next. */

static void
ngx_http_cartrecover_load(ngx_log_t *log)
{
    u_char           *buf;
    size_t            have;
    int64_t           used;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_str_t        *path;
    cr_zone_t        *z;
    ngx_file_info_t   fi;

    path = &ngx_http_cartrecover_mcf->dump;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return;
    }

    buf = ngx_alloc(NGX_HTTP_CARTRECOVER_DUMP_BYTES, log);
    if (buf == NULL) {
        goto done;
    }

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR) {
        ngx_http_cartrecover_dump_uniq = ngx_file_uniq(&fi);
    }

    have = 0;

    for ( ;; ) {
        n = ngx_read_fd(fd, buf + have, NGX_HTTP_CARTRECOVER_DUMP_BYTES - have);
        if (n <= 0) {
            break;
        }

        have += n;

        z = ngx_http_cartrecover_lock();
        used = cr_zone_load(z, (char *) buf, have, (uint32_t) ngx_time());
        ngx_http_cartrecover_unlock();

        if (used <= 0) {
            if (used < 0) {
                ngx_log_error(NGX_LOG_WARN, log, 0,
                              "\"%V\" is damaged: the sessions behind the "
                              "damage are not restored", path);
            }

            break;
        }

        ngx_memmove(buf, buf + used, have - (size_t) used);
        have -= (size_t) used;
    }

    ngx_free(buf);

done:

    (void) ngx_close_file(fd);
}


/* Called by the sweep: one slice, or the start of the next dump. */

void
ngx_http_cartrecover_dump_tick(ngx_log_t *log)
{
    ngx_str_t                         *path;
    ngx_file_info_t                    fi;
    ngx_http_cartrecover_main_conf_t  *mcf;

    mcf = ngx_http_cartrecover_mcf;
    path = &mcf->dump;

    if (path->len == 0) {
        return;
    }

    if (ngx_http_cartrecover_dump_fd == NGX_INVALID_FILE) {

        if (ngx_current_msec - ngx_http_cartrecover_dump_last
            < mcf->dump_interval)
        {
            return;
        }

        /* the process that this one replaced has left its last state */

        if (ngx_file_info(path->data, &fi) != NGX_FILE_ERROR
            && ngx_file_uniq(&fi) != ngx_http_cartrecover_dump_uniq)
        {
            ngx_http_cartrecover_load(log);
        }
    }

    (void) ngx_http_cartrecover_dump_slice(log);
}


void
ngx_http_cartrecover_dump_all(ngx_log_t *log)
{
    while (ngx_http_cartrecover_dump_slice(log) == NGX_AGAIN) { /* void */ }
}


/* NGX_AGAIN: there is more; NGX_OK: the file is in place; NGX_ERROR */

static ngx_int_t
ngx_http_cartrecover_dump_slice(ngx_log_t *log)
{
    int              n;
    u_char           temp[NGX_MAX_PATH];
    ngx_str_t       *path;
    cr_zone_t       *z;
    ngx_file_info_t  fi;

    path = &ngx_http_cartrecover_mcf->dump;

    if (path->len + sizeof(".new") > NGX_MAX_PATH) {
        return NGX_ERROR;
    }

    ngx_sprintf(temp, "%V.new%Z", path);

    if (ngx_http_cartrecover_dump_fd == NGX_INVALID_FILE) {

        ngx_http_cartrecover_dump_last = ngx_current_msec;
        ngx_http_cartrecover_dump_cursor = 0;

        if (ngx_http_cartrecover_dump_buf == NULL) {
            ngx_http_cartrecover_dump_buf =
                ngx_alloc(NGX_HTTP_CARTRECOVER_DUMP_BYTES, log);
            if (ngx_http_cartrecover_dump_buf == NULL) {
                return NGX_ERROR;
            }
        }

        ngx_http_cartrecover_dump_fd = ngx_open_file(temp, NGX_FILE_WRONLY,
                                                     NGX_FILE_TRUNCATE, 0600);
        if (ngx_http_cartrecover_dump_fd == NGX_INVALID_FILE) {
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          ngx_open_file_n " \"%s\" failed: sessions will not "
                          "survive a restart", temp);
            return NGX_ERROR;
        }
    }

    z = ngx_http_cartrecover_lock();
    n = cr_zone_dump(z, &ngx_http_cartrecover_dump_cursor,
                     NGX_HTTP_CARTRECOVER_DUMP_SLICE,
                     (char *) ngx_http_cartrecover_dump_buf,
                     NGX_HTTP_CARTRECOVER_DUMP_BYTES);
    ngx_http_cartrecover_unlock();

    if (n > 0) {
        if (ngx_write_fd(ngx_http_cartrecover_dump_fd,
                         ngx_http_cartrecover_dump_buf, n) == n)
        {
            return NGX_AGAIN;
        }

        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      ngx_write_fd_n " \"%s\" failed", temp);
        n = CR_ERR;
    }

    if (ngx_fd_info(ngx_http_cartrecover_dump_fd, &fi) != NGX_FILE_ERROR) {
        ngx_http_cartrecover_dump_uniq = ngx_file_uniq(&fi);
    }

    (void) ngx_close_file(ngx_http_cartrecover_dump_fd);
    ngx_http_cartrecover_dump_fd = NGX_INVALID_FILE;

    if (n < 0 || ngx_rename_file(temp, path->data) == NGX_FILE_ERROR) {
        (void) ngx_delete_file(temp);
        return NGX_ERROR;
    }

    cr_count(ngx_http_cartrecover_zone_p, CR_N_dump_saved, 1);

    return NGX_OK;
}
