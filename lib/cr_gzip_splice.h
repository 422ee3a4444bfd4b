/*
 * cr_gzip_splice.h: puts a few bytes in front of the text of a gzip stream that
 * passes by in pieces, without recoding it.  Behind the gzip header goes one
 * stored deflate block, the stream's own bits stay as they are, and the eight
 * bytes of the trailer are made to fit.
 *
 *     header | 00 LL LL NN NN prefix | deflate data | CRC32' ISIZE'
 *
 * Whether that may be done is decided in the first piece that has deflate data
 * in it: its beginning must inflate, and the text must be a document that loses
 * nothing when another <!doctype html> and a script come first.  Nothing waits
 * for a later piece.  A stream that is refused passes unchanged; where a length
 * was announced the room is filled with empty stored blocks, which decode to
 * nothing.
 *
 * Held back are at most eight bytes: those that may be the trailer.  With a
 * known length that is the trailer itself; without one, a piece that ends in
 * the mark of a flush (00 00 FF FF) is passed whole.
 */

#ifndef CR_GZIP_SPLICE_H
#define CR_GZIP_SPLICE_H

#include "cr_base.h"


#define CR_SPLICE_BLOCK   5      /* bytes of a stored block's head */
#define CR_SPLICE_PREFIX  1024   /* most bytes of a prefix */
#define CR_SPLICE_TEXT    1024   /* of the document, looked at at most */
#define CR_SPLICE_INPUT   2048   /* of deflate data, the same */
#define CR_SPLICE_PARTS   5      /* most parts that one call makes */

typedef enum {
    CR_SPLICE_OPEN,              /* nothing decided yet */
    CR_SPLICE_DONE,              /* the prefix is in */
    CR_SPLICE_NO_GZIP,           /* no gzip header, or it does not inflate */
    CR_SPLICE_NO_FRONT,          /* nothing may stand in front of this text */
    CR_SPLICE_SHORT              /* the first bytes did not tell */
} cr_splice_e;

typedef enum {
    CR_PART_PIECE,               /* a view of the piece */
    CR_PART_STILL,               /* lives as long as the front does */
    CR_PART_COPY                 /* 1 .. 8 bytes, valid until the next call */
} cr_part_e;

typedef struct {
    const unsigned char  *p;
    size_t                n;     /* > 0 */
    cr_part_e             kind;
} cr_splice_part_t;

typedef struct {
    const unsigned char  *front; /* block head and prefix */
    size_t                nfront;
    uint32_t              crc;   /* of the prefix */
    int64_t               length;    /* of the whole stream, or -1 */
    int64_t               seen;
    uint32_t              need;  /* bytes of the header's field to come */
    uint8_t               state;
    uint8_t               flags; /* header fields to come */
    uint8_t               outcome;   /* cr_splice_e */
    uint8_t               nheld;
    unsigned char         held[8];
    unsigned char         out[16];
} cr_splice_t;

/* Writes the front for a prefix of n bytes (1 .. CR_SPLICE_PREFIX, with
 * n + CR_SPLICE_BLOCK a multiple of five): n + CR_SPLICE_BLOCK bytes. */

void cr_splice_front(unsigned char *front, const char *prefix, size_t n);

/* front stays the caller's and must outlive s.  crc is crc32() of the prefix.
 * length: of the stream, -1 when it is not known.  When it is, the output has
 * exactly length + nfront bytes, whatever is in it. */

void cr_splice_init(cr_splice_t *s, const unsigned char *front, size_t nfront,
    uint32_t crc, int64_t length);

/* The next piece, and the parts that leave for it, in order.  last: the stream
 * ends with it.  The number of parts, 0 when all bytes are held. */

int cr_splice(cr_splice_t *s, const unsigned char *p, size_t n, int last,
    cr_splice_part_t parts[CR_SPLICE_PARTS]);

/* Bytes from here on that cr_splice() would pass as they are, so that they need
 * not be shown to it: cr_splice_skip() instead. */

int64_t cr_splice_idle(const cr_splice_t *s);
void cr_splice_skip(cr_splice_t *s, int64_t n);

/* Whether a prefix with a doctype of its own may stand in front of a document
 * that begins with these n bytes: white space, <!doctype html>, and a head tag
 * without attributes (they would be lost) or none at all.  CR_SPLICE_DONE when
 * it may, NO_FRONT when not, SHORT when more bytes have to be seen. */

cr_splice_e cr_splice_text(const char *p, size_t n);

/* The same for the text that n bytes of a raw deflate stream begin with;
 * NO_GZIP when they do not inflate.  Allocates nothing, uses 64 KB of stack. */

cr_splice_e cr_splice_look(const unsigned char *p, size_t n);

#endif
