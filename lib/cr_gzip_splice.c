#include "cr_gzip_splice.h"

#include <string.h>
#include <zlib.h>


enum {
    CR_GZ_FIXED = 0,             /* the ten bytes that every header has */
    CR_GZ_EXTRA_LEN,
    CR_GZ_EXTRA,
    CR_GZ_NAME,
    CR_GZ_COMMENT,
    CR_GZ_HCRC,
    CR_GZ_FRONT,                 /* deflate data begins here */
    CR_GZ_DATA,                  /* spliced: up to the trailer */
    CR_GZ_PASS,
    CR_GZ_PASS_OWING             /* what was announced goes to the end */
};

enum {
    CR_GZ_FHCRC = 2, CR_GZ_FEXTRA = 4, CR_GZ_FNAME = 8, CR_GZ_FCOMMENT = 16,
    CR_GZ_RESERVED = 0xe0
};

#define CR_GZ_HEADER   10
#define CR_GZ_TRAILER  8

#define CR_GZ_EMPTY    "\0\0\0\xff\xff"
#define CR_GZ_EMPTY7   CR_GZ_EMPTY CR_GZ_EMPTY CR_GZ_EMPTY CR_GZ_EMPTY        \
                       CR_GZ_EMPTY CR_GZ_EMPTY CR_GZ_EMPTY
#define CR_GZ_EMPTY30  CR_GZ_EMPTY7 CR_GZ_EMPTY7 CR_GZ_EMPTY7 CR_GZ_EMPTY7    \
                       CR_GZ_EMPTY CR_GZ_EMPTY

static const char  cr_gz_filler[] =
    CR_GZ_EMPTY30 CR_GZ_EMPTY30 CR_GZ_EMPTY30 CR_GZ_EMPTY30 CR_GZ_EMPTY30
    CR_GZ_EMPTY30 CR_GZ_EMPTY30;

_Static_assert(sizeof(cr_gz_filler) > CR_SPLICE_PREFIX + CR_SPLICE_BLOCK,
               "the filler is as long as any front");


void
cr_splice_front(unsigned char *front, const char *prefix, size_t n)
{
    front[0] = 0;
    front[1] = (unsigned char) (n & 0xff);
    front[2] = (unsigned char) (n >> 8);
    front[3] = (unsigned char) ~front[1];
    front[4] = (unsigned char) ~front[2];

    memcpy(front + CR_SPLICE_BLOCK, prefix, n);
}


void
cr_splice_init(cr_splice_t *s, const unsigned char *front, size_t nfront,
    uint32_t crc, int64_t length)
{
    memset(s, 0, sizeof(cr_splice_t));

    s->front = front;
    s->nfront = nfront;
    s->crc = crc;
    s->length = length;
    s->need = CR_GZ_HEADER;
}


static void
cr_gz_part(cr_splice_part_t *parts, int *k, const void *p, size_t n,
    cr_part_e kind)
{
    if (n != 0) {
        parts[*k].p = p;
        parts[*k].n = n;
        parts[*k].kind = kind;
        (*k)++;
    }
}


static int
cr_gz_refuse(cr_splice_t *s, cr_splice_e why)
{
    s->outcome = (uint8_t) why;
    s->state = s->length >= 0 ? CR_GZ_PASS_OWING : CR_GZ_PASS;

    return 0;
}


/* The next field that the header's flags name. */

static void
cr_gz_next_field(cr_splice_t *s)
{
    static const struct {
        uint8_t  flag, state, need;
    } fields[] = {
        { CR_GZ_FEXTRA, CR_GZ_EXTRA_LEN, 2 },
        { CR_GZ_FNAME, CR_GZ_NAME, 0 },
        { CR_GZ_FCOMMENT, CR_GZ_COMMENT, 0 },
        { CR_GZ_FHCRC, CR_GZ_HCRC, 2 }
    };
    size_t  i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (s->flags & fields[i].flag) {
            s->flags &= (uint8_t) ~fields[i].flag;
            s->state = fields[i].state;
            s->need = fields[i].need;
            return;
        }
    }

    s->state = CR_GZ_FRONT;
}


static int
cr_gz_fixed_byte(cr_splice_t *s, unsigned char c)
{
    switch (CR_GZ_HEADER - s->need) {

    case 0:
        return c == 0x1f;

    case 1:
        return c == 0x8b;

    case 2:
        return c == Z_DEFLATED;

    case 3:
        s->flags = c;
        return (c & CR_GZ_RESERVED) == 0;
    }

    return 1;
}


/* One byte of the header; 0 when it is none. */

static int
cr_gz_header_byte(cr_splice_t *s, unsigned char c)
{
    switch (s->state) {

    case CR_GZ_FIXED:

        if (!cr_gz_fixed_byte(s, c)) {
            return cr_gz_refuse(s, CR_SPLICE_NO_GZIP);
        }

        break;

    case CR_GZ_EXTRA_LEN:
        s->held[2 - s->need] = c;

        if (s->need == 1) {
            s->need = s->held[0] | (uint32_t) s->held[1] << 8;
            s->state = CR_GZ_EXTRA;

            if (s->need == 0) {
                cr_gz_next_field(s);
            }

            return 1;
        }

        break;

    case CR_GZ_NAME:
    case CR_GZ_COMMENT:

        if (c == '\0') {
            cr_gz_next_field(s);
        }

        return 1;
    }

    if (--s->need == 0) {
        cr_gz_next_field(s);
    }

    return 1;
}


static void
cr_gz_put32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char) v;
    p[1] = (unsigned char) (v >> 8);
    p[2] = (unsigned char) (v >> 16);
    p[3] = (unsigned char) (v >> 24);
}


static uint32_t
cr_gz_get32(const unsigned char *p)
{
    return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
           | (uint32_t) p[3] << 24;
}


/* Deflate makes at most 1032 bytes of one: below this many no stream has a
 * size that looks like the mark of a flush. */

#define CR_GZ_RATIO   1032
#define CR_GZ_SURE    (0xffff0000 / CR_GZ_RATIO)

static void
cr_gz_trailer(cr_splice_t *s, cr_splice_part_t *parts, int *k)
{
    uint32_t        crc, size;
    unsigned char  *out;

    crc = cr_gz_get32(s->held);
    size = cr_gz_get32(s->held + 4);
    out = s->out + 8;

    /* what cannot be a size is no trailer: the stream was cut off */

    if (s->seen < (int64_t) CR_GZ_SURE
        && size > (uint64_t) s->seen * CR_GZ_RATIO)
    {
        memcpy(out, s->held, CR_GZ_TRAILER);

    } else {
        cr_gz_put32(out, (uint32_t) crc32_combine(s->crc, crc,
                                                  (z_off_t) size));
        cr_gz_put32(out + 4, size + (uint32_t) (s->nfront - CR_SPLICE_BLOCK));
    }

    s->nheld = 0;

    cr_gz_part(parts, k, out, CR_GZ_TRAILER, CR_PART_COPY);
}


/* The length is known, and so is the trailer's place. */

static void
cr_gz_data_known(cr_splice_t *s, const unsigned char *p, size_t n,
    cr_splice_part_t *parts, int *k)
{
    size_t   part;
    int64_t  left;

    left = s->length - CR_GZ_TRAILER - s->seen;
    part = left <= 0 ? 0 : (int64_t) n < left ? n : (size_t) left;

    cr_gz_part(parts, k, p, part, CR_PART_PIECE);

    p += part;
    n -= part;
    s->seen += (int64_t) part;

    while (n != 0 && s->seen < s->length) {
        s->held[s->nheld++] = *p++;
        s->seen++;
        n--;

        if (s->nheld == CR_GZ_TRAILER) {
            cr_gz_trailer(s, parts, k);
            s->state = CR_GZ_PASS;
            break;
        }
    }

    s->seen += (int64_t) n;

    cr_gz_part(parts, k, p, n, CR_PART_PIECE);
}


static int
cr_gz_flushed(const cr_splice_t *s, const unsigned char *p, size_t n)
{
    size_t         i, m;
    unsigned char  end[4];

    if (s->nheld + n < 4 || s->seen >= (int64_t) CR_GZ_SURE) {
        return 0;
    }

    for (i = 0; i < 4; i++) {
        m = 4 - i;
        end[i] = m <= n ? p[n - m] : s->held[s->nheld + n - m];
    }

    return memcmp(end, "\0\0\xff\xff", 4) == 0;
}


static void
cr_gz_data(cr_splice_t *s, const unsigned char *p, size_t n, int last,
    cr_splice_part_t *parts, int *k)
{
    size_t  leave, old;

    s->seen += (int64_t) n;

    leave = s->nheld + n;

    if (last || !cr_gz_flushed(s, p, n)) {
        leave -= leave < CR_GZ_TRAILER ? leave : CR_GZ_TRAILER;
    }

    old = leave < s->nheld ? leave : s->nheld;

    memcpy(s->out, s->held, old);
    cr_gz_part(parts, k, s->out, old, CR_PART_COPY);

    memmove(s->held, s->held + old, s->nheld - old);
    s->nheld = (uint8_t) (s->nheld - old);
    leave -= old;

    cr_gz_part(parts, k, p, leave, CR_PART_PIECE);

    if (n > leave) {
        memcpy(s->held + s->nheld, p + leave, n - leave);
        s->nheld = (uint8_t) (s->nheld + n - leave);
    }
}


static void
cr_gz_end(cr_splice_t *s, cr_splice_part_t *parts, int *k)
{
    if (s->state < CR_GZ_DATA) {
        (void) cr_gz_refuse(s, CR_SPLICE_SHORT);
    }

    if (s->state == CR_GZ_PASS_OWING) {
        cr_gz_part(parts, k, cr_gz_filler, s->nfront, CR_PART_STILL);

    } else if (s->state == CR_GZ_DATA && s->nheld == CR_GZ_TRAILER) {
        cr_gz_trailer(s, parts, k);

    } else if (s->state == CR_GZ_DATA && s->nheld != 0) {
        memcpy(s->out + 8, s->held, s->nheld);
        cr_gz_part(parts, k, s->out + 8, s->nheld, CR_PART_COPY);
    }

    s->state = CR_GZ_PASS;
}


int
cr_splice(cr_splice_t *s, const unsigned char *p, size_t n, int last,
    cr_splice_part_t parts[CR_SPLICE_PARTS])
{
    int     k;
    size_t  at;

    k = 0;
    at = 0;

    while (s->state < CR_GZ_FRONT && at < n && cr_gz_header_byte(s, p[at])) {
        at++;
    }

    if (s->state == CR_GZ_FRONT && at < n) {
        s->outcome = (uint8_t) cr_splice_look(p + at, n - at);
        s->seen += (int64_t) at;

        cr_gz_part(parts, &k, p, at, CR_PART_PIECE);

        p += at;
        n -= at;

        if (s->outcome == CR_SPLICE_DONE) {
            s->state = CR_GZ_DATA;
            cr_gz_part(parts, &k, s->front, s->nfront, CR_PART_STILL);

        } else {
            s->state = CR_GZ_PASS;
            cr_gz_part(parts, &k, cr_gz_filler, s->length >= 0 ? s->nfront : 0,
                       CR_PART_STILL);
        }
    }

    if (s->state != CR_GZ_DATA) {
        s->seen += (int64_t) n;
        cr_gz_part(parts, &k, p, n, CR_PART_PIECE);

    } else if (s->length >= 0) {
        cr_gz_data_known(s, p, n, parts, &k);

    } else {
        cr_gz_data(s, p, n, last, parts, &k);
    }

    if (last) {
        cr_gz_end(s, parts, &k);
    }

    return k;
}


int64_t
cr_splice_idle(const cr_splice_t *s)
{
    int64_t  left;

    if (s->state == CR_GZ_PASS) {
        return INT64_MAX;
    }

    if (s->state != CR_GZ_DATA || s->length < 0) {
        return 0;
    }

    left = s->length - CR_GZ_TRAILER - s->seen;

    return left > 0 ? left : 0;
}


void
cr_splice_skip(cr_splice_t *s, int64_t n)
{
    s->seen += n;
}
