/*
 * cr_table_owed.c: what slots owe Redis.
 *
 * Every kind has a version, which rises when there is something new to say,
 * and the version that Redis has acknowledged.  Both are single stores; the
 * data stands before the version rises, so a death in between leaves the old
 * debt.  The tag's bits only repeat `version != acked` for the sweep and are
 * computed anew wherever a slot is looked at closely.
 *
 * Orders are numbered by the version: number k is the k-th that the session
 * added (counted on from where the slot's last owner stopped) and lies at
 * order[(k - 1) % CR_ORDERS].  Numbers acked + 1 .. version are owed; before
 * them as many acknowledged ones are held as fit, `norders` in all.  These are
 * kept for two reasons: a thank-you page that is loaded again must not count
 * again, and what Redis acknowledged and then lost is owed anew.  An owed one
 * is never overwritten: with CR_ORDERS owed the next is refused.  norders falls
 * before the oldest is overwritten and rises after the version has: numbers
 * that are held can always be read.
 *
 * sent_s is 0 for a version that was not sent, the time of sending while it is
 * owed, and the time of acknowledgement afterwards.
 */

#include "cr_table_int.h"


#define CR_SEEN_S   300          /* at most one "seen" in so many seconds */
#define CR_JOIN_S   1800         /* an order's id may come that much later */

_Static_assert((CR_ORDERS & (CR_ORDERS - 1)) == 0, "a ring by mask");


unsigned
cr_owed_bits(const cr_session_t *s)
{
    int       k;
    unsigned  bits;

    bits = 0;

    for (k = 0; k < CR_KIND_MAX; k++) {
        if (s->version[k] != s->acked[k]) {
            bits |= CR_BIT(k);
        }
    }

    return bits;
}


cr_order_t *
cr_order_at(cr_session_t *s, uint32_t number)
{
    return &s->order[(number - 1) & (CR_ORDERS - 1)];
}


uint32_t
cr_orders_pending(const cr_session_t *s)
{
    uint32_t  n;

    n = s->version[CR_KIND_ORDER] - s->acked[CR_KIND_ORDER];

    return n < CR_ORDERS ? n : CR_ORDERS;
}


uint32_t
cr_orders_held(const cr_session_t *s)
{
    uint32_t  n, pending;

    n = s->norders < CR_ORDERS ? s->norders : CR_ORDERS;
    pending = cr_orders_pending(s);

    return n > pending ? n : pending;
}


void
cr_owe(cr_zone_t *z, uint32_t slot, cr_kind_e kind)
{
    uint32_t       sent;
    cr_session_t  *s;

    s = cr_zone_session(z, slot);

    if (kind == CR_KIND_ORDER) {
        return;
    }

    if (kind == CR_KIND_SEEN) {
        sent = s->sent_s[kind];

        if (s->version[kind] != s->acked[kind]
            || (sent != 0 && z->now_s >= sent && z->now_s - sent < CR_SEEN_S))
        {
            return;
        }
    }

    s->sent_s[kind] = 0;
    cr_settle();
    s->version[kind]++;
    cr_settle();
    cr_zone_tags(z)[slot].owes |= (uint8_t) CR_BIT(kind);
}


static void
cr_order_total(cr_order_t *known, const cr_order_t *o)
{
    if (known->total == CR_AMOUNT_UNKNOWN && o->total != CR_AMOUNT_UNKNOWN) {
        memcpy(known->currency, o->currency, sizeof(known->currency));
        known->currency[sizeof(known->currency) - 1] = '\0';
        cr_settle();
        known->total = o->total;
    }
}


/* The held order that o tells again, or NULL. */

static cr_order_t *
cr_order_known(cr_zone_t *z, uint32_t slot, const cr_order_t *o, uint32_t now_s)
{
    int                same;
    uint32_t           i, held, last;
    cr_order_t        *k;
    cr_session_t      *s;
    const cr_cart_t   *c;

    s = cr_zone_session(z, slot);
    held = cr_orders_held(s);
    last = s->version[CR_KIND_ORDER];

    if (held == 0) {
        return NULL;
    }

    if (o->id[0]) {
        for (i = 0; i < held; i++) {
            k = cr_order_at(s, last - i);

            if (strncmp(k->id, o->id, sizeof(k->id) - 1) == 0) {
                return k;
            }
        }
    }

    /* an emptied cart cannot have been ordered once more */

    i = cr_pool_find(z, CR_POOL_CART, slot);
    c = i == CR_NO_SLOT ? NULL : cr_pool_cart(z, i);
    same = c == NULL || c->nlines == 0 || s->order_cart == c->version + 1;

    k = cr_order_at(s, last);

    if (o->id[0] == '\0') {
        return same ? k : NULL;
    }

    if (same && k->id[0] == '\0' && cr_age(now_s, k->at_s) < CR_JOIN_S) {
        memcpy(k->id, o->id, sizeof(k->id) - 1);
        return k;
    }

    return NULL;
}


/* The next number is the order's; somebody saw to it that one is free. */

void
cr_order_add(cr_zone_t *z, uint32_t slot, const cr_order_t *o)
{
    uint32_t       held;
    cr_order_t    *k;
    cr_session_t  *s;

    s = cr_zone_session(z, slot);
    held = cr_orders_held(s);

    s->norders = (uint8_t) (held < CR_ORDERS ? held : CR_ORDERS - 1);
    cr_settle();

    k = cr_order_at(s, s->version[CR_KIND_ORDER] + 1);
    *k = *o;
    k->id[sizeof(k->id) - 1] = '\0';
    k->currency[sizeof(k->currency) - 1] = '\0';
    s->sent_s[CR_KIND_ORDER] = 0;

    cr_settle();
    s->version[CR_KIND_ORDER]++;
    cr_settle();
    s->norders++;
    cr_zone_tags(z)[slot].owes |= CR_BIT(CR_KIND_ORDER);
}


int
cr_owe_order(cr_zone_t *z, uint32_t slot, const cr_order_t *o, uint32_t now_s)
{
    uint32_t       i;
    cr_order_t    *k;
    cr_session_t  *s;

    s = cr_zone_session(z, slot);
    k = cr_order_known(z, slot, o, now_s);

    if (k) {
        cr_order_total(k, o);
        return 0;
    }

    if (cr_orders_pending(s) == CR_ORDERS) {
        return CR_FULL;
    }

    i = cr_pool_find(z, CR_POOL_CART, slot);
    s->order_cart = (i == CR_NO_SLOT ? 0 : cr_pool_cart(z, i)->version) + 1;
    cr_order_add(z, slot, o);

    return 1;
}


/* The owed orders alone, oldest first. */

static void
cr_owed_orders(cr_session_t *copy, const cr_session_t *s)
{
    uint32_t  i, n, first;

    n = cr_orders_pending(s);
    first = s->version[CR_KIND_ORDER] - n + 1;
    memset(copy->order, 0, sizeof(copy->order));

    for (i = 0; i < n; i++) {
        copy->order[i] = s->order[(first + i - 1) & (CR_ORDERS - 1)];
    }

    copy->norders = (uint8_t) n;
}


/* A cart or contact that is owed and not there is owed no longer. */

static void
cr_owed_void(cr_zone_t *z, cr_session_t *s, cr_kind_e kind)
{
    if (s->version[kind] != s->acked[kind]) {
        s->acked[kind] = s->version[kind];
        cr_count(z, CR_N_evicted_owed, 1);
    }
}


int
cr_owed_copy(cr_zone_t *z, uint32_t slot, unsigned kinds, uint32_t now_s,
    uint32_t retry_s, cr_owed_t *o)
{
    int            k;
    uint32_t       cart, contact;
    unsigned       due;
    cr_tag_t      *t;
    cr_session_t  *s;

    if (slot >= z->plan.nsessions) {
        return 0;
    }

    z->now_s = now_s;
    t = cr_zone_tags(z) + slot;

    if (t->hash == 0) {
        return 0;
    }

    if (t->gen & 1) {
        cr_table_repair(z, slot);
    }

    s = cr_zone_session(z, slot);
    cart = cr_pool_find(z, CR_POOL_CART, slot);
    contact = cr_pool_find(z, CR_POOL_CONTACT, slot);

    if (cart == CR_NO_SLOT) {
        cr_owed_void(z, s, CR_KIND_CART);
    }

    if (contact == CR_NO_SLOT) {
        cr_owed_void(z, s, CR_KIND_CONTACT);
    }

    t->owes = (uint8_t) cr_owed_bits(s);
    due = 0;

    for (k = 0; k < CR_KIND_MAX; k++) {
        if ((t->owes & kinds & CR_BIT(k))
            && (s->sent_s[k] <= retry_s || s->sent_s[k] > now_s))
        {
            due |= CR_BIT(k);
            s->sent_s[k] = now_s;
        }
    }

    if (due == 0) {
        return 0;
    }

    o->slot = slot;
    o->owes = (uint8_t) due;
    o->has_cart = cart != CR_NO_SLOT;
    o->has_contact = contact != CR_NO_SLOT;
    o->hook = 0;
    o->s = *s;
    cr_owed_orders(&o->s, s);

    if (o->has_cart) {
        o->cart = *cr_pool_cart(z, cart);
    }

    if (o->has_contact) {
        o->contact = *cr_pool_contact(z, contact);
    }

    return 1;
}


uint32_t
cr_owed_next(cr_zone_t *z, uint32_t *cursor, uint32_t n, unsigned kinds)
{
    uint32_t   i, end;
    cr_tag_t  *t;

    i = *cursor < z->plan.nsessions ? *cursor : 0;
    end = n < z->plan.nsessions - i ? i + n : z->plan.nsessions;

    while (i < end) {
        t = cr_zone_tags(z) + i;

        if (t->hash && (t->gen & 1)) {
            cr_table_repair(z, i);
        }

        i++;

        if (t->hash && (t->owes & kinds)) {
            *cursor = i == z->plan.nsessions ? 0 : i;
            return i - 1;
        }
    }

    *cursor = i == z->plan.nsessions ? 0 : i;

    return CR_NO_SLOT;
}


void
cr_owed_ack(cr_zone_t *z, int site, const cr_id_t *id, cr_kind_e kind,
    uint32_t version, uint32_t now_s)
{
    uint32_t       slot;
    cr_session_t  *s;

    slot = cr_table_lookup(z, site, id, cr_table_hash(site, id));

    if (slot == CR_NO_SLOT) {
        return;
    }

    if (cr_zone_tags(z)[slot].gen & 1) {
        cr_table_repair(z, slot);
    }

    s = cr_zone_session(z, slot);

    if (cr_newer(version, s->version[kind])) {
        version = s->version[kind];
    }

    if (!cr_newer(version, s->acked[kind])) {
        return;
    }

    s->acked_s = now_s;

    if (version == s->version[kind]) {
        s->sent_s[kind] = now_s;
    }

    cr_settle();
    s->acked[kind] = version;
    cr_settle();
    cr_zone_tags(z)[slot].owes = (uint8_t) cr_owed_bits(s);
}


static void
cr_owed_back(cr_zone_t *z, uint32_t slot, uint32_t since_s)
{
    int            k;
    uint32_t       owed;
    cr_session_t  *s;

    s = cr_zone_session(z, slot);

    for (k = 0; k < CR_KIND_MAX; k++) {

        if (k == CR_KIND_ORDER) {

            /* with a part still owed the time of that part's sending stands */

            owed = cr_orders_held(s);

            if (owed == cr_orders_pending(s)
                || (owed && cr_orders_pending(s) == 0
                    && s->sent_s[k] < since_s))
            {
                continue;
            }

        } else {
            owed = 1;

            if (s->version[k] != s->acked[k] || s->sent_s[k] < since_s
                || s->sent_s[k] == 0)
            {
                continue;
            }
        }

        s->sent_s[k] = 0;
        cr_settle();
        s->acked[k] = s->version[k] - owed;
    }
}


int
cr_owed_again(cr_zone_t *z, uint32_t *cursor, uint32_t n, uint32_t since_s)
{
    uint32_t       i, end;
    cr_tag_t      *t;
    cr_session_t  *s;

    i = *cursor < z->plan.nsessions ? *cursor : 0;
    end = n < z->plan.nsessions - i ? i + n : z->plan.nsessions;

    for ( /* void */ ; i < end; i++) {
        t = cr_zone_tags(z) + i;

        if (t->hash == 0) {
            continue;
        }

        if (t->gen & 1) {
            cr_table_repair(z, i);
        }

        s = cr_zone_session(z, i);

        if (s->acked_s != 0 && s->acked_s >= since_s) {
            cr_owed_back(z, i, since_s);
            t->owes = (uint8_t) cr_owed_bits(s);
        }
    }

    *cursor = i == z->plan.nsessions ? 0 : i;

    return i == z->plan.nsessions;
}


uint32_t
cr_owed_count(const cr_zone_t *z, unsigned kinds)
{
    uint32_t         i, n;
    const cr_tag_t  *t;

    n = 0;
    t = cr_zone_tags(z);

    for (i = 0; i < z->plan.nsessions; i++) {
        n += (t[i].hash != 0 && (t[i].owes & kinds));
    }

    return n;
}
