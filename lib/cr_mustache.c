#define _GNU_SOURCE

#include "cr_mustache_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define WORK_MAX   (8 * 1024 * 1024)       /* bytes of templates read */
#define DELIM_MAX  15

typedef struct {
    char          open[DELIM_MAX + 1];
    char          close[DELIM_MAX + 1];
} delims_t;

/* One template's text; partials have their own.  name is "" or a partial's. */

typedef struct {
    const char   *text;
    size_t        len;
    const char   *name;
} source_t;

/* start and end: the tag with its delimiters.  before: where the literal text
 * in front of it ends; after: where reading goes on; the two differ from start
 * and end where the tag stands alone on its line. */

typedef struct {
    char          kind;
    const char   *name;
    size_t        name_len;
    size_t        start;
    size_t        end;
    size_t        before;
    size_t        after;
} tag_t;

static int mustache_render(cr_mustache_t *r, const source_t *s, size_t pos,
    size_t end, delims_t d);


static int
mustache_error(cr_mustache_t *r, const source_t *s, size_t pos,
    const char *fmt, ...)
{
    size_t       i;
    va_list      args;
    cr_error_t  *e;

    e = r->err;

    if (e == NULL) {
        return CR_ERR;
    }

    memset(e, 0, sizeof(*e));
    e->line = 1;

    for (i = 0; i < pos && i < s->len; i++) {
        e->line += (s->text[i] == '\n');
    }

    (void) snprintf(e->path, sizeof(e->path), "%s", s->name);

    va_start(args, fmt);
    (void) vsnprintf(e->text, sizeof(e->text), fmt, args);
    va_end(args);

    return CR_ERR;
}


/* How much of a name a message shows. */

static int
mustache_shown(size_t len)
{
    return (len < 60) ? (int) len : 60;
}


/* ---- context ---- */

static json_t *
mustache_get(json_t *v, const char *key, size_t len)
{
    return json_is_object(v) ? json_object_getn(v, key, len) : NULL;
}


/* The first part is looked for from the innermost context outwards, the other
 * parts only in what it gave. */

static json_t *
mustache_lookup(cr_mustache_t *r, const char *name, size_t len)
{
    int          i;
    size_t       n;
    json_t      *v;
    const char  *dot;

    if (len == 1 && name[0] == '.') {
        return r->stack[r->nstack - 1];
    }

    dot = memchr(name, '.', len);
    n = dot ? (size_t) (dot - name) : len;
    v = NULL;

    for (i = r->nstack - 1; i >= 0 && v == NULL; i--) {
        v = mustache_get(r->stack[i], name, n);
    }

    while (v && n < len) {
        name += n + 1;
        len -= n + 1;
        dot = memchr(name, '.', len);
        n = dot ? (size_t) (dot - name) : len;
        v = mustache_get(v, name, n);
    }

    return v;
}


/* An empty string and 0 are false too, so that {{#field}} asks whether there
 * is something to say. */

static int
mustache_truth(json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
    case JSON_FALSE:    return 0;
    case JSON_ARRAY:    return json_array_size(v) > 0;
    case JSON_STRING:   return json_string_length(v) > 0;
    case JSON_INTEGER:  return json_integer_value(v) != 0;
    case JSON_REAL:     return json_real_value(v) < 0 || json_real_value(v) > 0;
    default:            return 1;
    }
}


/* ---- tags ---- */

static int
mustache_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* before and after of a tag that stands alone on its line(s). */

static void
mustache_alone(const source_t *s, tag_t *t)
{
    size_t  from, to;

    t->before = t->start;
    t->after = t->end;

    if (strchr("#^/!=>", t->kind) == NULL) {
        return;
    }

    for (from = t->start; from > 0; from--) {
        if (s->text[from - 1] != ' ' && s->text[from - 1] != '\t') {
            break;
        }
    }

    if (from > 0 && s->text[from - 1] != '\n') {
        return;
    }

    for (to = t->end; to < s->len; to++) {
        if (s->text[to] != ' ' && s->text[to] != '\t') {
            break;
        }
    }

    if (to + 1 < s->len && s->text[to] == '\r' && s->text[to + 1] == '\n') {
        to++;
    }

    if (to < s->len && s->text[to] != '\n') {
        return;
    }

    t->before = from;
    t->after = (to < s->len) ? to + 1 : to;
}


/* The next tag from pos on.  1: found; 0: none; CR_ERR. */

static int
mustache_tag(cr_mustache_t *r, const source_t *s, size_t pos, const delims_t *d,
    tag_t *t)
{
    char         close[DELIM_MAX + 2];
    size_t       n;
    const char  *p, *q;

    p = memmem(s->text + pos, s->len - pos, d->open, strlen(d->open));
    r->work += (p ? (size_t) (p - s->text) : s->len) - pos + 1;

    if (r->work > WORK_MAX) {
        return mustache_error(r, s, pos, "sections are nested or repeated "
                              "beyond what one message needs");
    }

    if (p == NULL) {
        return 0;
    }

    t->start = (size_t) (p - s->text);
    p += strlen(d->open);
    n = s->len - (size_t) (p - s->text);

    while (n > 0 && mustache_blank(*p)) {
        p++;
        n--;
    }

    t->kind = (n > 0 && *p && strchr("#^/!=>&{", *p)) ? *p : ' ';

    if (t->kind != ' ') {
        p++;
        n--;
    }

    (void) snprintf(close, sizeof(close), "%s%s", (t->kind == '{') ? "}"
                    : (t->kind == '=') ? "=" : "", d->close);
    q = memmem(p, n, close, strlen(close));

    if (q == NULL) {
        return mustache_error(r, s, t->start, "a tag begins with %s and has "
                              "no %s", d->open, close);
    }

    t->end = (size_t) (q - s->text) + strlen(close);
    r->work += t->end - t->start;

    while (p < q && mustache_blank(*p)) {
        p++;
    }

    while (q > p && mustache_blank(q[-1])) {
        q--;
    }

    t->name = p;
    t->name_len = (size_t) (q - p);
    mustache_alone(s, t);

    if (t->name_len == 0 && t->kind != '!') {
        return mustache_error(r, s, t->start, "a tag without a name");
    }

    return 1;
}


/* "{{=<% %>=}}": two words. */

static int
mustache_delims(cr_mustache_t *r, const source_t *s, const tag_t *t,
    delims_t *d)
{
    size_t       n, m;
    const char  *p, *close;

    p = t->name;

    for (n = 0; n < t->name_len && !mustache_blank(p[n]); n++) {
        /* void */
    }

    for (m = n; m < t->name_len && mustache_blank(p[m]); m++) {
        /* void */
    }

    close = p + m;
    m = t->name_len - m;

    if (n == 0 || n > DELIM_MAX || m == 0 || m > DELIM_MAX
        || memchr(p, '=', t->name_len) != NULL
        || memchr(close, ' ', m) != NULL || memchr(close, '\t', m) != NULL
        || memchr(close, '\n', m) != NULL || memchr(close, '\r', m) != NULL)
    {
        return mustache_error(r, s, t->start, "no delimiters: two words of at "
                              "most %d bytes without '='", DELIM_MAX);
    }

    memcpy(d->open, p, n);
    d->open[n] = '\0';
    memcpy(d->close, close, m);
    d->close[m] = '\0';

    return CR_OK;
}


/* The closing tag of section `open`; d leaves with the delimiters there. */

static int
mustache_close(cr_mustache_t *r, const source_t *s, const tag_t *open,
    delims_t *d, tag_t *t)
{
    int     rc, depth;
    tag_t   inner;
    size_t  pos;

    depth = 0;
    pos = open->after;
    inner = *open;

    while ((rc = mustache_tag(r, s, pos, d, t)) == 1) {
        pos = t->end;

        if (t->kind == '#' || t->kind == '^') {
            depth++;
            inner = *t;

        } else if (t->kind == '=') {
            if (mustache_delims(r, s, t, d) != CR_OK) {
                return CR_ERR;
            }

        } else if (t->kind == '/' && depth-- == 0) {

            if (t->name_len == open->name_len
                && memcmp(t->name, open->name, t->name_len) == 0)
            {
                return CR_OK;
            }

            return mustache_error(r, s, t->start, "section \"%.*s\" is closed "
                                  "as \"%.*s\"", mustache_shown(open->name_len),
                                  open->name, mustache_shown(t->name_len),
                                  t->name);
        }
    }

    if (rc == CR_ERR) {
        return CR_ERR;
    }

    return mustache_error(r, s, inner.start, "section \"%.*s\" is not closed",
                          mustache_shown(inner.name_len), inner.name);
}


/* ---- rendering ---- */

static int
mustache_inside(cr_mustache_t *r, const source_t *s, const tag_t *open,
    const tag_t *close, delims_t d, json_t *context)
{
    int  rc;

    r->work += 64;
    r->stack[r->nstack++] = context;
    rc = mustache_render(r, s, open->after, close->before, d);
    r->nstack--;

    return rc;
}


static int
mustache_section(cr_mustache_t *r, const source_t *s, const tag_t *open,
    delims_t *d, size_t *pos)
{
    int       rc, yes;
    tag_t     close;
    size_t    i;
    json_t   *v, *e;
    delims_t  inside;

    inside = *d;

    if (mustache_close(r, s, open, d, &close) != CR_OK) {
        return CR_ERR;
    }

    *pos = close.after;
    v = mustache_lookup(r, open->name, open->name_len);
    yes = (v != NULL && mustache_truth(v));

    if (yes == (open->kind == '^')) {
        return CR_OK;
    }

    if (!yes) {
        return mustache_inside(r, s, open, &close, inside,
                               r->stack[r->nstack - 1]);
    }

    if (!json_is_array(v)) {
        return mustache_inside(r, s, open, &close, inside, v);
    }

    json_array_foreach(v, i, e) {
        rc = mustache_inside(r, s, open, &close, inside, e);

        if (rc != CR_OK) {
            return rc;
        }
    }

    return CR_OK;
}


/* A partial that stands alone on its line has each of its own lines indented
 * as its tag is. */

static int
mustache_partial(cr_mustache_t *r, const source_t *s, const tag_t *t)
{
    int          rc;
    char         name[128], *copy, *to;
    size_t       i, indent, lines, len;
    source_t     part;
    const char  *text;

    static const delims_t  mustaches = { "{{", "}}" };

    if (r->partial == NULL || t->name_len >= sizeof(name)) {
        return CR_OK;
    }

    memcpy(name, t->name, t->name_len);
    name[t->name_len] = '\0';
    text = r->partial(r->data, name);

    if (text == NULL) {
        return CR_OK;
    }

    indent = t->start - t->before;
    len = strlen(text);

    for (i = 0, lines = 1; i < len; i++) {
        lines += (text[i] == '\n');
    }

    if (indent > CR_MUSTACHE_OUTPUT / lines || len > CR_MUSTACHE_OUTPUT) {
        return CR_FULL;
    }

    copy = malloc(len + lines * indent + 1);

    if (copy == NULL) {
        return CR_FULL;
    }

    for (i = 0, to = copy; i < len; i++) {
        if (indent && (i == 0 || text[i - 1] == '\n')) {
            memcpy(to, s->text + t->before, indent);
            to += indent;
        }

        *to++ = text[i];
    }

    *to = '\0';
    r->work += len;
    part.text = copy;
    part.len = (size_t) (to - copy);
    part.name = name;
    rc = mustache_render(r, &part, 0, part.len, mustaches);

    free(copy);

    return rc;
}


static int
mustache_render(cr_mustache_t *r, const source_t *s, size_t pos, size_t end,
    delims_t d)
{
    int    rc;
    tag_t  t;

    if (r->depth == CR_MUSTACHE_DEPTH) {
        return mustache_error(r, s, pos, "sections and partials are nested "
                              "deeper than %d", CR_MUSTACHE_DEPTH);
    }

    r->depth++;
    rc = CR_OK;

    while (rc == CR_OK && pos < end) {
        rc = mustache_tag(r, s, pos, &d, &t);

        if (rc == 0 || (rc == 1 && t.start >= end)) {
            rc = cr_mustache_put(r, s->text + pos, end - pos);
            break;
        }

        if (rc == 1) {
            rc = cr_mustache_put(r, s->text + pos, t.before - pos);
            pos = t.after;
        }

        if (rc != CR_OK) {
            break;
        }

        switch (t.kind) {

        case '#':
        case '^':
            rc = mustache_section(r, s, &t, &d, &pos);
            break;

        case '/':
            rc = mustache_error(r, s, t.start, "\"%.*s\" is closed and was "
                                "not opened", mustache_shown(t.name_len),
                                t.name);
            break;

        case '=':
            rc = mustache_delims(r, s, &t, &d);
            break;

        case '>':
            rc = mustache_partial(r, s, &t);
            break;

        case '!':
            break;

        default:
            rc = cr_mustache_value(r, mustache_lookup(r, t.name, t.name_len),
                                    t.kind != ' ');
            break;
        }
    }

    r->depth--;

    return rc;
}


char *
cr_mustache(const char *text, json_t *view, cr_escape_e escape,
    cr_partial_pt partial, void *data, cr_error_t *err)
{
    int       rc;
    cr_mustache_t  r;
    source_t  s;

    static const delims_t  mustaches = { "{{", "}}" };

    memset(&r, 0, sizeof(r));
    s.text = text;
    s.len = strlen(text);
    s.name = "";
    r.size = 1024;
    r.buf = malloc(r.size);
    r.escape = escape;
    r.partial = partial;
    r.data = data;
    r.err = err;
    r.stack[0] = view;
    r.nstack = 1;

    if (r.buf == NULL) {
        rc = CR_FULL;

    } else {
        rc = mustache_render(&r, &s, 0, s.len, mustaches);
    }

    if (rc == CR_FULL) {
        (void) mustache_error(&r, &s, 0, "the result is larger than %d bytes",
                              CR_MUSTACHE_OUTPUT);
    }

    if (rc != CR_OK) {
        free(r.buf);
        return NULL;
    }

    r.buf[r.len] = '\0';

    return r.buf;
}
