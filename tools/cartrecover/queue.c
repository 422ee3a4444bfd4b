#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"


/* Fields of events and outcomes that name no person: the rest of an entry, the
 * visitor and the payload, is not printed. */

static const char *const  crc_log_fields[] = { "t", "n", NULL };
static const char *const  crc_out_fields[] = {
    "t", "j", "st", "step", "o", "why", "arm", "stage", "by", NULL
};

static int64_t  crc_now;


static long long
crc_count(crc_t *c, const char *command, const char *site, const char *key)
{
    long long    n;
    redisReply  *r;

    r = crd_redis(&c->redis, "%s cr:{%s}:%s", command, site, key);
    n = (r != NULL && r->type == REDIS_REPLY_INTEGER) ? r->integer : 0;
    freeReplyObject(r);

    return n;
}


static void
crc_peek_ctl(crc_t *c, const char *site, json_t *out)
{
    size_t       i;
    redisReply  *r;
    const char  *field;

    r = crd_redis(&c->redis, "HGETALL cr:{%s}:ctl", site);

    for (i = 0; r != NULL && r->type == REDIS_REPLY_ARRAY
                && i + 1 < r->elements; i += 2)
    {
        field = crd_reply_at(r, i);

        if (strncmp(field, "pause", 5) == 0
            && (field[5] == '\0' || field[5] == ':'))
        {
            crc_say("  STOPPED %s (%s): cartrecover resume %s", field + 5
                    + (field[5] == ':'), crd_reply_at(r, i + 1), site);
            json_object_set_new(out, field,
                                json_string(crd_reply_at(r, i + 1)));
        }
    }

    freeReplyObject(r);
}


static void
crc_peek_journey(crc_t *c, const char *site, const char *jid, int64_t due,
    json_t *list)
{
    char         span[32];
    redisReply  *r;

    r = crd_redis(&c->redis, "HMGET cr:{%s}:j:%s st step att arm total cur",
                  site, jid);

    crc_say("  %s  %-7s touch %s  %s%s", jid, crd_reply_at(r, 0),
            *crd_reply_at(r, 1) ? crd_reply_at(r, 1) : "-",
            (due > crc_now) ? "in " : "due for ",
            crc_span((due > crc_now) ? due - crc_now : crc_now - due, span,
                     sizeof(span)));

    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}",
        "jid", jid, "st", crd_reply_at(r, 0), "step", crd_reply_at(r, 1),
        "att", crd_reply_at(r, 2), "arm", crd_reply_at(r, 3), "in_ms",
        (json_int_t) (due - crc_now)));

    freeReplyObject(r);
}


static void
crc_peek_due(crc_t *c, const char *site, json_t *out)
{
    size_t       i;
    json_t      *list;
    redisReply  *r;

    list = json_array();
    json_object_set_new(out, "next", list);

    if (c->n == 0) {
        return;
    }

    r = crd_redis(&c->redis, "ZRANGE cr:{%s}:due 0 %d WITHSCORES", site,
                  c->n - 1);

    for (i = 0; r != NULL && r->type == REDIS_REPLY_ARRAY
                && i + 1 < r->elements; i += 2)
    {
        crc_peek_journey(c, site, crd_reply_at(r, i),
                         (int64_t) strtod(crd_reply_at(r, i + 1), NULL), list);
    }

    freeReplyObject(r);
}


/* One entry of a stream: when, and the fields that may be seen. */

static void
crc_peek_entry(const redisReply *entry, const char *const *fields,
    json_t *list)
{
    char               line[256], span[32];
    size_t             n;
    json_t            *one;
    const char        *value;
    const redisReply  *pairs;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2) {
        return;
    }

    pairs = entry->element[1];
    one = json_pack("{s:s}", "id", crd_reply_at(entry, 0));
    line[0] = '\0';

    for (n = 0; *fields && n < sizeof(line) - 1; fields++) {
        value = crd_reply_field(pairs, *fields);

        if (*value == '\0') {
            continue;
        }

        n += (size_t) snprintf(line + n, sizeof(line) - n, "  %s=%.64s",
                               *fields, value);
        json_object_set_new(one, *fields, json_string(value));
    }

    crc_say("  %s ago%s", crc_span(crc_now - atoll(crd_reply_at(entry, 0)),
                                   span, sizeof(span)), line);
    json_array_append_new(list, one);
}


static void
crc_peek_stream(crc_t *c, const char *site, const char *stream,
    const char *title, const char *const *fields, json_t *out)
{
    size_t       i;
    json_t      *list;
    redisReply  *r;

    list = json_array();
    json_object_set_new(out, title, list);

    if (c->n == 0) {
        return;
    }

    r = crd_redis(&c->redis, "XREVRANGE cr:{%s}:%s + - COUNT %d", site, stream,
                  c->n);

    if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements > 0) {
        crc_say(" newest %s", title);

        for (i = 0; i < r->elements; i++) {
            crc_peek_entry(r->element[i], fields, list);
        }
    }

    freeReplyObject(r);
}


static int
crc_peek_site(crc_t *c, const char *site)
{
    json_t     *out;
    long long   due, leased, log, dead;

    due = crc_count(c, "ZCARD", site, "due");
    leased = crc_count(c, "ZCARD", site, "lease");
    log = crc_count(c, "XLEN", site, "in");
    dead = crc_count(c, "XLEN", site, "dead");

    crc_say("%s: %lld journeys with a date, %lld in hand, %lld events waiting, "
            "%lld dead letters", site, due, leased, log, dead);

    out = json_pack("{s:s, s:I, s:I, s:I, s:I}", "site", site,
                    "due", (json_int_t) due, "leased", (json_int_t) leased,
                    "events_waiting", (json_int_t) log,
                    "dead", (json_int_t) dead);
    json_array_append_new(json_object_get(c->out, "sites"), out);

    crc_peek_ctl(c, site, out);
    crc_peek_due(c, site, out);
    crc_peek_stream(c, site, "in", "events", crc_log_fields, out);
    crc_peek_stream(c, site, "out", "outcomes", crc_out_fields, out);

    if (c->redis.c == NULL) {
        return crc_fail(c, CRC_IO, "Redis: %s", c->redis.error);
    }

    return CRC_OK;
}


int
crc_queue_peek(crc_t *c)
{
    int  code;

    if (crc_connect(c, &code) != CR_OK) {
        return code;
    }

    crc_now = crc_clock(c);
    json_object_set_new(c->out, "sites", json_array());

    return crc_sites(c, crc_peek_site);
}
