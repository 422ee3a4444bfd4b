#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "cr_token.h"


/* The address that is forgotten: normalised, never printed. */

static struct {
    char         address[320];
    const char  *channel;
    json_t      *receipts;
    long long    removed;
} crc_who;


static int
crc_forget_site(crc_t *c, const char *site)
{
    int          i, n;
    char         look[2][CR_ID_HEX_LEN + 1];
    cr_id_t      id;
    cr_str_t     s, chan, address;
    long long    count[4];
    redisReply  *r;
    const char  *argv[4];

    s = (cr_str_t) { site, strlen(site) };
    chan = (cr_str_t) { crc_who.channel, strlen(crc_who.channel) };
    address = (cr_str_t) { crc_who.address, strlen(crc_who.address) };

    for (i = 0, n = 0; i < c->cf.ring.n; i++) {
        cr_address_look(&c->cf.ring, i, s, chan, address, id.b);
        cr_id_hex(&id, look[i]);
        argv[n++] = crc_who.channel;
        argv[n++] = look[i];
    }

    r = crd_redis_script(&c->redis, CR_LUA_ERASE, site, n, argv, NULL);

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements < 4) {
        freeReplyObject(r);
        return crc_fail(c, CRC_IO, "%s: %s", site, c->redis.error);
    }

    for (i = 0; i < 4; i++) {
        count[i] = r->element[i]->integer;
        crc_who.removed += count[i];
    }

    freeReplyObject(r);

    crc_say("%s: %lld persons, %lld journeys, %lld visitors, %lld log entries "
            "removed; suppressed as %s:%s", site, count[0], count[1], count[2],
            count[3], crc_who.channel, look[0]);

    json_array_append_new(crc_who.receipts,
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s}", "site", site,
                  "persons", (json_int_t) count[0],
                  "journeys", (json_int_t) count[1],
                  "visitors", (json_int_t) count[2],
                  "entries", (json_int_t) count[3],
                  "channel", crc_who.channel, "look", look[0]));

    return CRC_OK;
}


/* An append-only file still holds what was erased until it is rewritten. */

static void
crc_forget_rewrite(crc_t *c)
{
    int          aof;
    redisReply  *r;

    r = crd_redis(&c->redis, "CONFIG GET appendonly");
    aof = (strcmp(crd_reply_at(r, 1), "yes") == 0);
    freeReplyObject(r);

    if (!aof) {
        return;
    }

    r = crd_redis(&c->redis, "BGREWRITEAOF");

    if (r == NULL || r->type == REDIS_REPLY_ERROR) {
        crc_say("the append-only file was not rewritten (%s): run "
                "BGREWRITEAOF, it still holds the sealed address",
                c->redis.error);
        json_object_set_new(c->out, "rewritten", json_false());

    } else {
        crc_say("the append-only file is being rewritten");
        json_object_set_new(c->out, "rewritten", json_true());
    }

    freeReplyObject(r);
}


int
crc_forget(crc_t *c)
{
    int         rc;
    char        when[32];
    int64_t     now;
    time_t      t;
    struct tm   tm;

    if (strlen(c->argv[0]) >= sizeof(crc_who.address)) {
        return crc_fail(c, CRC_USAGE, "the address is too long");
    }

    (void) snprintf(crc_who.address, sizeof(crc_who.address), "%s",
                    c->argv[0]);
    crc_who.channel = strchr(crc_who.address, '@') ? "email" : "phone";

    if ((crc_who.channel[0] == 'e' ? cr_email_normalise(crc_who.address)
                                   : cr_phone_normalise(crc_who.address))
        != CR_OK)
    {
        return crc_fail(c, CRC_USAGE, "neither an e-mail address nor a phone "
                        "number with its country code");
    }

    if (crc_connect(c, &rc) != CR_OK) {
        return rc;
    }

    crc_who.receipts = json_array();
    json_object_set_new(c->out, "receipts", crc_who.receipts);
    rc = crc_sites(c, crc_forget_site);
    now = (c->redis.c != NULL) ? crc_clock(c) : 0;

    if (rc == CRC_OK && now > 0) {
        t = (time_t) (now / 1000);
        (void) gmtime_r(&t, &tm);
        (void) strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
        crc_say("erased at %s", when);
        json_object_set_new(c->out, "at", json_string(when));

        if (crc_who.removed > 0) {
            crc_forget_rewrite(c);
        }
    }

    explicit_bzero(crc_who.address, sizeof(crc_who.address));

    return rc;
}
