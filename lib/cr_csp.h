/*
 * cr_csp.h: what Content-Security-Policy says of our tag, a same-origin
 * external script that sends beacons to its own origin.  Policies are read,
 * never changed.
 */

#ifndef CR_CSP_H
#define CR_CSP_H

#include "cr_base.h"


#define CR_CSP_NONCE  128        /* longest nonce that is copied */

/* Zeroed for each response; secure: it was asked for over https. */

typedef struct {
    int       secure;
    cr_str_t  nonce;             /* empty: the tag needs none */
} cr_csp_t;

/* One header's value, which may be several policies with commas between them;
 * all of all headers apply.  1 when our script runs under each, with the
 * attribute nonce where csp->nonce is not empty then; 0 when under one it does
 * not, or only a hash would let it, or it could reach no endpoint of ours.
 * The nonce points into the value and has only letters, digits and +/-_=.
 *
 * The list that governs is script-src-elem, else script-src, else default-src,
 * and connect-src, else default-src (CSP 3, 6.8); sandbox has to allow scripts
 * and the page's own origin. */

int cr_csp_add(cr_csp_t *csp, cr_str_t value);

/* Whether a same-origin style sheet is let in by all policies of one value. */

int cr_csp_allows_style(cr_str_t value);

#endif
