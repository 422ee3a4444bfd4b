#include "redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>


static int crd_redis_hello(crd_redis_t *r);
static redisReply *crd_redis_done(crd_redis_t *r, redisReply *p);


void
crd_redis_init(crd_redis_t *r, const crd_config_t *cf)
{
    int  i;

    memset(r, 0, sizeof(*r));
    r->cf = cf;

    for (i = 0; i < CR_LUA_MAX; i++) {
        cr_script_digest((cr_lua_e) i, r->sha[i]);
    }
}


int
crd_redis_connect(crd_redis_t *r)
{
    char            host[CRD_PATH], *colon;
    struct timeval  tv;

    crd_redis_close(r);

    tv.tv_sec = r->cf->redis_timeout_ms / 1000;
    tv.tv_usec = (r->cf->redis_timeout_ms % 1000) * 1000;

    if (strncmp(r->cf->redis, "unix:", 5) == 0) {
        r->c = redisConnectUnixWithTimeout(r->cf->redis + 5, tv);

    } else {
        snprintf(host, sizeof(host), "%s", r->cf->redis);
        colon = strrchr(host, ':');
        if (colon != NULL) {
            *colon++ = '\0';
        }
        r->c = redisConnectWithTimeout(host, colon ? atoi(colon) : 6379, tv);
    }

    if (r->c == NULL || r->c->err) {
        snprintf(r->error, sizeof(r->error), "%s",
                 r->c ? r->c->errstr : "out of memory");
        crd_redis_close(r);
        r->errors++;
        return CR_ERR;
    }

    redisSetTimeout(r->c, tv);
    if (strncmp(r->cf->redis, "unix:", 5) != 0) {
        redisEnableKeepAlive(r->c);
    }

    r->connects++;

    return crd_redis_hello(r);
}


static int
crd_redis_hello(crd_redis_t *r)
{
    char        *id, *end;
    redisReply  *p;

    if (r->cf->redis_password[0] != '\0') {
        p = crd_redis(r, "AUTH %s", r->cf->redis_password);
        if (p == NULL || p->type == REDIS_REPLY_ERROR) {
            goto failed;
        }
        freeReplyObject(p);
    }

    p = crd_redis(r, "INFO server");
    if (p == NULL || p->type != REDIS_REPLY_STRING) {
        goto failed;
    }

    id = strstr(p->str, "run_id:");
    if (id == NULL) {
        goto failed;
    }

    id += sizeof("run_id:") - 1;
    end = id + strcspn(id, "\r\n");
    snprintf(r->run_id, sizeof(r->run_id), "%.*s", (int) (end - id), id);
    freeReplyObject(p);

    /* INFO is answered while the data set is still being read */

    p = crd_redis(r, "EXISTS cr:sites");
    if (p == NULL || p->type == REDIS_REPLY_ERROR) {
        goto failed;
    }
    freeReplyObject(p);

    return CR_OK;

failed:

    if (p != NULL) {
        freeReplyObject(p);
    }
    crd_redis_close(r);
    return CR_ERR;
}


void
crd_redis_close(crd_redis_t *r)
{
    if (r->c != NULL) {
        redisFree(r->c);
        r->c = NULL;
    }
}


redisReply *
crd_redis_argv(crd_redis_t *r, int argc, const char **argv,
    const size_t *len)
{
    if (r->c == NULL) {
        return NULL;
    }

    return crd_redis_done(r, redisCommandArgv(r->c, argc, argv, len));
}


redisReply *
crd_redis(crd_redis_t *r, const char *format, ...)
{
    va_list      args;
    redisReply  *p;

    if (r->c == NULL) {
        return NULL;
    }

    va_start(args, format);
    p = redisvCommand(r->c, format, args);
    va_end(args);

    return crd_redis_done(r, p);
}


static redisReply *
crd_redis_done(crd_redis_t *r, redisReply *p)
{
    r->commands++;

    if (p == NULL) {
        r->errors++;
        snprintf(r->error, sizeof(r->error), "%s", r->c->errstr);
        crd_redis_close(r);
        return NULL;
    }

    if (p->type == REDIS_REPLY_ERROR) {
        snprintf(r->error, sizeof(r->error), "%s", p->str);
    }

    return p;
}


redisReply *
crd_redis_script(crd_redis_t *r, cr_lua_e script, const char *site,
    int argc, const char **argv, const size_t *len)
{
    int          i;
    char         key[64];
    size_t       n[CRD_ARGS + 4];
    cr_str_t     text;
    redisReply  *p;
    const char  *a[CRD_ARGS + 4];

    if (argc > CRD_ARGS) {
        return NULL;
    }

    snprintf(key, sizeof(key), "cr:{%s}:in", site);

    a[0] = "EVALSHA";
    a[1] = r->sha[script];
    a[2] = "1";
    a[3] = key;

    for (i = 0; i < argc; i++) {
        a[4 + i] = argv[i];
        n[4 + i] = len ? len[i] : strlen(argv[i]);
    }

    for (i = 0; i < 4; i++) {
        n[i] = strlen(a[i]);
    }

    p = crd_redis_argv(r, argc + 4, a, n);

    if (p == NULL || p->type != REDIS_REPLY_ERROR
        || strncmp(p->str, "NOSCRIPT", 8) != 0)
    {
        return p;
    }

    freeReplyObject(p);

    text = cr_script(script);
    a[0] = "EVAL";
    a[1] = text.p;
    n[0] = 4;
    n[1] = text.n;

    return crd_redis_argv(r, argc + 4, a, n);
}


const char *
crd_reply_str(const redisReply *p)
{
    if (p == NULL || (p->type != REDIS_REPLY_STRING
                      && p->type != REDIS_REPLY_STATUS))
    {
        return "";
    }

    return p->str;
}


const char *
crd_reply_at(const redisReply *p, size_t i)
{
    if (p == NULL || p->type != REDIS_REPLY_ARRAY || i >= p->elements) {
        return "";
    }

    return crd_reply_str(p->element[i]);
}


const char *
crd_reply_field(const redisReply *p, const char *field)
{
    size_t  i;

    if (p == NULL || p->type != REDIS_REPLY_ARRAY) {
        return "";
    }

    for (i = 0; i + 1 < p->elements; i += 2) {
        if (strcmp(crd_reply_at(p, i), field) == 0) {
            return crd_reply_at(p, i + 1);
        }
    }

    return "";
}
