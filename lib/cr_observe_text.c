#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


/* the bytes of markup, the most frequent first; any other one is rarer */

static const char  cr_needle_common[] =
    " etas\"=ionr<>/ldcpu-mhgf.bvw;:kyx0123456789_jqz\n'()";


static uint8_t
cr_needle_rare(const char *p, size_t n)
{
    size_t       i, best, rank, least;
    const char  *at;

    best = 0;
    least = 0;

    for (i = 0; i < n; i++) {
        at = memchr(cr_needle_common, p[i], sizeof(cr_needle_common) - 1);
        rank = at ? (size_t) (at - cr_needle_common)
                  : sizeof(cr_needle_common);

        if (rank > least) {
            least = rank;
            best = i;
        }
    }

    return (uint8_t) best;
}


/* Knuth, Morris, Pratt: the progress through a literal is one byte of state, so
 * a literal is found wherever the pieces of an answer were cut. */

void
cr_needle_init(cr_needle_t *s, const char *p, size_t n)
{
    size_t   i;
    uint8_t  k;

    s->p = p;
    s->n = (uint8_t) n;
    s->rare = cr_needle_rare(p, n);
    s->fail[0] = 0;
    k = 0;

    for (i = 1; i < n; i++) {
        while (k != 0 && p[k] != p[i]) {
            k = s->fail[k - 1];
        }

        if (p[k] == p[i]) {
            k++;
        }

        s->fail[i] = k;
    }
}


/* The literal whole within p: from one of its rarest bytes to the next. */

static const char *
cr_needle_whole(const cr_needle_t *s, const char *p, size_t n)
{
    const char  *at, *end;

    at = p + s->rare;
    end = p + n - s->n + s->rare + 1;

    while (at < end) {
        at = memchr(at, s->p[s->rare], (size_t) (end - at));

        if (at == NULL) {
            return NULL;
        }

        p = at - s->rare;

        if (p[0] == s->p[0] && p[s->n - 1] == s->p[s->n - 1]
            && memcmp(p, s->p, s->n) == 0)
        {
            return p;
        }

        at++;
    }

    return NULL;
}


/* Returns the bytes of p up to the literal's end, or 0 when it does not end
 * here. */

size_t
cr_needle_find(const cr_needle_t *s, uint8_t *k, const char *p, size_t n)
{
    size_t       i;
    const char  *at;

    for (i = 0; i < n; i++) {

        if (*k == 0 && n - i >= s->n) {
            at = cr_needle_whole(s, p + i, n - i);

            if (at != NULL) {
                return (size_t) (at - p) + s->n;
            }

            i = n - s->n + 1;

            if (i >= n) {
                break;
            }
        }

        *k = cr_needle_step(s, *k, p[i]);

        if (*k == s->n) {
            *k = 0;
            return i + 1;
        }
    }

    return 0;
}


int
cr_obs_copy(cr_obs_text_t *t, const cr_needle_t *until, const char *p,
    size_t n, size_t *used)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        t->k = cr_needle_step(until, t->k, p[i]);

        if (t->k == until->n) {
            t->k = 0;
            *used = i + 1;
            return 1;
        }

        if (p[i] == '<') {
            t->flags |= CR_TEXT_TAG;

        } else if (p[i] == '>' && (t->flags & CR_TEXT_TAG)) {
            t->flags &= (uint8_t) ~CR_TEXT_TAG;

        } else if (!(t->flags & CR_TEXT_TAG) && t->n < sizeof(t->buf)
                   && ((unsigned char) p[i] > ' '
                       || (t->n != 0 && t->buf[t->n - 1] != ' ')))
        {
            t->buf[t->n++] = ((unsigned char) p[i] > ' ') ? p[i] : ' ';
        }
    }

    *used = n;

    return 0;
}


static void
text_found(cr_obs_t *o, const cr_bind_t *b, cr_obs_text_t *t)
{
    cr_str_t  value, none;

    value.p = t->buf;
    value.n = t->n;
    none.p = NULL;
    none.n = 0;

    if (t->n < sizeof(t->buf)
        && (o->rank[b->fact] == 0 || o->rank[b->fact] >= b->rank))
    {
        cr_obs_fact(o, b, value, none, 1);
    }

    memset(t, 0, sizeof(cr_obs_text_t));

    /* after the first step, the last one alone is looked for again */

    if (b->last) {
        t->step = (uint8_t) (b->nsteps - 1);

    } else {
        t->flags = CR_TEXT_DONE;
    }
}


static void
text_bind(cr_obs_t *o, const cr_bind_t *b, const char *p, size_t n)
{
    size_t          i, end;
    cr_obs_text_t  *t;

    t = &o->text[b->text];

    for (i = 0; i < n && !(t->flags & CR_TEXT_DONE); /* void */ ) {

        if (t->flags & CR_TEXT_FOUND) {
            if (cr_obs_copy(t, &b->steps[b->nsteps], p + i, n - i, &end)) {
                text_found(o, b, t);
            }

            i += end;
            continue;
        }

        end = cr_needle_find(&b->steps[t->step], &t->k, p + i, n - i);

        if (end == 0) {
            break;
        }

        i += end;
        t->k = 0;

        if (++t->step == b->nsteps) {
            t->flags = CR_TEXT_FOUND;
        }
    }
}


void
cr_obs_text(cr_obs_t *o, const char *p, size_t n)
{
    int                i;
    uint64_t           bit;
    const cr_cond_t   *k;
    const cr_group_t  *g;

    g = cr_obs_group(o);

    for (i = 0; i < g->nconds; i++) {
        k = &g->conds[i];
        bit = (uint64_t) 1 << i;

        if (k->src.kind == CR_SRC_TEXT && !(o->truth & bit)
            && cr_needle_find(k->needle, &o->text_k[k->mark], p, n) != 0)
        {
            o->truth |= bit;
        }
    }

    for (i = 0; i < g->nbinds; i++) {
        if (g->binds[i].src.kind == CR_SRC_TEXT) {
            text_bind(o, &g->binds[i], p, n);
        }
    }

    /* where the page's JSON is being read, its lines are the cart's */

    if (g->rows != NULL && o->inside == 0) {
        cr_obs_rows(o, p, n);
    }
}


int
cr_obs_text_done(const cr_obs_t *o)
{
    int                i;
    const cr_bind_t   *b;
    const cr_group_t  *g;

    g = cr_obs_group(o);

    if (g->rows != NULL && o->rows != CR_ROWS_AFTER) {
        return 0;
    }

    for (i = 0; i < g->nbinds; i++) {
        b = &g->binds[i];

        if (b->src.kind == CR_SRC_TEXT
            && !(o->text[b->text].flags & CR_TEXT_DONE))
        {
            return 0;
        }
    }

    return 1;
}
