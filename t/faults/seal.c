/*
 * seal SECRET-FILE SITE: each address on standard input, sealed as nginx seals
 * it, and its look-up: "SEALED LOOK".
 * seal SECRET-FILE SITE r|u TOKEN: a link token's subject in hex.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "cr_token.h"


static int
read_token(const cr_keyring_t *ring, cr_str_t site, const char *kind,
    const char *token)
{
    int      rc;
    char     hex[CR_ID_HEX_LEN + 1];
    cr_id_t  id;

    rc = cr_token_read(ring, *kind == 'r' ? CR_TOKEN_RESTORE
                                          : CR_TOKEN_UNSUB, site,
                       (cr_str_t) { token, strlen(token) },
                       (uint32_t) time(NULL), id.b);
    if (rc != CR_OK) {
        return 1;
    }

    cr_id_hex(&id, hex);
    puts(hex);

    return 0;
}


int
main(int argc, char **argv)
{
    int           n;
    char          secret[CR_SECRET_MAX + 1], line[256], out[CR_SEALED_MAX + 1],
                  hex[CR_ID_HEX_LEN + 1];
    cr_id_t       look;
    cr_str_t      site, email;
    cr_error_t    err;
    cr_keyring_t  ring;

    memset(&ring, 0, sizeof(ring));

    if (argc < 3
        || (n = crd_secret_file(argv[1], secret, sizeof(secret), &err)) < 0
        || cr_keyring_add(&ring, secret, (size_t) n) != CR_OK)
    {
        return 2;
    }

    site.p = argv[2];
    site.n = strlen(argv[2]);

    if (argc == 5) {
        return read_token(&ring, site, argv[3], argv[4]);
    }

    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        email.p = line;
        email.n = strlen(line);
        n = cr_seal(&ring, site, cr_lit("email"), email, out, sizeof(out));
        if (n < 0) {
            return 1;
        }
        cr_address_look(&ring, 0, site, cr_lit("email"), email, look.b);
        cr_id_hex(&look, hex);
        printf("%.*s %s\n", n, out, hex);
    }

    return 0;
}
