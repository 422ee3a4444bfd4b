#include "cr_policy_int.h"

#include <stdio.h>
#include <string.h>


const char *
cr_policy_type(json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:  return "an object";
    case JSON_ARRAY:   return "a list";
    case JSON_STRING:  return "a string";
    case JSON_INTEGER:
    case JSON_REAL:    return "a number";
    case JSON_NULL:    return "null";
    default:           return "true or false";
    }
}


int
cr_policy_string(cr_policy_ctx_t *c, json_t *v, char *buf, size_t cap)
{
    size_t       i, n;
    const char  *s;

    if (!json_is_string(v)) {
        cr_policy_mistake(c, "is %s, must be a string", cr_policy_type(v));
        return CR_ERR;
    }

    s = json_string_value(v);
    n = json_string_length(v);

    if (n == 0) {
        cr_policy_mistake(c, "is empty; give a value or leave the key out");
        return CR_ERR;
    }

    for (i = 0; i < n; i++) {
        if ((unsigned char) s[i] < 0x20 || s[i] == 0x7f) {
            cr_policy_mistake(c, "contains a control character; write it on "
                              "one line, commas between the parts");
            return CR_ERR;
        }
    }

    if (n >= cap) {
        cr_policy_mistake(c, "is %zu bytes long, at most %zu fit", n, cap - 1);
        return CR_ERR;
    }

    memcpy(buf, s, n + 1);

    return CR_OK;
}


int
cr_policy_amount(cr_policy_ctx_t *c, json_t *v, int64_t *amount)
{
    if (json_is_real(v)) {
        cr_policy_mistake(c, "amounts are whole minor units of shop.currency: "
                          "write 4990 for 49.90");
        return CR_ERR;
    }

    if (!json_is_integer(v)) {
        cr_policy_mistake(c, "is %s, must be a whole number of minor units of "
                          "shop.currency", cr_policy_type(v));
        return CR_ERR;
    }

    if (json_integer_value(v) < 0) {
        cr_policy_mistake(c, "is negative; an amount is 0 or more");
        return CR_ERR;
    }

    if ((double) json_integer_value(v) > CR_POLICY_AMOUNT_MAX) {
        cr_policy_mistake(c, "is larger than any price; amounts are minor "
                          "units of shop.currency");
        return CR_ERR;
    }

    *amount = json_integer_value(v);

    return CR_OK;
}


int
cr_policy_duration(cr_policy_ctx_t *c, json_t *v, double lo, double hi,
    int64_t *ms)
{
    int64_t   n;
    cr_str_t  s;

    if (!json_is_string(v)) {
        cr_policy_mistake(c, "is %s, must be a duration such as \"45m\", "
                          "\"4h\" or \"2d\"", cr_policy_type(v));
        return CR_ERR;
    }

    s.p = json_string_value(v);
    s.n = json_string_length(v);

    if (cr_duration_parse(s, &n) != CR_OK) {
        cr_policy_mistake(c, "\"%.32s\" is no duration; a number and one of "
                          "ms, s, m, h, d, such as \"45m\"", s.p);
        return CR_ERR;
    }

    if ((double) n < lo || (double) n > hi) {
        cr_policy_mistake(c, "\"%.32s\" is out of range; from %.0f ms to "
                          "%.0f h", s.p, lo, hi / 3600000);
        return CR_ERR;
    }

    *ms = n;

    return CR_OK;
}


void
cr_policy_set_id(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char    buf[128];
    size_t  i, n;

    (void) f;

    if (cr_policy_string(c, v, buf, sizeof(buf)) != CR_OK) {
        return;
    }

    n = strlen(buf);
    i = strspn(buf, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (i < n || buf[0] == '-' || n >= sizeof(c->p->site)) {
        cr_policy_mistake(c, "\"%.40s\" is no site id; use 1 to %zu of a-z, "
                          "0-9 and '-', not '-' first", buf,
                          sizeof(c->p->site) - 1);
        return;
    }

    memcpy(c->p->site, buf, n + 1);
}


/* Plain http is for a machine of one's own: a one-click unsubscribe link and a
 * shopper's cart do not belong on an open wire. */

static int
policy_private_host(const char *s, const char *end)
{
    size_t       n, dot;
    const char  *host;

    host = strstr(s, "://") + 3;
    n = strcspn(host, ":/?#");

    if (host[0] == '[') {
        return 1;
    }

    if (n == 0 || host + n > end) {
        return 0;
    }

    dot = strspn(host, "0123456789.");

    return dot >= n
           || memchr(host, '.', n) == NULL
           || (n > 10 && memcmp(host + n - 10, ".localhost", 10) == 0)
           || (n > 5 && memcmp(host + n - 5, ".test", 5) == 0);
}


static int
policy_url(cr_policy_ctx_t *c, json_t *v, char *buf, size_t cap,
    const char **rest)
{
    if (cr_policy_string(c, v, buf, cap) != CR_OK) {
        return CR_ERR;
    }

    if (!cr_policy_is_url(buf, rest)) {
        cr_policy_mistake(c, "is no URL; write it as \"https://shop.example\"");
        return CR_ERR;
    }

    if (buf[4] == ':' && !policy_private_host(buf, *rest)) {
        cr_policy_mistake(c, "is plain http; use https (http is for localhost "
                          "and bare addresses)");
        return CR_ERR;
    }

    return CR_OK;
}


void
cr_policy_set_url(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char         buf[sizeof(c->p->url)];
    const char  *rest;

    (void) f;

    if (policy_url(c, v, buf, sizeof(buf), &rest) != CR_OK) {
        return;
    }

    if (*rest) {
        cr_policy_mistake(c, "ends in \"%.32s\"; write the scheme and host "
                          "only, no slash at the end", rest);
        return;
    }

    memcpy(c->p->url, buf, sizeof(buf));
}


void
cr_policy_set_link(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char         buf[256];
    const char  *rest;

    if (policy_url(c, v, buf, f->size, &rest) == CR_OK) {
        memcpy((char *) c->p + f->off, buf, strlen(buf) + 1);
    }
}


void
cr_policy_set_mailbox(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char  buf[256];

    if (cr_policy_string(c, v, buf, f->size) != CR_OK) {
        return;
    }

    if (!cr_policy_is_mailbox(buf)) {
        cr_policy_mistake(c, "is no address; write \"shop@shop.example\" or "
                          "\"Our Shop <shop@shop.example>\"");
        return;
    }

    memcpy((char *) c->p + f->off, buf, strlen(buf) + 1);
}


void
cr_policy_set_currency(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char  buf[32];

    (void) f;

    if (cr_policy_string(c, v, buf, sizeof(buf)) != CR_OK) {
        return;
    }

    if (strlen(buf) != 3
        || strspn(buf, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
    {
        cr_policy_mistake(c, "\"%s\" is no ISO 4217 code; three upper-case "
                          "letters such as \"EUR\"", buf);
        return;
    }

    memcpy(c->p->currency, buf, 4);
}


void
cr_policy_set_tz(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char         buf[sizeof(c->p->tz)];
    size_t       n;
    const char  *s;

    (void) f;

    if (cr_policy_string(c, v, buf, sizeof(buf)) != CR_OK) {
        return;
    }

    n = strspn(buf, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789_+-/");
    s = strchr(buf, '/');

    if (buf[n] || (strcmp(buf, "UTC") != 0 && (s == NULL || s == buf
                                               || s[1] == '\0')))
    {
        cr_policy_mistake(c, "\"%s\" is no time zone of the IANA list; such as "
                          "\"Europe/Berlin\" or \"UTC\"", buf);
        return;
    }

    memcpy(c->p->tz, buf, sizeof(buf));
}


/* A language, then up to one script or region: de, de-AT, zh-Hans. */

static int
policy_locale(cr_policy_ctx_t *c, json_t *v, char *out)
{
    char    buf[64];
    size_t  n, m;

    static const char  lower[] = "abcdefghijklmnopqrstuvwxyz";
    static const char  alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789";

    if (cr_policy_string(c, v, buf, sizeof(buf)) != CR_OK) {
        return CR_ERR;
    }

    n = strspn(buf, lower);
    m = (buf[n] == '-') ? strspn(buf + n + 1, alnum) + 1 : 0;

    if (n < 2 || n > 3 || buf[n + m] || m == 1 || m == 2
        || n + m >= sizeof(c->p->locale))
    {
        cr_policy_mistake(c, "\"%s\" is no locale; write \"de\", \"en\" or "
                          "\"de-AT\"", buf);
        return CR_ERR;
    }

    memcpy(out, buf, n + m + 1);

    return CR_OK;
}


void
cr_policy_set_locale(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    (void) f;
    (void) policy_locale(c, v, c->p->locale);
}


void
cr_policy_set_locales(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    size_t        i, mark;
    json_t       *e;
    cr_policy_t  *p;

    (void) f;
    p = c->p;

    if (!json_is_array(v) || json_array_size(v) == 0) {
        cr_policy_mistake(c, "must be a list of at least one locale, such as "
                          "[\"de\", \"en\"]");
        return;
    }

    json_array_foreach(v, i, e) {
        mark = cr_policy_enter_at(c, i);

        if (i == sizeof(p->locales) / sizeof(p->locales[0])) {
            cr_policy_mistake(c, "is one locale too many, at most %zu are "
                              "read", i);
            cr_policy_leave(c, mark);
            break;
        }

        if (policy_locale(c, e, p->locales[p->nlocales]) == CR_OK) {
            p->nlocales++;
        }

        cr_policy_leave(c, mark);
    }
}
