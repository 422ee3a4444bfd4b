/*
 * Byte 0 says what the rest is (a gzip stream, or text to compress by a level
 * and with a flush) and whether its length is announced; bytes 1 and 2 cut it.
 * Decoded, what comes out is prefix and original or the original alone; no
 * byte is lost, none waits that needs not, and the cut changes nothing but
 * whether the first bytes tell enough.
 */

#include <stdint.h>

#include "../unit/splice.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const splice_out_t *out, const unsigned char *gz, size_t n, int known,
    const char *text, size_t ntext)
{
    int     spliced;
    char   *got;
    size_t  size, skip, at;

    spliced = out->outcome == CR_SPLICE_DONE;

    if (out->n != n + (spliced || known ? SPLICE_FRONT : 0) || out->late > 8) {
        abort();
    }

    /* the input, but for what was put in and the trailer */

    for (at = 0; at < n && gz[at] == out->p[at]; at++) { /* void */ }

    if (out->n == n && at != n) {
        abort();
    }

    if (spliced && memcmp(out->p + out->n - (n - at), gz + at,
                          n > at + 8 ? n - at - 8 : 0) != 0)
    {
        abort();
    }

    if (out->n != n && !spliced
        && memcmp(out->p + out->n - (n - at), gz + at, n - at) != 0)
    {
        abort();
    }

    if (text == NULL) {
        return;
    }

    got = splice_gunzip(out->p, out->n, &size);
    skip = spliced ? sizeof(SPLICE_PREFIX) - 1 : 0;

    if (got == NULL || size != ntext + skip
        || memcmp(got, SPLICE_PREFIX, skip) != 0
        || (ntext && memcmp(got + skip, text, ntext) != 0))
    {
        abort();
    }

    free(got);
}


static void
run(const unsigned char *gz, size_t n, size_t first, size_t step, int known,
    const char *text, size_t ntext)
{
    splice_out_t  whole, parts;

    splice_run(gz, n, 0, 0, known, 0, &whole);
    check(&whole, gz, n, known, text, ntext);

    splice_run(gz, n, first, step, known, (int) (step & 1), &parts);
    check(&parts, gz, n, known, text, ntext);

    if (text != NULL && whole.outcome == parts.outcome
        && (whole.n != parts.n || memcmp(whole.p, parts.p, whole.n) != 0))
    {
        abort();
    }

    free(whole.p);
    free(parts.p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             known;
    char           *text;
    size_t          n, ntext, first, step;
    unsigned char  *gz;

    if (size < 3) {
        return 0;
    }

    known = data[0] & 1;
    first = data[1] * 3;
    step = data[2];
    n = size - 3;

    if (data[0] & 2) {
        gz = splice_gzip((const char *) data + 3, n, data[0] >> 5,
                         (data[0] & 4) ? n / 2 : 0, data[2] & 30, &n);
        run(gz, n, first, step, known, (const char *) data + 3, size - 3);
        free(gz);
        return 0;
    }

    gz = malloc(n + 1);
    memcpy(gz, data + 3, n);
    text = splice_gunzip(gz, n, &ntext);
    run(gz, n, first, step, known, text, ntext);
    free(text);
    free(gz);

    return 0;
}
