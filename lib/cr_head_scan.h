/*
 * cr_head_scan.h: finds the place directly after <head ...> in a page that
 * comes in pieces.  State carries across pieces, nothing is held back; memchr
 * jumps from '<' to '<'.
 *
 * By HTML's rules a start tag other than html and head, or text that is no
 * white space, opens the head implicitly: the scan ends there without a find.
 */

#ifndef CR_HEAD_SCAN_H
#define CR_HEAD_SCAN_H

#include "cr_base.h"


#define CR_SCAN_FOUND   1        /* *at: the byte offset in this piece */
#define CR_SCAN_MORE    0
#define CR_SCAN_END     2        /* no head can follow, or the cap came */

typedef struct {
    uint8_t    state;
    uint8_t    document;         /* <!doctype html or <html was seen */
    uint8_t    n;
    char       quote;
    char       name[16];
    uint32_t   seen;             /* bytes scanned */
    uint32_t   cap;
} cr_head_scan_t;

void cr_head_scan_init(cr_head_scan_t *s, uint32_t cap);

/* Scans one piece.  FOUND: insert in front of p[*at] (*at may be n, the end of
 * this piece). */

int cr_head_scan(cr_head_scan_t *s, const char *p, size_t n, size_t *at);

#endif
