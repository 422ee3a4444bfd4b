#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "cr_version.h"
#include "log.h"


#define CRD_REAP_MS     1000
#define CRD_SKEW_WARN   5000
#define CRD_SKEW_HOLD   60000
#define CRD_DRAIN_MS    5000     /* beyond the time limit of one message */
#define CRD_FDS         (CRD_CLIENTS + 2)


static int crd_main_options(int argc, char **argv, const char **file);
static int crd_main_open(crd_worker_t *w, const char *file);
static int crd_main_signals(void);
static void crd_main_signal(crd_worker_t *w);
static void crd_main_reload(crd_worker_t *w);
static void crd_main_loop(crd_worker_t *w);
static void crd_main_connect(crd_worker_t *w);
static int crd_main_policy(crd_worker_t *w);
static void crd_main_clock(crd_worker_t *w);
static void crd_main_turn(crd_worker_t *w);
static void crd_main_wait(crd_worker_t *w);
static void crd_main_close(crd_worker_t *w);


int
main(int argc, char **argv)
{
    int            rc;
    const char    *file;
    crd_worker_t  *w;

    rc = crd_main_options(argc, argv, &file);
    if (rc != 0) {
        return rc < 0 ? 0 : rc;
    }

    w = calloc(1, sizeof(*w));
    if (w == NULL || crd_main_open(w, file) != CR_OK) {
        free(w);
        return 1;
    }

    crd_log(CRD_INFO, "start", "version", CR_VERSION, "worker", w->journal.id,
            NULL);

    crd_main_loop(w);

    crd_notify("STOPPING=1");
    crd_log(CRD_INFO, "stop", "in_flight", crd_num(w->njobs), NULL);
    crd_main_close(w);
    free(w);

    return 0;
}


static int
crd_main_options(int argc, char **argv, const char **file)
{
    int  i;

    *file = CRD_CONFIG_FILE;

    for (i = 1; i < argc; i++) {
        if ((strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0)
            && i + 1 < argc)
        {
            *file = argv[++i];

        } else if (strcmp(argv[i], "-V") == 0
                   || strcmp(argv[i], "--version") == 0)
        {
            printf("cartrecoverd %s\n", CR_VERSION);
            return -1;

        } else {
            fprintf(stderr, "usage: cartrecoverd [-c FILE] [-V]\n");
            return 2;
        }
    }

    return 0;
}


static int
crd_main_open(crd_worker_t *w, const char *file)
{
    cr_error_t  err;

    memset(&err, 0, sizeof(err));
    w->listen_fd = -1;
    w->started = w->last_turn = w->redis_seen = crd_mono();

    if (crd_config_read(&w->cf, file, &err) != CR_OK) {
        if (err.line) {
            fprintf(stderr, "cartrecoverd: %s:%d: %s\n", file, err.line,
                    err.text);
        } else {
            fprintf(stderr, "cartrecoverd: %s\n", err.text);
        }
        return CR_ERR;
    }

    crd_log_level(w->cf.log_level);
    crd_redis_init(&w->redis, &w->cf);
    curl_global_init(CURL_GLOBAL_DEFAULT);

    w->multi = curl_multi_init();
    w->signal_fd = crd_main_signals();

    if (w->multi == NULL || w->signal_fd == -1) {
        fprintf(stderr, "cartrecoverd: out of memory\n");
        return CR_ERR;
    }

    curl_multi_setopt(w->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      (long) w->cf.max_sends);

    if (crd_email.check(&w->cf, &err) != CR_OK
        || crd_journal_open(&w->journal, w->cf.state, &err) != CR_OK
        || crd_health_open(w, &err) != CR_OK)
    {
        fprintf(stderr, "cartrecoverd: %s\n", err.text);
        return CR_ERR;
    }

    /* A Redis that is not there yet is waited for; one that may throw our keys
     * away is refused. */

    if (crd_redis_connect(&w->redis) == CR_OK
        && crd_main_policy(w) != CR_OK)
    {
        return CR_ERR;
    }

    return CR_OK;
}


static int
crd_main_policy(crd_worker_t *w)
{
    int          rc;
    redisReply  *p;
    const char  *policy;

    p = crd_redis(&w->redis, "CONFIG GET maxmemory-policy");
    if (p == NULL) {
        return CR_OK;
    }

    rc = CR_OK;
    policy = crd_reply_at(p, 1);

    if (p->type == REDIS_REPLY_ERROR) {
        crd_log(CRD_WARN, "maxmemory_policy", "text", "CONFIG is forbidden: "
                "make sure that it is noeviction", NULL);

    } else if (strcmp(policy, "noeviction") != 0) {
        fprintf(stderr, "cartrecoverd: Redis may evict keys (maxmemory-policy "
                "%s): set it to noeviction\n", policy);
        rc = CR_ERR;
    }

    freeReplyObject(p);

    return rc;
}


static int
crd_main_signals(void)
{
    sigset_t  set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);

    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}


static void
crd_main_signal(crd_worker_t *w)
{
    struct signalfd_siginfo  s;

    while (read(w->signal_fd, &s, sizeof(s)) == sizeof(s)) {
        if (s.ssi_signo == SIGHUP) {
            w->reload = 1;
        } else {
            w->stopping = 1;
        }
    }
}


/* A file that is wrong changes nothing.  Where we keep our state and what we
 * listen on is settled at start. */

static void
crd_main_reload(crd_worker_t *w)
{
    cr_error_t    err;
    crd_config_t  cf;

    w->reload = 0;
    memset(&err, 0, sizeof(err));

    if (crd_config_read(&cf, w->cf.file, &err) != CR_OK
        || crd_email.check(&cf, &err) != CR_OK)
    {
        crd_log(CRD_ERROR, "reload_refused", "line", crd_num(err.line),
                "text", err.text, NULL);
        return;
    }

    memcpy(cf.state, w->cf.state, sizeof(cf.state));
    memcpy(cf.listen, w->cf.listen, sizeof(cf.listen));
    w->cf = cf;
    crd_log_level(cf.log_level);
    crd_redis_close(&w->redis);
    crd_log(CRD_INFO, "reload", NULL);
}


static void
crd_main_loop(crd_worker_t *w)
{
    int64_t  drain;

    drain = 0;
    crd_notify("READY=1");

    for ( ;; ) {
        w->mono = crd_mono();
        w->busy = 0;

        if (w->reload) {
            crd_main_reload(w);
        }

        if (w->stopping) {
            if (drain == 0) {
                drain = w->mono + w->cf.send_timeout_ms + CRD_DRAIN_MS;
                crd_log(CRD_INFO, "draining", "in_flight", crd_num(w->njobs),
                        NULL);
            }
            if (w->njobs == 0 || w->mono > drain) {
                return;
            }
        }

        if (w->redis.c == NULL) {
            crd_main_connect(w);
        }
        if (w->redis.c != NULL) {
            crd_main_turn(w);
        }
        w->last_turn = crd_mono();

        crd_smtp_run(w);
        crd_health_poll(w);
        crd_notify("WATCHDOG=1");
        crd_main_wait(w);
        crd_main_signal(w);
    }
}


static void
crd_main_connect(crd_worker_t *w)
{
    if (w->reconnect_ms == 0) {
        crd_sites_forget(w);
        w->reconnect_ms = 50;
    }

    if (w->mono < w->reconnect_at) {
        return;
    }

    if (crd_redis_connect(&w->redis) != CR_OK) {
        crd_log(CRD_WARN, "redis_down", "text", w->redis.error, NULL);
        w->reconnect_ms = w->reconnect_ms < 2500 ? w->reconnect_ms * 2 : 5000;
        w->reconnect_at = w->mono + w->reconnect_ms / 2
                          + w->mono % (w->reconnect_ms / 2 + 1);
        return;
    }

    if (crd_main_policy(w) != CR_OK) {
        crd_redis_close(&w->redis);
        w->reconnect_at = w->mono + 5000;
        return;
    }

    crd_count(w, redis_losses);
    crd_log(CRD_INFO, "redis_up", "run", w->redis.run_id, NULL);
    crd_sites_forget(w);
    w->reconnect_ms = 0;
    w->refreshed = w->reaped = 0;
}


static void
crd_main_clock(crd_worker_t *w)
{
    int              held;
    int64_t          ms;
    redisReply      *p;
    struct timespec  ts;

    p = crd_redis(&w->redis, "TIME");
    clock_gettime(CLOCK_REALTIME, &ts);

    if (p != NULL && p->type == REDIS_REPLY_ARRAY && p->elements == 2) {
        ms = strtoll(crd_reply_at(p, 0), NULL, 10) * 1000
             + strtoll(crd_reply_at(p, 1), NULL, 10) / 1000;
        w->skew = ms - (ts.tv_sec * 1000LL + ts.tv_nsec / 1000000);

        held = llabs(w->skew) > CRD_SKEW_HOLD;
        if (held != w->held || (!held && llabs(w->skew) > CRD_SKEW_WARN)) {
            crd_log(held ? CRD_ERROR : CRD_WARN, "clock", "skew_ms",
                    crd_num(w->skew), "held", crd_num(held), NULL);
        }
        w->held = (uint8_t) held;
    }

    if (p != NULL) {
        freeReplyObject(p);
    }
}


/* Once round: the timer is this poll, never one armed timer. */

static void
crd_main_turn(crd_worker_t *w)
{
    int  i, n;

    if (w->mono - w->refreshed >= w->cf.refresh_ms || w->refreshed == 0) {
        crd_main_clock(w);
        crd_sites_refresh(w);
        w->refreshed = w->redis_seen = w->mono;
    }

    if (w->mono - w->reaped >= CRD_REAP_MS || w->reaped == 0) {
        crd_sites_reap(w);
        crd_touch_waiting(w);
        w->reaped = w->mono;
    }

    for (i = 0; i < w->nsites && !w->stopping && w->redis.c != NULL; i++) {
        n = crd_ingest(w, w->site[i]);
        w->busy |= n >= 100;
        n = crd_journeys(w, w->site[i]);
        w->busy |= n > 0 && w->njobs < w->cf.max_sends;
    }
}


static void
crd_main_wait(crd_worker_t *w)
{
    int                  i, n, ms;
    int64_t              now, left;
    struct curl_waitfd   fds[CRD_FDS];

    fds[0].fd = w->signal_fd;
    fds[0].events = CURL_WAIT_POLLIN;
    fds[0].revents = 0;
    n = 1 + crd_health_fds(w, fds + 1, CRD_FDS - 1);

    ms = w->busy ? 0 : (int) w->cf.poll_ms;
    now = crd_now(w);

    for (i = 0; i < w->nsites && ms > 0; i++) {
        left = w->site[i]->next_due - now;
        if (w->site[i]->next_due > 0 && left < ms
            && w->njobs < w->cf.max_sends && w->site[i]->usable)
        {
            ms = left > 1 ? (int) left : 1;
        }
    }

    curl_multi_poll(w->multi, fds, (unsigned) n, ms, NULL);
}


static void
crd_main_close(crd_worker_t *w)
{
    int  i;

    while (w->jobs != NULL) {
        crd_job_free(w->jobs);
    }

    for (i = 0; i < w->nsites; i++) {
        free(w->site[i]);
    }

    crd_health_close(w);
    crd_redis_close(&w->redis);
    crd_journal_close(&w->journal);
    curl_multi_cleanup(w->multi);
    curl_global_cleanup();
    close(w->signal_fd);
    explicit_bzero(&w->cf.ring, sizeof(w->cf.ring));
}
