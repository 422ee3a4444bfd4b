/* Amounts: never out of range, and a plain one comes back as it was. */

#include "cr_cart.h"

#include <stdlib.h>


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int       e, len;
    char      buf[40];
    int64_t   v, back;
    cr_str_t  s;

    if (n == 0) {
        return 0;
    }

    e = p[0] % 5;
    s.p = (const char *) p + 1;
    s.n = n - 1;

    if (cr_money_parse(s, e, &v) == CR_OK) {
        if (v == CR_AMOUNT_UNKNOWN) {
            abort();
        }

        len = cr_money_plain(v, e, buf, sizeof(buf));

        if (len < 0 || cr_money_decimal((cr_str_t) { buf, (size_t) len }, e,
                                        &back) != CR_OK || back != v)
        {
            abort();
        }
    }

    (void) cr_money_decimal(s, e, &v);

    return 0;
}
