#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kill.h"
#include "log.h"
#include "worker.h"


#define CRD_CLAIMS  64           /* of one site in one turn */


static void crd_journey_gate(crd_worker_t *w, crd_site_t *s, const char *jid,
    const crd_claim_t *c);


int
crd_journeys(crd_worker_t *w, crd_site_t *s)
{
    int          n;
    char         lease[24];
    redisReply  *p;
    crd_claim_t  c;
    const char  *argv[2], *jid, *st;

    if (!s->usable || w->held) {
        return 0;
    }

    snprintf(lease, sizeof(lease), "%lld", (long long) w->cf.lease_ms);
    argv[0] = lease;
    argv[1] = w->journal.id;

    for (n = 0; n < CRD_CLAIMS; n++) {
        if (w->njobs >= w->cf.max_sends || s->next_due > crd_now(w)) {
            break;
        }

        crd_kill("pre_claim");
        p = crd_redis_script(&w->redis, CR_LUA_CLAIM, s->site, 2, argv, NULL);
        if (p == NULL) {
            break;
        }

        if (strcmp(crd_reply_at(p, 0), "job") != 0 || p->elements < 7) {
            if (p->type == REDIS_REPLY_ERROR) {
                crd_log(CRD_ERROR, "claim", "site", s->site, "text",
                        w->redis.error, NULL);
            }
            s->next_due = strtoll(crd_reply_at(p, 1), NULL, 10);
            if (s->next_due == 0) {
                s->next_due = crd_now(w) + w->cf.poll_ms;
            }
            freeReplyObject(p);
            break;
        }

        crd_count(w, claims);
        crd_kill("post_claim");

        jid = crd_reply_at(p, 1);
        c.now = strtoll(crd_reply_at(p, 2), NULL, 10);
        c.j = p->element[3];
        c.p = p->element[4];
        c.v = p->element[5];
        c.sup = crd_reply_at(p, 6);

        st = crd_reply_field(c.j, "st");
        if (strcmp(st, "run") == 0 || strcmp(st, "holdout") == 0) {
            crd_touch(w, s, jid, &c);
        } else {
            crd_journey_gate(w, s, jid, &c);
        }

        freeReplyObject(p);
    }

    return n;
}


static void
crd_journey_gate(crd_worker_t *w, crd_site_t *s, const char *jid,
    const crd_claim_t *c)
{
    char           t0[24];
    int64_t        act, delay;
    redisReply    *p;
    const char    *argv[8], *stage, *answer;
    crd_verdict_t  v;

    crd_gate(w, s, c, &v);

    /* the abandonment began when the wait was over, not when we looked */

    stage = crd_reply_field(c->j, "stage");
    delay = strcmp(stage, "payment") == 0 ? s->policy.abandon.payment_ms
            : strcmp(stage, "checkout") == 0 || strcmp(stage, "contact") == 0
              || strcmp(stage, "shipping") == 0
            ? s->policy.abandon.checkout_ms : s->policy.abandon.cart_ms;
    act = strtoll(crd_reply_field(c->j, "act"), NULL, 10) + delay;
    snprintf(t0, sizeof(t0), "%lld", (long long) (act < c->now ? act : c->now));

    argv[0] = jid;
    argv[1] = crd_reply_field(c->j, "gen");
    argv[2] = v.state;
    argv[3] = v.why;
    argv[4] = v.arm;
    argv[5] = v.epoch;
    argv[6] = t0;
    argv[7] = s->plan;

    crd_kill("pre_gate");
    p = crd_redis_script(&w->redis, CR_LUA_GATE, s->site, 8, argv, NULL);
    crd_kill("post_gate");
    if (p == NULL) {
        return;
    }

    answer = crd_reply_str(p);
    crd_count(w, gated);
    if (strcmp(answer, "run") == 0) {
        crd_count(w, run);
    } else if (strcmp(answer, "holdout") == 0) {
        crd_count(w, holdout);
    }

    s->next_due = 0;
    crd_log(CRD_INFO, "gate", "site", s->site, "j", jid, "st", answer, "why",
            v.why, NULL);

    freeReplyObject(p);
}
