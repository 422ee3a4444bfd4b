#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "kill.h"
#include "log.h"


const char *const  crd_class_word[] = {
    "sent", "permanent", "bounced", "retry", "host", "unknown", "no_intent"
};


static void crd_outcome_settle(crd_job_t *job);
static int crd_outcome_host(crd_job_t *job);
static int crd_outcome_no_intent(crd_job_t *job);
static int crd_outcome_retry(crd_job_t *job);
static void crd_outcome_cool(crd_worker_t *w, int failed);


/* The transfer is over; job->class says what it means. */

void
crd_touch_done(crd_job_t *job)
{
    job->ended = 1;

    crd_log(CRD_INFO, "touch", "site", job->site, "j", job->jid, "step",
            job->step, "class", crd_class_word[job->class], "code",
            crd_num(job->code), "word",
            job->class == CRD_NO_INTENT ? crd_word[job->word] : "",
            "detail", job->ref, NULL);

    crd_kill("pre_result");
    crd_outcome_settle(job);
}


/* Outcomes that Redis could not take are offered again after a reconnect. */

void
crd_touch_waiting(crd_worker_t *w)
{
    crd_job_t  *job, *next;

    for (job = w->jobs; job != NULL && w->redis.c != NULL; job = next) {
        next = job->next;
        if (job->waiting) {
            job->waiting = 0;
            crd_outcome_settle(job);
        }
    }
}


static void
crd_outcome_settle(crd_job_t *job)
{
    int            rc;
    crd_worker_t  *w;

    w = job->w;
    rc = CR_OK;

    if (w->redis.c == NULL) {
        job->waiting = 1;
        return;
    }

    switch (job->class) {

    case CRD_SENT:
        rc = crd_touch_result(job, "sent", job->ref, 0);
        if (rc == CR_OK) {
            crd_count(w, sent);
            crd_outcome_cool(w, 0);
        }
        break;

    case CRD_UNKNOWN:
        rc = crd_touch_result(job, "unknown", job->ref, 0);
        if (rc == CR_OK) {
            crd_count(w, unknown);
        }
        break;

    case CRD_PERMANENT:
    case CRD_BOUNCED:
        if (job->class == CRD_BOUNCED) {
            crd_touch_stop(job, "bounced");
        }
        rc = crd_touch_result(job, "refused", job->ref, 0);
        if (rc == CR_OK) {
            w->n[CRD_N_bounced] += job->class == CRD_BOUNCED;
            crd_count(w, refused);
            crd_outcome_cool(w, 0);
        }
        break;

    case CRD_HOST:
        rc = crd_outcome_host(job);
        break;

    case CRD_RETRY:
        rc = crd_outcome_retry(job);
        break;

    default:
        rc = crd_outcome_no_intent(job);
        break;
    }

    /* an outcome that Redis could not take is offered again, for as long as
     * its lease could have lasted; then REAP's word stands */

    if (w->redis.c == NULL
        || (rc != CR_OK && w->mono - job->started < 2 * w->cf.lease_ms))
    {
        job->waiting = 1;
        return;
    }

    crd_kill("post_result");
    crd_job_free(job);
}


/* Nobody there, login, a word about the sender: the journey waits, no try is
 * used, and the channel pauses when it goes on. */

static int
crd_outcome_host(crd_job_t *job)
{
    int            rc;
    crd_worker_t  *w;

    w = job->w;

    if (job->intent) {
        crd_journal_back(&w->journal, job->site, job->jid, job->step, job->hw,
                         crd_now(w));
    }

    rc = crd_touch_result(job, "back", job->ref,
                          crd_now(w) + (int64_t) ((0.5 + crd_random())
                                                * (double) w->cf.defer_ms));
    if (rc == CR_OK) {
        crd_count(w, config_errors);
        crd_outcome_cool(w, 1);
    }

    return rc;
}


/* The message did not end: INTENT said no, or it was taken (or perhaps taken,
 * when Redis was lost over it) and could not be used. */

static int
crd_outcome_no_intent(crd_job_t *job)
{
    char           detail[64];
    crd_worker_t  *w;

    w = job->w;

    if (job->word != CRD_W_GO
        && (job->word != CRD_W_PAUSED || strcmp(job->ref, "redis") != 0))
    {
        snprintf(detail, sizeof(detail), "%.63s", job->ref);
        crd_touch_word(job, detail);
        return CR_OK;
    }

    crd_count(w, taken_back);

    if (job->word == CRD_W_GO) {
        crd_journal_back(&w->journal, job->site, job->jid, job->step, job->hw,
                         crd_now(w));
    }

    return crd_touch_result(job, "back", job->ref,
                            crd_now(w) + w->cf.defer_ms);
}


/* The server holds nothing: the same touch again later, not for ever. */

static int
crd_outcome_retry(crd_job_t *job)
{
    int            n;
    int64_t        again;
    crd_worker_t  *w;

    w = job->w;

    if (job->intent) {
        crd_journal_back(&w->journal, job->site, job->jid, job->step, job->hw,
                         crd_now(w));
    }

    if (job->code == 421) {
        crd_outcome_cool(w, 1);
    }

    n = job->tries;

    if (n < w->cf.nretries) {
        again = crd_now(w)
                + (int64_t) ((0.5 + crd_random() / 2)
                             * (double) w->cf.retry_ms[n]);
        if (again <= job->latest) {
            crd_count(w, retries);
            return crd_touch_result(job, "retry", job->ref, again);
        }
        return crd_touch_result(job, "skip:late", job->ref, 0);
    }

    return crd_touch_result(job, "skip:retries", job->ref, 0);
}


/* Five failures of the host in a row: nothing is tried for a while, and the
 * journeys wait. */

static void
crd_outcome_cool(crd_worker_t *w, int failed)
{
    int      n;
    int64_t  ms;

    if (!failed) {
        if (w->fails >= CRD_COOL_FAILS) {
            crd_log(CRD_WARN, "channel_back", NULL);
        }
        w->fails = 0;
        w->cool_until = 0;
        return;
    }

    if (++w->fails < CRD_COOL_FAILS) {
        return;
    }

    n = w->fails - CRD_COOL_FAILS;
    ms = w->cf.defer_ms << (n < 7 ? n : 7);
    w->cool_until = w->mono + (ms < 600000 ? ms : 600000);

    crd_log(CRD_ERROR, "channel_paused", "failures", crd_num(w->fails), "ms",
            crd_num(w->cool_until - w->mono), NULL);
}
