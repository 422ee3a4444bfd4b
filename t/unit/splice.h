/*
 * splice.h: gzip streams and what cr_gzip_splice.h makes of them, for the unit
 * test and the fuzz target.
 */

#ifndef SPLICE_H
#define SPLICE_H

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../lib/cr_gzip_splice.h"


#define SPLICE_PREFIX  "<!doctype html><script async src=\"/_cr/b.js?v=00\">"  \
                       "</script> "
#define SPLICE_FRONT   (sizeof(SPLICE_PREFIX) - 1 + CR_SPLICE_BLOCK)

_Static_assert(SPLICE_FRONT % CR_SPLICE_BLOCK == 0, "a filler fits");

typedef struct {
    unsigned char  *p;
    size_t          n;
    int             outcome;
    size_t          late;        /* most bytes that were held at a time */
} splice_out_t;


/* text as a gzip stream on the heap; a flush behind byte flush (0: none),
 * header fields by the bits of flg: 4 extra, 8 name, 16 comment, 2 CRC. */

static inline unsigned char *
splice_gzip(const char *text, size_t n, int level, size_t flush, int flg,
    size_t *size)
{
    z_stream        z;
    gz_header       h;
    unsigned char  *out;

    memset(&z, 0, sizeof(z));
    memset(&h, 0, sizeof(h));

    if (deflateInit2(&z, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY)) {
        abort();
    }

    h.extra = (flg & 4) ? (Bytef *) "ab\1\0x" : NULL;
    h.extra_len = 5;
    h.name = (flg & 8) ? (Bytef *) "page.html" : NULL;
    h.comment = (flg & 16) ? (Bytef *) "" : NULL;
    h.hcrc = (flg & 2) != 0;
    deflateSetHeader(&z, &h);

    *size = deflateBound(&z, n) + 128;
    out = malloc(*size);

    z.next_in = (Bytef *) (uintptr_t) text;
    z.next_out = out;
    z.avail_out = (uInt) *size;

    if (flush != 0 && flush < n) {
        z.avail_in = (uInt) flush;
        deflate(&z, Z_SYNC_FLUSH);
        z.avail_in = (uInt) (n - flush);

    } else {
        z.avail_in = (uInt) n;
    }

    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        abort();
    }

    *size -= z.avail_out;
    deflateEnd(&z);

    return out;
}


/* The text of a whole gzip stream whose trailer is right, or NULL. */

static inline char *
splice_gunzip(const unsigned char *p, size_t n, size_t *size)
{
    int        rc;
    char      *out;
    z_stream   z;

    memset(&z, 0, sizeof(z));

    if (inflateInit2(&z, 31) != Z_OK) {
        abort();
    }

    *size = 160 * 1024;
    out = malloc(*size);

    z.next_in = (Bytef *) (uintptr_t) p;
    z.avail_in = (uInt) n;
    z.next_out = (Bytef *) out;
    z.avail_out = (uInt) *size;

    rc = inflate(&z, Z_FINISH);
    *size -= z.avail_out;
    n = z.avail_in;
    inflateEnd(&z);

    if (rc != Z_STREAM_END || n != 0) {
        free(out);
        return NULL;
    }

    return out;
}


/* One piece, on the heap in its exact size. */

static inline void
splice_piece(cr_splice_t *s, const unsigned char *p, size_t n, int last,
    splice_out_t *out, size_t *in)
{
    int                i, k;
    unsigned char     *piece;
    cr_splice_part_t   parts[CR_SPLICE_PARTS];

    piece = malloc(n + (n == 0));
    memcpy(piece, p, n);

    k = cr_splice(s, piece, n, last, parts);

    if (k > CR_SPLICE_PARTS) {
        abort();
    }

    for (i = 0; i < k; i++) {
        if (parts[i].n == 0
            || (parts[i].kind == CR_PART_COPY && parts[i].n > 8)
            || (parts[i].kind == CR_PART_PIECE
                && (parts[i].p < piece || parts[i].n > n
                    || (size_t) (parts[i].p - piece) > n - parts[i].n)))
        {
            abort();
        }

        memcpy(out->p + out->n, parts[i].p, parts[i].n);
        out->n += parts[i].n;
    }

    *in += n;

    if (*in > out->n && *in - out->n > out->late) {
        out->late = *in - out->n;
    }

    free(piece);
}


/* The stream in pieces of size step (0: one) after a first one of `first`
 * bytes; end: the last piece is empty.  The caller frees out->p. */

static inline void
splice_run(const unsigned char *p, size_t n, size_t first, size_t step,
    int known, int end, splice_out_t *out)
{
    size_t                in, m;
    cr_splice_t           s;
    static unsigned char  front[SPLICE_FRONT];

    cr_splice_front(front, SPLICE_PREFIX, sizeof(SPLICE_PREFIX) - 1);
    cr_splice_init(&s, front, sizeof(front),
                   (uint32_t) crc32(0, (const Bytef *) SPLICE_PREFIX,
                                    sizeof(SPLICE_PREFIX) - 1),
                   known ? (int64_t) n : -1);

    memset(out, 0, sizeof(splice_out_t));
    out->p = malloc(n + SPLICE_FRONT);

    in = 0;

    if (first > n) {
        first = n;
    }

    if (first != 0) {
        splice_piece(&s, p, first, !end && first == n, out, &in);
    }

    while (in < n) {
        m = (step == 0 || step > n - in) ? n - in : step;

        if ((int64_t) m <= cr_splice_idle(&s)) {
            memcpy(out->p + out->n, p + in, m);
            out->n += m;
            in += m;
            cr_splice_skip(&s, (int64_t) m);

            if (in == n) {
                splice_piece(&s, p, 0, 1, out, &in);
                out->outcome = s.outcome;
                return;
            }

            continue;
        }

        splice_piece(&s, p + in, m, !end && in + m == n, out, &in);
    }

    if (end || n == 0) {
        splice_piece(&s, p, 0, 1, out, &in);
    }

    out->outcome = s.outcome;
}

#endif
