/*
 * cr_table_count.c: the zone's counters, its sequence and the log ring.
 */

#include "cr_table_int.h"


#define CR_COUNT_WORD(n)  #n,

const char *const  cr_count_word[CR_N_MAX] = { CR_COUNTERS(CR_COUNT_WORD) };


static void
cr_count_add(uint64_t *counter, uint64_t n)
{
    (void) __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}


static uint64_t
cr_count_get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}


void
cr_count(cr_zone_t *z, cr_count_e c, uint64_t n)
{
    cr_count_add(&z->count[c], n);
}


uint64_t
cr_counter(const cr_zone_t *z, cr_count_e c)
{
    return cr_count_get(&z->count[c]);
}


void
cr_count_skip(cr_zone_t *z, cr_skip_e why)
{
    cr_count_add(&z->skip[why], 1);
}


uint64_t
cr_counter_skip(const cr_zone_t *z, cr_skip_e why)
{
    return cr_count_get(&z->skip[why]);
}


void
cr_count_event(cr_zone_t *z, cr_event_e ev)
{
    cr_count_add(&z->event[ev], 1);
}


uint64_t
cr_counter_event(const cr_zone_t *z, cr_event_e ev)
{
    return cr_count_get(&z->event[ev]);
}


/* Bucket i counts what took at most 2^i us and more than 2^(i-1); the last
 * one all above. */

void
cr_count_us(cr_zone_t *z, uint32_t us)
{
    int  i;

    i = us <= 1 ? 0 : 32 - __builtin_clz(us - 1);
    cr_count_add(&z->us[i < CR_US_BUCKETS ? i : CR_US_BUCKETS - 1], 1);
}


uint64_t
cr_counter_us(const cr_zone_t *z, int bucket)
{
    if (bucket < 0 || bucket >= CR_US_BUCKETS) {
        return 0;
    }

    return cr_count_get(&z->us[bucket]);
}


uint64_t
cr_zone_seq(cr_zone_t *z)
{
    return ++z->seq;
}


static cr_log_t *
cr_log_at(const cr_zone_t *z, uint64_t n)
{
    return (cr_log_t *) cr_zone_at(z, z->plan.ring) + n % z->plan.nring;
}


int
cr_log_put(cr_zone_t *z, int site, const cr_id_t *id, cr_str_t text)
{
    cr_log_t  *r;

    if (text.n > CR_LOG_BYTES) {
        cr_count(z, CR_N_log_dropped, 1);
        return CR_ERR;
    }

    if (z->log_head - z->log_tail >= z->plan.nring) {
        cr_count(z, CR_N_log_dropped, 1);
        return CR_FULL;
    }

    r = cr_log_at(z, z->log_head);

    r->site = site;
    r->id = *id;
    r->seq = z->log_head + 1;
    r->len = (uint16_t) text.n;

    if (text.n) {
        memcpy(r->text, text.p, text.n);
    }

    cr_settle();
    z->log_head++;

    return CR_OK;
}


int
cr_log_get(cr_zone_t *z, cr_log_t *rec)
{
    if (z->log_head == z->log_tail) {
        return CR_NONE;
    }

    *rec = *cr_log_at(z, z->log_tail);
    z->log_tail++;

    return CR_OK;
}
