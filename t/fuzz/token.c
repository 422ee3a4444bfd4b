/*
 * Cookies, link tokens and sealed addresses from strangers: none is accepted,
 * and what base64url decodes has one spelling.
 */

#include <stdlib.h>
#include <string.h>

#include "../../lib/cr_token.h"


#define SECRET  "a secret that the corpus was not made with"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  n, m;
    char                 text[256], *again;
    uint8_t             *raw, subject[16];
    cr_id_t              id;
    cr_str_t             s, shop;
    cr_cookie_t          cookie;
    static cr_keyring_t  ring;

    if (ring.n == 0 && cr_keyring_add(&ring, SECRET, strlen(SECRET)) != CR_OK)
    {
        abort();
    }

    s.p = (const char *) data;
    s.n = size;
    shop = cr_lit("shop");

    if (cr_cookie_read(&ring, s, &cookie) == CR_OK
        || cr_token_read(&ring, CR_TOKEN_RESTORE, shop, s, 1, subject)
           != CR_ERR
        || cr_token_read(&ring, CR_TOKEN_UNSUB, shop, s, 1, subject) != CR_ERR
        || cr_open(&ring, shop, cr_lit("email"), s, text, sizeof(text)) >= 0)
    {
        abort();
    }

    raw = malloc(size + 1);
    again = malloc(size + 1);

    n = cr_base64url_decode(s, raw, size);

    if (n >= 0) {
        m = cr_base64url_encode(raw, (size_t) n, again, size + 1);

        if (m != (int) size || memcmp(again, data, size) != 0) {
            abort();
        }
    }

    if (cr_id_parse(s, &id) == CR_OK && size != CR_ID_HEX_LEN) {
        abort();
    }

    free(raw);
    free(again);

    return 0;
}
