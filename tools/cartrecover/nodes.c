#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"


static int64_t  crc_now;
static int      crc_retired;


/* Milliseconds since the node was heard, or -1 when its heartbeat has ended. */

static int64_t
crc_heard(crc_t *c, const char *site, const char *node, json_t **hb)
{
    int64_t      age;
    redisReply  *r;

    r = crd_redis(&c->redis, "GET cr:{%s}:hb:%s", site, node);
    *hb = json_loads(crd_reply_str(r), 0, NULL);
    freeReplyObject(r);

    if (!json_is_object(*hb)) {
        json_decref(*hb);
        *hb = NULL;
        return -1;
    }

    age = crc_now - json_integer_value(json_object_get(*hb, "at"));

    return (age < 0) ? 0 : age;
}


static int
crc_nodes_of(crc_t *c, const char *site)
{
    char         span[32];
    json_t      *hb, *list;
    size_t       i;
    int64_t      age;
    redisReply  *r;
    const char  *node, *mode;

    r = crd_redis(&c->redis, "HGETALL cr:{%s}:nodes", site);

    if (r == NULL || r->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(r);
        return crc_fail(c, CRC_IO, "Redis: %s", c->redis.error);
    }

    list = json_object_get(c->out, "nodes");

    for (i = 0; i + 1 < r->elements; i += 2) {
        node = crd_reply_at(r, i);
        age = crc_heard(c, site, node, &hb);
        mode = json_string_value(json_object_get(hb, "mode"));

        if (hb != NULL) {
            crc_say("%s  %s  %s  heard %s ago, spool %lld, owed %lld", site,
                    node, mode ? mode : "?", crc_span(age, span, sizeof(span)),
                    (long long) json_integer_value(json_object_get(hb,
                                                                   "spool")),
                    (long long) json_integer_value(json_object_get(hb,
                                                                   "owed")));
        } else {
            crc_say("%s  %s  silent: no mail leaves while a node is silent; "
                    "gone for good? cartrecover nodes retire %s", site, node,
                    node);
        }

        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:I, s:o?}",
            "site", site, "node", node, "alive", hb != NULL, "age_ms",
            (json_int_t) age, "heartbeat", hb));
    }

    if (r->elements == 0) {
        crc_say("%s  no node has been heard", site);
    }

    freeReplyObject(r);

    return CRC_OK;
}


int
crc_nodes_ls(crc_t *c)
{
    int  code;

    if (crc_connect(c, &code) != CR_OK) {
        return code;
    }

    crc_now = crc_clock(c);
    json_object_set_new(c->out, "nodes", json_array());

    return crc_sites(c, crc_nodes_of);
}


static int
crc_retire_from(crc_t *c, const char *site)
{
    char         span[32];
    json_t      *hb;
    int64_t      age;
    redisReply  *r;
    const char  *node;

    node = c->argv[0];
    r = crd_redis(&c->redis, "HEXISTS cr:{%s}:nodes %s", site, node);

    if (r == NULL || r->type != REDIS_REPLY_INTEGER) {
        freeReplyObject(r);
        return crc_fail(c, CRC_IO, "Redis: %s", c->redis.error);
    }

    if (r->integer == 0) {
        freeReplyObject(r);
        return CRC_OK;
    }

    freeReplyObject(r);
    age = crc_heard(c, site, node, &hb);
    json_decref(hb);

    if (age >= 0 && !c->force) {
        return crc_fail(c, CRC_FINDINGS, "%s: %s was heard %s ago; stop nginx "
                        "there first, it would register again (--force does "
                        "it all the same)", site, node,
                        crc_span(age, span, sizeof(span)));
    }

    r = crd_redis(&c->redis, "HDEL cr:{%s}:nodes %s", site, node);
    freeReplyObject(r);
    r = crd_redis(&c->redis, "DEL cr:{%s}:hb:%s", site, node);
    freeReplyObject(r);
    r = crd_redis(&c->redis, "HDEL cr:{%s}:ctl at:%s", site, node);
    freeReplyObject(r);

    if (c->redis.c == NULL) {
        return crc_fail(c, CRC_IO, "Redis: %s", c->redis.error);
    }

    crc_say("%s: %s is retired", site, node);
    json_array_append_new(json_object_get(c->out, "retired"),
                          json_string(site));
    crc_retired++;

    return CRC_OK;
}


int
crc_nodes_retire(crc_t *c)
{
    int  code;

    if (crc_connect(c, &code) != CR_OK) {
        return code;
    }

    crc_now = crc_clock(c);
    json_object_set_new(c->out, "node", json_string(c->argv[0]));
    json_object_set_new(c->out, "retired", json_array());
    code = crc_sites(c, crc_retire_from);

    if (code == CRC_OK && crc_retired == 0) {
        return crc_fail(c, CRC_FINDINGS, "no node \"%s\"; cartrecover nodes ls "
                        "shows them", c->argv[0]);
    }

    return code;
}
