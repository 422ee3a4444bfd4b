/*
 * cr_table_pool.c: the carts and contacts that sessions hold.
 */

#include "cr_table_int.h"


static const uint8_t  cr_pool_kind[CR_POOL_MAX] = {
    CR_KIND_CART, CR_KIND_CONTACT
};

static const uint8_t  cr_pool_counter[CR_POOL_MAX] = {
    CR_N_evicted_cart, CR_N_evicted_contact
};


static cr_link_t *
cr_pool_links(const cr_zone_t *z, cr_pool_e pool)
{
    return cr_zone_at(z, z->plan.links[pool]);
}


cr_cart_t *
cr_pool_cart(const cr_zone_t *z, uint32_t i)
{
    return (cr_cart_t *) cr_zone_at(z, z->plan.items[CR_POOL_CART]) + i;
}


cr_contact_t *
cr_pool_contact(const cr_zone_t *z, uint32_t i)
{
    return (cr_contact_t *) cr_zone_at(z, z->plan.items[CR_POOL_CONTACT]) + i;
}


static void
cr_pool_name(cr_session_t *s, cr_pool_e pool, uint32_t i, uint16_t gen)
{
    if (pool == CR_POOL_CART) {
        s->cart_gen = gen;
        cr_settle();
        s->cart = i;

    } else {
        s->contact_gen = gen;
        cr_settle();
        s->contact = i;
    }
}


uint32_t
cr_pool_find(const cr_zone_t *z, cr_pool_e pool, uint32_t slot)
{
    uint16_t             gen;
    uint32_t             i;
    const cr_link_t     *l;
    const cr_session_t  *s;

    s = cr_zone_session(z, slot);
    i = pool == CR_POOL_CART ? s->cart : s->contact;
    gen = pool == CR_POOL_CART ? s->cart_gen : s->contact_gen;

    if (i >= z->plan.nitems[pool]) {
        return CR_NO_SLOT;
    }

    l = cr_pool_links(z, pool) + i;

    return (l->owner == slot + 1 && l->gen == gen) ? i : CR_NO_SLOT;
}


/* The session that holds item i, or CR_NO_SLOT when it is free. */

static uint32_t
cr_pool_holder(const cr_zone_t *z, cr_pool_e pool, uint32_t i)
{
    uint32_t  slot;

    slot = cr_pool_links(z, pool)[i].owner;

    if (slot == 0 || slot > z->plan.nsessions
        || cr_zone_tags(z)[slot - 1].hash == 0
        || cr_pool_find(z, pool, slot - 1) != i)
    {
        return CR_NO_SLOT;
    }

    return slot - 1;
}


/* How many items of a set each of its items' sites has there. */

static void
cr_pool_shares(const cr_zone_t *z, const uint32_t *holder, uint8_t *share)
{
    int       i, k;
    uint32_t  site[CR_WAYS];

    for (i = 0; i < CR_WAYS; i++) {
        site[i] = cr_zone_session(z, holder[i])->site;
    }

    for (i = 0; i < CR_WAYS; i++) {
        share[i] = 0;

        for (k = 0; k < CR_WAYS; k++) {
            share[i] += (site[k] == site[i]);
        }
    }
}


/* What gives way in a full set: something of the site that has most there, not
 * owed, the oldest.  Nobody takes from a site that has less than his own. */

static uint32_t
cr_pool_victim(cr_zone_t *z, cr_pool_e pool, uint32_t base, uint32_t site,
    uint32_t now_s)
{
    int        i, own, owes, best, best_owes;
    uint8_t    share[CR_WAYS];
    uint32_t   holder[CR_WAYS], age, oldest;
    cr_tag_t  *t;

    for (i = 0; i < CR_WAYS; i++) {
        holder[i] = cr_pool_holder(z, pool, base + (uint32_t) i);

        if (holder[i] == CR_NO_SLOT) {
            return base + (uint32_t) i;
        }
    }

    cr_pool_shares(z, holder, share);

    for (own = 0, i = 0; i < CR_WAYS; i++) {
        own += (cr_zone_session(z, holder[i])->site == site);
    }

    best = -1;
    best_owes = 1;
    oldest = 0;

    for (i = 0; i < CR_WAYS; i++) {
        t = cr_zone_tags(z) + holder[i];

        if (t->gen & 1) {
            cr_table_repair(z, holder[i]);
        }

        if ((t->owes & CR_BIT(cr_pool_kind[pool])) || share[i] < own
            || (best >= 0 && share[i] < share[best]))
        {
            continue;
        }

        owes = t->owes != 0;
        age = cr_age(now_s, t->last_s);

        if (best < 0 || share[i] > share[best] || owes < best_owes
            || (owes == best_owes && age > oldest))
        {
            best = i;
            best_owes = owes;
            oldest = age;
        }
    }

    return best < 0 ? CR_NO_SLOT : base + (uint32_t) best;
}


/* An item of the session's own, empty when it had none. */

uint32_t
cr_pool_take(cr_zone_t *z, cr_pool_e pool, uint32_t slot, uint32_t now_s)
{
    uint32_t       i, base, holder;
    cr_link_t     *l;
    cr_session_t  *s;

    i = cr_pool_find(z, pool, slot);

    if (i != CR_NO_SLOT) {
        return i;
    }

    s = cr_zone_session(z, slot);
    base = cr_table_set(cr_table_hash((int) s->site, &s->id),
                        z->plan.nitems[pool]);
    i = cr_pool_victim(z, pool, base, s->site, now_s);

    if (i == CR_NO_SLOT) {
        return CR_NO_SLOT;
    }

    l = cr_pool_links(z, pool) + i;
    holder = cr_pool_holder(z, pool, i);

    if (holder != CR_NO_SLOT) {
        cr_count(z, cr_pool_counter[pool], 1);
        cr_pool_free(z, pool, holder);
    }

    l->owner = 0;
    l->gen++;
    l->dirty = 1;
    cr_settle();

    if (pool == CR_POOL_CART) {
        memset(cr_pool_cart(z, i), 0, sizeof(cr_cart_t));
        cr_pool_cart(z, i)->total = CR_AMOUNT_UNKNOWN;
        cr_pool_cart(z, i)->subtotal = CR_AMOUNT_UNKNOWN;
        cr_pool_cart(z, i)->shipping = CR_AMOUNT_UNKNOWN;

        /* not the version that the newest order was placed at */

        cr_pool_cart(z, i)->version = s->order_cart;

    } else {
        memset(cr_pool_contact(z, i), 0, sizeof(cr_contact_t));
    }

    cr_pool_name(s, pool, i, l->gen);
    cr_settle();
    l->owner = slot + 1;

    return i;
}


void
cr_pool_free(cr_zone_t *z, cr_pool_e pool, uint32_t slot)
{
    uint32_t    i;
    cr_link_t  *l;

    i = cr_pool_find(z, pool, slot);

    if (i == CR_NO_SLOT) {
        return;
    }

    l = cr_pool_links(z, pool) + i;
    l->owner = 0;
    cr_settle();
    l->gen++;
    cr_pool_name(cr_zone_session(z, slot), pool, CR_NO_SLOT, 0);

    if (pool == CR_POOL_CART) {
        cr_zone_tags(z)[slot].flags &= (uint8_t) ~CR_TAG_CART;
    }
}


void
cr_pool_mark(cr_zone_t *z, uint32_t slot, int dirty)
{
    int       pool;
    uint32_t  i;

    for (pool = 0; pool < CR_POOL_MAX; pool++) {
        i = cr_pool_find(z, pool, slot);

        if (i != CR_NO_SLOT) {
            cr_pool_links(z, pool)[i].dirty = (uint16_t) dirty;
        }
    }
}


/* A cart that was being written keeps its lines and loses its amounts: a part
 * of one total and a part of another is no amount.  A contact that was being
 * written goes: its look-up may be one person's and its address another's. */

void
cr_pool_mend(cr_zone_t *z, uint32_t slot)
{
    uint32_t       i, n;
    cr_cart_t     *c;
    cr_session_t  *s;

    i = cr_pool_find(z, CR_POOL_CART, slot);

    if (i != CR_NO_SLOT && cr_pool_links(z, CR_POOL_CART)[i].dirty) {
        c = cr_pool_cart(z, i);

        c->total = CR_AMOUNT_UNKNOWN;
        c->subtotal = CR_AMOUNT_UNKNOWN;
        c->shipping = CR_AMOUNT_UNKNOWN;
        c->version++;
        c->currency[sizeof(c->currency) - 1] = '\0';
        c->key[sizeof(c->key) - 1] = '\0';

        if (c->nlines > CR_CART_LINES) {
            c->nlines = CR_CART_LINES;
        }

        for (n = 0; n < CR_CART_LINES; n++) {
            c->lines[n].price = CR_AMOUNT_UNKNOWN;
            c->lines[n].ref[sizeof(c->lines[n].ref) - 1] = '\0';
            c->lines[n].name[sizeof(c->lines[n].name) - 1] = '\0';
            c->lines[n].opt[sizeof(c->lines[n].opt) - 1] = '\0';
        }

        cr_pool_links(z, CR_POOL_CART)[i].dirty = 0;
    }

    i = cr_pool_find(z, CR_POOL_CONTACT, slot);

    if (i != CR_NO_SLOT && cr_pool_links(z, CR_POOL_CONTACT)[i].dirty) {
        s = cr_zone_session(z, slot);

        if (s->version[CR_KIND_CONTACT] != s->acked[CR_KIND_CONTACT]) {
            s->acked[CR_KIND_CONTACT] = s->version[CR_KIND_CONTACT];
            cr_count(z, CR_N_evicted_owed, 1);
        }

        cr_pool_free(z, CR_POOL_CONTACT, slot);
    }
}


/* Handed out between begin and end, an item counts as being written. */

static uint32_t
cr_pool_hand(cr_zone_t *z, cr_pool_e pool, uint32_t slot, uint32_t i)
{
    if (i != CR_NO_SLOT && (cr_zone_tags(z)[slot].gen & 1)) {
        cr_pool_links(z, pool)[i].dirty = 1;
        cr_settle();
    }

    return i;
}


cr_cart_t *
cr_session_cart(cr_zone_t *z, uint32_t slot)
{
    uint32_t  i;

    i = cr_pool_hand(z, CR_POOL_CART, slot,
                     cr_pool_find(z, CR_POOL_CART, slot));

    return i == CR_NO_SLOT ? NULL : cr_pool_cart(z, i);
}


cr_cart_t *
cr_session_cart_take(cr_zone_t *z, uint32_t slot, uint32_t now_s)
{
    uint32_t  i;

    i = cr_pool_hand(z, CR_POOL_CART, slot,
                     cr_pool_take(z, CR_POOL_CART, slot, now_s));

    return i == CR_NO_SLOT ? NULL : cr_pool_cart(z, i);
}


cr_contact_t *
cr_session_contact(cr_zone_t *z, uint32_t slot)
{
    uint32_t  i;

    i = cr_pool_find(z, CR_POOL_CONTACT, slot);

    return i == CR_NO_SLOT ? NULL : cr_pool_contact(z, i);
}


cr_contact_t *
cr_session_contact_take(cr_zone_t *z, uint32_t slot, uint32_t now_s)
{
    uint32_t  i;

    i = cr_pool_hand(z, CR_POOL_CONTACT, slot,
                     cr_pool_take(z, CR_POOL_CONTACT, slot, now_s));

    return i == CR_NO_SLOT ? NULL : cr_pool_contact(z, i);
}
