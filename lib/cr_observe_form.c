#define _GNU_SOURCE

#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>
#include <strings.h>


#define FORM_NAME    128
#define FORM_VALUE   512
#define FORM_NESTED  4096


static int
form_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* Decodes p[0..n) into at most cap bytes; the length. */

static size_t
form_decode(char *dst, size_t cap, const char *p, size_t n)
{
    size_t  i, k;

    k = 0;

    for (i = 0; i < n && k < cap; i++) {
        if (p[i] == '+') {
            dst[k++] = ' ';

        } else if (p[i] == '%' && n - i > 2 && form_hex(p[i + 1]) >= 0
                   && form_hex(p[i + 2]) >= 0)
        {
            dst[k++] = (char) (form_hex(p[i + 1]) << 4 | form_hex(p[i + 2]));
            i += 2;

        } else {
            dst[k++] = p[i];
        }
    }

    return k;
}


/* Does the group look at a field of this name, or into it? */

static int
form_wanted(const cr_obs_t *o, cr_src_e kind, cr_str_t outer, cr_str_t name,
    int *nested)
{
    int                i, wanted;
    const cr_src_t    *s;
    const cr_group_t  *g;

    g = cr_obs_group(o);
    wanted = 0;

    for (i = 0; i < g->nconds + g->nbinds; i++) {
        s = (i < g->nconds) ? &g->conds[i].src : &g->binds[i - g->nconds].src;

        if (s->kind != kind) {
            continue;
        }

        if (outer.n != 0) {
            wanted |= s->inner.n != 0 && cr_wild(s->name, outer, NULL)
                      && cr_wild(s->inner, name, NULL);

        } else if (cr_wild(s->name, name, NULL)) {
            wanted |= (s->inner.n == 0);
            *nested |= (s->inner.n != 0);
        }
    }

    return wanted;
}


static void
form_field(cr_obs_t *o, cr_src_e kind, cr_str_t outer, cr_str_t name,
    const char *p, size_t n, int raw)
{
    int       nested, wanted;
    char      value[FORM_VALUE], inner[FORM_NESTED];
    cr_str_t  v;

    nested = 0;
    wanted = form_wanted(o, kind, outer, name, &nested);

    if (wanted) {
        v.p = value;

        if (raw) {
            v.n = (n < sizeof(value)) ? n : sizeof(value);
            memcpy(value, p, v.n);

        } else {
            v.n = form_decode(value, sizeof(value), p, n);
        }

        if (outer.n != 0) {
            cr_obs_offer(o, kind, outer, name, v, 1);

        } else {
            cr_obs_offer(o, kind, name, outer, v, 1);
        }

        explicit_bzero(value, sizeof(value));
    }

    if (nested && outer.n == 0) {
        v.n = form_decode(inner, sizeof(inner), p, n);
        cr_obs_form(o, kind, name, inner, v.n);
        explicit_bzero(inner, sizeof(inner));
    }
}


void
cr_obs_form(cr_obs_t *o, cr_src_e kind, cr_str_t outer, const char *p,
    size_t n)
{
    char         buf[FORM_NAME];
    size_t       len;
    cr_str_t     name;
    const char  *end, *amp, *eq;

    if (n == 0) {
        return;
    }

    for (end = p + n; p < end; p = amp + 1) {
        amp = memchr(p, '&', (size_t) (end - p));

        if (amp == NULL) {
            amp = end;
        }

        eq = memchr(p, '=', (size_t) (amp - p));
        len = (size_t) ((eq ? eq : amp) - p);

        if (len == 0 || len > sizeof(buf) * 3) {
            continue;
        }

        name.p = buf;
        name.n = form_decode(buf, sizeof(buf), p, len);

        form_field(o, kind, outer, name, eq ? eq + 1 : amp,
                   eq ? (size_t) (amp - eq - 1) : 0, 0);
    }
}


/* name="..." of a part's head; a part with a file name is none of ours. */

static cr_str_t
form_part_name(const char *p, size_t n)
{
    cr_str_t     name;
    const char  *at, *end;

    name.p = NULL;
    name.n = 0;

    if (memmem(p, n, "filename", 8) != NULL) {
        return name;
    }

    at = memmem(p, n, " name=\"", 7);

    if (at == NULL) {
        return name;
    }

    at += 7;
    end = memchr(at, '"', (size_t) (p + n - at));

    if (end != NULL) {
        name.p = at;
        name.n = (size_t) (end - at);
    }

    return name;
}


void
cr_obs_multipart(cr_obs_t *o, cr_str_t boundary, const char *p, size_t n)
{
    char         mark[80];
    size_t       len;
    cr_str_t     name, none;
    const char  *end, *part, *head, *next;

    if (boundary.n == 0 || boundary.n > 70) {
        return;
    }

    none.p = NULL;
    none.n = 0;
    mark[0] = mark[1] = '-';
    memcpy(mark + 2, boundary.p, boundary.n);
    len = boundary.n + 2;
    end = p + n;
    part = memmem(p, n, mark, len);

    while (part != NULL) {
        part += len;

        if (end - part >= 2 && memcmp(part, "--", 2) == 0) {
            o->request_read = 1;
            return;
        }

        head = memmem(part, (size_t) (end - part), "\r\n\r\n", 4);
        next = memmem(part, (size_t) (end - part), mark, len);

        if (head == NULL || next == NULL) {
            return;
        }

        name = form_part_name(part, (size_t) (head - part));
        head += 4;

        if (head > next) {
            part = next;
            continue;
        }

        if (name.n != 0 && next - head >= 2) {
            form_field(o, CR_SRC_FORM, none, name, head,
                       (size_t) (next - head - 2), 1);
        }

        part = next;
    }
}


static cr_str_t
form_boundary(cr_str_t type)
{
    cr_str_t     b;
    const char  *at, *end;

    b.p = NULL;
    b.n = 0;
    at = memmem(type.p, type.n, "boundary=", 9);

    if (at == NULL) {
        return b;
    }

    at += 9;
    end = type.p + type.n;

    if (at < end && *at == '"') {
        at++;
        end = memchr(at, '"', (size_t) (end - at));

        if (end == NULL) {
            return b;
        }
    }

    b.p = at;

    while (at < end && *at != ';' && *at != ' ') {
        at++;
    }

    b.n = (size_t) (at - b.p);

    return b;
}


void
cr_obs_request(cr_obs_t *o, cr_str_t content_type, const char *p, size_t n)
{
    size_t    i;
    cr_str_t  none;

    if (o->match.group < 0 || n == 0 || !cr_obs_group(o)->want_request) {
        return;
    }

    for (i = 0; i < n && strchr(" \t\r\n", p[i]) != NULL && p[i] != '\0'; i++) {
        /* void */
    }

    if (i == n) {
        return;
    }

    none.p = NULL;
    none.n = 0;

    if (p[i] == '{' || p[i] == '[') {
        cr_obs_request_json(o, p + i, n - i);
        return;
    }

    if (content_type.n >= 19
        && strncasecmp(content_type.p, "multipart/form-data", 19) == 0)
    {
        cr_obs_multipart(o, form_boundary(content_type), p, n);
        return;
    }

    if (content_type.n < 33
        || strncasecmp(content_type.p, "application/x-www-form-urlencoded", 33)
           != 0)
    {
        return;
    }

    cr_obs_form(o, CR_SRC_FORM, none, p, n);
    o->request_read = 1;
}
