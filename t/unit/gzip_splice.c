#include "check.h"

#include "splice.h"


#define PAGE  "<!doctype html>\n<html lang=en><head><title>Shop</title></head>"

typedef struct {
    const char  *text;
    int          outcome;
} row_t;

static const row_t  rows[] = {
    { PAGE, CR_SPLICE_DONE },
    { " \t\r\n\f<!DocType\t HTML \n><html><p>", CR_SPLICE_DONE },
    { "<!doctype html><head>", CR_SPLICE_DONE },
    { "<!doctype html><HEAD >", CR_SPLICE_DONE },
    { "<!doctype html><head/>", CR_SPLICE_DONE },
    { "<!doctype html><!-- <head a=b> --><head>", CR_SPLICE_DONE },
    { "<!doctype html><header class=a>", CR_SPLICE_DONE },
    { "<!doctype html><p>no head", CR_SPLICE_DONE },

    { "<!doctype html><head prefix='og: http://ogp.me/ns#'>",
      CR_SPLICE_NO_FRONT },
    { "<!doctype html><head x>", CR_SPLICE_NO_FRONT },
    { "<!doctype html><head a=<bcde>", CR_SPLICE_NO_FRONT },
    { "<!doctype html><head class=\"never closed", CR_SPLICE_SHORT },
    { "<!doctype html SYSTEM \"about:legacy-compat\">", CR_SPLICE_NO_FRONT },
    { "<!doctype html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\">",
      CR_SPLICE_NO_FRONT },
    { "<!doctypehtml>", CR_SPLICE_NO_FRONT },
    { "<!doctype htmlx>", CR_SPLICE_NO_FRONT },
    { "<!doctype svg>", CR_SPLICE_NO_FRONT },
    { "<html><head>", CR_SPLICE_NO_FRONT },
    { "\xef\xbb\xbf<!doctype html>", CR_SPLICE_NO_FRONT },
    { "<!-- a --><!doctype html>", CR_SPLICE_NO_FRONT },
    { "{\"a\":1}", CR_SPLICE_NO_FRONT },
    { "<?xml version=\"1.0\"?><!doctype html>", CR_SPLICE_NO_FRONT },

    { "", CR_SPLICE_SHORT },
    { "   ", CR_SPLICE_SHORT },
    { "<!doc", CR_SPLICE_SHORT },
    { "<!doctype html", CR_SPLICE_SHORT },
    { "<!doctype html  ", CR_SPLICE_SHORT },
    { "<!doctype html>", CR_SPLICE_SHORT },
    { "<!doctype html><html><!-- not closed ", CR_SPLICE_SHORT },
    { NULL, 0 }
};


static char  page[96 * 1024];    /* PAGE, then text that compresses so so */

static void
make_page(void)
{
    size_t         i;
    unsigned long  x;

    strcpy(page, PAGE);
    x = 7;

    for (i = strlen(PAGE); i < sizeof(page); i++) {
        x = x * 1103515245 + 12345;
        page[i] = "linen cotton walnut<p>\n"[(x >> 16) % 23];
    }
}


/* What came out, as text, is prefix and original, or the original alone. */

static int
right(const splice_out_t *out, const char *text, size_t n)
{
    int     good;
    char   *got;
    size_t  size, skip;

    got = splice_gunzip(out->p, out->n, &size);
    skip = out->outcome == CR_SPLICE_DONE ? sizeof(SPLICE_PREFIX) - 1 : 0;

    good = got != NULL && size == n + skip
           && memcmp(got, SPLICE_PREFIX, skip) == 0
           && memcmp(got + skip, text, n) == 0;
    free(got);

    return good;
}


/* The head comes so late that its attributes are not seen. */

static void
late(void)
{
    char            text[2 * CR_SPLICE_TEXT];
    size_t          n, at;
    splice_out_t    out;
    unsigned char  *gz;

    for (at = 100; at < CR_SPLICE_TEXT + 200; at += 50) {
        memset(text, ' ', sizeof(text));
        memcpy(text, "<!doctype html>", 15);
        memcpy(text + at, "<head>", 6);
        memcpy(text + sizeof(text) - 4, "<p>", 3);

        gz = splice_gzip(text, sizeof(text), 6, 0, 0, &n);
        splice_run(gz, n, 0, 0, 1, 0, &out);
        OK((out.outcome == CR_SPLICE_DONE) == (at + 6 <= CR_SPLICE_TEXT)
           && right(&out, text, sizeof(text)));
        free(out.p);
        free(gz);
    }
}


static void
texts(void)
{
    int             good, known;
    char            name[16];
    size_t          n;
    const row_t    *row;
    splice_out_t    out;
    unsigned char  *gz;

    for (row = rows; row->text; row++) {
        gz = splice_gzip(row->text, strlen(row->text), 6, 0, 0, &n);
        good = 1;

        for (known = 0; known < 2; known++) {
            splice_run(gz, n, 0, 0, known, 0, &out);
            good &= out.outcome == row->outcome
                    && right(&out, row->text, strlen(row->text));

            if (known) {
                good &= out.n == n + SPLICE_FRONT;

            } else if (out.outcome != CR_SPLICE_DONE) {
                good &= out.n == n && memcmp(out.p, gz, n) == 0;
            }

            free(out.p);
        }

        snprintf(name, sizeof(name), "text %d", (int) (row - rows));
        OK_TEXT(good, name);
        free(gz);
    }
}


/* Any first piece of up to 2 KB, then any step; all that header fields,
 * levels, lengths and the place of the end can be. */

static void
splits(int level, int flg, int known)
{
    int             end, bad;
    size_t          n, m, first, step, done;
    splice_out_t    out;
    unsigned char  *gz;

    m = 12000;
    bad = 0;
    done = 0;
    gz = splice_gzip(page, m, level, 3000, flg, &n);

    for (first = 0; first < 2048; first += 1 + first / 24) {
        for (step = 1; step < n; step = step * 9 + 1) {
            end = (int) (first + step) & 1;

            splice_run(gz, n, first, step, known, end, &out);

            done += out.outcome == CR_SPLICE_DONE;
            bad += !right(&out, page, m) || out.late > 8
                   || (known && out.n != n + SPLICE_FRONT)
                   || (out.outcome != CR_SPLICE_DONE
                       && out.outcome != CR_SPLICE_SHORT);
            free(out.p);
        }
    }

    EQ_INT(bad, 0);
    OK_TEXT(done > 80, "and most of them are spliced");
    free(gz);
}


/* A piece that ends in a flush is passed whole, others all but eight bytes. */

static void
flushes(void)
{
    size_t          n, m;
    splice_out_t    out;
    unsigned char  *gz;

    gz = splice_gzip(page, 9000, 6, 4000, 0, &n);

    for (m = 4; memcmp(gz + m - 4, "\0\0\xff\xff", 4) != 0; m++) { /* void */ }

    splice_run(gz, n, m, 0, 0, 0, &out);
    EQ_INT(out.late, 0);
    OK(right(&out, page, 9000));
    free(out.p);

    splice_run(gz, n, m - 1, 0, 0, 0, &out);
    EQ_INT(out.late, 0);                 /* the front is longer than eight */
    OK(right(&out, page, 9000));
    free(out.p);

    /* byte by byte nothing of the header waits */

    splice_run(gz, n, 0, 1, 0, 0, &out);
    EQ_INT(out.late, 0);
    EQ_INT(out.outcome, CR_SPLICE_SHORT);
    OK(out.n == n && memcmp(out.p, gz, n) == 0);
    free(out.p);
    free(gz);
}


/* What is no gzip, or a damaged or cut one. */

static void
broken(void)
{
    size_t          i, n, bad;
    splice_out_t    out;
    unsigned char  *gz;

    gz = splice_gzip(page, 9000, 6, 0, 0, &n);

    for (i = 0; i < 4; i++) {
        gz[i] ^= 0xff;
        splice_run(gz, n, 0, 0, 0, 0, &out);
        OK(out.outcome == CR_SPLICE_NO_GZIP && out.n == n
           && memcmp(out.p, gz, n) == 0);
        free(out.p);

        splice_run(gz, n, 0, 3, 1, 1, &out);
        OK(out.outcome == CR_SPLICE_NO_GZIP && out.n == n + SPLICE_FRONT
           && memcmp(out.p, gz, n) == 0);
        free(out.p);
        gz[i] ^= 0xff;
    }

    gz[10] = 0x07;                       /* block type 11 */
    splice_run(gz, n, 0, 0, 0, 0, &out);
    OK(out.outcome == CR_SPLICE_NO_GZIP && out.n == n
       && memcmp(out.p, gz, n) == 0);
    free(out.p);
    free(gz);

    /* cut off anywhere: no byte of it is lost, and the last eight change only
     * where they could be a trailer */

    gz = splice_gzip(page, 9000, 6, 0, 0, &n);
    bad = 0;

    for (i = 0; i < n; i++) {
        splice_run(gz, i, 0, 0, 0, 1, &out);

        if (out.outcome != CR_SPLICE_DONE) {
            bad += out.n != i || memcmp(out.p, gz, i) != 0;

        } else {
            bad += out.n != i + SPLICE_FRONT
                   || memcmp(out.p + 10 + SPLICE_FRONT, gz + 10, i - 18) != 0;
        }

        free(out.p);
    }

    EQ_INT(bad, 0);
    free(gz);
}


/* The control: one bit of a spliced stream turned is seen. */

static void
control(void)
{
    size_t          n;
    splice_out_t    out;
    unsigned char  *gz;

    gz = splice_gzip(page, 9000, 6, 0, 0, &n);
    splice_run(gz, n, 0, 0, 1, 0, &out);

    OK(right(&out, page, 9000));
    out.p[out.n / 2] ^= 4;
    OK(!right(&out, page, 9000));
    out.p[out.n / 2] ^= 4;
    out.p[out.n - 6] ^= 1;
    OK_TEXT(!right(&out, page, 9000), "a wrong CRC too");

    free(out.p);
    free(gz);
}


/* Windows of all sizes, text that is stored, and back references at once. */

static void
shapes(void)
{
    size_t          n, m;
    splice_out_t    out;
    unsigned char  *gz;

    for (m = strlen(PAGE); m <= sizeof(page); m += 8111) {
        gz = splice_gzip(page, m, m % 3 ? 9 : 0, m / 2, 0, &n);
        splice_run(gz, n, 1400, 4096, (int) (m % 2), 0, &out);
        OK(out.outcome == CR_SPLICE_DONE && right(&out, page, m));
        free(out.p);
        free(gz);
    }
}


int
main(void)
{
    make_page();

    texts();
    late();
    flushes();
    broken();
    control();
    shapes();

    splits(6, 0, 1);
    splits(6, 0, 0);
    splits(1, 8, 1);
    splits(9, 4 | 8 | 16 | 2, 0);
    splits(0, 16, 0);

    return check_done();
}
