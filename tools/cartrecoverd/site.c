#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kill.h"
#include "log.h"
#include "worker.h"


#define CRD_REAP_LIMIT  "200"


static void crd_site_add(crd_worker_t *w, const char *name);
static void crd_site_policy(crd_worker_t *w, crd_site_t *s);
static void crd_site_read(crd_worker_t *w, crd_site_t *s, const char *json,
    size_t len);
static int crd_site_group(crd_worker_t *w, crd_site_t *s);
static void crd_site_reap(crd_worker_t *w, crd_site_t *s);
static int crd_site_name(const char *p);


crd_site_t *
crd_site(crd_worker_t *w, const char *name)
{
    int  i;

    for (i = 0; i < w->nsites; i++) {
        if (strcmp(w->site[i]->site, name) == 0) {
            return w->site[i];
        }
    }

    return NULL;
}


/* Sites come and go with cr:sites; a policy is read again when its version
 * changes. */

void
crd_sites_refresh(crd_worker_t *w)
{
    int          i, n;
    size_t       k;
    redisReply  *p;

    p = crd_redis(&w->redis, "SMEMBERS cr:sites");
    if (p == NULL || p->type != REDIS_REPLY_ARRAY) {
        if (p != NULL) {
            freeReplyObject(p);
        }
        return;
    }

    for (i = 0; i < w->nsites; i++) {
        w->site[i]->alive = 0;
    }

    for (k = 0; k < p->elements; k++) {
        crd_site_add(w, crd_reply_at(p, k));
    }

    freeReplyObject(p);

    for (i = n = 0; i < w->nsites; i++) {
        if (w->site[i]->alive) {
            w->site[n++] = w->site[i];
        } else {
            crd_log(CRD_INFO, "site_gone", "site", w->site[i]->site, NULL);
            free(w->site[i]);
        }
    }
    w->nsites = n;

    for (i = 0; i < w->nsites && w->redis.c != NULL; i++) {
        crd_site_policy(w, w->site[i]);
        if (!w->site[i]->grouped) {
            w->site[i]->grouped = crd_site_group(w, w->site[i]) == CR_OK;
        }
        if (!w->site[i]->healed) {
            w->site[i]->healed = crd_heal(w, w->site[i]) == CR_OK;
        }
        if (w->site[i]->grouped) {
            crd_ingest_orphans(w, w->site[i]);
        }
    }
}


static void
crd_site_add(crd_worker_t *w, const char *name)
{
    crd_site_t  *s;

    if (!crd_site_name(name)) {
        return;
    }

    s = crd_site(w, name);

    if (s == NULL) {
        if (w->nsites == CRD_SITES_MAX) {
            return;
        }
        s = calloc(1, sizeof(*s));
        if (s == NULL) {
            return;
        }
        snprintf(s->site, sizeof(s->site), "%s", name);
        strcpy(s->delays, "2700000 1800000 900000");
        w->site[w->nsites++] = s;
        crd_log(CRD_INFO, "site", "site", s->site, NULL);
    }

    s->alive = 1;
}


static int
crd_site_name(const char *p)
{
    size_t  n;

    n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n > 0 && n <= 32 && p[n] == '\0' && p[0] != '-';
}


void
crd_sites_forget(crd_worker_t *w)
{
    int  i;

    for (i = 0; i < w->nsites; i++) {
        w->site[i]->grouped = 0;
        w->site[i]->healed = 0;
        w->site[i]->next_due = 0;
        strcpy(w->site[i]->gate, "redis");
    }
}


static void
crd_site_policy(crd_worker_t *w, crd_site_t *s)
{
    redisReply  *p, *q;
    const char  *ver;

    p = crd_redis(&w->redis, "HMGET cr:{%s}:policy ver", s->site);
    if (p == NULL || p->type != REDIS_REPLY_ARRAY) {
        if (p != NULL) {
            freeReplyObject(p);
        }
        return;
    }

    ver = crd_reply_at(p, 0);
    if (*ver == '\0') {
        ver = "none";
    }

    if (strcmp(ver, s->ver) != 0) {
        q = crd_redis(&w->redis, "HGET cr:{%s}:policy json", s->site);
        if (q != NULL) {
            snprintf(s->ver, sizeof(s->ver), "%s", ver);
            crd_site_read(w, s, crd_reply_str(q), strlen(crd_reply_str(q)));
            freeReplyObject(q);
        }
    }

    freeReplyObject(p);
}


static void
crd_site_read(crd_worker_t *w, crd_site_t *s, const char *json, size_t len)
{
    int          n;
    cr_error_t   err;
    cr_policy_t  policy;

    s->usable = 0;
    memset(&err, 0, sizeof(err));

    if (len == 0) {
        crd_count(w, policy_errors);
        crd_log(CRD_WARN, "policy_missing", "site", s->site, NULL);
        return;
    }

    n = cr_policy_parse(&policy, json, len, &err, 1);
    if (n == 0) {

        /* the waits are known even where a sender is still missing */

        s->policy = policy;
        crd_plan_texts(s);
        n = cr_policy_check_sending(&policy, &err, 1);
    }
    if (n == 0 && strcmp(policy.site, s->site) != 0) {
        snprintf(err.path, sizeof(err.path), "$.shop.id");
        snprintf(err.text, sizeof(err.text), "is another site's");
        n = 1;
    }

    if (n != 0) {
        crd_count(w, policy_errors);
        crd_log(CRD_ERROR, "policy_refused", "site", s->site, "path",
                err.path, "line", crd_num(err.line), "text", err.text, NULL);
        return;
    }

    s->usable = 1;
    s->next_due = 0;

    crd_log(CRD_INFO, "policy", "site", s->site, "ver", s->ver, "touches",
            crd_num(policy.ntouches), "mode", cr_mode_word[policy.mode],
            NULL);
}


static int
crd_site_group(crd_worker_t *w, crd_site_t *s)
{
    int          rc;
    redisReply  *p;

    p = crd_redis(&w->redis, "XGROUP CREATE cr:{%s}:in w 0 MKSTREAM", s->site);
    if (p == NULL) {
        return CR_ERR;
    }

    rc = p->type != REDIS_REPLY_ERROR || strncmp(p->str, "BUSYGROUP", 9) == 0
         ? CR_OK : CR_ERR;
    freeReplyObject(p);

    return rc;
}


void
crd_sites_reap(crd_worker_t *w)
{
    int  i;

    for (i = 0; i < w->nsites && w->redis.c != NULL; i++) {
        crd_site_reap(w, w->site[i]);
    }
}


static void
crd_site_reap(crd_worker_t *w, crd_site_t *s)
{
    char         settle[24], horizon[24];
    redisReply  *p;
    const char  *argv[6], *why;

    snprintf(settle, sizeof(settle), "%lld",
             (long long) (s->usable ? s->policy.settle_ms : 120000));
    snprintf(horizon, sizeof(horizon), "%lld", (long long) s->horizon);

    argv[0] = w->journal.id;
    argv[1] = w->redis.run_id;
    argv[2] = s->usable ? s->plan : "";
    argv[3] = settle;
    argv[4] = horizon;
    argv[5] = CRD_REAP_LIMIT;

    crd_kill("pre_reap");
    p = crd_redis_script(&w->redis, CR_LUA_REAP, s->site, 6, argv, NULL);
    crd_kill("post_reap");

    if (p == NULL || p->type != REDIS_REPLY_ARRAY || p->elements < 10) {
        if (p != NULL) {
            crd_log(CRD_ERROR, "reap", "site", s->site, "text",
                    w->redis.error, NULL);
            freeReplyObject(p);
        }
        return;
    }

    w->n[CRD_N_reaped] += (uint64_t) p->element[1]->integer;
    w->n[CRD_N_unknown] += (uint64_t) p->element[2]->integer;
    w->n[CRD_N_poisoned] += (uint64_t) p->element[3]->integer;

    why = crd_reply_at(p, 4);
    if (strcmp(why, s->gate) != 0) {
        crd_log(CRD_INFO, *why ? "gate_closed" : "gate_open", "site", s->site,
                "why", why, NULL);
        snprintf(s->gate, sizeof(s->gate), "%s", why);
    }

    s->due = p->element[5]->integer;
    s->lease = p->element[6]->integer;
    s->first_due = strtoll(crd_reply_at(p, 7), NULL, 10);
    s->entries = p->element[8]->integer;
    s->hw = strtoll(crd_reply_at(p, 9), NULL, 10);
    s->next_due = 0;

    if (s->healed) {
        crd_journal_beat(&w->journal, s->site,
                         strtoll(crd_reply_at(p, 0), NULL, 10));
    }

    freeReplyObject(p);
}
