#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "worker.h"


#define CRD_REPLAY  28           /* intents of one call */

typedef struct {
    crd_worker_t  *w;
    crd_site_t    *s;
    int            n;
    int64_t        healed;
    char           jid[CRD_REPLAY][33];
    char           step[CRD_REPLAY][12];
} crd_replay_t;


static redisReply *crd_heal_call(crd_worker_t *w, crd_site_t *s, int argc,
    const char **argv);
static int crd_heal_replay(crd_worker_t *w, crd_site_t *s, int64_t *healed);
static int crd_heal_add(void *data, const char *jid, const char *step);
static int crd_heal_flush(crd_replay_t *r);
static int crd_heal_done(crd_worker_t *w, crd_site_t *s,
    const crd_journal_site_t *js, const char *epoch, const char *pause);
static const char *crd_heal_doubt(const crd_worker_t *w,
    const crd_journal_site_t *js, const redisReply *look);


/*
 * An ordinary restart of Redis (a new run id, the last seconds gone) is healed:
 * what the journal holds and Redis forgot becomes "unknown" and is not sent
 * again.  A Redis that is older than that, or another one, has also forgotten
 * orders and opt-outs: the site is paused until an operator resumes it.
 */

int
crd_heal(crd_worker_t *w, crd_site_t *s)
{
    int                  rc;
    char                 epoch[36];
    int64_t              healed;
    uint8_t              raw[16];
    redisReply          *look;
    const char          *doubt;
    crd_journal_site_t  *js;
    const char          *argv[1];

    js = crd_journal_site(&w->journal, s->site);
    argv[0] = "look";
    look = js ? crd_heal_call(w, s, 1, argv) : NULL;
    if (look == NULL) {
        return CR_ERR;
    }

    doubt = crd_heal_doubt(w, js, look);
    healed = 0;
    rc = CR_OK;

    if (*doubt == '\0' && strcmp(crd_reply_at(look, 2), w->redis.run_id) == 0
        && js->epoch[0] != '\0')
    {
        freeReplyObject(look);
        return CR_OK;
    }

    snprintf(epoch, sizeof(epoch), "%s", crd_reply_at(look, 0));
    if (epoch[0] == '\0') {
        if (cr_random(raw, sizeof(raw)) != CR_OK) {
            freeReplyObject(look);
            return CR_ERR;
        }
        cr_id_hex((cr_id_t *) raw, epoch);
    }
    freeReplyObject(look);

    rc = crd_heal_replay(w, s, &healed);
    if (rc == CR_OK) {
        rc = crd_heal_done(w, s, js, epoch, doubt);
    }

    if (*doubt) {
        crd_log(CRD_ERROR, "restored", "site", s->site, "why", doubt,
                "replayed", crd_num(healed), "cure", "cartrecover resume",
                NULL);
    } else if (rc == CR_OK) {
        crd_log(CRD_INFO, "healed", "site", s->site, "replayed",
                crd_num(healed), NULL);
    }

    return rc;
}


static const char *
crd_heal_doubt(const crd_worker_t *w, const crd_journal_site_t *js,
    const redisReply *look)
{
    int64_t      hw, beat;
    const char  *epoch;

    epoch = crd_reply_at(look, 0);
    hw = strtoll(crd_reply_at(look, 1), NULL, 10);
    beat = strtoll(crd_reply_at(look, 3), NULL, 10);

    if (js->epoch[0] == '\0') {
        return "";
    }
    if (strcmp(js->epoch, epoch) != 0) {
        return "epoch";
    }
    if (beat > 0 && js->beat - beat > w->cf.heal_ms) {
        return "older";
    }
    if (hw < js->hw
        && (beat == 0
            || strcmp(crd_reply_at(look, 2), w->redis.run_id) == 0))
    {
        return "high_water";
    }

    return "";
}


static redisReply *
crd_heal_call(crd_worker_t *w, crd_site_t *s, int argc, const char **args)
{
    int          i;
    redisReply  *p;
    const char  *argv[CRD_ARGS];

    argv[0] = args[0];
    argv[1] = w->journal.id;
    argv[2] = w->redis.run_id;

    for (i = 1; i < argc; i++) {
        argv[i + 2] = args[i];
    }

    p = crd_redis_script(&w->redis, CR_LUA_HEAL, s->site, argc + 2, argv,
                         NULL);

    if (p != NULL && p->type == REDIS_REPLY_ERROR) {
        crd_log(CRD_ERROR, "heal", "site", s->site, "text", w->redis.error,
                NULL);
        freeReplyObject(p);
        return NULL;
    }

    return p;
}


static int
crd_heal_replay(crd_worker_t *w, crd_site_t *s, int64_t *healed)
{
    int            rc;
    crd_replay_t   r;

    memset(&r, 0, sizeof(r));
    r.w = w;
    r.s = s;

    rc = crd_journal_each(&w->journal, s->site, crd_heal_add, &r);
    if (rc == CR_OK) {
        rc = crd_heal_flush(&r);
    }

    *healed = r.healed;
    w->n[CRD_N_healed] += (uint64_t) r.healed;

    return rc;
}


static int
crd_heal_add(void *data, const char *jid, const char *step)
{
    crd_replay_t  *r = data;

    snprintf(r->jid[r->n], sizeof(r->jid[0]), "%.32s", jid);
    snprintf(r->step[r->n], sizeof(r->step[0]), "%.11s", step);

    return ++r->n == CRD_REPLAY ? crd_heal_flush(r) : CR_OK;
}


static int
crd_heal_flush(crd_replay_t *r)
{
    int          i;
    redisReply  *p;
    const char  *argv[1 + 2 * CRD_REPLAY];

    if (r->n == 0) {
        return CR_OK;
    }

    argv[0] = "replay";
    for (i = 0; i < r->n; i++) {
        argv[1 + 2 * i] = r->jid[i];
        argv[2 + 2 * i] = r->step[i];
    }

    p = crd_heal_call(r->w, r->s, 1 + 2 * r->n, argv);
    if (p == NULL) {
        return CR_ERR;
    }

    r->healed += p->integer;
    r->n = 0;
    freeReplyObject(p);

    return CR_OK;
}


static int
crd_heal_done(crd_worker_t *w, crd_site_t *s, const crd_journal_site_t *js,
    const char *epoch, const char *pause)
{
    int          rc;
    char         hw[24];
    redisReply  *p;
    const char  *argv[4];

    snprintf(hw, sizeof(hw), "%lld", (long long) js->hw);

    argv[0] = "done";
    argv[1] = epoch;
    argv[2] = hw;
    argv[3] = *pause ? "restored" : "";

    p = crd_heal_call(w, s, 4, argv);
    if (p == NULL) {
        return CR_ERR;
    }

    rc = strcmp(crd_reply_at(p, 0), "open") == 0 ? CR_OK : CR_ERR;
    if (rc != CR_OK) {
        crd_log(CRD_WARN, "journal_missing", "site", s->site, NULL);
    }

    /* the epoch that stands, which may be another worker's */

    if (crd_journal_epoch(&w->journal, s->site, crd_reply_at(p, 1)) != CR_OK) {
        rc = CR_ERR;
    }

    freeReplyObject(p);

    return rc;
}
