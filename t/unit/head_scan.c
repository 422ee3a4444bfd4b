#include "check.h"

#include <stdlib.h>

#include "../../lib/cr_head_scan.h"


#define CAP  65536

typedef struct {
    const char  *page;           /* '|' marks where the tag belongs */
    int          document;
} row_t;

/* What HTML's tree construction does with each was the model; a page without
 * '|' has no place. */

static const row_t  rows[] = {
    { "<!doctype html><html><head>|<title>x</title>", 1 },
    { "<!DOCTYPE html>\n<HTML lang=en>\n<HEAD>|\n<meta charset=utf-8>", 1 },
    { "\xef\xbb\xbf<!doctype html><head>|", 1 },
    { "<head>|", 0 },
    { "<head/>|", 0 },
    { "<head >|", 0 },
    { "<html><head\n>|", 1 },
    { "<html/><head>|", 1 },
    { " \t\r\n\f<head>|", 0 },

    { "<!doctype html><header><head>", 1 },
    { "<header>", 0 },
    { "<headline><head>", 0 },
    { "<heada>", 0 },
    { "<hea>", 0 },
    { "<h>", 0 },
    { "<htmlx><head>", 0 },
    { "<html><body><head>", 1 },
    { "<!doctype html><title>x</title><head>", 1 },
    { "<!doctype html><html><meta charset=utf-8><head>", 1 },
    { "text<head>", 0 },
    { "<!doctype html>text<head>", 1 },
    { "<!doctype html>\n\xc2\xa0<head>", 1 },
    { "\xef\xbb<head>", 0 },
    { "<!doctype html>\xef\xbb\xbf<head>", 1 },
    { "{\"html\":\"<head>\"}", 0 },
    { "0", 0 },
    { "", 0 },
    { "   ", 0 },
    { "<!doctype html>", 1 },
    { "<!doctype html", 0 },
    { "<!doctype html ", 1 },
    { "<", 0 },
    { "< head>", 0 },
    { "<<head>", 0 },
    { "<1><head>", 0 },

    { "<!-- <head> --><head>|", 0 },
    { "<!-- <head> -- > --><html><!-- a --><head>|", 1 },
    { "<!--><head>|", 0 },
    { "<!---><head>|", 0 },
    { "<!----><head>|", 0 },
    { "<!-----><head>|", 0 },
    { "<!-- a --!><head>|", 0 },
    { "<!-- a --!b--><head>|", 0 },
    { "<!-- a --!-><head>--><head>|", 0 },
    { "<!-- a -><head>", 0 },
    { "<!-- <!-- <head> --><head>|", 0 },
    { "<!--->--><head>", 0 },
    { "<!-x><head>|", 0 },
    { "<!-><head>|", 0 },
    { "<!><head>|", 0 },
    { "<![CDATA[<head>]]><head>", 0 },
    { "<![CDATA[x]]><head>|", 0 },
    { "<?xml version=\"1.0\"?><!doctype html><head>|", 1 },
    { "<?xml a='>'?><head>", 0 },
    { "<!doctype html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "
      "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\"><head>|", 1 },
    { "<!doctype html SYSTEM 'a>b'><head>", 1 },
    { "<!doctypehtml><head>|", 1 },
    { "<!doctype><head>|", 0 },
    { "<!doctype svg><head>|", 0 },
    { "<!doctype htmlx><head>|", 0 },
    { "<!docTYPE\n\tHtMl\n><head>|", 1 },
    { "<!dog><head>|", 0 },

    { "<head data-x='a>b'>|", 0 },
    { "<head data-x=\"a'>b\">|", 0 },
    { "<head data-x = \"a>b\" y>|", 0 },
    { "<head data-x=a\"b>|\">", 0 },
    { "<head data-x=a/>|", 0 },
    { "<head a\"b>|\">", 0 },
    { "<head \">|\">", 0 },
    { "<head =\">|\">", 0 },
    { "<head a=\"x\"b='>'>|", 0 },
    { "<head a= >|", 0 },
    { "<head a/=\">|\">", 0 },
    { "<head a =\">\">|", 0 },
    { "<head / a=\">\">|", 0 },
    { "<html lang=\"<head>\"><head>|", 1 },
    { "<html class='a'><head prefix=\"og: http://ogp.me/ns#\">|", 1 },
    { "<head a='", 0 },

    { "</p><head>|", 0 },
    { "</p a='>'><head>|", 0 },
    { "</><head>|", 0 },
    { "</ head><head>|", 0 },
    { "</head><head>", 0 },
    { "</html><head>", 0 },
    { "</body><head>", 0 },
    { "</br><head>", 0 },
    { "</bra><head>|", 0 },
    { "</averyveryverylongname a='>'><head>|", 0 },
    { "<averyveryverylongname><head>", 0 },
    { "</", 0 },
    { NULL, 0 }
};


/* Scans page in pieces that end at the offsets a and b, each on the heap in
 * its exact size.  The place, or -1. */

static long
scan(cr_head_scan_t *s, const char *page, size_t n, size_t a, size_t b)
{
    int      i, rc;
    char    *piece;
    long     place;
    size_t   at, from, ends[3];

    ends[0] = a;
    ends[1] = b;
    ends[2] = n;
    from = 0;
    place = -1;

    for (i = 0; i < 3; i++) {
        piece = malloc(ends[i] - from + (ends[i] == from));
        memcpy(piece, page + from, ends[i] - from);

        at = (size_t) -1;
        rc = cr_head_scan(s, piece, ends[i] - from, &at);

        if (rc == CR_SCAN_FOUND && (place >= 0 || at > ends[i] - from)) {
            place = -2;

        } else if (rc == CR_SCAN_FOUND) {
            place = (long) (from + at);
        }

        free(piece);
        from = ends[i];
    }

    return place;
}


static void
test_rows(void)
{
    int              bad;
    char             page[512], label[32];
    long             want;
    size_t           n, a, b;
    const row_t     *row;
    const char      *mark;
    cr_head_scan_t   s;

    for (row = rows; row->page != NULL; row++) {
        mark = strchr(row->page, '|');
        n = strlen(row->page);
        memcpy(page, row->page, n);
        want = -1;

        if (mark != NULL) {
            want = mark - row->page;
            memmove(page + want, page + want + 1, n - (size_t) want - 1);
            n--;
        }

        snprintf(label, sizeof(label), "row %d", (int) (row - rows));

        cr_head_scan_init(&s, CAP);
        EQ_INT(scan(&s, page, n, n, n), want);
        OK_TEXT(s.document == row->document, label);

        bad = 0;

        for (a = 0; a <= n; a++) {
            for (b = a; b <= n; b++) {
                cr_head_scan_init(&s, CAP);
                bad += (scan(&s, page, n, a, b) != want
                        || s.document != row->document);
            }
        }

        EQ_INT(bad, 0);
    }
}


static void
test_cap(void)
{
    char            *page;
    size_t           at;
    cr_head_scan_t   s;

    page = malloc(CAP + 6);
    memset(page, ' ', CAP);
    memcpy(page + CAP - 6, "<head>      ", 12);

    cr_head_scan_init(&s, CAP);
    EQ_INT(cr_head_scan(&s, page, CAP + 6, &at), CR_SCAN_FOUND);
    EQ_INT(at, CAP);

    cr_head_scan_init(&s, CAP - 1);
    EQ_INT(cr_head_scan(&s, page, CAP + 6, &at), CR_SCAN_END);
    EQ_INT(s.seen, CAP - 1);
    EQ_INT(cr_head_scan(&s, page, CAP + 6, &at), CR_SCAN_END);

    cr_head_scan_init(&s, CAP);
    EQ_INT(cr_head_scan(&s, page, CAP - 1, &at), CR_SCAN_MORE);
    EQ_INT(cr_head_scan(&s, page + CAP - 1, 1, &at), CR_SCAN_FOUND);
    EQ_INT(at, 1);
    EQ_INT(cr_head_scan(&s, page, 6, &at), CR_SCAN_END);

    cr_head_scan_init(&s, 0);
    EQ_INT(cr_head_scan(&s, page, 1, &at), CR_SCAN_END);

    free(page);
}


/* The usual page costs the scan its first bytes, whatever its length. */

static void
test_short(void)
{
    char            *page;
    size_t           at;
    cr_head_scan_t   s;

    page = malloc(80000);
    memset(page, 'x', 80000);
    memcpy(page, "<!doctype html><html lang=\"en\"><head><meta>", 43);

    cr_head_scan_init(&s, CAP);
    EQ_INT(cr_head_scan(&s, page, 80000, &at), CR_SCAN_FOUND);
    EQ_INT(at, 37);
    EQ_INT(s.seen, 37);

    memcpy(page, "<!doctype html><html lang=\"en\"><body><meta>", 43);
    cr_head_scan_init(&s, CAP);
    EQ_INT(cr_head_scan(&s, page, 80000, &at), CR_SCAN_END);
    EQ_INT(s.seen, 37);

    free(page);
}


int
main(void)
{
    test_rows();
    test_cap();
    test_short();

    return check_done();
}
