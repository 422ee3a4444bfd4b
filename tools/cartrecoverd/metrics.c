#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"


#define CRD_METRIC_SITES  64     /* sites with gauges of their own */
#define CRD_TURN_MS       10000  /* a scheduler that is silent longer is ill */
#define CRD_REDIS_MS      60000

typedef struct {
    const char  *name;
    const char  *help;
} crd_metric_t;

#define CRD_METRIC(n, help)  { #n, help },

static const crd_metric_t  crd_counters[CRD_N_MAX] = {
    CRD_COUNTERS(CRD_METRIC)
};


static void crd_metrics_sites(crd_worker_t *w, FILE *f);


/* Healthy: the scheduler went round lately, and Redis was not away for long.
 * A closed gate is a state, not an illness; it is told beside. */

char *
crd_healthz(crd_worker_t *w, size_t *len, int *ok)
{
    int      i, closed;
    char    *buf;
    FILE    *f;
    int64_t  age;

    buf = NULL;
    f = open_memstream(&buf, len);
    if (f == NULL) {
        *ok = 0;
        return NULL;
    }

    age = crd_mono() - w->last_turn;
    *ok = age < CRD_TURN_MS
          && (w->redis.c != NULL || crd_mono() - w->redis_seen < CRD_REDIS_MS);

    for (i = closed = 0; i < w->nsites; i++) {
        closed += w->site[i]->gate[0] != '\0' || !w->site[i]->usable;
    }

    fprintf(f, "{\"ok\":%s,\"poll_age_ms\":%lld,\"redis\":%s,\"sites\":%d,"
            "\"sites_closed\":%d,\"in_flight\":%d,\"clock_skew_ms\":%lld,"
            "\"channel_paused_ms\":%lld,\"stopping\":%s}\n",
            *ok ? "true" : "false", (long long) age,
            w->redis.c ? "true" : "false", w->nsites, closed, w->njobs,
            (long long) w->skew,
            (long long) (w->cool_until > w->mono ? w->cool_until - w->mono
                                                 : 0),
            w->stopping ? "true" : "false");

    fclose(f);

    return buf;
}


char *
crd_metrics(crd_worker_t *w, size_t *len)
{
    int    i;
    char  *buf;
    FILE  *f;

    buf = NULL;
    f = open_memstream(&buf, len);
    if (f == NULL) {
        return NULL;
    }

    for (i = 0; i < CRD_N_MAX; i++) {
        fprintf(f, "# HELP cartrecoverd_%s_total %s\n"
                "# TYPE cartrecoverd_%s_total counter\n"
                "cartrecoverd_%s_total %llu\n", crd_counters[i].name,
                crd_counters[i].help, crd_counters[i].name,
                crd_counters[i].name, (unsigned long long) w->n[i]);
    }

    fprintf(f, "# HELP cartrecoverd_intent_refused_total INTENT's refusals\n"
            "# TYPE cartrecoverd_intent_refused_total counter\n");
    for (i = CRD_W_GO + 1; i < CRD_W_MAX; i++) {
        fprintf(f, "cartrecoverd_intent_refused_total{word=\"%s\"} %llu\n",
                crd_word[i], (unsigned long long) w->word[i]);
    }

    fprintf(f, "# TYPE cartrecoverd_redis_up gauge\ncartrecoverd_redis_up %d\n"
            "# TYPE cartrecoverd_in_flight gauge\n"
            "cartrecoverd_in_flight %d\n"
            "# TYPE cartrecoverd_sites gauge\ncartrecoverd_sites %d\n"
            "# TYPE cartrecoverd_clock_skew_ms gauge\n"
            "cartrecoverd_clock_skew_ms %lld\n"
            "# TYPE cartrecoverd_poll_age_ms gauge\n"
            "cartrecoverd_poll_age_ms %lld\n"
            "# TYPE cartrecoverd_uptime_seconds gauge\n"
            "cartrecoverd_uptime_seconds %lld\n",
            w->redis.c != NULL, w->njobs, w->nsites, (long long) w->skew,
            (long long) (crd_mono() - w->last_turn),
            (long long) ((crd_mono() - w->started) / 1000));

    crd_metrics_sites(w, f);
    fclose(f);

    return buf;
}


static void
crd_metrics_sites(crd_worker_t *w, FILE *f)
{
    int                i;
    int64_t            late;
    const crd_site_t  *s;

    fprintf(f, "# TYPE cartrecoverd_site_open gauge\n"
            "# TYPE cartrecoverd_site_due gauge\n"
            "# TYPE cartrecoverd_site_leased gauge\n"
            "# TYPE cartrecoverd_site_log gauge\n"
            "# TYPE cartrecoverd_site_intents gauge\n"
            "# TYPE cartrecoverd_site_overdue_ms gauge\n");

    for (i = 0; i < w->nsites && i < CRD_METRIC_SITES; i++) {
        s = w->site[i];
        late = s->first_due ? crd_now(w) - s->first_due : 0;

        fprintf(f, "cartrecoverd_site_open{site=\"%s\"} %d\n"
                "cartrecoverd_site_due{site=\"%s\"} %lld\n"
                "cartrecoverd_site_leased{site=\"%s\"} %lld\n"
                "cartrecoverd_site_log{site=\"%s\"} %lld\n"
                "cartrecoverd_site_intents{site=\"%s\"} %lld\n"
                "cartrecoverd_site_overdue_ms{site=\"%s\"} %lld\n",
                s->site, s->usable && s->gate[0] == '\0',
                s->site, (long long) s->due, s->site, (long long) s->lease,
                s->site, (long long) s->entries, s->site, (long long) s->hw,
                s->site, (long long) (late > 0 ? late : 0));
    }
}
