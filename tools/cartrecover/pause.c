#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>

#include "cli.h"


/* The field of "ctl" that stops the site, or one channel of it. */

static int
crc_pause_field(crc_t *c, char *field, size_t cap, int *code)
{
    int  i;

    if (c->channel == NULL) {
        (void) snprintf(field, cap, "pause");
        return CR_OK;
    }

    for (i = 0; i < CR_CHAN_MAX; i++) {
        if (strcmp(c->channel, cr_chan_word[i]) == 0) {
            (void) snprintf(field, cap, "pause:%s", c->channel);
            return CR_OK;
        }
    }

    *code = crc_fail(c, CRC_USAGE, "no channel \"%s\"", c->channel);

    return CR_ERR;
}


static int
crc_pause(crc_t *c, int stop)
{
    int          code;
    char         field[32], was[96];
    int64_t      now;
    const char  *site;
    redisReply  *r;

    site = c->argv[0];

    if (crc_pause_field(c, field, sizeof(field), &code) != CR_OK
        || crc_connect(c, &code) != CR_OK)
    {
        return code;
    }

    if (!crc_site_known(c, site)) {
        return crc_fail(c, (c->redis.c != NULL) ? CRC_FINDINGS : CRC_IO,
                        "no site \"%s\"; nginx has not registered it", site);
    }

    now = crc_clock(c);
    r = crd_redis(&c->redis, "HGET cr:{%s}:ctl %s", site, field);
    (void) snprintf(was, sizeof(was), "%s", crd_reply_str(r));
    freeReplyObject(r);

    if (c->redis.c == NULL || now == 0) {
        return crc_fail(c, CRC_IO, "Redis: %s", c->redis.error);
    }

    r = stop ? crd_redis(&c->redis, "HSET cr:{%s}:ctl %s operator-%lld", site,
                         field, (long long) now)
             : crd_redis(&c->redis, "HDEL cr:{%s}:ctl %s", site, field);

    if (r == NULL || r->type != REDIS_REPLY_INTEGER) {
        freeReplyObject(r);
        return crc_fail(c, CRC_IO, "Redis: %s", c->redis.error);
    }

    freeReplyObject(r);

    if (stop) {
        crc_say("%s: %s, nothing leaves until: cartrecover resume %s%s%s",
                site, was[0] ? "was stopped before" : "stopped", site,
                c->channel ? " --channel " : "",
                c->channel ? c->channel : "");
    } else {
        crc_say("%s: %s%s%s", site, was[0] ? "sending goes on; it was held: "
                : "was not stopped", was, "");
    }

    json_object_set_new(c->out, "site", json_string(site));
    json_object_set_new(c->out, "paused", json_boolean(stop));
    json_object_set_new(c->out, "was", json_string(was));

    return CRC_OK;
}


int
crc_stop(crc_t *c)
{
    return crc_pause(c, 1);
}


int
crc_resume(crc_t *c)
{
    return crc_pause(c, 0);
}
