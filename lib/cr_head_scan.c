#include "cr_head_scan.h"

#include <string.h>


typedef enum {
    CR_HS_START = 0,             /* a byte order mark may stand here */
    CR_HS_TEXT,
    CR_HS_OPEN,                  /* behind '<' */
    CR_HS_CLOSE,                 /* behind '</' */
    CR_HS_BANG,                  /* behind '<!' */
    CR_HS_BANG_DASH,
    CR_HS_DOCTYPE,
    CR_HS_DOCTYPE_NAME,
    CR_HS_BOGUS,                 /* up to '>' whatever stands there */
    CR_HS_COMMENT_START,
    CR_HS_COMMENT_START_DASH,
    CR_HS_COMMENT,
    CR_HS_COMMENT_DASH,
    CR_HS_COMMENT_END,
    CR_HS_COMMENT_BANG,
    CR_HS_NAME,
    CR_HS_ATTR,                  /* in front of an attribute's name */
    CR_HS_ATTR_NAME,
    CR_HS_ATTR_AFTER,
    CR_HS_VALUE,                 /* behind '=' */
    CR_HS_VALUE_BARE,
    CR_HS_VALUE_QUOTED,
    CR_HS_DONE
} cr_head_state_e;


static const char  cr_doctype[] = "doctype";
static const char  cr_html[] = "html";
static const char  cr_head[] = "head";
static const char  cr_bom[] = "\xef\xbb\xbf";


static int
cr_hs_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}


static char
cr_hs_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
}


static int
cr_hs_letter(char c)
{
    c = cr_hs_lower(c);

    return c >= 'a' && c <= 'z';
}


void
cr_head_scan_init(cr_head_scan_t *s, uint32_t cap)
{
    memset(s, 0, sizeof(cr_head_scan_t));

    s->cap = cap;
}


static int
cr_hs_text(cr_head_scan_t *s)
{
    s->state = CR_HS_TEXT;

    return CR_SCAN_MORE;
}


static int
cr_hs_end(cr_head_scan_t *s)
{
    s->state = CR_HS_DONE;

    return CR_SCAN_END;
}


/* A tag's name is complete ("/head" for an end tag): can a head follow? */

static int
cr_hs_named(cr_head_scan_t *s)
{
    s->name[s->n] = '\0';

    if (s->name[0] == '/') {

        /* these four open the head, the others are ignored */

        if (strcmp(s->name, "/head") == 0 || strcmp(s->name, "/html") == 0
            || strcmp(s->name, "/body") == 0 || strcmp(s->name, "/br") == 0)
        {
            return cr_hs_end(s);
        }

        return CR_SCAN_MORE;
    }

    if (strcmp(s->name, cr_html) == 0) {
        s->document = 1;
        return CR_SCAN_MORE;
    }

    return strcmp(s->name, cr_head) == 0 ? CR_SCAN_MORE : cr_hs_end(s);
}


static int
cr_hs_text_byte(cr_head_scan_t *s, char c)
{
    if (s->state == CR_HS_START) {
        if (c == cr_bom[s->n]) {
            if (++s->n == sizeof(cr_bom) - 1) {
                s->state = CR_HS_TEXT;
            }

            return CR_SCAN_MORE;
        }

        if (s->n > 0) {
            return cr_hs_end(s);
        }

        s->state = CR_HS_TEXT;
    }

    if (c == '<') {
        s->state = CR_HS_OPEN;
        return CR_SCAN_MORE;
    }

    return cr_hs_space(c) ? CR_SCAN_MORE : cr_hs_end(s);
}


static int
cr_hs_open(cr_head_scan_t *s, char c)
{
    if (cr_hs_letter(c)) {
        s->n = 0;

        if (s->state == CR_HS_CLOSE) {
            s->name[s->n++] = '/';
        }

        s->name[s->n++] = cr_hs_lower(c);
        s->state = CR_HS_NAME;

        return CR_SCAN_MORE;
    }

    if (s->state == CR_HS_CLOSE) {
        s->state = CR_HS_BOGUS;
        return c == '>' ? cr_hs_text(s) : CR_SCAN_MORE;
    }

    switch (c) {

    case '!':
        s->state = CR_HS_BANG;
        return CR_SCAN_MORE;

    case '/':
        s->state = CR_HS_CLOSE;
        return CR_SCAN_MORE;

    case '?':
        s->state = CR_HS_BOGUS;
        return CR_SCAN_MORE;
    }

    return cr_hs_end(s);
}


static int
cr_hs_markup(cr_head_scan_t *s, char c)
{
    switch (s->state) {

    case CR_HS_BANG:
        s->n = 1;
        s->state = (c == '-') ? CR_HS_BANG_DASH
                   : (cr_hs_lower(c) == 'd') ? CR_HS_DOCTYPE : CR_HS_BOGUS;
        break;

    case CR_HS_BANG_DASH:
        s->state = (c == '-') ? CR_HS_COMMENT_START : CR_HS_BOGUS;
        break;

    case CR_HS_DOCTYPE:

        if (cr_hs_lower(c) != cr_doctype[s->n]) {
            s->state = CR_HS_BOGUS;

        } else if (++s->n == sizeof(cr_doctype) - 1) {
            s->n = 0;
            s->state = CR_HS_DOCTYPE_NAME;
        }

        break;

    case CR_HS_DOCTYPE_NAME:

        if (s->n == sizeof(cr_html) - 1) {
            s->document |= (c == '>' || cr_hs_space(c));
            s->state = CR_HS_BOGUS;

        } else if (s->n == 0 && cr_hs_space(c)) {
            break;

        } else if (cr_hs_lower(c) == cr_html[s->n]) {
            s->n++;

        } else {
            s->state = CR_HS_BOGUS;
        }

        break;
    }

    return c == '>' ? cr_hs_text(s) : CR_SCAN_MORE;
}


static int
cr_hs_comment(cr_head_scan_t *s, char c)
{
    uint8_t  was;

    was = s->state;

    if (c == '>' && was != CR_HS_COMMENT && was != CR_HS_COMMENT_DASH) {
        return cr_hs_text(s);
    }

    if (c == '-') {
        s->state = (was == CR_HS_COMMENT_START) ? CR_HS_COMMENT_START_DASH
                   : (was == CR_HS_COMMENT || was == CR_HS_COMMENT_BANG)
                   ? CR_HS_COMMENT_DASH : CR_HS_COMMENT_END;

    } else if (c == '!' && was == CR_HS_COMMENT_END) {
        s->state = CR_HS_COMMENT_BANG;

    } else {
        s->state = CR_HS_COMMENT;
    }

    return CR_SCAN_MORE;
}


/* '>' of a tag. */

static int
cr_hs_tag_end(cr_head_scan_t *s)
{
    if (strcmp(s->name, cr_head) == 0) {
        s->state = CR_HS_DONE;
        return CR_SCAN_FOUND;
    }

    return cr_hs_text(s);
}


static int
cr_hs_tag(cr_head_scan_t *s, char c)
{
    if (s->state == CR_HS_NAME) {
        if (c != '>' && c != '/' && !cr_hs_space(c)) {

            /* longer names than "html" all mean the same */

            if (s->n < sizeof(s->name) - 1) {
                s->name[s->n++] = cr_hs_lower(c);
            }

            return CR_SCAN_MORE;
        }

        if (cr_hs_named(s) == CR_SCAN_END) {
            return CR_SCAN_END;
        }

        s->state = CR_HS_ATTR;
    }

    if (c == '>') {
        return cr_hs_tag_end(s);
    }

    switch (s->state) {

    case CR_HS_ATTR:

        if (c != '/' && !cr_hs_space(c)) {
            s->state = CR_HS_ATTR_NAME;
        }

        break;

    case CR_HS_ATTR_NAME:
    case CR_HS_ATTR_AFTER:
        s->state = (c == '=') ? CR_HS_VALUE
                   : (c == '/') ? CR_HS_ATTR
                   : cr_hs_space(c) ? CR_HS_ATTR_AFTER : CR_HS_ATTR_NAME;
        break;

    case CR_HS_VALUE:

        if (c == '"' || c == '\'') {
            s->quote = c;
            s->state = CR_HS_VALUE_QUOTED;

        } else if (!cr_hs_space(c)) {
            s->state = CR_HS_VALUE_BARE;
        }

        break;

    case CR_HS_VALUE_BARE:

        if (cr_hs_space(c)) {
            s->state = CR_HS_ATTR;
        }

        break;
    }

    return CR_SCAN_MORE;
}


static int
cr_hs_byte(cr_head_scan_t *s, char c)
{
    if (s->state <= CR_HS_TEXT) {
        return cr_hs_text_byte(s, c);
    }

    if (s->state <= CR_HS_CLOSE) {
        return cr_hs_open(s, c);
    }

    if (s->state <= CR_HS_BOGUS) {
        return cr_hs_markup(s, c);
    }

    return s->state < CR_HS_NAME ? cr_hs_comment(s, c) : cr_hs_tag(s, c);
}


/* Over what changes nothing: white space, and runs that one byte alone ends. */

static const char *
cr_hs_jump(cr_head_scan_t *s, const char *p, const char *end)
{
    int          c;
    const char  *q;

    switch (s->state) {

    case CR_HS_TEXT:

        while (p < end && cr_hs_space(*p)) {
            p++;
        }

        return p;

    case CR_HS_BOGUS:
        c = '>';
        break;

    case CR_HS_COMMENT:
        c = '-';
        break;

    case CR_HS_VALUE_QUOTED:
        c = s->quote;
        break;

    default:
        return p;
    }

    q = memchr(p, c, (size_t) (end - p));

    return q != NULL ? q : end;
}


/* Is it here, in one of the two spellings that are met? */

#define cr_hs_is(p, end, lower, upper)                                        \
    ((size_t) ((end) - (p)) >= sizeof(lower) - 1                              \
     && (memcmp(p, lower, sizeof(lower) - 1) == 0                             \
         || memcmp(p, upper, sizeof(lower) - 1) == 0))


/* Behind a tag whose attributes, if it has any, are name="value"; NULL where
 * they are not, or where the piece ends. */

static const char *
cr_hs_plain_tag(const char *p, const char *end)
{
    const char  *name;

    while (p < end && *p != '>') {

        if (!cr_hs_space(*p++)) {
            return NULL;
        }

        name = p;

        while (p < end && (cr_hs_letter(*p) || *p == '-' || *p == ':')) {
            p++;
        }

        if (p > name && p + 1 < end && *p == '=' && p[1] == '"') {
            p = memchr(p + 2, '"', (size_t) (end - p - 2));

            if (p == NULL) {
                return NULL;
            }

            p++;

        } else if (p < end && *p != '>' && !cr_hs_space(*p)) {
            return NULL;
        }
    }

    return p < end ? p + 1 : NULL;
}


/* How almost every page begins, without a look at each byte; what stands
 * behind it, or is written in another way, is left to the scan. */

static const char *
cr_hs_usual(cr_head_scan_t *s, const char *p, const char *end)
{
    const char  *q;

    for ( ;; ) {
        while (p < end && cr_hs_space(*p)) {
            p++;
        }

        if (cr_hs_is(p, end, "<head", "<HEAD")
            && (q = cr_hs_plain_tag(p + 5, end)) != NULL)
        {
            s->state = CR_HS_DONE;
            return q;
        }

        if (cr_hs_is(p, end, "<!doctype html>", "<!DOCTYPE html>")) {
            s->document = 1;
            p += 15;

        } else if (cr_hs_is(p, end, "<html", "<HTML")
                   && (q = cr_hs_plain_tag(p + 5, end)) != NULL)
        {
            s->document = 1;
            p = q;

        } else {
            s->state = CR_HS_TEXT;
            return p;
        }
    }
}


int
cr_head_scan(cr_head_scan_t *s, const char *p, size_t n, size_t *at)
{
    int          rc;
    const char  *start, *q, *end;

    if (s->state == CR_HS_DONE) {
        return CR_SCAN_END;
    }

    if (n > s->cap - s->seen) {
        n = s->cap - s->seen;
    }

    start = p;
    end = p + n;

    if (s->seen == 0 && n > 0 && *p != cr_bom[0]) {
        p = cr_hs_usual(s, p, end);

        if (s->state == CR_HS_DONE) {
            s->seen = (uint32_t) (p - start);
            *at = (size_t) (p - start);
            return CR_SCAN_FOUND;
        }
    }

    while (p < end) {
        q = cr_hs_jump(s, p, end);

        if (q == end) {
            break;
        }

        p = q + 1;

        if (s->state == CR_HS_VALUE_QUOTED) {
            s->state = CR_HS_ATTR;
            continue;
        }

        rc = cr_hs_byte(s, *q);

        if (rc != CR_SCAN_MORE) {
            s->seen += (uint32_t) (p - start);

            if (rc == CR_SCAN_FOUND) {
                *at = (size_t) (p - start);
            }

            return rc;
        }
    }

    s->seen += (uint32_t) n;

    return s->seen == s->cap ? cr_hs_end(s) : CR_SCAN_MORE;
}
