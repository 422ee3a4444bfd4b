#include "cr_json.h"

#include <stdio.h>
#include <string.h>


typedef struct {
    cr_json_t    json;
    const char  *want;           /* without "$" */
    size_t       len;
    uint32_t     line;
} json_find_t;


int
cr_utf8_len(const char *p, size_t n)
{
    int                   len, i;
    uint32_t              c;
    const unsigned char  *u;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    if (n == 0) {
        return 0;
    }

    u = (const unsigned char *) p;

    if (u[0] < 0x80) {
        return 1;
    }

    if (u[0] < 0xc2 || u[0] > 0xf4) {
        return 0;
    }

    len = (u[0] < 0xe0) ? 2 : (u[0] < 0xf0) ? 3 : 4;

    if ((size_t) len > n) {
        return 0;
    }

    c = u[0] & (0x7fu >> len);

    for (i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (u[i] & 0x3f);
    }

    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }

    return len;
}


int
cr_json_quote(char *buf, size_t cap, cr_str_t s)
{
    int            len;
    size_t         i, n;
    char           u[8];
    const char    *p;
    unsigned char  c;

    if (cap < 2) {
        return CR_FULL;
    }

    n = 0;
    buf[n++] = '"';

    for (i = 0; i < s.n; i += (size_t) len) {
        p = s.p + i;
        c = (unsigned char) *p;
        len = cr_utf8_len(p, s.n - i);

        if (len == 0) {
            len = 1;
            p = "\xef\xbf\xbd";
            c = 3;

        } else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x7f) {
            (void) snprintf(u, sizeof(u), "\\u%04x", (unsigned) c);
            p = u;
            c = 6;

        } else if (c == '"' || c == '\\') {
            u[0] = '\\';
            u[1] = (char) c;
            p = u;
            c = 2;

        } else if (len == 3 && memcmp(p, "\xe2\x80", 2) == 0
                   && (p[2] == '\xa8' || p[2] == '\xa9'))
        {
            p = (p[2] == '\xa8') ? "\\u2028" : "\\u2029";
            c = 6;

        } else {
            c = (unsigned char) len;
        }

        if (cap - n < (size_t) c + 1) {
            return CR_FULL;
        }

        memcpy(buf + n, p, c);
        n += c;
    }

    buf[n++] = '"';

    return (int) n;
}


/* The scanner's present path with array positions, compared piece by piece. */

static int
json_path_is(const json_find_t *f, cr_str_t path)
{
    int               depth, num;
    char              pos[16];
    size_t            i, k, n;
    const cr_json_t  *j;

    j = &f->json;
    k = 0;
    depth = 0;

    for (i = 0; i < path.n; /* void */ ) {

        if (path.p[i] == '[') {

            while (depth < j->depth && (j->kind[depth] != '['
                                             || j->path_at[depth] != i + 2))
            {
                depth++;
            }

            if (depth == j->depth) {
                return 0;
            }

            num = snprintf(pos, sizeof(pos), "[%d]", (int) j->index[depth + 1]);
            n = (size_t) num;
            i += 2;

            if (f->len - k < n || memcmp(f->want + k, pos, n) != 0) {
                return 0;
            }

            k += n;
            continue;
        }

        if (path.p[i] == '\\') {
            i++;
        }

        if (i < path.n) {
            if (k == f->len || f->want[k] != path.p[i]) {
                return 0;
            }

            k++;
            i++;
        }
    }

    return k == f->len;
}


static void
json_find(void *data, cr_str_t path, int index, cr_json_e type,
    cr_str_t value, int cut)
{
    json_find_t  *f;

    (void) index;
    (void) value;
    (void) cut;

    f = data;

    if (f->line == 0 && type != CR_JSON_CLOSE && json_path_is(f, path)) {
        f->line = f->json.line;
    }
}


int
cr_json_line(const char *text, size_t len, const char *path)
{
    json_find_t  f;

    if (*path == '$') {
        path++;
    }

    if (*path == '.') {
        path++;
    }

    f.want = path;
    f.len = strlen(path);
    f.line = 0;

    cr_json_init(&f.json, json_find, &f);
    (void) cr_json_feed(&f.json, text, len);
    (void) cr_json_end(&f.json);

    return (int) f.line;
}
