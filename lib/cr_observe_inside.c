#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


#define INSIDE_GAP  64           /* bytes between the mark and the JSON */

enum { INSIDE_BEFORE, INSIDE_GAP_BEFORE, INSIDE_IN, INSIDE_AFTER };


static int
inside_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* "&quot;" and its kind, up to its semicolon; 0 = none that JSON needs. */

static char
inside_entity(const char *p, size_t n)
{
    size_t  i;

    static const struct {
        const char  *name;
        char         c;
    } names[] = {
        { "&quot", '"' }, { "&#34", '"' }, { "&#034", '"' }, { "&#x22", '"' },
        { "&amp", '&' }, { "&#38", '&' }, { "&#038", '&' }, { "&lt", '<' },
        { "&gt", '>' }, { "&#39", '\'' }, { "&#039", '\'' }, { "&#x27", '\'' },
        { "&apos", '\'' }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (n == strlen(names[i].name) && memcmp(p, names[i].name, n) == 0) {
            return names[i].c;
        }
    }

    return '\0';
}


/* The next byte of the text as it was before it was put into the page; 0 when
 * it needs more.  Sequences that are none come out as a blank. */

static int
inside_decode(cr_obs_t *o, uint8_t as, char c, char *out)
{
    *out = c;

    if (as == CR_INSIDE_PLAIN || (o->inside_n == 0 && c != '%' && c != '&')) {
        return 1;
    }

    if (o->inside_n == 0 && (c == '%') != (as == CR_INSIDE_PERCENT)) {
        return 1;
    }

    if (as == CR_INSIDE_ENTITIES && o->inside_n != 0 && c == ';') {
        *out = inside_entity(o->inside_buf, o->inside_n);
        *out = *out ? *out : ' ';
        o->inside_n = 0;
        return 1;
    }

    o->inside_buf[o->inside_n++] = c;

    if (as == CR_INSIDE_PERCENT && o->inside_n == 3) {
        *out = (char) (inside_hex(o->inside_buf[1]) << 4
                       | inside_hex(o->inside_buf[2]));
        o->inside_n = 0;

        if (inside_hex(o->inside_buf[1]) < 0
            || inside_hex(o->inside_buf[2]) < 0)
        {
            *out = ' ';
        }

        return 1;
    }

    if (o->inside_n == sizeof(o->inside_buf)) {
        o->inside_n = 0;
        *out = ' ';
        return 1;
    }

    return 0;
}


static void
inside_begin(cr_obs_t *o, const cr_inside_t *in)
{
    o->inside = INSIDE_IN;
    o->inside_gap = 0;

    if (in->money == o->money) {
        return;
    }

    /* amounts of the page's text are of the other kind */

    o->money = in->money;
    o->cart.total = CR_AMOUNT_UNKNOWN;
    o->cart.subtotal = CR_AMOUNT_UNKNOWN;
    o->cart.shipping = CR_AMOUNT_UNKNOWN;
    o->order_total = CR_AMOUNT_UNKNOWN;
    o->price = CR_AMOUNT_UNKNOWN;
}


static void
inside_byte(cr_obs_t *o, const cr_inside_t *in, char c)
{
    char  out;

    if (!inside_decode(o, in->as, c, &out)) {
        return;
    }

    if (o->inside == INSIDE_GAP_BEFORE) {
        if (out != '{' && out != '[') {
            if (++o->inside_gap == INSIDE_GAP) {
                o->inside = INSIDE_BEFORE;
                o->inside_step = 0;
                o->inside_gap = 0;
            }

            return;
        }

        inside_begin(o, in);
    }

    if (cr_json_feed(&o->json, &out, 1) != CR_OK) {
        o->inside = INSIDE_AFTER;
    }
}


/* JSON that stands in a page, behind its marks; 1 when it came to its end. */

int
cr_obs_inside(cr_obs_t *o, const char *p, size_t n)
{
    size_t              i, end;
    const cr_inside_t  *in;

    in = cr_obs_group(o)->inside;

    for (i = 0; i < n && o->inside != INSIDE_AFTER; /* void */ ) {

        if (o->inside != INSIDE_BEFORE) {
            inside_byte(o, in, p[i++]);
            continue;
        }

        end = cr_needle_find(&in->steps[o->inside_step], &o->inside_k, p + i,
                             n - i);

        if (end == 0) {
            break;
        }

        i += end;
        o->inside_k = 0;

        if (++o->inside_step == in->nsteps) {
            o->inside = INSIDE_GAP_BEFORE;
            cr_json_init(&o->json, cr_obs_answer_json, o);
        }
    }

    return o->inside == INSIDE_AFTER;
}
