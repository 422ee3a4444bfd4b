/*
 * cli.h: the operator's command line, doc/cli.md.  Each command prints lines
 * for people and gathers one JSON object, which --json prints last.
 */

#ifndef CRC_CLI_H
#define CRC_CLI_H

#include <jansson.h>

#include "cr_policy.h"
#include "redis.h"


#define CRC_ERRORS  64           /* mistakes of a policy that are told */

typedef enum {
    CRC_OK = 0, CRC_FINDINGS = 1, CRC_USAGE = 2, CRC_IO = 3
} crc_exit_e;

typedef struct {
    int            argc;         /* what follows the command's name */
    char         **argv;
    int            json;
    int            force;
    int            n;
    const char    *config;
    const char    *site;
    const char    *policy;
    const char    *templates;
    const char    *locale;
    const char    *channel;
    json_t        *out;
    crd_config_t   cf;
    crd_redis_t    redis;
} crc_t;

typedef struct {
    const char    *name;         /* "check", "queue peek" */
    int          (*run)(crc_t *c);
    int            min, max;     /* arguments; max -1: any number */
    const char    *usage;
    const char    *does;
} crc_command_t;


int crc_check(crc_t *c);
int crc_version(crc_t *c);
int crc_queue_peek(crc_t *c);
int crc_forget(crc_t *c);
int crc_send_test(crc_t *c);
int crc_stop(crc_t *c);
int crc_resume(crc_t *c);
int crc_nodes_ls(crc_t *c);
int crc_nodes_retire(crc_t *c);


/* output.c */

void crc_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One line to stderr, and "error" of the object; returns `code`. */

int crc_fail(crc_t *c, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A finding: "FILE:LINE: PATH: text", and an element of "findings".  path ""
 * and line 0 are left out. */

void crc_finding(crc_t *c, const char *file, int line, const char *path,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* "3 min", "2 h": a span of time as people say it. */

const char *crc_span(int64_t ms, char *buf, size_t cap);


/* files.c: CR_OK, or CR_ERR with what was wrong printed.  *code is the exit
 * code then. */

char *crc_read(const char *path, size_t max, size_t *len);
int crc_policy(crc_t *c, const char *path, cr_policy_t *p, int *code);
int crc_config(crc_t *c, int *code);


/* sites.c: Redis, and what it knows. */

int crc_connect(crc_t *c, int *code);

/* Calls fn for --site, or for each site; the worst of what fn returned. */

int crc_sites(crc_t *c, int (*fn)(crc_t *c, const char *site));
int crc_site_known(crc_t *c, const char *site);
int64_t crc_clock(crc_t *c);     /* of Redis, ms; 0 = not answered */

/* template.c: findings about the templates that a policy needs. */

int crc_check_templates(crc_t *c, const char *dir, const cr_policy_t *p,
    const char *file, int line);

#endif
