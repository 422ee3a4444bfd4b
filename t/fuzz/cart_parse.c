/* Carts: what is read can be written, within its bound, and read again. */

#include "cr_cart.h"

#include <stdlib.h>
#include <string.h>


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int        len;
    char       buf[CR_CART_JSON + 1];
    size_t     i, k;
    cr_cart_t  c, back;

    if (cr_cart_parse(&c, (const char *) p, n) == CR_OK) {
        len = cr_cart_json(&c, buf, sizeof(buf));

        if (len <= 0 || len > CR_CART_JSON
            || cr_cart_parse(&back, buf, (size_t) len) != CR_OK
            || back.version != c.version || back.pieces != c.pieces)
        {
            abort();
        }

        (void) cr_cart_fingerprint(&back);
        (void) cr_cart_replace(&back, &c);
    }

    /* the same bytes as changes: qty, delta, ref */

    memset(&c, 0, sizeof(c));
    cr_cart_clear(&c);

    for (i = 0; i + 3 < n; i += 3 + k) {
        k = p[i + 2] % 40;
        k = (k < n - i - 3) ? k : n - i - 3;

        (void) cr_cart_line(&c, (cr_str_t) { (const char *) p + i + 3, k },
                            (int8_t) p[i], p[i + 1] & 1, p[i],
                            (cr_str_t) { (const char *) p, n },
                            (cr_str_t) { (const char *) p + i + 3, k / 2 });

        if (c.nlines > CR_CART_LINES || (c.nlines == 0 && !c.cut
                                         && c.pieces != 0))
        {
            abort();
        }
    }

    len = cr_cart_json(&c, buf, sizeof(buf));

    if (len <= 0 || len > CR_CART_JSON) {
        abort();
    }

    return 0;
}
