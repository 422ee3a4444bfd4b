/*
 * A nonce that is to be copied into a page lies in the value and holds nothing
 * that could end an attribute.  Another policy beside it never allows more.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cr_csp.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int       answer, both;
    size_t    i, half;
    cr_str_t  value;
    cr_csp_t  csp, two;

    memset(&csp, 0, sizeof(cr_csp_t));

    csp.secure = size & 1;
    two = csp;

    value.p = (const char *) data;
    value.n = size;

    answer = cr_csp_add(&csp, value);

    if ((answer != 0 && answer != 1) || csp.nonce.n > CR_CSP_NONCE
        || (csp.nonce.n != 0
            && (csp.nonce.p < value.p
                || csp.nonce.n > (size_t) (value.p + size - csp.nonce.p))))
    {
        abort();
    }

    for (i = 0; i < csp.nonce.n; i++) {
        if (csp.nonce.p[i] <= ' ' || strchr("\"'<>&;,", csp.nonce.p[i])) {
            abort();
        }
    }

    half = size / 2;
    value.n = half;
    both = cr_csp_add(&two, value);
    value.p += half;
    value.n = size - half;

    if (both && cr_csp_add(&two, value)
        && memchr(data, ';', size) == NULL && memchr(data, ',', size) != NULL
        && half != 0 && data[half - 1] == ',' && !answer)
    {
        abort();                         /* cut at a comma it is the same */
    }

    return 0;
}
