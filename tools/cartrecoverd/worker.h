/*
 * worker.h: what the parts of cartrecoverd share.  One thread, one loop:
 *
 *     site.c     which sites there are, their policies, the state of the gates
 *     heal.c     Redis against the journal
 *     ingest.c   events of the log into the state
 *     journey.c  what is due: gates, touches
 *     touch.c    one attempt: INTENT before it
 *     outcome.c  and RESULT after it
 *     plan.c     the schedule: delays, quiet hours
 *     render.c   the message's text
 *     channel.h  how it leaves; email.c and smtp.c are the first channel
 *     health.c   /healthz and /metrics
 */

#ifndef CRD_WORKER_H
#define CRD_WORKER_H

#include <curl/curl.h>
#include <poll.h>

#include "config.h"
#include "cr_policy.h"
#include "journal.h"
#include "redis.h"


#define CRD_SITES_MAX   4096
#define CRD_CLIENTS     16
#define CRD_COOL_FAILS  5        /* failures in a row that pause a channel */

typedef struct crd_worker_s   crd_worker_t;
typedef struct crd_site_s     crd_site_t;
typedef struct crd_job_s      crd_job_t;
typedef struct crd_channel_s  crd_channel_t;
typedef struct crd_client_s   crd_client_t;

/* name, help: counters of this process */

#define CRD_COUNTERS(X)                                                       \
    X(ingested, "events folded")                                              \
    X(ingest_dup, "events dropped as duplicates")                             \
    X(ingest_dead, "events that could not be read")                           \
    X(claims, "journeys claimed")                                             \
    X(gated, "abandoned carts judged")                                        \
    X(holdout, "carts that went to the holdout")                              \
    X(run, "carts that went to the sequence")                                 \
    X(would_send, "touches of the holdout that were not sent")                \
    X(intents, "intents taken")                                               \
    X(sent, "messages the server accepted")                                   \
    X(refused, "messages the server refused for good")                        \
    X(unknown, "messages of unknown fate")                                    \
    X(retries, "attempts put off to a later try")                             \
    X(deferred, "touches put back without a try")                             \
    X(taken_back, "intents taken back")                                       \
    X(skipped, "touches skipped")                                             \
    X(reaped, "leases ended for a lost worker")                               \
    X(poisoned, "touches that failed three times without intent")             \
    X(bounced, "addresses suppressed after a bounce")                         \
    X(redis_losses, "Redis connections lost")                                 \
    X(config_errors, "attempts refused for a reason of ours")                 \
    X(policy_errors, "policies that could not be used")                       \
    X(healed, "intents replayed from the journal")

#define CRD_ENUM_COUNTER(n, help)  CRD_N_##n,

enum { CRD_COUNTERS(CRD_ENUM_COUNTER)  CRD_N_MAX };

/* INTENT's answers */

#define CRD_WORDS(X)                                                          \
    X(GO, "go") X(STOPPED, "stopped") X(FENCED, "fenced") X(STEP, "step")     \
    X(DUP, "dup") X(SUP, "sup") X(CONSENT, "consent") X(PAUSED, "paused")     \
    X(CAP, "cap") X(QUIET, "quiet") X(BLIND, "blind") X(LATE, "late")

#define CRD_ENUM_WORD(n, w)  CRD_W_##n,

typedef enum { CRD_WORDS(CRD_ENUM_WORD)  CRD_W_MAX } crd_word_e;

extern const char *const  crd_word[CRD_W_MAX];

struct crd_site_s {
    char         site[33];
    char         ver[96];        /* of the policy that was looked at */
    cr_policy_t  policy;
    uint8_t      usable;         /* policy valid and complete for sending */
    uint8_t      alive;
    uint8_t      grouped;        /* the consumer group exists */
    uint8_t      healed;         /* with the run of Redis at hand */
    char         plan[256];      /* "GAP AFTER1 ..." */
    char         delays[80];     /* "CART CHECKOUT PAYMENT" */
    char         gate[16];       /* why nothing may leave, "" = open */
    int64_t      horizon;
    int64_t      next_due;       /* ms of Redis; 0 = look */
    int64_t      due, lease, first_due, entries, hw;
};

struct crd_worker_s {
    crd_config_t    cf;
    crd_redis_t     redis;
    crd_journal_t   journal;
    CURLM          *multi;

    crd_site_t     *site[CRD_SITES_MAX];
    int             nsites;

    crd_job_t      *jobs;        /* in flight, or waiting for Redis */
    int             njobs;

    int             signal_fd;
    int             listen_fd;
    crd_client_t   *client[CRD_CLIENTS];

    int64_t         mono;        /* ms, monotonic, of this turn */
    int64_t         skew;        /* Redis time - ours, ms */
    int64_t         last_turn;   /* when the scheduler last went round */
    int64_t         refreshed, reaped, redis_seen;
    int64_t         reconnect_at;
    int             reconnect_ms;
    uint8_t         stopping;
    uint8_t         reload;
    uint8_t         held;        /* the clocks are too far apart */
    uint8_t         busy;        /* more work is waiting: do not sleep */

    int             fails;       /* of the channel, in a row */
    int64_t         cool_until;  /* monotonic; nothing is tried before */

    uint64_t        n[CRD_N_MAX];
    uint64_t        word[CRD_W_MAX];
    int64_t         started;
};

/* One attempt at one touch.  Texts are as Redis wants them back. */

struct crd_job_s {
    crd_job_t      *next;
    crd_worker_t   *w;
    const crd_channel_t  *chan;

    char            site[33], jid[33], gen[24], step[12];
    char            look[33];    /* of the address */
    char            to[288];
    char            plan[256];
    cr_policy_t    *policy;      /* a copy: the site may be reloaded */
    int64_t         latest, open_from, open_until;
    int64_t         hw;
    int64_t         started;
    int             tries;

    uint8_t         intent;      /* INTENT said go: the end may be told */
    uint8_t         named;       /* the server was told the recipient */
    uint8_t         ended;       /* transfer is over, outcome below */
    uint8_t         waiting;     /* for Redis, to take the outcome */
    crd_word_e      word;        /* INTENT's refusal */
    int64_t         again;       /* when it may be tried again, or 0 */

    int             class;       /* crd_class_e */
    int             code;
    char            ref[128];

    char           *mime;
    size_t          size, pos;
    CURL           *easy;
    struct curl_slist *rcpt;
    char            reply[256];  /* the server's last line */
    char            error[CURL_ERROR_SIZE];
};


int64_t crd_now(const crd_worker_t *w);      /* ms of Redis' clock */
int64_t crd_mono(void);

#define crd_count(w, name)  ((w)->n[CRD_N_##name]++)


/* site.c */

void crd_sites_refresh(crd_worker_t *w);
void crd_sites_forget(crd_worker_t *w);      /* the connection was lost */
void crd_sites_reap(crd_worker_t *w);
crd_site_t *crd_site(crd_worker_t *w, const char *name);

/* heal.c: CR_OK when the site may send as far as the journal knows. */

int crd_heal(crd_worker_t *w, crd_site_t *s);

/* ingest.c: folds what is in the log; returns how many. */

int crd_ingest(crd_worker_t *w, crd_site_t *s);
void crd_ingest_orphans(crd_worker_t *w, crd_site_t *s);
void crd_jid(const crd_worker_t *w, const char *site, const char *vid,
    const char *generation, char out[CR_ID_HEX_LEN + 1]);

/* journey.c: claims and handles what is due; returns how many. */

int crd_journeys(crd_worker_t *w, crd_site_t *s);

/* plan.c */

void crd_plan_texts(crd_site_t *s);

/* The window in which a message may leave around now: closed until *from (0:
 * it is open), open until *until.  CR_ERR for an unknown time zone. */

int crd_plan_window(const cr_policy_t *p, int64_t now, int64_t *from,
    int64_t *until);

/* gate.c: the verdict over an abandoned cart. */

typedef struct {
    const redisReply  *j, *p, *v;    /* flat hashes */
    const char        *sup;
    int64_t            now;
} crd_claim_t;

typedef struct {
    const char  *state;          /* run, holdout or terminal */
    const char  *why;
    char         text[16];
    char         arm[12];
    char         epoch[24];
} crd_verdict_t;

void crd_gate(const crd_worker_t *w, const crd_site_t *s,
    const crd_claim_t *c, crd_verdict_t *v);

/* touch.c: an attempt, and what it tells Redis.  _word follows INTENT's
 * refusal; _result is RESULT with a reference and the time of the next try. */

void crd_touch(crd_worker_t *w, crd_site_t *s, const char *jid,
    const crd_claim_t *c);
int crd_touch_intent(crd_job_t *job);        /* CR_OK = go */
void crd_touch_word(crd_job_t *job, const char *detail);
int crd_touch_result(crd_job_t *job, const char *outcome, const char *ref,
    int64_t again);
void crd_touch_stop(crd_job_t *job, const char *why);
void crd_job_free(crd_job_t *job);
double crd_random(void);                     /* in [0, 1) */

/* outcome.c: what the end of a transfer means (class, code, ref are set), and
 * the outcomes that Redis could not take at once. */

void crd_touch_done(crd_job_t *job);
void crd_touch_waiting(crd_worker_t *w);

/* render.c: text and html into a MIME message (job->mime), or CR_ERR with
 * err->text. */

int crd_render(crd_job_t *job, const crd_claim_t *c, cr_error_t *err);

/* health.c */

int crd_health_open(crd_worker_t *w, cr_error_t *err);
void crd_health_close(crd_worker_t *w);
int crd_health_fds(crd_worker_t *w, struct curl_waitfd *fds, int max);
void crd_health_poll(crd_worker_t *w);
char *crd_metrics(crd_worker_t *w, size_t *len);
char *crd_healthz(crd_worker_t *w, size_t *len, int *ok);

/* notify.c: systemd's readiness protocol; nothing without NOTIFY_SOCKET. */

void crd_notify(const char *state);

#endif
