#include "cr_mustache_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_json.h"


int
cr_mustache_put(cr_mustache_t *r, const char *p, size_t n)
{
    char    *buf;
    size_t   size;

    if (n > CR_MUSTACHE_OUTPUT - r->len) {
        return CR_FULL;
    }

    if (r->size - r->len <= n) {
        size = r->size * 2;

        while (size - r->len <= n) {
            size *= 2;
        }

        buf = realloc(r->buf, size);

        if (buf == NULL) {
            return CR_FULL;
        }

        r->buf = buf;
        r->size = size;
    }

    memcpy(r->buf + r->len, p, n);
    r->len += n;

    return CR_OK;
}


static int
mustache_put_html(cr_mustache_t *r, const char *p, size_t n)
{
    int          rc;
    size_t       i, from;
    const char  *as;

    rc = CR_OK;
    from = 0;

    for (i = 0; i < n && rc == CR_OK; i++) {

        switch (p[i]) {
        case '&':   as = "&amp;";   break;
        case '<':   as = "&lt;";    break;
        case '>':   as = "&gt;";    break;
        case '"':   as = "&quot;";  break;
        case '\'':  as = "&#39;";   break;
        default:    continue;
        }

        rc = cr_mustache_put(r, p + from, i - from);
        from = i + 1;

        if (rc == CR_OK) {
            rc = cr_mustache_put(r, as, strlen(as));
        }
    }

    return (rc == CR_OK) ? cr_mustache_put(r, p + from, n - from) : rc;
}


static int
mustache_put_url(cr_mustache_t *r, const char *p, size_t n)
{
    int     rc;
    char    hex[3];
    size_t  i;

    static const char  digits[] = "0123456789ABCDEF";
    static const char  unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz"
                                      "0123456789-._~";

    rc = CR_OK;

    for (i = 0; i < n && rc == CR_OK; i++) {
        if (p[i] && strchr(unreserved, p[i])) {
            rc = cr_mustache_put(r, p + i, 1);
            continue;
        }

        hex[0] = '%';
        hex[1] = digits[(unsigned char) p[i] >> 4];
        hex[2] = digits[(unsigned char) p[i] & 15];
        rc = cr_mustache_put(r, hex, 3);
    }

    return rc;
}


static int
mustache_put_json(cr_mustache_t *r, const char *p, size_t n)
{
    int      rc;
    char    *buf;
    size_t   cap;

    if (n > CR_MUSTACHE_OUTPUT) {
        return CR_FULL;
    }

    cap = 6 * n + 3;
    buf = malloc(cap);

    if (buf == NULL) {
        return CR_FULL;
    }

    rc = cr_json_quote(buf, cap, (cr_str_t) { p, n });

    if (rc >= 2) {
        rc = cr_mustache_put(r, buf + 1, (size_t) rc - 2);
    }

    free(buf);

    return rc;
}


/* The fewest digits that read back as the same number. */

static int
mustache_put_real(cr_mustache_t *r, double d)
{
    char     buf[40];
    size_t   precision, n;
    json_t  *v, *back;
    double   again;

    if (d > -1e15 && d < 1e15 && d == (double) (int64_t) d) {
        n = (size_t) snprintf(buf, sizeof(buf), "%lld", (long long) d);
        return cr_mustache_put(r, buf, n);
    }

    v = json_real(d);
    n = 0;

    for (precision = 15; v && precision <= 17; precision++) {
        n = json_dumpb(v, buf, sizeof(buf),
                       JSON_ENCODE_ANY | JSON_REAL_PRECISION(precision));
        back = json_loadb(buf, n, JSON_DECODE_ANY, NULL);
        again = json_number_value(back);
        json_decref(back);

        if (again >= d && again <= d) {
            break;
        }
    }

    json_decref(v);

    return cr_mustache_put(r, buf, n);
}


int
cr_mustache_value(cr_mustache_t *r, json_t *v, int raw)
{
    char         buf[32];
    size_t       n;
    const char  *p;

    if (v == NULL) {
        return CR_OK;
    }

    switch (json_typeof(v)) {

    case JSON_STRING:
        p = json_string_value(v);
        n = json_string_length(v);
        break;

    case JSON_INTEGER:
        p = buf;
        n = (size_t) snprintf(buf, sizeof(buf), "%lld",
                              (long long) json_integer_value(v));
        break;

    case JSON_REAL:
        return mustache_put_real(r, json_real_value(v));

    case JSON_TRUE:
        p = "true";
        n = 4;
        break;

    case JSON_FALSE:
        p = "false";
        n = 5;
        break;

    default:
        return CR_OK;
    }

    if (raw) {
        return cr_mustache_put(r, p, n);
    }

    switch (r->escape) {
    case CR_ESCAPE_HTML:  return mustache_put_html(r, p, n);
    case CR_ESCAPE_URL:   return mustache_put_url(r, p, n);
    case CR_ESCAPE_JSON:  return mustache_put_json(r, p, n);
    default:              return cr_mustache_put(r, p, n);
    }
}
