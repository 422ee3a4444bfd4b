/*
 * cr_base.h: the few types that everything in lib/ shares.
 *
 * Rules of the library: C11, no ngx_*, no globals that change, no I/O, and no
 * malloc in what a request runs (each header says where it may allocate).
 * Times are Unix milliseconds (int64_t) unless a name says _s.  Amounts are
 * int64_t minor units of an ISO 4217 currency.  Strings are not terminated
 * unless a comment says so.
 */

#ifndef CR_BASE_H
#define CR_BASE_H

#include <stddef.h>
#include <stdint.h>


#define CR_OK      0
#define CR_ERR   (-1)     /* refused: the input is wrong */
#define CR_FULL  (-2)     /* no room in the caller's buffer or table */
#define CR_NONE  (-3)     /* nothing found */

#define CR_AMOUNT_UNKNOWN  INT64_MIN

typedef struct {
    const char  *p;
    size_t       n;
} cr_str_t;

#define cr_lit(s)   ((cr_str_t) { (s), sizeof(s) - 1 })

/* A visitor: 128 random bits, or a keyed hash of the shop's own session. */

#define CR_ID_LEN      16
#define CR_ID_HEX_LEN  32

typedef struct {
    uint8_t      b[CR_ID_LEN];
} cr_id_t;

/* What a parser of configuration reports: where, what, and the cure. */

typedef struct {
    int          line;           /* 1.., 0 = unknown */
    char         path[128];      /* JSON path such as $.shop.currency */
    char         text[256];      /* what is wrong and how to mend it */
} cr_error_t;

#endif
