#include "cr_json_int.h"

#include <string.h>


#define LONG     (CR_JSON_PATH + 1)


void
cr_json_init(cr_json_t *j, cr_json_pt handler, void *data)
{
    memset(j, 0, offsetof(cr_json_t, path));

    j->handler = handler;
    j->data = data;
    j->state = S_START;
    j->line = 1;
    j->index[0] = -1;
}


void
cr_json_tell(cr_json_t *j, size_t path_len, cr_json_e type, const char *p,
    size_t n, int cut)
{
    cr_str_t  path, value;

    if (path_len > CR_JSON_PATH) {
        return;
    }

    path.p = j->path;
    path.n = path_len;
    value.p = p;
    value.n = n;

    j->handler(j->data, path, j->index[j->depth], type, value, cut);
}


/* A cut value loses its half character. */

void
cr_json_tell_value(cr_json_t *j, cr_json_e type)
{
    int     len;
    size_t  i, n;

    n = j->value_len;

    for (i = 0; i < n; i += (size_t) len) {
        len = cr_utf8_len(j->value + i, n - i);

        if (len == 0) {
            if ((j->flags & F_CUT) && n - i < 4
                && (unsigned char) j->value[i] >= 0xc2)
            {
                n = i;
                break;
            }

            j->value[i] = '?';
            len = 1;
        }
    }

    cr_json_tell(j, j->path_len, type, j->value, n, (j->flags & F_CUT) != 0);
}


void
cr_json_path_add(cr_json_t *j, char c)
{
    if (j->path_len < CR_JSON_PATH) {
        j->path[j->path_len++] = c;

    } else {
        j->path_len = LONG;
    }
}


/* A value at the present depth is complete. */

void
cr_json_value_end(cr_json_t *j)
{
    if (j->depth == 0) {
        j->state = S_DONE;
        return;
    }

    j->path_len = j->path_at[j->depth - 1];
    j->state = S_AFTER;
}


static void
json_open(cr_json_t *j, char c)
{
    cr_json_tell(j, j->path_len, CR_JSON_OPEN, &c, 1, 0);

    if (c == '[') {
        cr_json_path_add(j, '[');
        cr_json_path_add(j, ']');
    }

    j->kind[j->depth] = (uint8_t) c;
    j->path_at[j->depth] = j->path_len;
    j->depth++;
    j->index[j->depth] = (c == '[') ? 0 : j->index[j->depth - 1];
    j->state = (c == '[') ? S_FIRST_VALUE : S_FIRST_KEY;
}


static int
json_close(cr_json_t *j, char c)
{
    size_t  len;

    if (j->depth == 0 || j->kind[j->depth - 1] != c - 2) {
        return CR_ERR;
    }

    j->depth--;
    len = j->path_at[j->depth];

    if (c == ']' && len <= CR_JSON_PATH) {
        len -= 2;
    }

    cr_json_tell(j, len, CR_JSON_CLOSE, &c, 1, 0);
    cr_json_value_end(j);

    return CR_OK;
}


static int
json_value(cr_json_t *j, char c)
{
    j->value_len = 0;
    j->flags = 0;

    switch (c) {

    case '{':
    case '[':
        if (j->depth == CR_JSON_DEPTH - 1) {
            j->skip = 1;
            j->state = S_SKIP;
            return CR_OK;
        }

        json_open(j, c);
        return CR_OK;

    case '"':
        j->state = S_STRING;
        return CR_OK;

    case 't':
    case 'f':
    case 'n':
        j->unicode = (c == 't') ? 0 : (c == 'f') ? 1 : 2;
        j->skip = 1;
        j->state = S_WORD;
        return CR_OK;

    case '-':
        j->state = S_MINUS;
        break;

    case '0':
        j->state = S_ZERO;
        break;

    default:
        if (c < '1' || c > '9') {
            return CR_ERR;
        }

        j->state = S_INT;
    }

    cr_json_put(j, &c, 1);
    return CR_OK;
}


static void
json_key(cr_json_t *j)
{
    j->path_len = j->path_at[j->depth - 1];

    if (j->path_len != 0) {
        cr_json_path_add(j, '.');
    }

    j->flags = F_KEY | F_EMPTY;
    j->state = S_STRING;
}


/* A byte between tokens. */

static int
json_between(cr_json_t *j, char c)
{
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        if (j->state == S_START) {
            j->state = S_VALUE;
        }

        return CR_OK;
    }

    switch (j->state) {

    case S_START:
        if (c == '\xef') {
            j->state = S_BOM1;
            return CR_OK;
        }

        return json_value(j, c);

    case S_BOM1:
        j->state = S_BOM2;
        return c == '\xbb' ? CR_OK : CR_ERR;

    case S_BOM2:
        j->state = S_VALUE;
        return c == '\xbf' ? CR_OK : CR_ERR;

    case S_FIRST_VALUE:
        if (c == ']') {
            return json_close(j, c);
        }

        return json_value(j, c);

    case S_VALUE:
        return json_value(j, c);

    case S_FIRST_KEY:
        if (c == '}') {
            return json_close(j, c);
        }

        /* fall through */

    case S_KEY:
        if (c != '"') {
            return CR_ERR;
        }

        json_key(j);
        return CR_OK;

    case S_COLON:
        j->state = S_VALUE;
        return c == ':' ? CR_OK : CR_ERR;

    default: /* S_AFTER */
        if (c != ',') {
            return (c == '}' || c == ']') ? json_close(j, c) : CR_ERR;
        }

        if (j->kind[j->depth - 1] == '{') {
            j->state = S_KEY;

        } else {
            j->index[j->depth]++;
            j->state = S_VALUE;
        }

        return CR_OK;
    }
}


static int
json_byte(cr_json_t *j, char c)
{
    int  rc;

    switch (j->state) {

    case S_ESCAPE:
        return cr_json_escape(j, c);

    case S_HEX:
        return cr_json_hex(j, c);

    case S_WORD:
        return cr_json_word(j, c);

    case S_SKIP:
    case S_SKIP_STRING:
    case S_SKIP_ESCAPE:
        return cr_json_skip(j, c);

    default:
        break;
    }

    if (j->state < S_STRING) {
        return json_between(j, c);
    }

    rc = cr_json_number(j, c);

    if (rc != CR_NONE) {
        return rc;
    }

    cr_json_tell_value(j, CR_JSON_NUMBER);
    cr_json_value_end(j);

    return (j->state == S_DONE) ? CR_OK : json_between(j, c);
}


int
cr_json_feed(cr_json_t *j, const char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; /* void */ ) {

        if (j->state == S_DONE || j->state == S_ERR) {
            break;
        }

        if (j->state == S_STRING) {
            i += cr_json_string(j, p + i, n - i);
            continue;
        }

        if (json_byte(j, p[i]) != CR_OK) {
            j->state = S_ERR;
            break;
        }

        if (p[i++] == '\n') {
            j->line++;
        }
    }

    return (j->state == S_DONE) ? 1 : (j->state == S_ERR) ? CR_ERR : CR_OK;
}


int
cr_json_end(cr_json_t *j)
{
    if (j->state == S_ZERO || j->state == S_INT || j->state == S_FRAC
        || j->state == S_EXP)
    {
        (void) cr_json_feed(j, " ", 1);
    }

    return (j->state == S_DONE) ? 1 : CR_ERR;
}
