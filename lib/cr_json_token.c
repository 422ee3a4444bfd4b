#include "cr_json_int.h"

#include <string.h>


const char *const  cr_json_words[3] = { "true", "false", "null" };

static const uint8_t  word_types[] = {
    CR_JSON_TRUE, CR_JSON_FALSE, CR_JSON_NULL
};


static void
json_piece(cr_json_t *j, const char *p, size_t n, int end)
{
    cr_str_t  path;

    if (j->path_len <= CR_JSON_PATH) {
        path.p = j->path;
        path.n = j->path_len;
        j->piece(j->data, path, p, n, end);
    }
}


void
cr_json_put(cr_json_t *j, const char *p, size_t n)
{
    size_t  room;

    if (!(j->flags & F_KEY)) {
        if (j->piece != NULL && j->state < S_MINUS) {
            json_piece(j, p, n, 0);
        }

        room = CR_JSON_VALUE - j->value_len;

        if (n > room) {
            n = room;
            j->flags |= F_CUT;
        }

        memcpy(j->value + j->value_len, p, n);
        j->value_len += (uint16_t) n;
        return;
    }

    for ( /* void */ ; n != 0; n--, p++) {
        j->flags &= (uint8_t) ~F_EMPTY;

        if (*p == '.' || *p == '[' || *p == '\\') {
            cr_json_path_add(j, '\\');
        }

        cr_json_path_add(j, *p);
    }
}


static void
json_put_char(cr_json_t *j, uint32_t c)
{
    char    u[4];
    size_t  n;

    if (c < 0x80) {
        u[0] = (char) c;
        n = 1;

    } else if (c < 0x800) {
        u[0] = (char) (0xc0 | c >> 6);
        u[1] = (char) (0x80 | (c & 0x3f));
        n = 2;

    } else if (c < 0x10000) {
        u[0] = (char) (0xe0 | c >> 12);
        u[1] = (char) (0x80 | (c >> 6 & 0x3f));
        u[2] = (char) (0x80 | (c & 0x3f));
        n = 3;

    } else {
        u[0] = (char) (0xf0 | c >> 18);
        u[1] = (char) (0x80 | (c >> 12 & 0x3f));
        u[2] = (char) (0x80 | (c >> 6 & 0x3f));
        u[3] = (char) (0x80 | (c & 0x3f));
        n = 4;
    }

    cr_json_put(j, u, n);
}


static void
json_lone_surrogate(cr_json_t *j)
{
    if (j->flags & F_HIGH) {
        j->flags &= (uint8_t) ~F_HIGH;
        json_put_char(j, 0xfffd);
    }
}


static void
json_string_end(cr_json_t *j)
{
    json_lone_surrogate(j);

    if (!(j->flags & F_KEY)) {
        if (j->piece != NULL) {
            json_piece(j, j->value, 0, 1);
        }

        cr_json_tell_value(j, CR_JSON_STRING);
        cr_json_value_end(j);
        return;
    }

    if (j->flags & F_EMPTY) {
        cr_json_path_add(j, '\\');
    }

    j->state = S_COLON;
}


/* Takes as many bytes of a string as there are; returns how many. */

size_t
cr_json_string(cr_json_t *j, const char *p, size_t n)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < n; i++) {
        c = (unsigned char) p[i];

        if (c == '"' || c == '\\' || c < 0x20) {
            break;
        }
    }

    if (i != 0) {
        json_lone_surrogate(j);
        cr_json_put(j, p, i);
        return i;
    }

    switch (*p) {

    case '"':
        json_string_end(j);
        break;

    case '\\':
        j->state = S_ESCAPE;
        break;

    default:
        j->state = S_ERR;
    }

    return 1;
}


int
cr_json_escape(cr_json_t *j, char c)
{
    const char  *at;

    static const char  from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    if (c == 'u') {
        j->unicode &= 0xffff0000;
        j->skip = 0;
        j->state = S_HEX;
        return CR_OK;
    }

    at = (c != '\0') ? strchr(from, c) : NULL;

    if (at == NULL) {
        return CR_ERR;
    }

    json_lone_surrogate(j);
    cr_json_put(j, to + (at - from), 1);
    j->state = S_STRING;

    return CR_OK;
}


int
cr_json_hex(cr_json_t *j, char c)
{
    uint32_t  d, u, high;

    if (c >= '0' && c <= '9') {
        d = (uint32_t) (c - '0');

    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        d = (uint32_t) ((c | 0x20) - 'a' + 10);

    } else {
        return CR_ERR;
    }

    j->unicode = (j->unicode & 0xffff0000) | (j->unicode << 4 & 0xfff0) | d;

    if (++j->skip < 4) {
        return CR_OK;
    }

    j->state = S_STRING;
    u = j->unicode & 0xffff;

    if (u >= 0xdc00 && u < 0xe000) {
        high = j->unicode >> 16;

        if (j->flags & F_HIGH) {
            j->flags &= (uint8_t) ~F_HIGH;
            u = 0x10000 + ((high - 0xd800) << 10) + (u - 0xdc00);

        } else {
            u = 0xfffd;
        }

        json_put_char(j, u);
        return CR_OK;
    }

    json_lone_surrogate(j);

    if (u >= 0xd800 && u < 0xdc00) {
        j->flags |= F_HIGH;
        j->unicode = u << 16;
        return CR_OK;
    }

    json_put_char(j, u);
    return CR_OK;
}


/* CR_NONE: the number ended in front of c. */

int
cr_json_number(cr_json_t *j, char c)
{
    int  digit;

    digit = (c >= '0' && c <= '9');

    switch (j->state) {

    case S_MINUS:
        if (!digit) {
            return CR_ERR;
        }

        j->state = (c == '0') ? S_ZERO : S_INT;
        break;

    case S_ZERO:
    case S_INT:
    case S_FRAC:
        if (digit) {
            if (j->state == S_ZERO) {
                return CR_ERR;
            }

        } else if (c == '.' && j->state != S_FRAC) {
            j->state = S_DOT;

        } else if (c == 'e' || c == 'E') {
            j->state = S_E;

        } else {
            return CR_NONE;
        }

        break;

    case S_DOT:
        if (!digit) {
            return CR_ERR;
        }

        j->state = S_FRAC;
        break;

    case S_E:
        if (c == '+' || c == '-') {
            j->state = S_ESIGN;
            break;
        }

        /* fall through */

    case S_ESIGN:
        if (!digit) {
            return CR_ERR;
        }

        j->state = S_EXP;
        break;

    default: /* S_EXP */
        if (!digit) {
            return CR_NONE;
        }
    }

    cr_json_put(j, &c, 1);
    return CR_OK;
}


int
cr_json_word(cr_json_t *j, char c)
{
    const char  *word;

    word = cr_json_words[j->unicode];

    if (c != word[j->skip]) {
        return CR_ERR;
    }

    j->skip++;

    if (word[j->skip] == '\0') {
        cr_json_tell(j, j->path_len, (cr_json_e) word_types[j->unicode], word,
                  j->skip, 0);
        cr_json_value_end(j);
    }

    return CR_OK;
}


int
cr_json_skip(cr_json_t *j, char c)
{
    if (j->state == S_SKIP_ESCAPE) {
        j->state = S_SKIP_STRING;
        return CR_OK;
    }

    if (j->state == S_SKIP_STRING) {
        if ((unsigned char) c < 0x20) {
            return CR_ERR;
        }

        if (c == '"') {
            j->state = S_SKIP;

        } else if (c == '\\') {
            j->state = S_SKIP_ESCAPE;
        }

        return CR_OK;
    }

    switch (c) {

    case '"':
        j->state = S_SKIP_STRING;
        return CR_OK;

    case '{':
    case '[':
        if (j->skip == UINT8_MAX) {
            return CR_ERR;
        }

        j->skip++;
        return CR_OK;

    case '}':
    case ']':
        if (--j->skip == 0) {
            cr_json_value_end(j);
        }

        return CR_OK;

    default:
        return CR_OK;
    }
}
