/*
 * cr_profile_factor.c: one alternation of many patterns, in which neighbours
 * that begin alike share their beginning: it is matched once for all of them,
 * not once for each.
 */

#include "cr_profile_int.h"

#include <stdio.h>
#include <string.h>


#define FACTOR_LEAST  4          /* characters that are worth sharing */


static int
factor_put(cr_alternation_t *a, const char *p, size_t n)
{
    if (n >= a->cap - a->n) {
        return CR_ERR;
    }

    memcpy(a->p + a->n, p, n);
    a->n += n;
    a->p[a->n] = '\0';

    return CR_OK;
}


/* The bytes of the atom at p, of n: an escaped character, a class, a group. */

static size_t
factor_atom(const char *p, size_t n)
{
    int     depth, set;
    size_t  i;

    depth = set = 0;

    for (i = 0; i < n; i++) {

        if (p[i] == '\\') {
            i++;

        } else if (set) {
            set = (p[i] != ']');

        } else if (p[i] == '[') {
            set = 1;

            if (i + 1 < n && p[i + 1] == '^') {
                i++;
            }

            if (i + 1 < n && p[i + 1] == ']') {
                i++;
            }

        } else if (p[i] == '(') {
            depth++;

        } else if (p[i] == ')') {
            depth--;
        }

        if (depth <= 0 && !set) {
            return i < n ? i + 1 : n;
        }
    }

    return n;
}


static size_t
factor_quantifier(const char *p, size_t n)
{
    size_t  i;

    i = 0;

    if (n > 0 && p[0] == '{') {
        while (i < n && p[i] != '}') {
            i++;
        }

        i = (i < n) ? i + 1 : n;

    } else if (n > 0 && strchr("*+?", p[0]) != NULL) {
        i = 1;
    }

    if (i > 0 && i < n && (p[i] == '?' || p[i] == '+')) {
        i++;
    }

    return i;
}


static size_t
factor_piece(cr_str_t s, size_t at)
{
    size_t  k;

    k = factor_atom(s.p + at, s.n - at);

    return k + factor_quantifier(s.p + at + k, s.n - at - k);
}


/* How much both begin with, in whole atoms with their quantifiers. */

static size_t
factor_shared(cr_str_t a, cr_str_t b)
{
    size_t  n, k;

    for (n = 0; n < a.n && n < b.n; n += k) {
        k = factor_piece(a, n);

        if (k != factor_piece(b, n) || memcmp(a.p + n, b.p + n, k) != 0) {
            break;
        }
    }

    return n;
}


/* A '|' that stands in no group divides the whole pattern: nothing of it can be
 * taken out. */

static int
factor_divided(cr_str_t s)
{
    size_t  n;

    for (n = 0; n < s.n; n += factor_atom(s.p + n, s.n - n)) {
        if (s.p[n] == '|') {
            return 1;
        }
    }

    return 0;
}


static int
factor_leaf(cr_alternation_t *a, cr_str_t s, int group)
{
    int   n;
    char  mark[32];

    n = snprintf(mark, sizeof(mark), ")(*MARK:%d)", group);

    return factor_put(a, "(?:", 3) != CR_OK
           || factor_put(a, s.p, s.n) != CR_OK
           || factor_put(a, mark, (size_t) n) != CR_OK
           ? CR_ERR : CR_OK;
}


/* The bytes of a method that the pattern spells out, its space included; 0
 * where it may match several. */

static size_t
factor_method(cr_str_t s)
{
    size_t  n;

    for (n = 0; n < s.n && s.p[n] >= 'A' && s.p[n] <= 'Z'; n++) {
        /* void */
    }

    return n > 0 && n < s.n && s.p[n] == ' ' && !factor_divided(s) ? n + 1 : 0;
}


/* What has another method cannot match the same request: its place in the order
 * says nothing, and those of one method come together. */

static void
factor_order(const cr_str_t *pattern, int n, uint16_t *order)
{
    int       i, k, at;
    uint8_t   done[CR_GROUPS_MAX];
    size_t    m;

    memset(done, 0, sizeof(done));

    for (at = 0, i = 0; i < n; i++) {

        if (done[i]) {
            continue;
        }

        order[at++] = (uint16_t) i;
        m = factor_method(pattern[i]);

        for (k = i + 1; m > 0 && k < n; k++) {

            if (factor_method(pattern[k]) == 0) {
                break;
            }

            if (!done[k] && factor_method(pattern[k]) == m
                && memcmp(pattern[k].p, pattern[i].p, m) == 0)
            {
                order[at++] = (uint16_t) k;
                done[k] = 1;
            }
        }
    }
}


/* The rest of patterns [from, to) behind their first `off` bytes, which are the
 * same.  Each level shares more, so there are no more levels than patterns. */

static int
factor_level(cr_alternation_t *a, const cr_str_t *pattern,
    const uint16_t *order, int from, int to, size_t off)
{
    int       i, k;
    size_t    shared, n;
    cr_str_t  s, next;

    for (i = from; i < to; i = k) {

        if (i > from && factor_put(a, "|", 1) != CR_OK) {
            return CR_ERR;
        }

        s.p = pattern[order[i]].p + off;
        s.n = pattern[order[i]].n - off;
        shared = s.n;

        for (k = i + 1; k < to && !factor_divided(s); k++) {
            next.p = pattern[order[k]].p + off;
            next.n = pattern[order[k]].n - off;
            n = factor_divided(next) ? 0 : factor_shared(s, next);

            if (n < FACTOR_LEAST) {
                break;
            }

            shared = n < shared ? n : shared;
        }

        if (k == i + 1) {
            if (factor_leaf(a, s, order[i]) != CR_OK) {
                return CR_ERR;
            }

            continue;
        }

        if (factor_put(a, s.p, shared) != CR_OK
            || factor_put(a, "(?:", 3) != CR_OK
            || factor_level(a, pattern, order, i, k, off + shared) != CR_OK
            || factor_put(a, ")", 1) != CR_OK)
        {
            return CR_ERR;
        }
    }

    return CR_OK;
}


int
cr_profile_factor(cr_alternation_t *a, const cr_str_t *pattern, int n)
{
    uint16_t  order[CR_GROUPS_MAX];

    a->n = 0;
    a->p[0] = '\0';

    factor_order(pattern, n, order);

    return factor_level(a, pattern, order, 0, n, 0);
}
