/*
 * cr_limit.h: how often one address may ask: leaky buckets in a small table
 * of fixed size, four to a set.  It lies in shared memory; locking is the
 * caller's.  A crowd that is larger than the table pushes out those who asked
 * least, so what it forgets is never the one who asks most.
 */

#ifndef CR_LIMIT_H
#define CR_LIMIT_H

#include "cr_base.h"


#define CR_LIMIT_SETS   1024
#define CR_LIMIT_WAYS   4

typedef struct {
    uint64_t   key;              /* 0 = empty */
    uint32_t   last_s;
    uint32_t   excess;           /* 1/1000 requests above the rate */
} cr_bucket_t;

typedef struct {
    cr_bucket_t  bucket[CR_LIMIT_SETS][CR_LIMIT_WAYS];
} cr_limit_t;                    /* zeroed = nobody has asked */

/* One request by key (a good hash of who asks, never 0).  rate: 1/1000
 * requests a second, burst: 1/1000 requests above it.  1 when it is one too
 * many (it is then not counted), else 0. */

int cr_limit(cr_limit_t *t, uint64_t key, uint32_t rate, uint32_t burst,
    uint32_t now_s);

#endif
