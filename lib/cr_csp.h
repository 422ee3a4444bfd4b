/*
 * cr_csp.h: what a Content-Security-Policy says of our tag.
 */

#ifndef CR_CSP_H
#define CR_CSP_H

#include "cr_base.h"


/* Whether a same-origin external script without nonce runs under one policy:
 * 1 when it does, 0 when it does not or when only a nonce or a hash could let
 * it.  The list that governs is script-src-elem, else script-src, else
 * default-src (CSP 3, 6.8). */

int cr_csp_allows(cr_str_t policy);

/* The same of a same-origin style sheet. */

int cr_csp_allows_style(cr_str_t policy);

#endif
