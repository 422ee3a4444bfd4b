/*
 * redis.h: one synchronous connection with time limits, and the scripts.
 */

#ifndef CRD_REDIS_H
#define CRD_REDIS_H

#include <hiredis/hiredis.h>

#include "config.h"
#include "cr_script.h"


typedef struct {
    const crd_config_t  *cf;
    redisContext        *c;          /* NULL: not connected */
    char                 run_id[48]; /* of the server behind c */
    char                 sha[CR_LUA_MAX][CR_SHA_HEX + 1];
    char                 error[160]; /* why the last call failed */
    uint64_t             connects;
    uint64_t             commands;
    uint64_t             errors;
} crd_redis_t;

void crd_redis_init(crd_redis_t *r, const crd_config_t *cf);

/* Connects, authenticates, reads the run id.  CR_OK or CR_ERR (r->error). */

int crd_redis_connect(crd_redis_t *r);
void crd_redis_close(crd_redis_t *r);

/* One command.  NULL when the connection failed (it is closed then); a Redis
 * error comes back as a reply of type REDIS_REPLY_ERROR, also in r->error. */

redisReply *crd_redis_argv(crd_redis_t *r, int argc, const char **argv,
    const size_t *len);
redisReply *crd_redis(crd_redis_t *r, const char *format, ...);

/* A script on one site: EVALSHA, and EVAL where Redis does not know it.
 * argv: at most CRD_ARGS terminated strings; len may be NULL. */

#define CRD_ARGS  64

redisReply *crd_redis_script(crd_redis_t *r, cr_lua_e script,
    const char *site, int argc, const char **argv, const size_t *len);

/* The text of a string or status reply, else ""; of element i of an array. */

const char *crd_reply_str(const redisReply *p);
const char *crd_reply_at(const redisReply *p, size_t i);

/* Value of a field in a flat field-value array, "" when it is not there. */

const char *crd_reply_field(const redisReply *p, const char *field);

#endif
