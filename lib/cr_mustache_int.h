/*
 * cr_mustache_int.h: one rendering; cr_mustache.c reads tags, cr_mustache_put.c
 * writes what they stand for.
 */

#ifndef CR_MUSTACHE_INT_H
#define CR_MUSTACHE_INT_H

#include "cr_mustache.h"


#define CR_MUSTACHE_OUTPUT  (1024 * 1024)
#define CR_MUSTACHE_DEPTH   64   /* sections and partials, nested */

typedef struct {
    char         *buf;
    size_t        len;
    size_t        size;
    size_t        work;
    cr_escape_e   escape;
    cr_partial_pt partial;
    void         *data;
    cr_error_t   *err;
    int           depth;
    int           nstack;
    json_t       *stack[CR_MUSTACHE_DEPTH + 2];
} cr_mustache_t;


/* CR_OK, or CR_FULL past CR_MUSTACHE_OUTPUT. */

int cr_mustache_put(cr_mustache_t *r, const char *p, size_t n);

/* A tag's value, escaped unless raw; NULL, lists and objects are nothing. */

int cr_mustache_value(cr_mustache_t *r, json_t *v, int raw);

#endif
