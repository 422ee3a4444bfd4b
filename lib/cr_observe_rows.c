#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


static void
rows_start_row(cr_obs_t *o)
{
    if (o->rows == CR_ROWS_ROW) {
        o->lines_state |= CR_LINES_BAD;
    }

    o->rows = CR_ROWS_ROW;
    o->row_field = 0;
    memset(&o->row, 0, sizeof(cr_obs_text_t));
    memset(&o->line, 0, sizeof(cr_line_t));
    o->line.price = CR_AMOUNT_UNKNOWN;
    o->line_qty = -1;
}


/* Two rows of one ref would differ in options that the list does not tell. */

static void
rows_end_row(cr_obs_t *o)
{
    int  i;

    o->rows = CR_ROWS_IN;

    for (i = 0; i < o->cart.nlines; i++) {
        if (strcmp(o->cart.lines[i].ref, o->line.ref) == 0) {
            o->lines_state |= CR_LINES_BAD;
        }
    }

    cr_obs_line_end(o);
}


static void
rows_end(cr_obs_t *o)
{
    if (o->rows == CR_ROWS_ROW) {
        o->lines_state |= CR_LINES_BAD;
    }

    o->lines_state |= CR_LINES_DONE;
    o->rows = CR_ROWS_AFTER;
}


/* Bytes of a row's fields, which come in the order of the profile. */

static void
rows_fields(cr_obs_t *o, const cr_rows_t *r, const char *p, size_t n)
{
    size_t            used;
    cr_str_t          value, none;
    cr_obs_text_t    *t;
    const cr_bind_t  *b;

    t = &o->row;
    none.p = NULL;
    none.n = 0;

    for ( /* void */ ; n != 0 && o->rows == CR_ROWS_ROW; p += used, n -= used) {

        b = &r->fields[o->row_field];

        if (!(t->flags & CR_TEXT_FOUND)) {
            used = cr_needle_find(&b->steps[t->step], &t->k, p, n);

            if (used == 0) {
                return;
            }

            if (++t->step == b->nsteps) {
                t->flags = CR_TEXT_FOUND;
            }

            continue;
        }

        if (!cr_obs_copy(t, &b->steps[b->nsteps], p, n, &used)) {
            return;
        }

        value.p = t->buf;
        value.n = t->n;

        cr_obs_fact(o, b, value, none, 1);
        memset(t, 0, sizeof(cr_obs_text_t));

        if (++o->row_field == r->nfields) {
            rows_end_row(o);
        }
    }
}


/* Up to the first row; 0 when it is not in p. */

static size_t
rows_begin(cr_obs_t *o, const cr_rows_t *r, const char *p, size_t n)
{
    size_t  i, none;

    i = cr_needle_find(&r->begin, &o->row_begin, p, n);
    none = r->empty.n ? cr_needle_find(&r->empty, &o->row_empty, p, i ? i : n)
                      : 0;

    if (none != 0 && (i == 0 || none < i)) {
        rows_end(o);
        return 0;
    }

    if (i != 0) {
        o->rows = CR_ROWS_IN;
        o->row_begin = 0;
        o->row_each = 0;
    }

    return i;
}


/* Behind the next of a literal that ends in p[from .. n), or n + 1. */

static size_t
rows_next(const cr_needle_t *s, uint8_t *k, const char *p, size_t from,
    size_t n)
{
    size_t  end;

    end = (from < n) ? cr_needle_find(s, k, p + from, n - from) : 0;

    return end ? from + end : n + 1;
}


void
cr_obs_rows(cr_obs_t *o, const char *p, size_t n)
{
    size_t            i, upto, each, end;
    const cr_rows_t  *r;

    r = cr_obs_group(o)->rows;
    i = 0;

    if (o->rows == CR_ROWS_BEFORE) {
        i = rows_begin(o, r, p, n);
    }

    if (o->rows == CR_ROWS_BEFORE || o->rows == CR_ROWS_AFTER) {
        return;
    }

    end = rows_next(&r->end, &o->row_begin, p, i, n);
    upto = (end < n) ? end : n;
    each = rows_next(&r->each, &o->row_each, p, i, upto);

    for ( ;; ) {

        if (o->rows == CR_ROWS_ROW) {
            rows_fields(o, r, p + i, (each < upto ? each : upto) - i);
        }

        if (each > upto) {
            break;
        }

        i = each;
        rows_start_row(o);
        each = rows_next(&r->each, &o->row_each, p, i, upto);
    }

    if (end <= n) {
        rows_end(o);
    }
}
