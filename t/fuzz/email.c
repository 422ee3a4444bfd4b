/*
 * Typed addresses: what is accepted has no byte that a mail header or an SMTP
 * command could trip over, and normalising twice changes nothing.
 */

#include <stdlib.h>
#include <string.h>

#include "../../lib/cr_token.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static char *
typed(const uint8_t *data, size_t size)
{
    char  *s;

    s = malloc(size + 1);
    memcpy(s, data, size);
    s[size] = '\0';

    return s;
}


static void
again(const char *s, int (*normalise)(char *))
{
    char  *t;

    t = typed((const uint8_t *) s, strlen(s));

    if (normalise(t) != CR_OK || strcmp(s, t) != 0) {
        abort();
    }

    free(t);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char  *s, *p;

    s = typed(data, size);

    if (cr_email_normalise(s) == CR_OK) {
        for (p = s; *p; p++) {
            if (*p <= ' ' || *p >= 0x7f || strchr("<>()[]\\,;:\"", *p)
                || (*p >= 'A' && *p <= 'Z'))
            {
                abort();
            }
        }

        if (strchr(s, '@') == NULL || strchr(s, '@') != strrchr(s, '@')
            || strlen(s) > 254)
        {
            abort();
        }

        again(s, cr_email_normalise);
    }

    free(s);
    s = typed(data, size);

    if (cr_phone_normalise(s) == CR_OK) {
        if (s[0] != '+' || strlen(s) < 8 || strlen(s) > 16
            || strspn(s + 1, "0123456789") != strlen(s) - 1)
        {
            abort();
        }

        again(s, cr_phone_normalise);
    }

    free(s);

    return 0;
}
