/*
 * A body is refused at an offset inside it, or every number of it lies within
 * its clamp and every string ends.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cr_beacon.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(int cond)
{
    if (!cond) {
        abort();
    }
}


static void
check_signals(const cr_beacon_t *b)
{
    int                       i, j;
    uint32_t                  at;
    const cr_beacon_event_t  *e;

    must(b->nfeats >= 16 && b->nfeats <= CR_BEACON_FEATS);
    must(b->nevents <= CR_BEACON_EVENTS);
    must(isnan(b->depth) || (b->depth >= 0 && b->depth <= 1));

    for (i = 0; i < CR_BEACON_FEATS; i++) {
        must(isnan(b->feat[i])
             || (i < b->nfeats && b->feat[i] >= 0
                 && b->feat[i] <= (i < 16 ? 9 : CR_BEACON_FEAT_MAX)));
    }

    at = 0;

    for (i = 0; i < b->nevents; i++) {
        e = &b->event[i];
        must(e->code >= 'A' && e->code <= 'Z');
        must(e->at >= at && e->at <= CR_BEACON_AGE_MAX);
        must(e->narg <= 3);
        at = e->at;

        for (j = 0; j < e->narg; j++) {
            must(e->arg[j] >= -1);
        }
    }
}


static void
check_items(const cr_beacon_t *b)
{
    int               i;
    const cr_line_t  *l;

    must(b->page_event != CR_EV_NONE);
    must(memchr(b->order_id, '\0', sizeof(b->order_id)) != NULL);
    must(b->cart.total == CR_AMOUNT_UNKNOWN);
    must(b->page_event != CR_EV_ORDER
         || b->cart.subtotal == CR_AMOUNT_UNKNOWN);
    must(b->cart.currency[3] == '\0');
    must(b->cart.nlines <= CR_CART_LINES);

    for (i = 0; i < b->cart.nlines; i++) {
        l = &b->cart.lines[i];
        must(memchr(l->ref, '\0', sizeof(l->ref)) != NULL && l->ref[0]);
        must(memchr(l->name, '\0', sizeof(l->name)) != NULL);
        must(memchr(l->opt, '\0', sizeof(l->opt)) != NULL);
        must(l->price == CR_AMOUNT_UNKNOWN
             || (l->price >= 0 && l->price <= CR_BEACON_AMOUNT_MAX));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          rc;
    size_t       at;
    cr_beacon_t  b;

    at = SIZE_MAX;
    rc = cr_beacon_parse(&b, (const char *) data, size, &at);

    must(rc == CR_OK || rc == CR_ERR || rc == CR_FULL);
    must(at <= size);
    must(rc != CR_FULL || size > CR_BEACON_V1_MAX);

    if (rc != CR_OK) {
        return 0;
    }

    must(at == size);
    must(b.seq <= CR_BEACON_SEQ_MAX && b.age_ms <= CR_BEACON_AGE_MAX);

    if (b.version == 1) {
        check_signals(&b);

    } else {
        must(b.version == 2);
        check_items(&b);
    }

    return 0;
}
