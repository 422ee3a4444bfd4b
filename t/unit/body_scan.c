/* The place behind <body ...>, and the page's language. */

#include "check.h"

#include "cr_body_scan.h"


typedef struct {
    const char  *page;           /* '|' marks the place, none: not found */
    const char  *lang;
} case_t;

static const case_t  cases[] = {
    { "<html><head></head><body>|<p>", "" },
    { "<!doctype html><html lang=\"de-AT\"><body\tclass='a>b'>|x", "de-AT" },
    { "<html lang=fr><body>|", "fr" },
    { "<html lang='en\"'><body>|", "" },
    { "<html lang=\"much-too-long-for-one\"><body>|", "" },
    { "<html xml:lang=it data-lang=es><body>|", "" },
    { "<HTML LANG=ES><BODY ID=a>|", "ES" },
    { "<p lang=de>no body yet<body>|", "" },
    { "<!-- <body> --><body>|", "" },
    { "<!--><body>|", "" },
    { "<!--!><body>--><body>|", "" },
    { "<!-- --!-><body>--><body>|", "" },
    { "<script>a = '<body>'</script><body>|", "" },
    { "<style>/* <body> */</style ><title><body></title><body>|", "" },
    { "<script></scripts><body></script><body>|", "" },
    { "<textarea><!-- </textarea><body>|", "" },
    { "<tbody><bodyx><body/>|", "" },
    { "<a b=\"<body>\"><body>|", "" },
    { "</ a='><body>|", "" },
    { "<script><!-- <script> </script> <body>", "" },
    { "<frameset><body>", "" },
    { "<plaintext><body>", "" },
    { "<html><head><title>x", "" },
    { "{\"a\":1}", "" },
};


static int
scan(const char *page, size_t n, size_t step, cr_body_scan_t *s)
{
    int     rc;
    size_t  i, at;

    cr_body_scan_init(s, 4096);

    for (i = 0; i < n; i += step) {
        at = 0;
        rc = cr_body_scan(s, page + i, n - i < step ? n - i : step, &at);

        if (rc != CR_SCAN_MORE) {
            return rc == CR_SCAN_FOUND ? (int) (i + at) : -1;
        }
    }

    return -1;
}


static void
check_page(const case_t *c)
{
    int             want;
    char            page[256];
    size_t          n, step;
    const char     *mark;
    cr_body_scan_t  s;

    mark = strchr(c->page, '|');
    want = mark != NULL ? (int) (mark - c->page) : -1;

    n = strlen(c->page);
    memcpy(page, c->page, n + 1);

    if (mark != NULL) {
        memmove(page + want, page + want + 1, n - (size_t) want);
        n--;
    }

    for (step = 1; step <= n; step++) {
        if (scan(page, n, step, &s) != want || strcmp(s.lang, c->lang) != 0) {
            printf("# in pieces of %d\n", (int) step);
            break;
        }
    }

    OK_TEXT(step > n, c->page);
}


int
main(void)
{
    size_t          i, at;
    cr_body_scan_t  s;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_page(&cases[i]);
    }

    cr_body_scan_init(&s, 10);
    EQ_INT(cr_body_scan(&s, "<html><p><body>", 15, &at), CR_SCAN_END);
    EQ_INT(s.seen, 10);
    EQ_INT(cr_body_scan(&s, "<body>", 6, &at), CR_SCAN_END);

    return check_done();
}
