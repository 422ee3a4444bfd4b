/*
 * cr_hook_int.h: what the two files that read a webhook's body share.
 */

#ifndef CR_HOOK_INT_H
#define CR_HOOK_INT_H

#include "cr_hook.h"


typedef enum {
    CR_HF_ID, CR_HF_STATUS, CR_HF_CURRENCY, CR_HF_TOTAL, CR_HF_SUBTOTAL,
    CR_HF_DATE, CR_HF_EMAIL, CR_HF_PHONE, CR_HF_COUNTRY, CR_HF_LOCALE,
    CR_HF_CONSENT, CR_HF_ORDERED, CR_HF_CHECKOUT, CR_HF_ENDED, CR_HF_KEY,
    CR_HF_VISITOR, CR_HF_TYPE, CR_HF_ITEM, CR_HF_REF, CR_HF_QTY, CR_HF_PRICE,
    CR_HF_NAME, CR_HF_OPT
} cr_hook_field_e;

typedef struct {
    const char       *path;
    cr_hook_field_e   field;
} cr_hook_path_t;

typedef struct {
    char       ref[64];
    char       name[64];
    char       opt[44];
    char       price[24];
    char       qty[12];
} cr_hook_line_t;

typedef struct {
    cr_hook_t             *h;
    const cr_hook_path_t  *paths;
    int                    npaths;
    int                    nlines;       /* begun so far, 0 .. LINES + 1 */
    char                   id[64];
    char                   status[32];
    char                   type[40];
    char                   total[24];
    char                   subtotal[24];
    unsigned               ordered;      /* marks of an order's body */
    unsigned               checkout;     /* of a checkout's */
    unsigned               ended;        /* cancelled, or bought already */
    cr_hook_line_t         line[CR_CART_LINES];
} cr_hook_read_t;


/* What the body means, by its shape and the topic: h->event.  CR_OK, or CR_ERR
 * when the two do not agree. */

int cr_hook_event(cr_hook_read_t *r, cr_hook_kind_e kind, cr_str_t topic);

#endif
