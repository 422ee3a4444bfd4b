/*
 * The first two bytes say where the page is cut in two; the outcome must be
 * that of the page in one piece, and the place must stand behind a '>'; the
 * language is short and plain.
 */

#include <stdlib.h>
#include <string.h>

#include "../../lib/cr_body_scan.h"


#define CAP  512


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
scan(cr_body_scan_t *s, const char *page, size_t n, size_t cut, size_t *at)
{
    int    rc;
    char  *part;

    part = malloc(cut + 1);
    memcpy(part, page, cut);
    rc = cr_body_scan(s, part, cut, at);
    free(part);

    if (rc == CR_SCAN_FOUND && *at > cut) {
        abort();
    }

    if (rc != CR_SCAN_MORE) {
        return rc;
    }

    part = malloc(n - cut + 1);
    memcpy(part, page + cut, n - cut);
    rc = cr_body_scan(s, part, n - cut, at);
    free(part);

    if (rc == CR_SCAN_FOUND && *at > n - cut) {
        abort();
    }

    *at += cut;

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              whole, parts;
    size_t           n, cut, at, at_parts;
    const char      *page;
    cr_body_scan_t   a, b;

    if (size < 2) {
        return 0;
    }

    page = (const char *) data + 2;
    n = size - 2;
    cut = ((size_t) data[0] << 8 | data[1]) % (n + 1);

    cr_body_scan_init(&a, CAP);
    cr_body_scan_init(&b, CAP);
    at = 0;
    at_parts = 0;

    whole = cr_body_scan(&a, page, n, &at);
    parts = scan(&b, page, n, cut, &at_parts);

    if (whole != parts || strcmp(a.lang, b.lang) != 0 || a.seen != b.seen
        || a.seen > CAP)
    {
        abort();
    }

    if (strlen(a.lang) != strspn(a.lang, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"))
    {
        abort();
    }

    if (whole == CR_SCAN_FOUND
        && (at != at_parts || at == 0 || at > n || page[at - 1] != '>'))
    {
        abort();
    }

    return 0;
}
