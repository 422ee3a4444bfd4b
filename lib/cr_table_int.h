/*
 * cr_table_int.h: what the files of the session zone share and nobody else
 * includes.  Offsets count from the header's first byte.
 */

#ifndef CR_TABLE_INT_H
#define CR_TABLE_INT_H

#include "cr_table.h"

#include <string.h>


#define CR_ZONE_MAGIC   UINT64_C(0x315a565243525401)
#define CR_ZONE_LAYOUT  (0x10000 + CR_N_MAX)   /* counters come and go */
#define CR_SITE_NAME    40
#define CR_US_BUCKETS   16
#define CR_QUOTA_SCAN   128      /* tags looked at for a slot of one's own */

#define CR_BIT(kind)    (1u << (kind))

typedef struct {
    char       name[CR_SITE_NAME];
    uint32_t   len;
    uint32_t   quota;            /* sessions */
    uint32_t   used;
    uint32_t   hand;             /* where the search for an own slot goes on */
} cr_site_t;

/* Carts and contacts: who holds one.  It is taken only while the owner's slot
 * names it too, so either half alone, left by a dead writer, means free. */

typedef struct {
    uint32_t   owner;            /* session slot + 1 */
    uint16_t   gen;
    uint16_t   dirty;            /* handed out for writing */
} cr_link_t;

typedef enum { CR_POOL_CART, CR_POOL_CONTACT, CR_POOL_MAX } cr_pool_e;

typedef struct {
    uint64_t   bytes;
    uint64_t   sites, tags, sessions, ring;      /* offsets */
    uint64_t   links[CR_POOL_MAX];
    uint64_t   items[CR_POOL_MAX];
    uint32_t   nsites, nsessions, nring;
    uint32_t   nitems[CR_POOL_MAX];
    uint32_t   sizes;            /* a sum over the sizes of all structures */
} cr_plan_t;

struct cr_zone_s {
    uint64_t   magic;            /* written last */
    uint32_t   layout;
    uint32_t   ttl_s;
    uint64_t   schema;
    uint64_t   epoch;
    cr_plan_t  plan;

    _Alignas(64)
    uint64_t   seq;
    uint64_t   log_head;         /* records ever put, */
    uint64_t   log_tail;         /* and taken */
    uint32_t   sites_used;
    uint32_t   now_s;            /* as the newest caller said */
    uint32_t   floor;            /* no dropped slot had a higher version */

    _Alignas(64)
    uint64_t   count[CR_N_MAX];
    _Alignas(64)
    uint64_t   skip[CR_SKIP_MAX];
    _Alignas(64)
    uint64_t   event[CR_EV_MAX];
    _Alignas(64)
    uint64_t   us[CR_US_BUCKETS];
};


static inline void *
cr_zone_at(const cr_zone_t *z, uint64_t offset)
{
    return (char *) (uintptr_t) z + offset;
}


static inline cr_tag_t *
cr_zone_tags(const cr_zone_t *z)
{
    return cr_zone_at(z, z->plan.tags);
}


static inline cr_session_t *
cr_zone_session(const cr_zone_t *z, uint32_t slot)
{
    return (cr_session_t *) cr_zone_at(z, z->plan.sessions) + slot;
}


static inline cr_site_t *
cr_zone_sites(const cr_zone_t *z)
{
    return cr_zone_at(z, z->plan.sites);
}


/* A clock that was set back makes nothing old. */

static inline uint32_t
cr_age(uint32_t now_s, uint32_t then_s)
{
    return now_s > then_s ? now_s - then_s : 0;
}


/* Keeps the compiler from moving stores over it: the order is what somebody
 * finds who takes the lock of a dead writer. */

static inline void
cr_settle(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}


/* a is newer than b, whatever has wrapped around */

static inline int
cr_newer(uint32_t a, uint32_t b)
{
    return (int32_t) (a - b) > 0;
}


uint64_t cr_table_hash(int site, const cr_id_t *id);
uint32_t cr_table_set(uint64_t hash, uint32_t n);
uint32_t cr_table_lookup(const cr_zone_t *z, int site, const cr_id_t *id,
    uint64_t hash);
int cr_table_expired(const cr_zone_t *z, const cr_tag_t *t, uint32_t now_s);
uint32_t cr_table_place(cr_zone_t *z, int site, const cr_id_t *id,
    uint32_t now_s, const cr_tag_t *newer);
void cr_table_repair(cr_zone_t *z, uint32_t slot);

uint32_t cr_pool_find(const cr_zone_t *z, cr_pool_e pool, uint32_t slot);
uint32_t cr_pool_take(cr_zone_t *z, cr_pool_e pool, uint32_t slot,
    uint32_t now_s);
void cr_pool_free(cr_zone_t *z, cr_pool_e pool, uint32_t slot);
void cr_pool_mark(cr_zone_t *z, uint32_t slot, int dirty);
void cr_pool_mend(cr_zone_t *z, uint32_t slot);
cr_cart_t *cr_pool_cart(const cr_zone_t *z, uint32_t i);
cr_contact_t *cr_pool_contact(const cr_zone_t *z, uint32_t i);

int cr_zone_site_keep(cr_zone_t *z, cr_str_t name);

unsigned cr_owed_bits(const cr_session_t *s);
cr_order_t *cr_order_at(cr_session_t *s, uint32_t number);
uint32_t cr_orders_pending(const cr_session_t *s);
uint32_t cr_orders_held(const cr_session_t *s);
void cr_order_add(cr_zone_t *z, uint32_t slot, const cr_order_t *o);

#endif
