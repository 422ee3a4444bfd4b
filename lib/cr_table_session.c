/*
 * cr_table_session.c: the sessions' life: found, taken, written, given up.
 */

#include "cr_table_int.h"

#include <math.h>


typedef enum {
    CR_RANK_EMPTY, CR_RANK_EXPIRED, CR_RANK_NO_CART, CR_RANK_LIVE,
    CR_RANK_OWED, CR_RANK_OWED_CONTACT, CR_RANK_OWED_ORDER, CR_RANK_NEVER
} cr_rank_e;

static const uint8_t  cr_rank_counter[CR_RANK_NEVER] = {
    [CR_RANK_EXPIRED] = CR_N_evicted_expired,
    [CR_RANK_NO_CART] = CR_N_evicted_empty,
    [CR_RANK_LIVE] = CR_N_evicted_live,
    [CR_RANK_OWED] = CR_N_evicted_owed,
    [CR_RANK_OWED_CONTACT] = CR_N_evicted_owed,
    [CR_RANK_OWED_ORDER] = CR_N_evicted_owed,
};


uint64_t
cr_table_hash(int site, const cr_id_t *id)
{
    int       i;
    uint64_t  w[2], h;

    memcpy(w, id->b, CR_ID_LEN);

    h = (uint64_t) (uint32_t) site + 1;

    for (i = 0; i < 2; i++) {
        h = (h ^ w[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h = (h ^ (h >> 29)) * UINT64_C(0xd6e8feb86659fd93);
        h ^= h >> 32;
    }

    return h ? h : 1;
}


/* The first slot of the set that hash belongs to, of n slots. */

uint32_t
cr_table_set(uint64_t hash, uint32_t n)
{
    return (uint32_t) (((hash >> 32) * (n / CR_WAYS)) >> 32) * CR_WAYS;
}


uint32_t
cr_table_lookup(const cr_zone_t *z, int site, const cr_id_t *id, uint64_t hash)
{
    uint32_t             i, base;
    const cr_tag_t      *t;
    const cr_session_t  *s;

    base = cr_table_set(hash, z->plan.nsessions);
    t = cr_zone_tags(z) + base;

    for (i = 0; i < CR_WAYS; i++) {

        if (t[i].hash != hash) {
            continue;
        }

        s = cr_zone_session(z, base + i);

        if (s->site == (uint32_t) site
            && memcmp(&s->id, id, sizeof(cr_id_t)) == 0)
        {
            return base + i;
        }
    }

    return CR_NO_SLOT;
}


int
cr_table_expired(const cr_zone_t *z, const cr_tag_t *t, uint32_t now_s)
{
    return cr_age(now_s, t->last_s) > z->ttl_s;
}


uint32_t
cr_session_find(cr_zone_t *z, int site, const cr_id_t *id, uint32_t now_s)
{
    uint32_t  slot;

    z->now_s = now_s;
    slot = cr_table_lookup(z, site, id, cr_table_hash(site, id));

    if (slot != CR_NO_SLOT
        && cr_table_expired(z, cr_zone_tags(z) + slot, now_s))
    {
        return CR_NO_SLOT;
    }

    return slot;
}


/* How willingly a slot is given up.  own: it is the asking site's. */

static cr_rank_e
cr_table_rank(const cr_zone_t *z, const cr_tag_t *t, int own, uint32_t now_s)
{
    if (t->hash == 0) {
        return CR_RANK_EMPTY;
    }

    if (t->owes) {
        if (!own) {
            return CR_RANK_NEVER;
        }

        if (t->owes & (CR_BIT(CR_KIND_ORDER) | CR_BIT(CR_KIND_OPTOUT))) {
            return CR_RANK_OWED_ORDER;
        }

        return (t->owes & (CR_BIT(CR_KIND_CONTACT) | CR_BIT(CR_KIND_CONSENT)))
               ? CR_RANK_OWED_CONTACT : CR_RANK_OWED;
    }

    if (cr_table_expired(z, t, now_s)) {
        return CR_RANK_EXPIRED;
    }

    return (t->flags & CR_TAG_CART) ? CR_RANK_LIVE : CR_RANK_NO_CART;
}


/* The slot in n tags from `base` to give up first; own_only leaves everything
 * alone that is not the site's. */

static uint32_t
cr_table_victim(cr_zone_t *z, int site, uint32_t base, uint32_t n,
    int own_only, uint32_t now_s, cr_rank_e *rank)
{
    int        own;
    uint32_t   i, slot, age, oldest;
    cr_tag_t  *t;
    cr_rank_e  r;

    slot = CR_NO_SLOT;
    oldest = 0;
    *rank = CR_RANK_NEVER;

    for (i = base; i < base + n; i++) {
        t = cr_zone_tags(z) + i;

        if (t->hash && (t->gen & 1)) {
            cr_table_repair(z, i);
        }

        own = 0;

        if (t->hash && (t->owes || own_only)) {
            own = cr_zone_session(z, i)->site == (uint32_t) site;
        }

        if (own_only && !own) {
            continue;
        }

        r = cr_table_rank(z, t, own, now_s);
        age = cr_age(now_s, t->last_s);

        if (r < *rank || (r == *rank && r != CR_RANK_NEVER && age > oldest)) {
            *rank = r;
            oldest = age;
            slot = i;
        }
    }

    return slot;
}


void
cr_session_drop(cr_zone_t *z, uint32_t slot)
{
    int            k;
    cr_tag_t      *t;
    cr_site_t     *site;
    cr_session_t  *s;

    if (slot >= z->plan.nsessions) {
        return;
    }

    t = cr_zone_tags(z) + slot;
    s = cr_zone_session(z, slot);

    if (t->hash == 0) {
        return;
    }

    /* Whoever comes again under the same id must not speak in versions that
     * Redis has already seen: events are deduplicated by them. */

    for (k = 0; k < CR_KIND_MAX; k++) {
        if (cr_newer(s->version[k], z->floor)) {
            z->floor = (s->version[k] + CR_ORDERS - 1) & ~(CR_ORDERS - 1u);
        }
    }

    cr_pool_free(z, CR_POOL_CART, slot);
    cr_pool_free(z, CR_POOL_CONTACT, slot);

    if (s->site < z->sites_used) {
        site = cr_zone_sites(z) + s->site;
        site->used -= (site->used != 0);
    }

    cr_settle();
    t->hash = 0;
    cr_settle();
    t->owes = 0;
    t->flags = 0;
}


static void
cr_session_new(cr_zone_t *z, uint32_t slot, int site, const cr_id_t *id,
    uint64_t hash, uint32_t now_s)
{
    int            k;
    cr_tag_t      *t;
    cr_session_t  *s;

    t = cr_zone_tags(z) + slot;
    s = cr_zone_session(z, slot);

    memset(s, 0, sizeof(cr_session_t));

    s->id = *id;
    s->site = (uint32_t) site;
    s->first_s = now_s;
    s->cart = CR_NO_SLOT;
    s->contact = CR_NO_SLOT;
    s->score = NAN;
    cr_features_init(&s->features, now_s);

    for (k = 0; k < CR_KIND_MAX; k++) {
        s->version[k] = z->floor;
        s->acked[k] = z->floor;
    }

    t->gen = (uint16_t) ((t->gen + 2) & ~1);
    t->owes = 0;
    t->flags = 0;
    t->last_s = now_s;

    cr_settle();
    t->hash = hash;
    cr_settle();

    cr_zone_sites(z)[site].used++;
    cr_count(z, CR_N_sessions_new, 1);
}


/* An expired session of the same shopper: what it owes stays, the rest is
 * begun anew. */

static void
cr_session_renew(cr_zone_t *z, uint32_t slot, uint32_t now_s)
{
    cr_session_t  *s;

    s = cr_session_begin(z, slot);
    s->first_s = now_s;
    s->stage = CR_STAGE_NONE;
    s->reason = CR_REASON_UNKNOWN;
    s->last_event = CR_EV_NONE;
    s->score = NAN;
    cr_features_init(&s->features, now_s);
    cr_session_end(z, slot, now_s);

    cr_count(z, CR_N_sessions_new, 1);
}


/* A slot for a session that has none.  newer, where not NULL, is the tag of a
 * restored session: one that owes nothing pushes out only what is older. */

uint32_t
cr_table_place(cr_zone_t *z, int site, const cr_id_t *id, uint32_t now_s,
    const cr_tag_t *newer)
{
    uint32_t    slot, n;
    uint64_t    hash;
    cr_rank_e   rank;
    cr_site_t  *s;

    hash = cr_table_hash(site, id);
    s = cr_zone_sites(z) + site;
    slot = CR_NO_SLOT;
    rank = CR_RANK_NEVER;

    if (s->used >= s->quota) {
        cr_count(z, CR_N_quota, 1);
        slot = cr_table_victim(z, site, cr_table_set(hash, z->plan.nsessions),
                               CR_WAYS, 1, now_s, &rank);

        if (slot == CR_NO_SLOT && newer == NULL) {
            n = z->plan.nsessions - s->hand;
            n = n < CR_QUOTA_SCAN ? n : CR_QUOTA_SCAN;
            slot = cr_table_victim(z, site, s->hand, n, 1, now_s, &rank);
            s->hand = (s->hand + n) % z->plan.nsessions;

            if (slot != CR_NO_SLOT) {
                cr_count(z, cr_rank_counter[rank], 1);
                cr_session_drop(z, slot);
                slot = CR_NO_SLOT;
            }
        }
    }

    if (slot == CR_NO_SLOT && s->used < s->quota) {
        slot = cr_table_victim(z, site, cr_table_set(hash, z->plan.nsessions),
                               CR_WAYS, 0, now_s, &rank);
    }

    if (slot != CR_NO_SLOT && newer && rank > CR_RANK_EXPIRED
        && (rank >= CR_RANK_OWED
            || (!newer->owes
                && !cr_newer(newer->last_s, cr_zone_tags(z)[slot].last_s))))
    {
        slot = CR_NO_SLOT;
    }

    if (slot == CR_NO_SLOT) {
        cr_count(z, CR_N_refused, 1);
        return CR_NO_SLOT;
    }

    if (rank != CR_RANK_EMPTY) {
        cr_count(z, cr_rank_counter[rank], 1);
        cr_session_drop(z, slot);
    }

    cr_session_new(z, slot, site, id, hash, now_s);

    return slot;
}


uint32_t
cr_session_take(cr_zone_t *z, int site, const cr_id_t *id, uint32_t now_s)
{
    uint32_t   slot;
    uint64_t   hash;
    cr_tag_t  *t;

    if (site < 0 || (uint32_t) site >= z->sites_used) {
        return CR_NO_SLOT;
    }

    z->now_s = now_s;
    hash = cr_table_hash(site, id);
    slot = cr_table_lookup(z, site, id, hash);

    if (slot == CR_NO_SLOT) {
        return cr_table_place(z, site, id, now_s, NULL);
    }

    t = cr_zone_tags(z) + slot;

    if (cr_table_expired(z, t, now_s)) {

        if (t->gen & 1) {
            cr_table_repair(z, slot);
        }

        if (t->owes) {
            cr_session_renew(z, slot, now_s);

        } else {
            cr_count(z, CR_N_evicted_expired, 1);
            cr_session_drop(z, slot);
            cr_session_new(z, slot, site, id, hash, now_s);
        }
    }

    return slot;
}


/* Somebody died while writing: features go, what was owed stays. */

void
cr_table_repair(cr_zone_t *z, uint32_t slot)
{
    cr_tag_t      *t;
    cr_session_t  *s;

    t = cr_zone_tags(z) + slot;
    s = cr_zone_session(z, slot);

    cr_features_init(&s->features, t->last_s);
    s->score = NAN;
    s->locale[sizeof(s->locale) - 1] = '\0';

    cr_pool_mend(z, slot);
    t->owes = (uint8_t) cr_owed_bits(s);
    cr_count(z, CR_N_torn, 1);

    cr_settle();
    t->gen++;
}


cr_session_t *
cr_session_begin(cr_zone_t *z, uint32_t slot)
{
    cr_tag_t  *t;

    t = cr_zone_tags(z) + slot;

    if (t->gen & 1) {
        cr_table_repair(z, slot);
    }

    t->gen++;
    cr_settle();

    return cr_zone_session(z, slot);
}


void
cr_session_end(cr_zone_t *z, uint32_t slot, uint32_t now_s)
{
    uint8_t        flags;
    uint32_t       i;
    cr_tag_t      *t;
    cr_session_t  *s;

    z->now_s = now_s;
    t = cr_zone_tags(z) + slot;
    s = cr_zone_session(z, slot);

    i = cr_pool_find(z, CR_POOL_CART, slot);
    flags = (i != CR_NO_SLOT && cr_pool_cart(z, i)->nlines) ? CR_TAG_CART : 0;

    if (s->stage == CR_STAGE_ORDERED || s->norders) {
        flags |= CR_TAG_ORDERED;
    }

    t->flags = flags;
    t->last_s = now_s;
    cr_pool_mark(z, slot, 0);

    cr_settle();

    if (t->gen & 1) {
        t->gen++;
    }
}


const cr_session_t *
cr_session_get(cr_zone_t *z, uint32_t slot)
{
    if (slot >= z->plan.nsessions) {
        return NULL;
    }

    if (cr_zone_tags(z)[slot].gen & 1) {
        cr_table_repair(z, slot);
    }

    return cr_zone_session(z, slot);
}


int
cr_session_decide(cr_zone_t *z, uint32_t slot, uint32_t seq, uint32_t now_s)
{
    cr_session_t  *s;

    s = cr_zone_session(z, slot);

    if (s->decision_seq != seq) {
        cr_count(z, CR_N_decisions_lost, 1);
        return CR_ERR;
    }

    s->decision_seq = seq + 1;
    cr_zone_tags(z)[slot].last_s = now_s;
    cr_count(z, CR_N_decisions, 1);

    return CR_OK;
}
