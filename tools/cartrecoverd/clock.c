#define _GNU_SOURCE

#include <time.h>

#include "worker.h"


int64_t
crd_mono(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}


int64_t
crd_now(const crd_worker_t *w)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000 + w->skew;
}
