/*
 * cr_table_bytes.h: little-endian bytes out and in, bounded on both ways.  A
 * reader that ran out gives zeros and stays `bad`.
 */

#ifndef CR_TABLE_BYTES_H
#define CR_TABLE_BYTES_H

#include <math.h>
#include <stdint.h>
#include <string.h>


typedef struct {
    uint8_t  *p;
    size_t    n;
    size_t    cap;
    int       full;
} cr_out_t;

typedef struct {
    const uint8_t  *p;
    size_t          n;
    int             bad;
} cr_in_t;


static inline void
cr_put_bytes(cr_out_t *o, const void *p, size_t n)
{
    if (o->full || n > o->cap - o->n) {
        o->full = 1;
        return;
    }

    memcpy(o->p + o->n, p, n);
    o->n += n;
}


static inline void
cr_put(cr_out_t *o, uint64_t v, size_t bytes)
{
    size_t   i;
    uint8_t  b[8];

    for (i = 0; i < bytes; i++) {
        b[i] = (uint8_t) (v >> (8 * i));
    }

    cr_put_bytes(o, b, bytes);
}


static inline void
cr_put_float(cr_out_t *o, float f)
{
    uint32_t  v;

    memcpy(&v, &f, sizeof(v));
    cr_put(o, v, 4);
}


/* A terminated string with its length before it. */

static inline void
cr_put_text(cr_out_t *o, const char *s, size_t size)
{
    size_t  n;

    n = strnlen(s, size < 255 ? size : 255);
    cr_put(o, n, 1);
    cr_put_bytes(o, s, n);
}


static inline void
cr_get_bytes(cr_in_t *in, void *p, size_t n)
{
    if (in->bad || n > in->n) {
        in->bad = 1;
        memset(p, 0, n);
        return;
    }

    memcpy(p, in->p, n);
    in->p += n;
    in->n -= n;
}


static inline uint64_t
cr_get(cr_in_t *in, size_t bytes)
{
    size_t    i;
    uint8_t   b[8];
    uint64_t  v;

    cr_get_bytes(in, b, bytes);

    for (v = 0, i = bytes; i > 0; i--) {
        v = v << 8 | b[i - 1];
    }

    return v;
}


static inline float
cr_get_float(cr_in_t *in)
{
    float     f;
    uint32_t  v;

    v = (uint32_t) cr_get(in, 4);
    memcpy(&f, &v, sizeof(f));

    return isfinite(f) ? f : NAN;
}


/* Terminated within size; what is longer makes the record bad. */

static inline void
cr_get_text(cr_in_t *in, char *s, size_t size)
{
    size_t  n;

    memset(s, 0, size);
    n = (size_t) cr_get(in, 1);

    if (n >= size || memchr(in->p, '\0', n <= in->n ? n : 0)) {
        in->bad = 1;
        return;
    }

    cr_get_bytes(in, s, n);
}

#endif
