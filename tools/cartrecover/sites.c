#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"


int
crc_connect(crc_t *c, int *code)
{
    if (crc_config(c, code) != CR_OK) {
        return CR_ERR;
    }

    crd_redis_init(&c->redis, &c->cf);

    if (crd_redis_connect(&c->redis) != CR_OK) {
        *code = crc_fail(c, CRC_IO, "Redis at %s: %s", c->cf.redis,
                         c->redis.error);
        return CR_ERR;
    }

    return CR_OK;
}


int64_t
crc_clock(crc_t *c)
{
    int64_t      now;
    redisReply  *r;

    r = crd_redis(&c->redis, "TIME");
    now = atoll(crd_reply_at(r, 0)) * 1000 + atoll(crd_reply_at(r, 1)) / 1000;
    freeReplyObject(r);

    return now;
}


int
crc_site_known(crc_t *c, const char *site)
{
    int          known;
    redisReply  *r;

    r = crd_redis(&c->redis, "SISMEMBER cr:sites %s", site);
    known = (r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer == 1);
    freeReplyObject(r);

    return known;
}


static int
crc_by_name(const void *a, const void *b)
{
    return strcmp((*(redisReply *const *) a)->str,
                  (*(redisReply *const *) b)->str);
}


int
crc_sites(crc_t *c, int (*fn)(crc_t *c, const char *site))
{
    int          rc, worst;
    size_t       i;
    redisReply  *r;

    if (c->site != NULL) {
        if (!crc_site_known(c, c->site)) {
            return crc_fail(c, (c->redis.c != NULL) ? CRC_FINDINGS : CRC_IO,
                            "no site \"%s\"; nginx has not registered it",
                            c->site);
        }

        return fn(c, c->site);
    }

    r = crd_redis(&c->redis, "SMEMBERS cr:sites");

    if (r == NULL || r->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(r);
        return crc_fail(c, CRC_IO, "Redis: %s", c->redis.error);
    }

    if (r->elements > 1) {
        qsort(r->element, r->elements, sizeof(r->element[0]), crc_by_name);
    }

    worst = CRC_OK;

    for (i = 0; i < r->elements; i++) {
        rc = fn(c, crd_reply_at(r, i));
        worst = (rc > worst) ? rc : worst;
    }

    if (r->elements == 0) {
        crc_say("no site is registered");
    }

    freeReplyObject(r);

    return worst;
}
