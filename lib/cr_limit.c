#include "cr_limit.h"


/* What is left of a bucket now; a clock that was set back empties nothing. */

static uint32_t
cr_limit_left(const cr_bucket_t *b, uint32_t rate, uint32_t now_s)
{
    int32_t   passed;
    uint64_t  leaked;

    passed = (int32_t) (now_s - b->last_s);
    passed = passed < 0 ? 0 : passed;
    leaked = (uint64_t) passed * rate;

    return leaked >= b->excess ? 0 : b->excess - (uint32_t) leaked;
}


int
cr_limit(cr_limit_t *t, uint64_t key, uint32_t rate, uint32_t burst,
    uint32_t now_s)
{
    int           i;
    uint32_t      left, least;
    cr_bucket_t  *b, *set;

    set = t->bucket[key % CR_LIMIT_SETS];
    b = NULL;
    least = UINT32_MAX;

    for (i = 0; i < CR_LIMIT_WAYS; i++) {

        left = cr_limit_left(&set[i], rate, now_s);

        if (set[i].key == key) {
            b = &set[i];
            least = left;
            break;
        }

        if (left < least) {
            b = &set[i];
            least = left;
        }
    }

    if (b->key != key) {
        b->key = key;
        least = 0;
    }

    b->last_s = now_s;

    if (least > burst) {
        b->excess = least;
        return 1;
    }

    b->excess = least + 1000;

    return 0;
}
