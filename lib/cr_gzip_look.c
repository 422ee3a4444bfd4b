/*
 * Whether a document may be spliced: the first bytes of its deflate stream and
 * the text that they make.
 */

#include "cr_gzip_splice.h"

#include <string.h>
#include <zlib.h>

#include "cr_head_scan.h"


/* zlib's state and window for a look at the first bytes. */

#define CR_GZ_ARENA    (64 * 1024)
#define CR_GZ_STEP     128       /* bytes of text, most documents tell in one */

typedef struct {
    size_t                  used;
    _Alignas(64) unsigned char  room[CR_GZ_ARENA];
} cr_gz_arena_t;


static int
cr_gz_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}


/* word in lower case; 1 it stands there, 0 it does not, -1 cut off */

static int
cr_gz_word(const char **p, const char *last, const char *word)
{
    char  c;

    for ( /* void */ ; *word; word++, (*p)++) {

        if (*p == last) {
            return -1;
        }

        c = **p;

        if (c >= 'A' && c <= 'Z') {
            c = (char) (c | 0x20);
        }

        if (c != *word) {
            return 0;
        }
    }

    return 1;
}


static const char *
cr_gz_skip(const char *p, const char *last)
{
    while (p < last && cr_gz_space(*p)) {
        p++;
    }

    return p;
}


/* A second <head> is dropped with its attributes: it must have none. */

static cr_splice_e
cr_gz_bare_head(const char *p, size_t n)
{
    size_t          at;
    const char     *q, *end;
    cr_head_scan_t  scan;

    cr_head_scan_init(&scan, CR_SPLICE_TEXT + 1);
    at = 0;

    switch (cr_head_scan(&scan, p, n, &at)) {

    case CR_SCAN_FOUND:
        end = p + at - 1;

        while (end[-1] == '/' || cr_gz_space(end[-1])) {
            end--;
        }

        q = end - 5;

        return cr_gz_word(&q, end, "<head") == 1 ? CR_SPLICE_DONE
                                                 : CR_SPLICE_NO_FRONT;

    case CR_SCAN_MORE:
        return n < CR_SPLICE_TEXT ? CR_SPLICE_SHORT : CR_SPLICE_NO_FRONT;
    }

    return CR_SPLICE_DONE;               /* no head can come any more */
}


cr_splice_e
cr_splice_text(const char *p, size_t n)
{
    int          rc;
    const char  *q, *last;

    if (n > CR_SPLICE_TEXT) {
        n = CR_SPLICE_TEXT;
    }

    last = p + n;
    q = cr_gz_skip(p, last);
    rc = cr_gz_word(&q, last, "<!doctype");

    if (rc == 1 && q < last && !cr_gz_space(*q)) {
        rc = 0;
    }

    if (rc == 1) {
        q = cr_gz_skip(q, last);
        rc = cr_gz_word(&q, last, "html");
    }

    if (rc == 1) {
        q = cr_gz_skip(q, last);
        rc = cr_gz_word(&q, last, ">");
    }

    if (rc == 1) {
        return cr_gz_bare_head(p, n);
    }

    return rc == 0 ? CR_SPLICE_NO_FRONT : CR_SPLICE_SHORT;
}


static voidpf
cr_gz_alloc(voidpf data, uInt items, uInt size)
{
    size_t          n;
    cr_gz_arena_t  *a;

    a = data;
    n = ((size_t) items * size + 63) & ~(size_t) 63;

    if (n > CR_GZ_ARENA - a->used) {
        return Z_NULL;
    }

    a->used += n;

    return a->room + a->used - n;
}


static void
cr_gz_free(voidpf data, voidpf p)
{
    (void) data;
    (void) p;
}


cr_splice_e
cr_splice_look(const unsigned char *p, size_t n)
{
    int            rc;
    char           text[CR_SPLICE_TEXT];
    z_stream       z;
    cr_splice_e    verdict;
    cr_gz_arena_t  arena;

    arena.used = 0;

    memset(&z, 0, sizeof(z_stream));

    z.zalloc = cr_gz_alloc;
    z.zfree = cr_gz_free;
    z.opaque = &arena;
    z.next_in = (Bytef *) (uintptr_t) p;
    z.avail_in = (uInt) (n < CR_SPLICE_INPUT ? n : CR_SPLICE_INPUT);
    z.next_out = (Bytef *) text;

    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        return CR_SPLICE_NO_GZIP;
    }

    do {
        z.avail_out = CR_GZ_STEP;
        rc = inflate(&z, Z_SYNC_FLUSH);

        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            verdict = CR_SPLICE_NO_GZIP;
            break;
        }

        verdict = cr_splice_text(text, (size_t) ((char *) z.next_out - text));

    } while (verdict == CR_SPLICE_SHORT && rc == Z_OK && z.avail_out == 0);

    (void) inflateEnd(&z);

    return verdict;
}
