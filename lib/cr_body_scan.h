/*
 * cr_body_scan.h: finds the place directly behind <body ...> in a document that
 * comes in pieces, and the language of <html lang>.  Comments, quoted
 * attributes and what stands inside script, style and other raw text are
 * stepped over; memchr jumps.
 */

#ifndef CR_BODY_SCAN_H
#define CR_BODY_SCAN_H

#include "cr_base.h"
#include "cr_head_scan.h"        /* CR_SCAN_FOUND, CR_SCAN_MORE, CR_SCAN_END */


typedef struct {
    uint8_t    state;
    uint8_t    n;                /* bytes of name, or of the end tag's match */
    uint8_t    nattr;
    uint8_t    nlang;
    char       quote;
    char       name[12];         /* of the tag, lower case, cut */
    char       raw[12];          /* the raw text element we are in */
    char       attr[8];          /* of the attribute, lower case, cut */
    char       lang[12];         /* "" = none; [A-Za-z0-9-], terminated */
    uint32_t   seen;
    uint32_t   cap;
} cr_body_scan_t;

/* cap: bytes after which the scan gives up. */

void cr_body_scan_init(cr_body_scan_t *s, uint32_t cap);

/* Scans one piece.  FOUND: *at is the byte offset in this piece behind the tag
 * (it may be n).  END: no body can follow (a frameset, a script that hides its
 * end in a comment), or the cap came. */

int cr_body_scan(cr_body_scan_t *s, const char *p, size_t n, size_t *at);

#endif
