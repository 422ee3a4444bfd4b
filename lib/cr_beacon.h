/*
 * cr_beacon.h: the beacon's bodies.  First byte '1': wire format v1 (signals,
 * doc/protocol.md has the grammar); '2': dataLayer items of the generic
 * profile in the same line style.  One pass, the whole body is refused at the
 * first bad byte, each number is clamped.
 */

#ifndef CR_BEACON_H
#define CR_BEACON_H

#include "cr_base.h"
#include "cr_cart.h"
#include "cr_word.h"


#define CR_BEACON_V1_MAX   1024
#define CR_BEACON_V2_MAX   4096
#define CR_BEACON_MAX      8192
#define CR_BEACON_FEATS    32
#define CR_BEACON_EVENTS   64

/* Clamps beside the 16 caps of doc/protocol.md. */

#define CR_BEACON_FEAT_MAX    100000
#define CR_BEACON_SEQ_MAX     1000000
#define CR_BEACON_AGE_MAX     86400000         /* a day: bfcache included */
#define CR_BEACON_AMOUNT_MAX  100000000000     /* minor units */

typedef struct {
    uint32_t   at;               /* ms since the script started: the first
                                    event of each body counts from there */
    char       code;             /* 'A'..'Z' */
    uint8_t    narg;
    int64_t    arg[3];           /* base-36 numbers, -1 = not a number */
} cr_beacon_event_t;

typedef struct {
    uint8_t    version;          /* 1 or 2 */
    uint8_t    nfeats;
    uint8_t    nevents;
    uint8_t    fields;           /* form fields focused */
    uint32_t   seq;
    uint32_t   age_ms;
    float      depth;            /* 0..1 or NaN */
    float      feat[CR_BEACON_FEATS];
    cr_beacon_event_t  event[CR_BEACON_EVENTS];

    /* version 2: at most one e-commerce event a body */
    cr_event_e page_event;       /* never ORDER with an amount */
    cr_cart_t  cart;             /* what the page claims; never an amount due:
                                    value is in subtotal, total is unknown */
    char       order_id[32];
} cr_beacon_t;

/* CR_OK; CR_ERR at a bad byte (*at its offset); CR_FULL over the limit of the
 * body's format.  After both nothing in *b counts. */

int cr_beacon_parse(cr_beacon_t *b, const char *p, size_t n, size_t *at);

#endif
