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


/* One byte of a row's fields, which come in the order of the profile. */

static void
rows_field(cr_obs_t *o, const cr_rows_t *r, char c)
{
    size_t            used;
    cr_str_t          value, none;
    cr_obs_text_t    *t;
    const cr_bind_t  *b;

    t = &o->row;
    b = &r->fields[o->row_field];

    if (!(t->flags & CR_TEXT_FOUND)) {
        t->k = cr_needle_step(&b->steps[t->step], t->k, c);

        if (t->k == b->steps[t->step].n) {
            t->k = 0;

            if (++t->step == b->nsteps) {
                t->flags = CR_TEXT_FOUND;
            }
        }

        return;
    }

    if (!cr_obs_copy(t, &b->steps[b->nsteps], &c, 1, &used)) {
        return;
    }

    value.p = t->buf;
    value.n = t->n;
    none.p = NULL;
    none.n = 0;

    cr_obs_fact(o, b, value, none, 1);
    memset(t, 0, sizeof(cr_obs_text_t));

    if (++o->row_field == r->nfields) {
        rows_end_row(o);
    }
}


void
cr_obs_rows(cr_obs_t *o, const char *p, size_t n)
{
    char              c;
    size_t            i, none;
    const cr_rows_t  *r;

    r = cr_obs_group(o)->rows;
    i = 0;

    if (o->rows == CR_ROWS_BEFORE) {
        none = r->empty.n ? cr_needle_find(&r->empty, &o->row_empty, p, n) : 0;
        i = cr_needle_find(&r->begin, &o->row_begin, p, n);

        if (none != 0 && (i == 0 || none < i)) {
            rows_end(o);
            return;
        }

        if (i == 0) {
            return;
        }

        o->rows = CR_ROWS_IN;
        o->row_begin = 0;
        o->row_each = 0;
    }

    for ( /* void */ ; i < n && o->rows != CR_ROWS_AFTER; i++) {

        c = p[i];

        if (o->rows == CR_ROWS_ROW) {
            rows_field(o, r, c);
        }

        /* most bytes begin neither literal */

        if (o->row_each == 0 && o->row_begin == 0
            && c != r->each.p[0] && c != r->end.p[0])
        {
            continue;
        }

        o->row_each = cr_needle_step(&r->each, o->row_each, c);
        o->row_begin = cr_needle_step(&r->end, o->row_begin, c);

        if (o->row_each == r->each.n) {
            o->row_each = 0;
            rows_start_row(o);
        }

        if (o->row_begin == r->end.n) {
            rows_end(o);
        }
    }
}
