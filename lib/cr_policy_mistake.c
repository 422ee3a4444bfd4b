#include "cr_policy_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cr_json.h"


/* Past so many more than are told, mistakes are counted without their lines:
 * each line is a scan of the file. */

#define MANY  64


/* The line of the innermost part of the path that stands in the file. */

static int
policy_line(const cr_policy_ctx_t *c)
{
    int     line;
    char    path[sizeof(c->path)];
    size_t  n;

    memcpy(path, c->path, sizeof(path));

    for (n = strlen(path); n > 0; n--) {

        if (path[n] == '\0' || path[n] == '.' || path[n] == '[') {
            path[n] = '\0';
            line = cr_json_line(c->json, c->len, path);

            if (line > 0) {
                return line;
            }
        }
    }

    return 1;
}


void
cr_policy_mistake(cr_policy_ctx_t *c, const char *fmt, ...)
{
    int         i, last;
    va_list     args;
    cr_error_t  e;

    if (c->n >= c->max + MANY) {
        c->n++;
        return;
    }

    memset(&e, 0, sizeof(e));
    e.line = policy_line(c);
    memcpy(e.path, c->path, sizeof(e.path));

    va_start(args, fmt);
    (void) vsnprintf(e.text, sizeof(e.text), fmt, args);
    va_end(args);

    last = (c->n < c->max) ? c->n : c->max;
    c->n++;

    for (i = last; i > 0 && c->err[i - 1].line > e.line; i--) {
        if (i < c->max) {
            c->err[i] = c->err[i - 1];
        }
    }

    if (i < c->max) {
        c->err[i] = e;
    }
}


size_t
cr_policy_enter(cr_policy_ctx_t *c, const char *key)
{
    size_t  mark, n;

    mark = c->path_len;
    n = strlen(key);

    if (n > sizeof(c->path) - mark - 2) {
        n = sizeof(c->path) - mark - 2;
    }

    c->path[mark] = '.';
    memcpy(c->path + mark + 1, key, n);
    c->path_len = mark + 1 + n;
    c->path[c->path_len] = '\0';

    return mark;
}


size_t
cr_policy_enter_at(cr_policy_ctx_t *c, size_t n)
{
    size_t  mark;

    mark = c->path_len;
    (void) snprintf(c->path + mark, sizeof(c->path) - mark, "[%zu]", n);
    c->path_len = strlen(c->path);

    return mark;
}


void
cr_policy_leave(cr_policy_ctx_t *c, size_t mark)
{
    c->path_len = mark;
    c->path[mark] = '\0';
}


/* Edits between two words, the longer than 31 bytes being no candidates. */

static size_t
policy_distance(const char *a, const char *b)
{
    size_t  i, j, la, lb, up, left, row[32];

    la = strlen(a);
    lb = strlen(b);

    if (la > 31 || lb > 31) {
        return 99;
    }

    for (j = 0; j <= lb; j++) {
        row[j] = j;
    }

    for (i = 1; i <= la; i++) {
        left = row[0];
        row[0] = i;

        for (j = 1; j <= lb; j++) {
            up = row[j];
            left += (a[i - 1] != b[j - 1]);

            if (row[j] + 1 < left) {
                left = row[j] + 1;
            }

            if (row[j - 1] + 1 < left) {
                left = row[j - 1] + 1;
            }

            row[j] = left;
            left = up;
        }
    }

    return row[lb];
}


void
cr_policy_unknown(cr_policy_ctx_t *c, const char *key,
    const char *const *known)
{
    size_t             d, mark, best;
    const char        *near;
    const cr_field_t  *f, *g;

    near = NULL;
    best = 1 + strlen(key) / 3;

    for ( /* void */ ; *known; known++) {
        d = policy_distance(key, *known);

        if (d <= best) {
            best = d;
            near = *known;
        }
    }

    mark = cr_policy_enter(c, key);

    if (near) {
        cr_policy_mistake(c, "unknown key; did you mean \"%s\"?", near);
        cr_policy_leave(c, mark);
        return;
    }

    for (f = cr_policy_root; f->key; f++) {
        for (g = f->sub; f->type == CR_FIELD_OBJECT && g->key; g++) {
            if (strcmp(g->key, key) == 0) {
                cr_policy_mistake(c, "unknown key here; \"%s\" belongs into "
                                  "$.%s", key, f->key);
                cr_policy_leave(c, mark);
                return;
            }
        }
    }

    cr_policy_mistake(c, "unknown key; remove it, doc/policy.md lists what "
                      "there is");
    cr_policy_leave(c, mark);
}
