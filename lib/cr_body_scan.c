#include "cr_body_scan.h"

#include <string.h>


typedef enum {
    CR_BS_TEXT = 0,
    CR_BS_OPEN,                  /* behind '<' */
    CR_BS_NAME,
    CR_BS_ATTR,                  /* in front of an attribute's name */
    CR_BS_ATTR_NAME,
    CR_BS_ATTR_AFTER,
    CR_BS_VALUE,                 /* behind '=' */
    CR_BS_VALUE_BARE,
    CR_BS_VALUE_QUOTED,
    CR_BS_BOGUS,                 /* up to '>' whatever stands there */
    CR_BS_BANG,                  /* behind '<!' */
    CR_BS_BANG_DASH,
    CR_BS_CLOSE,                 /* behind '</' */
    CR_BS_COMMENT_START,
    CR_BS_COMMENT_START_DASH,
    CR_BS_COMMENT,
    CR_BS_COMMENT_DASH,
    CR_BS_COMMENT_END,           /* behind '--' */
    CR_BS_COMMENT_BANG,
    CR_BS_RAW,                   /* raw text, up to its own end tag */
    CR_BS_RAW_OPEN,
    CR_BS_RAW_BANG,
    CR_BS_RAW_BANG_DASH,
    CR_BS_RAW_NAME,
    CR_BS_DONE
} cr_body_state_e;


/* Elements whose content is no markup. */

static const char *const  cr_bs_raw[] = {
    "script", "style", "title", "textarea", "iframe", "noembed", "noframes",
    "xmp", NULL
};


static int
cr_bs_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}


static char
cr_bs_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char) (c | 0x20) : c;
}


static int
cr_bs_letter(char c)
{
    c = cr_bs_lower(c);

    return c >= 'a' && c <= 'z';
}


static int
cr_bs_to(cr_body_scan_t *s, cr_body_state_e state)
{
    s->state = (uint8_t) state;

    return CR_SCAN_MORE;
}


static int
cr_bs_end(cr_body_scan_t *s)
{
    s->state = CR_BS_DONE;

    return CR_SCAN_END;
}


void
cr_body_scan_init(cr_body_scan_t *s, uint32_t cap)
{
    memset(s, 0, sizeof(cr_body_scan_t));

    s->cap = cap;
}


/* '>' of a tag: what its name means. */

static int
cr_bs_tag_end(cr_body_scan_t *s)
{
    int  i;

    if (strcmp(s->name, "body") == 0) {
        s->state = CR_BS_DONE;
        return CR_SCAN_FOUND;
    }

    if (strcmp(s->name, "frameset") == 0
        || strcmp(s->name, "plaintext") == 0)
    {
        return cr_bs_end(s);
    }

    for (i = 0; cr_bs_raw[i] != NULL; i++) {
        if (strcmp(s->name, cr_bs_raw[i]) == 0) {
            memcpy(s->raw, s->name, sizeof(s->raw));
            return cr_bs_to(s, CR_BS_RAW);
        }
    }

    return cr_bs_to(s, CR_BS_TEXT);
}


static int
cr_bs_open(cr_body_scan_t *s, char c)
{
    if (c == '!') {
        return cr_bs_to(s, CR_BS_BANG);
    }

    if (c == '/' || c == '?') {
        return cr_bs_to(s, c == '/' ? CR_BS_CLOSE : CR_BS_BOGUS);
    }

    if (!cr_bs_letter(c)) {
        return cr_bs_to(s, c == '<' ? CR_BS_OPEN : CR_BS_TEXT);
    }

    s->n = 1;
    s->name[0] = cr_bs_lower(c);
    s->name[1] = '\0';

    return cr_bs_to(s, CR_BS_NAME);
}


static int
cr_bs_markup(cr_body_scan_t *s, char c)
{
    switch (s->state) {

    case CR_BS_BANG:
        return cr_bs_to(s, c == '-' ? CR_BS_BANG_DASH
                           : c == '>' ? CR_BS_TEXT : CR_BS_BOGUS);

    case CR_BS_BANG_DASH:
        return cr_bs_to(s, c == '-' ? CR_BS_COMMENT_START
                           : c == '>' ? CR_BS_TEXT : CR_BS_BOGUS);

    case CR_BS_CLOSE:

        if (!cr_bs_letter(c)) {
            return cr_bs_to(s, c == '>' ? CR_BS_TEXT : CR_BS_BOGUS);
        }

        /* an end tag means nothing here, whatever its name is */

        s->n = 1;
        s->name[0] = '/';
        s->name[1] = '\0';

        return cr_bs_to(s, CR_BS_NAME);

    default: /* CR_BS_BOGUS */
        return cr_bs_to(s, c == '>' ? CR_BS_TEXT : CR_BS_BOGUS);
    }
}


static int
cr_bs_comment(cr_body_scan_t *s, char c)
{
    uint8_t  was;

    was = s->state;

    if (c == '>' && was != CR_BS_COMMENT && was != CR_BS_COMMENT_DASH) {
        return cr_bs_to(s, CR_BS_TEXT);
    }

    if (c == '-') {
        return cr_bs_to(s, was == CR_BS_COMMENT_START ? CR_BS_COMMENT_START_DASH
                           : was == CR_BS_COMMENT || was == CR_BS_COMMENT_BANG
                           ? CR_BS_COMMENT_DASH : CR_BS_COMMENT_END);
    }

    return cr_bs_to(s, c == '!' && was == CR_BS_COMMENT_END
                       ? CR_BS_COMMENT_BANG : CR_BS_COMMENT);
}


static int
cr_bs_name(cr_body_scan_t *s, char c)
{
    if (c == '>') {
        return cr_bs_tag_end(s);
    }

    if (c == '/' || cr_bs_space(c)) {
        return cr_bs_to(s, CR_BS_ATTR);
    }

    if (s->n < sizeof(s->name) - 1) {
        s->name[s->n++] = cr_bs_lower(c);
        s->name[s->n] = '\0';
    }

    return CR_SCAN_MORE;
}


static void
cr_bs_value_byte(cr_body_scan_t *s, char c)
{
    if (strcmp(s->name, "html") != 0 || s->nattr != 4
        || memcmp(s->attr, "lang", 4) != 0)
    {
        return;
    }

    if (s->nlang < sizeof(s->lang) - 1
        && (cr_bs_letter(c) || c == '-' || (c >= '0' && c <= '9')))
    {
        s->lang[s->nlang++] = c;

    } else {
        s->lang[0] = '\0';
        s->nlang = sizeof(s->lang);
    }
}


static int
cr_bs_attr(cr_body_scan_t *s, char c)
{
    switch (s->state) {

    case CR_BS_ATTR:

        if (c == '>') {
            return cr_bs_tag_end(s);
        }

        if (c == '/' || cr_bs_space(c)) {
            return CR_SCAN_MORE;
        }

        s->nattr = 1;
        s->attr[0] = cr_bs_lower(c);

        return cr_bs_to(s, CR_BS_ATTR_NAME);

    case CR_BS_ATTR_NAME:

        if (c == '>') {
            return cr_bs_tag_end(s);
        }

        if (c == '=') {
            return cr_bs_to(s, CR_BS_VALUE);
        }

        if (c == '/' || cr_bs_space(c)) {
            return cr_bs_to(s, c == '/' ? CR_BS_ATTR : CR_BS_ATTR_AFTER);
        }

        if (s->nattr < sizeof(s->attr)) {
            s->attr[s->nattr++] = cr_bs_lower(c);
        }

        return CR_SCAN_MORE;

    default: /* CR_BS_ATTR_AFTER */

        if (c == '=') {
            return cr_bs_to(s, CR_BS_VALUE);
        }

        if (cr_bs_space(c)) {
            return CR_SCAN_MORE;
        }

        s->state = CR_BS_ATTR;

        return cr_bs_attr(s, c);
    }
}


static int
cr_bs_value(cr_body_scan_t *s, char c)
{
    switch (s->state) {

    case CR_BS_VALUE:

        if (cr_bs_space(c)) {
            return CR_SCAN_MORE;
        }

        if (c == '>') {
            return cr_bs_tag_end(s);
        }

        if (c == '"' || c == '\'') {
            s->quote = c;
            return cr_bs_to(s, CR_BS_VALUE_QUOTED);
        }

        s->state = CR_BS_VALUE_BARE;

        /* fall through */

    case CR_BS_VALUE_BARE:

        if (c == '>') {
            return cr_bs_tag_end(s);
        }

        if (cr_bs_space(c)) {
            return cr_bs_to(s, CR_BS_ATTR);
        }

        cr_bs_value_byte(s, c);

        return CR_SCAN_MORE;

    default: /* CR_BS_VALUE_QUOTED */

        if (c == s->quote) {
            return cr_bs_to(s, CR_BS_ATTR);
        }

        cr_bs_value_byte(s, c);

        return CR_SCAN_MORE;
    }
}


/* A script may hide its end tag behind "<!--": then nobody but a whole parser
 * knows where it ends. */

static int
cr_bs_rawtext(cr_body_scan_t *s, char c)
{
    switch (s->state) {

    case CR_BS_RAW:
        return cr_bs_to(s, c == '<' ? CR_BS_RAW_OPEN : CR_BS_RAW);

    case CR_BS_RAW_OPEN:
        s->n = 0;

        return cr_bs_to(s, c == '/' ? CR_BS_RAW_NAME
                           : c == '<' ? CR_BS_RAW_OPEN
                           : c == '!' && strcmp(s->raw, "script") == 0
                           ? CR_BS_RAW_BANG : CR_BS_RAW);

    case CR_BS_RAW_BANG:
        return cr_bs_to(s, c == '-' ? CR_BS_RAW_BANG_DASH
                           : c == '<' ? CR_BS_RAW_OPEN : CR_BS_RAW);

    case CR_BS_RAW_BANG_DASH:

        if (c == '-') {
            return cr_bs_end(s);
        }

        return cr_bs_to(s, c == '<' ? CR_BS_RAW_OPEN : CR_BS_RAW);

    default: /* CR_BS_RAW_NAME */

        if (s->raw[s->n] != '\0') {

            if (cr_bs_lower(c) == s->raw[s->n]) {
                s->n++;
                return CR_SCAN_MORE;
            }

            return cr_bs_to(s, c == '<' ? CR_BS_RAW_OPEN : CR_BS_RAW);
        }

        if (c == '>') {
            return cr_bs_to(s, CR_BS_TEXT);
        }

        if (c == '/' || cr_bs_space(c)) {
            s->name[0] = '/';
            s->name[1] = '\0';
            return cr_bs_to(s, CR_BS_ATTR);
        }

        return cr_bs_to(s, c == '<' ? CR_BS_RAW_OPEN : CR_BS_RAW);
    }
}


static int
cr_bs_byte(cr_body_scan_t *s, char c)
{
    switch (s->state) {

    case CR_BS_TEXT:
        return cr_bs_to(s, c == '<' ? CR_BS_OPEN : CR_BS_TEXT);

    case CR_BS_OPEN:
        return cr_bs_open(s, c);

    case CR_BS_NAME:
        return cr_bs_name(s, c);

    default:
        break;
    }

    if (s->state <= CR_BS_ATTR_AFTER) {
        return cr_bs_attr(s, c);
    }

    if (s->state <= CR_BS_VALUE_QUOTED) {
        return cr_bs_value(s, c);
    }

    if (s->state <= CR_BS_CLOSE) {
        return cr_bs_markup(s, c);
    }

    return s->state <= CR_BS_COMMENT_BANG ? cr_bs_comment(s, c)
                                          : cr_bs_rawtext(s, c);
}


/* Over a run that one byte alone ends. */

static const char *
cr_bs_jump(const cr_body_scan_t *s, const char *p, const char *end)
{
    int          c;
    const char  *q;

    switch (s->state) {

    case CR_BS_TEXT:
    case CR_BS_RAW:
        c = '<';
        break;

    case CR_BS_COMMENT:
        c = '-';
        break;

    case CR_BS_BOGUS:
        c = '>';
        break;

    default:
        return p;
    }

    q = memchr(p, c, (size_t) (end - p));

    return q != NULL ? q : end;
}


int
cr_body_scan(cr_body_scan_t *s, const char *p, size_t n, size_t *at)
{
    int          rc;
    const char  *start, *end;

    if (s->state == CR_BS_DONE) {
        return CR_SCAN_END;
    }

    if (n > s->cap - s->seen) {
        n = s->cap - s->seen;
    }

    start = p;
    end = p + n;

    while (p < end) {
        p = cr_bs_jump(s, p, end);

        if (p == end) {
            break;
        }

        rc = cr_bs_byte(s, *p++);

        if (rc != CR_SCAN_MORE) {
            s->seen += (uint32_t) (p - start);

            if (rc == CR_SCAN_FOUND) {
                *at = (size_t) (p - start);
            }

            return rc;
        }
    }

    s->seen += (uint32_t) n;

    return s->seen == s->cap ? cr_bs_end(s) : CR_SCAN_MORE;
}
