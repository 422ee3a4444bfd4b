#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"


char *
crc_read(const char *path, size_t max, size_t *len)
{
    char  *buf;
    FILE  *f;

    f = fopen(path, "re");

    if (f == NULL) {
        return NULL;
    }

    buf = malloc(max + 2);

    if (buf != NULL) {
        errno = 0;
        *len = fread(buf, 1, max + 1, f);
        buf[*len] = '\0';

        if (ferror(f)) {
            free(buf);
            buf = NULL;
        }
    }

    (void) fclose(f);

    return buf;
}


/* The mistakes become findings; the site's own file name stands in each. */

int
crc_policy(crc_t *c, const char *path, cr_policy_t *p, int *code)
{
    int          i, n, told;
    char        *text;
    size_t       len;
    cr_error_t   err[CRC_ERRORS];

    text = crc_read(path, CR_POLICY_BYTES, &len);

    if (text == NULL) {
        *code = crc_fail(c, CRC_IO, "%s: %s", path, strerror(errno));
        return CR_ERR;
    }

    n = cr_policy_parse(p, text, len, err, CRC_ERRORS);
    free(text);

    if (n == 0) {
        return CR_OK;
    }

    told = (n < 0) ? 1 : (n < CRC_ERRORS) ? n : CRC_ERRORS;

    for (i = 0; i < told; i++) {
        crc_finding(c, path, err[i].line, err[i].path, "%s", err[i].text);
    }

    if (n > told) {
        crc_say("%s: and %d mistakes more", path, n - told);
    }

    *code = CRC_FINDINGS;

    return CR_ERR;
}


int
crc_config(crc_t *c, int *code)
{
    cr_error_t  err;

    if (crd_config_read(&c->cf, c->config, &err) == CR_OK) {
        return CR_OK;
    }

    if (err.line > 0) {
        *code = crc_fail(c, CRC_IO, "%s:%d: %s", c->config, err.line,
                         err.text);
    } else {
        *code = crc_fail(c, CRC_IO, "%s: %s", c->config, err.text);
    }

    return CR_ERR;
}
