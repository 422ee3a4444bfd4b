#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "kill.h"
#include "log.h"


const char *const  crd_word[CRD_W_MAX] = {
#define CRD_WORD(n, w)  w,
    CRD_WORDS(CRD_WORD)
};

static const crd_channel_t *const  crd_channels[] = { &crd_email, NULL };


static crd_job_t *crd_job_new(crd_worker_t *w, crd_site_t *s, const char *jid,
    const crd_claim_t *c);
static const crd_channel_t *crd_touch_channel(const cr_policy_t *p,
    const char *step);
static crd_word_e crd_touch_ask(crd_job_t *job, const char *mode,
    char *detail, size_t cap);
static void crd_touch_defer(crd_job_t *job, int64_t due, int moves);
static int crd_touch_replicas(crd_job_t *job);


const crd_channel_t *
crd_channel(cr_chan_e chan)
{
    int  i;

    for (i = 0; crd_channels[i] != NULL; i++) {
        if (crd_channels[i]->chan == chan) {
            return crd_channels[i];
        }
    }

    return NULL;
}


/* One claimed touch: ask whether it may go, render, hand it to its channel.
 * The same question is asked again at the point of no return. */

void
crd_touch(crd_worker_t *w, crd_site_t *s, const char *jid,
    const crd_claim_t *c)
{
    int          holdout;
    char         detail[64];
    crd_job_t   *job;
    cr_error_t   err;

    job = crd_job_new(w, s, jid, c);
    if (job == NULL) {
        return;
    }

    holdout = strcmp(crd_reply_field(c->j, "st"), "holdout") == 0;
    memset(&err, 0, sizeof(err));

    if (job->chan == NULL) {
        crd_touch_result(job, "skip:channel", "", 0);
        crd_job_free(job);
        return;
    }

    job->word = crd_touch_ask(job, "check", detail, sizeof(detail));
    crd_kill("post_check");

    if (job->word != CRD_W_GO) {
        crd_touch_word(job, detail);
        crd_job_free(job);
        return;
    }

    if (holdout) {
        if (crd_touch_result(job, "would_send", "", 0) == CR_OK) {
            crd_count(w, would_send);
        }
        crd_job_free(job);
        return;
    }

    if (w->mono < w->cool_until) {
        crd_touch_defer(job, crd_now(w) + (w->cool_until - w->mono)
                        + (int64_t) (crd_random() * 1000), 0);
        crd_job_free(job);
        return;
    }

    if (job->chan->prepare(job, c, &err) != CR_OK) {
        crd_log(CRD_ERROR, "render", "site", job->site, "j", job->jid, "step",
                job->step, "text", err.text, NULL);
        if (err.path[0] != '\0') {
            crd_touch_result(job, err.path, "", 0);
        } else {
            crd_touch_defer(job, crd_now(w) + 4 * w->cf.defer_ms, 0);
        }
        crd_job_free(job);
        return;
    }

    crd_kill("post_render");

    job->next = w->jobs;
    w->jobs = job;
    w->njobs++;

    if (job->chan->send(job) != CR_OK) {
        job->class = CRD_HOST;
        crd_touch_done(job);
    }

    crd_kill("post_start");
}


static crd_job_t *
crd_job_new(crd_worker_t *w, crd_site_t *s, const char *jid,
    const crd_claim_t *c)
{
    char         tries[24];
    int64_t      plan;
    crd_job_t   *job;

    job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return NULL;
    }

    job->policy = malloc(sizeof(cr_policy_t));
    if (job->policy == NULL) {
        free(job);
        return NULL;
    }

    *job->policy = s->policy;
    job->w = w;
    job->started = w->mono;
    snprintf(job->site, sizeof(job->site), "%s", s->site);
    snprintf(job->plan, sizeof(job->plan), "%s", s->plan);
    snprintf(job->jid, sizeof(job->jid), "%.32s", jid);
    snprintf(job->gen, sizeof(job->gen), "%.23s",
             crd_reply_field(c->j, "gen"));
    snprintf(job->step, sizeof(job->step), "%.11s",
             crd_reply_field(c->j, "step"));
    snprintf(job->look, sizeof(job->look), "%.32s",
             crd_reply_field(c->p, "emh"));
    snprintf(tries, sizeof(tries), "a%.11s.n", job->step);
    job->tries = atoi(crd_reply_field(c->j, tries));

    job->chan = crd_touch_channel(job->policy, job->step);

    plan = strtoll(crd_reply_field(c->j, "plan"), NULL, 10);
    job->latest = plan + s->policy.max_late_ms;

    if (crd_plan_window(&s->policy, c->now, &job->open_from,
                        &job->open_until) != CR_OK)
    {
        crd_log(CRD_ERROR, "time_zone", "site", s->site, NULL);
        job->open_from = c->now + 3600000;
    }

    return job;
}


void
crd_job_free(crd_job_t *job)
{
    crd_job_t  **p;

    for (p = &job->w->jobs; *p != NULL; p = &(*p)->next) {
        if (*p == job) {
            *p = job->next;
            job->w->njobs--;
            break;
        }
    }

    crd_smtp_stop(job);
    explicit_bzero(job->to, sizeof(job->to));
    free(job->mime);
    free(job->policy);
    free(job);
}


static const crd_channel_t *
crd_touch_channel(const cr_policy_t *p, const char *step)
{
    int                   i, n;
    const crd_channel_t  *chan;

    n = atoi(step);
    if (n < 1 || n > p->ntouches) {
        return NULL;
    }

    for (i = 0; i < p->touch[n - 1].nchan; i++) {
        chan = crd_channel((cr_chan_e) p->touch[n - 1].chan[i]);
        if (chan != NULL) {
            return chan;
        }
    }

    return NULL;
}


/* INTENT, as a question or in earnest.  Without an answer from Redis the word
 * is "paused": nothing leaves. */

static crd_word_e
crd_touch_ask(crd_job_t *job, const char *mode, char *detail, size_t cap)
{
    int                 i;
    char                n[8][24];
    redisReply         *p;
    const char         *argv[16];
    crd_word_e          word;
    crd_worker_t       *w;
    const cr_policy_t  *policy;

    w = job->w;
    policy = job->policy;
    detail[0] = '\0';
    job->again = 0;

    if (policy->mode != CR_MODE_ON) {
        snprintf(detail, cap, "mode");
        return CRD_W_PAUSED;
    }

    snprintf(n[0], 24, "%lld", (long long) job->latest);
    snprintf(n[1], 24, "%lld", (long long) job->open_from);
    snprintf(n[2], 24, "%lld", (long long) job->open_until);
    snprintf(n[3], 24, "%lld", (long long) policy->min_gap_ms);
    snprintf(n[4], 24, "%d", policy->per_7d);
    snprintf(n[5], 24, "%lld", (long long) policy->settle_ms);
    snprintf(n[6], 24, "%lld", (long long) w->cf.lease_ms);

    argv[0] = job->jid;
    argv[1] = job->gen;
    argv[2] = job->step;
    argv[3] = mode;
    argv[4] = job->chan->name;
    argv[5] = job->look;
    argv[6] = w->redis.run_id;
    for (i = 0; i < 6; i++) {
        argv[7 + i] = n[i];
    }
    argv[13] = policy->consent_optin ? "1" : "0";
    argv[14] = policy->gpc_no_marketing ? "1" : "0";
    argv[15] = n[6];

    p = crd_redis_script(&w->redis, CR_LUA_INTENT, job->site, 16, argv, NULL);

    if (p == NULL || p->type != REDIS_REPLY_ARRAY || p->elements < 2) {
        snprintf(detail, cap, "redis");
        if (p != NULL) {
            crd_log(CRD_ERROR, "intent", "site", job->site, "text",
                    w->redis.error, NULL);
            freeReplyObject(p);
        }
        return CRD_W_PAUSED;
    }

    word = CRD_W_STOPPED;
    for (i = 0; i < CRD_W_MAX; i++) {
        if (strcmp(crd_word[i], crd_reply_at(p, 0)) == 0) {
            word = (crd_word_e) i;
        }
    }

    if (word == CRD_W_GO) {
        job->hw = strtoll(crd_reply_at(p, 1), NULL, 10);
    } else {
        job->again = strtoll(crd_reply_at(p, 1), NULL, 10);
        w->word[word]++;
    }

    snprintf(detail, cap, "%s", crd_reply_at(p, 2));
    freeReplyObject(p);

    return word;
}


/* The point of no return.  The intent is in Redis and on our own disk before
 * the channel may tell the end of the message. */

int
crd_touch_intent(crd_job_t *job)
{
    char                 detail[64];
    crd_worker_t        *w;
    crd_journal_site_t  *js;

    w = job->w;

    crd_kill("pre_intent");
    job->word = crd_touch_ask(job, "go", detail, sizeof(detail));
    crd_kill("post_intent");

    if (job->word != CRD_W_GO) {
        snprintf(job->ref, sizeof(job->ref), "%s", detail);
        return CR_ERR;
    }

    crd_count(w, intents);
    js = crd_journal_site(&w->journal, job->site);

    if (js == NULL || job->hw <= js->hw) {

        /* Redis counts backwards: it is not the one that we knew */

        crd_log(CRD_ERROR, "high_water", "site", job->site, NULL);
        crd_redis_close(&w->redis);
        snprintf(job->ref, sizeof(job->ref), "high_water");

    } else if (crd_journal_intent(&w->journal, job->site, job->jid, job->step,
                                  job->hw, crd_now(w)) != CR_OK)
    {
        crd_log(CRD_ERROR, "journal", "site", job->site, NULL);
        snprintf(job->ref, sizeof(job->ref), "journal");

    } else if (crd_touch_replicas(job) != CR_OK) {
        snprintf(job->ref, sizeof(job->ref), "replicas");

    } else {
        crd_kill("post_journal");
        job->intent = 1;
        return CR_OK;
    }

    job->word = CRD_W_GO;
    return CR_ERR;
}


static int
crd_touch_replicas(crd_job_t *job)
{
    int          rc;
    redisReply  *p;

    if (job->w->cf.wait_replicas == 0) {
        return CR_OK;
    }

    p = crd_redis(&job->w->redis, "WAIT %d 100", job->w->cf.wait_replicas);
    rc = p != NULL && p->type == REDIS_REPLY_INTEGER
         && p->integer >= job->w->cf.wait_replicas ? CR_OK : CR_ERR;
    if (p != NULL) {
        freeReplyObject(p);
    }

    return rc;
}


/* What follows from INTENT's refusal. */

void
crd_touch_word(crd_job_t *job, const char *detail)
{
    int64_t        now;
    crd_worker_t  *w;

    w = job->w;
    now = crd_now(w);

    switch (job->word) {

    case CRD_W_DUP:
        if (strcmp(detail, "sending") != 0) {
            crd_touch_result(job, detail, "", 0);
        }
        break;

    case CRD_W_SUP:
        crd_touch_stop(job, strcmp(detail, "complaint") == 0
                            || strcmp(detail, "bounced") == 0
                            || strcmp(detail, "erased") == 0
                            ? detail : "unsub");
        crd_touch_result(job, "skip:sup", detail, 0);
        break;

    case CRD_W_CONSENT:
        crd_touch_result(job, "skip:consent", detail, 0);
        break;

    case CRD_W_PAUSED:
    case CRD_W_BLIND:
        if (now > job->latest) {
            crd_touch_result(job, "skip:late", detail, 0);
            break;
        }
        now += (int64_t) ((0.5 + crd_random()) * (double) w->cf.defer_ms);
        crd_touch_defer(job, now < job->latest ? now : job->latest + 1, 0);
        break;

    case CRD_W_CAP:
        if (strcmp(detail, "gap") == 0 || job->again <= job->latest) {
            crd_touch_defer(job, job->again, strcmp(detail, "gap") == 0);
        } else {
            crd_touch_result(job, "skip:cap", detail, 0);
        }
        break;

    case CRD_W_QUIET:
        crd_touch_defer(job, job->again > now ? job->again : now + 1000, 1);
        break;

    case CRD_W_LATE:
        crd_touch_result(job, "skip:late", "", 0);
        break;

    default:

        /* stopped, fenced, step: the touch is no longer ours */

        crd_log(CRD_INFO, "dropped", "site", job->site, "j", job->jid, "step",
                job->step, "word", crd_word[job->word], NULL);
        break;
    }
}


int
crd_touch_result(crd_job_t *job, const char *outcome, const char *ref,
    int64_t again)
{
    int            rc;
    char           at[24];
    redisReply    *p;
    crd_site_t    *s;
    const char    *argv[7];
    crd_worker_t  *w;

    w = job->w;
    snprintf(at, sizeof(at), "%lld", (long long) again);

    argv[0] = job->jid;
    argv[1] = job->gen;
    argv[2] = job->step;
    argv[3] = outcome;
    argv[4] = ref;
    argv[5] = job->plan;
    argv[6] = at;

    p = crd_redis_script(&w->redis, CR_LUA_RESULT, job->site, 7, argv, NULL);
    rc = p != NULL && p->type != REDIS_REPLY_ERROR ? CR_OK : CR_ERR;

    if (p != NULL) {
        if (rc != CR_OK) {
            crd_log(CRD_ERROR, "result", "site", job->site, "text",
                    w->redis.error, NULL);
        }
        freeReplyObject(p);
    }

    if (rc == CR_OK && strncmp(outcome, "skip:", 5) == 0) {
        crd_count(w, skipped);
        crd_log(CRD_INFO, "skip", "site", job->site, "j", job->jid, "step",
                job->step, "why", outcome + 5, NULL);
    }

    s = crd_site(w, job->site);
    if (s != NULL) {
        s->next_due = 0;
    }

    return rc;
}


static void
crd_touch_defer(crd_job_t *job, int64_t due, int moves)
{
    char         at[24];
    redisReply  *p;
    const char  *argv[4];

    snprintf(at, sizeof(at), "%lld", (long long) due);

    argv[0] = job->jid;
    argv[1] = job->gen;
    argv[2] = at;
    argv[3] = moves ? "1" : "0";

    p = crd_redis_script(&job->w->redis, CR_LUA_DEFER, job->site, 4, argv,
                         NULL);
    if (p != NULL) {
        crd_count(job->w, deferred);
        freeReplyObject(p);
    }
}


void
crd_touch_stop(crd_job_t *job, const char *why)
{
    redisReply  *p;
    const char  *argv[5];

    argv[0] = "a";
    argv[1] = job->look;
    argv[2] = why;
    argv[3] = job->chan->name;
    argv[4] = "worker";

    p = crd_redis_script(&job->w->redis, CR_LUA_STOP, job->site, 5, argv,
                         NULL);
    if (p != NULL) {
        freeReplyObject(p);
    }

    if (job->chan->suppress != NULL) {
        job->chan->suppress(job->w, job->site, job->look);
    }
}


double
crd_random(void)
{
    uint32_t  n;

    if (cr_random(&n, sizeof(n)) != CR_OK) {
        return 0.5;
    }

    return (double) n / 4294967296.0;
}
