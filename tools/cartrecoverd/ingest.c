#define _GNU_SOURCE

#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kill.h"
#include "log.h"
#include "worker.h"


#define CRD_BATCH  "128"
#define CRD_TRIES  3
#define CRD_PAGES  64


static void crd_ingest_aside(crd_worker_t *w, crd_site_t *s,
    const redisReply *list);
static int crd_ingest_refused(const char *error);
static int crd_ingest_batch(crd_worker_t *w, crd_site_t *s,
    const redisReply *entries);
static int crd_ingest_entry(crd_worker_t *w, crd_site_t *s, const char *id,
    const redisReply *fields);
static redisReply *crd_ingest_fold(crd_worker_t *w, crd_site_t *s,
    const char *id, const redisReply *fields, const char *gen,
    const char *jid);
static void crd_ingest_dead(crd_worker_t *w, crd_site_t *s, const char *id,
    const char *payload);


int
crd_ingest(crd_worker_t *w, crd_site_t *s)
{
    int          n;
    redisReply  *p;

    if (!s->grouped) {
        return 0;
    }

    p = crd_redis(&w->redis, "XREADGROUP GROUP w %s COUNT " CRD_BATCH
                  " STREAMS cr:{%s}:in >", w->journal.id, s->site);
    if (p == NULL) {
        return 0;
    }

    n = 0;

    if (p->type == REDIS_REPLY_ERROR) {
        s->grouped = 0;
        crd_log(CRD_WARN, "ingest", "site", s->site, "text", w->redis.error,
                NULL);

    } else if (p->type == REDIS_REPLY_ARRAY && p->elements == 1
               && p->element[0]->type == REDIS_REPLY_ARRAY
               && p->element[0]->elements == 2)
    {
        n = crd_ingest_batch(w, s, p->element[0]->element[1]);
    }

    freeReplyObject(p);

    return n;
}


/* Entries that were read and not folded: their worker died, or Redis took no
 * writes.  What then still cannot be folded, after several tries, is set aside;
 * a batch that was cut short tells nothing about its entries. */

void
crd_ingest_orphans(crd_worker_t *w, crd_site_t *s)
{
    int                n, pages;
    redisReply        *p;
    const redisReply  *list;

    for (pages = 0; pages < CRD_PAGES; pages++) {
        p = crd_redis(&w->redis, "XAUTOCLAIM cr:{%s}:in w %s %lld 0-0 COUNT "
                      CRD_BATCH, s->site, w->journal.id,
                      (long long) (w->cf.lease_ms / 2));
        if (p == NULL) {
            return;
        }

        n = 0;

        if (p->type == REDIS_REPLY_ARRAY && p->elements >= 2) {
            list = p->element[1];
            n = crd_ingest_batch(w, s, list);
            if (n > 0 && n == (int) list->elements) {
                crd_ingest_aside(w, s, list);
            }
        }

        freeReplyObject(p);

        if (n < atoi(CRD_BATCH)) {
            return;
        }
    }
}


static void
crd_ingest_aside(crd_worker_t *w, crd_site_t *s, const redisReply *list)
{
    size_t       i;
    redisReply  *x;
    const char  *id;

    for (i = 0; i < list->elements && w->redis.c != NULL; i++) {
        id = crd_reply_at(list->element[i], 0);
        x = crd_redis(&w->redis, "XPENDING cr:{%s}:in w %s %s 1", s->site, id,
                      id);
        if (x == NULL) {
            return;
        }

        if (x->type == REDIS_REPLY_ARRAY && x->elements == 1
            && x->element[0]->elements == 4
            && x->element[0]->element[3]->integer >= CRD_TRIES)
        {
            crd_ingest_dead(w, s, id,
                crd_reply_field(list->element[i]->element[1], "d"));
        }

        freeReplyObject(x);
    }
}


static int
crd_ingest_batch(crd_worker_t *w, crd_site_t *s, const redisReply *entries)
{
    size_t             i;
    const redisReply  *x;

    if (entries->type != REDIS_REPLY_ARRAY) {
        return 0;
    }

    for (i = 0; i < entries->elements; i++) {
        x = entries->element[i];
        if (x->type != REDIS_REPLY_ARRAY || x->elements != 2) {
            continue;
        }
        crd_kill("pre_ingest");
        if (crd_ingest_entry(w, s, crd_reply_at(x, 0), x->element[1])
            != CR_OK)
        {
            break;
        }
        crd_kill("post_ingest");
    }

    return (int) i;
}


static int
crd_ingest_entry(crd_worker_t *w, crd_site_t *s, const char *id,
    const redisReply *fields)
{
    int          i;
    char         gen[24], jid[CR_ID_HEX_LEN + 1], answer[64];
    redisReply  *p;

    gen[0] = jid[0] = '\0';

    for (i = 0; i < 4; i++) {
        p = crd_ingest_fold(w, s, id, fields, gen, jid);
        if (p == NULL) {
            return CR_ERR;
        }

        if (p->type == REDIS_REPLY_ERROR) {
            crd_log(CRD_ERROR, "ingest", "site", s->site, "text",
                    w->redis.error, NULL);
            freeReplyObject(p);

            /* the entry stays pending: it is tried again, then set aside,
             * unless it was Redis that took no writes */

            return crd_ingest_refused(w->redis.error) ? CR_ERR : CR_OK;
        }

        snprintf(answer, sizeof(answer), "%s", crd_reply_str(p));
        freeReplyObject(p);

        if (strncmp(answer, "need ", 5) != 0) {
            break;
        }

        snprintf(gen, sizeof(gen), "%.23s", answer + 5);
        crd_jid(w, s->site, crd_reply_field(fields, "v"), gen, jid);
    }

    if (strcmp(answer, "ok") == 0) {
        crd_count(w, ingested);
    } else if (strcmp(answer, "dup") == 0 || strcmp(answer, "gone") == 0) {
        crd_count(w, ingest_dup);
    } else {
        crd_count(w, ingest_dead);
        crd_log(CRD_WARN, "dead_letter", "site", s->site, "entry", id, "type",
                crd_reply_field(fields, "t"), NULL);
    }

    return CR_OK;
}


static redisReply *
crd_ingest_fold(crd_worker_t *w, crd_site_t *s, const char *id,
    const redisReply *fields, const char *gen, const char *jid)
{
    char         max[24];
    size_t       i, len[11];
    const char  *argv[11];

    static const char *const  names[] = { "t", "v", "n", "seq", "e", "d" };

    snprintf(max, sizeof(max), "%lld", (long long) w->cf.max_open);

    argv[0] = id;
    for (i = 0; i < 6; i++) {
        argv[1 + i] = crd_reply_field(fields, names[i]);
    }
    argv[7] = s->delays;
    argv[8] = max;
    argv[9] = gen;
    argv[10] = jid;

    for (i = 0; i < 11; i++) {
        len[i] = strlen(argv[i]);
    }

    s->next_due = 0;

    return crd_redis_script(&w->redis, CR_LUA_INGEST, s->site, 11, argv, len);
}


/* Words of Redis about itself, not about the entry. */

static int
crd_ingest_refused(const char *error)
{
    size_t  i;

    static const char *const  words[] = {
        "OOM ", "READONLY ", "MISCONF ", "BUSY ", "LOADING ", "MASTERDOWN ",
        "NOREPLICAS ", "CLUSTERDOWN ", "TRYAGAIN ", "MOVED ", "NOPERM ", NULL
    };

    for (i = 0; words[i] != NULL; i++) {
        if (strncmp(error, words[i], strlen(words[i])) == 0) {
            return 1;
        }
    }

    return 0;
}


/* The entry leaves the log only once its payload is among the dead letters. */

static void
crd_ingest_dead(crd_worker_t *w, crd_site_t *s, const char *id,
    const char *payload)
{
    int          rc;
    redisReply  *p;

    p = crd_redis(&w->redis, "XADD cr:{%s}:dead MAXLEN ~ 10000 * why fold d "
                  "%s", s->site, payload);
    if (p == NULL) {
        return;
    }
    rc = p->type == REDIS_REPLY_ERROR ? CR_ERR : CR_OK;
    freeReplyObject(p);

    if (rc != CR_OK) {
        crd_log(CRD_ERROR, "dead_letter", "site", s->site, "entry", id, "text",
                w->redis.error, NULL);
        return;
    }

    crd_count(w, ingest_dead);
    crd_log(CRD_ERROR, "dead_letter", "site", s->site, "entry", id, NULL);

    p = crd_redis(&w->redis, "XACK cr:{%s}:in w %s", s->site, id);
    if (p != NULL) {
        freeReplyObject(p);
    }
    p = crd_redis(&w->redis, "XDEL cr:{%s}:in %s", s->site, id);
    if (p != NULL) {
        freeReplyObject(p);
    }
}


/* A journey's id: nobody who knows the visitor can guess it. */

void
crd_jid(const crd_worker_t *w, const char *site, const char *vid,
    const char *generation, char out[CR_ID_HEX_LEN + 1])
{
    int       n;
    char      text[160];
    cr_id_t   id;
    unsigned  len;
    uint8_t   md[EVP_MAX_MD_SIZE];

    n = snprintf(text, sizeof(text), "journey\n%s\n%.32s\n%.20s", site, vid,
                 generation);

    memset(md, 0, sizeof(md));
    len = 0;
    HMAC(EVP_sha256(), w->cf.ring.key[0].look, sizeof(w->cf.ring.key[0].look),
         (const unsigned char *) text, (size_t) n, md, &len);

    memcpy(id.b, md, sizeof(id.b));
    cr_id_hex(&id, out);
}
