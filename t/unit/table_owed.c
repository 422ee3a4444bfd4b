/*
 * What slots owe: versions, orders, retries, and what a dead writer leaves.
 */

#define _GNU_SOURCE

#include "check.h"

#include "cr_table_int.h"

#include <stdlib.h>

#define SIZE  CR_ZONE_MIN
#define TTL   3600
#define NOW   1800000000u
#define ALL   (CR_BIT(CR_KIND_MAX) - 1)


static void       *mem;
static cr_zone_t  *z;
static int         shop;
static cr_id_t     id;
static uint32_t    slot;
static cr_owed_t   o;


static void
zone_new(void)
{
    free(mem);
    mem = aligned_alloc(64, SIZE);
    (void) cr_zone_init(mem, SIZE, 1800000000000, TTL);
    z = cr_zone_attach(mem, SIZE);
    shop = cr_zone_site(z, cr_lit("shop"), 100);
    memset(&id, 0x17, sizeof(id));
    slot = cr_session_take(z, shop, &id, NOW);
}


static void
owe(cr_kind_e kind, uint32_t now)
{
    (void) cr_session_begin(z, slot);
    cr_owe(z, slot, kind);
    cr_session_end(z, slot, now);
}


static int
order(const char *name, int64_t total, uint32_t now)
{
    int         rc;
    cr_order_t  order;

    memset(&order, 0, sizeof(order));
    order.total = total;
    order.at_s = now;
    strcpy(order.currency, "EUR");
    strcpy(order.id, name);

    (void) cr_session_begin(z, slot);
    rc = cr_owe_order(z, slot, &order, now);
    cr_session_end(z, slot, now);

    return rc;
}


static int
copy(uint32_t now)
{
    return cr_owed_copy(z, slot, ALL, now, now - 30, &o);
}


static void
ack(cr_kind_e kind, uint32_t now)
{
    cr_owed_ack(z, shop, &id, kind, o.s.version[kind], now);
}


static int
again(uint32_t since)
{
    uint32_t  cursor;

    cursor = 0;

    return cr_owed_again(z, &cursor, z->plan.nsessions, since);
}


static void
cart(int lines, uint32_t version)
{
    cr_cart_t  *c;

    (void) cr_session_begin(z, slot);
    c = cr_session_cart_take(z, slot, NOW);
    c->nlines = (uint8_t) lines;
    c->version = version;
    cr_session_end(z, slot, NOW);
}


static void
test_versions(void)
{
    uint32_t  cursor;

    zone_new();
    EQ_INT(copy(NOW), 0);

    owe(CR_KIND_OPTOUT, NOW);
    owe(CR_KIND_CONSENT, NOW);
    EQ_INT(cr_owed_count(z, ALL), 1);
    cursor = 0;
    EQ_INT(cr_owed_next(z, &cursor, z->plan.nsessions, CR_BIT(CR_KIND_CART)),
           CR_NO_SLOT);
    EQ_INT(cursor, 0);
    EQ_INT(cr_owed_next(z, &cursor, z->plan.nsessions, ALL), slot);
    EQ_INT(cursor, (slot + 1) % z->plan.nsessions);
    cursor = 0;
    EQ_INT(cr_owed_next(z, &cursor, 1, CR_BIT(CR_KIND_CART)), CR_NO_SLOT);
    EQ_INT(cursor, 1);

    /* sent once, again only after the retry time, also when the clock jumps */

    EQ_INT(cr_owed_copy(z, slot, CR_BIT(CR_KIND_OPTOUT), NOW, NOW - 30, &o), 1);
    EQ_INT(o.owes, CR_BIT(CR_KIND_OPTOUT));
    EQ_INT(o.s.version[CR_KIND_OPTOUT], 1);
    EQ_INT(copy(NOW + 1), 1);
    EQ_INT(o.owes, CR_BIT(CR_KIND_CONSENT));
    EQ_INT(copy(NOW + 2), 0);
    EQ_INT(copy(NOW + 40), 1);
    EQ_INT(o.owes, CR_BIT(CR_KIND_OPTOUT) | CR_BIT(CR_KIND_CONSENT));
    EQ_INT(copy(NOW + 41), 0);
    EQ_INT(copy(NOW - 5000), 1);

    /* what was said after the copy is not voided by the copy's reply */

    owe(CR_KIND_CONSENT, NOW);
    ack(CR_KIND_CONSENT, NOW);
    EQ_INT(cr_session_get(z, slot)->acked[CR_KIND_CONSENT], 1);
    EQ_INT(cr_zone_tags(z)[slot].owes,
           CR_BIT(CR_KIND_OPTOUT) | CR_BIT(CR_KIND_CONSENT));
    EQ_INT(copy(NOW - 4999), 1);
    EQ_INT(o.owes, CR_BIT(CR_KIND_CONSENT));
    ack(CR_KIND_CONSENT, NOW + 1);
    ack(CR_KIND_OPTOUT, NOW + 1);
    EQ_INT(cr_owed_count(z, ALL), 0);

    /* late, early and foreign replies change nothing */

    owe(CR_KIND_CONSENT, NOW);
    cr_owed_ack(z, shop, &id, CR_KIND_CONSENT, 1, NOW);
    EQ_INT(cr_owed_count(z, ALL), 1);
    id.b[0] ^= 1;
    cr_owed_ack(z, shop, &id, CR_KIND_CONSENT, 9, NOW);
    id.b[0] ^= 1;
    EQ_INT(cr_owed_count(z, ALL), 1);
    cr_owed_ack(z, shop, &id, CR_KIND_CONSENT, 999, NOW);
    EQ_INT(cr_session_get(z, slot)->acked[CR_KIND_CONSENT], 3);

    /* an expired session's debt is still acknowledged */

    owe(CR_KIND_CONSENT, NOW);
    EQ_INT(copy(NOW + 2 * TTL), 1);
    EQ_INT(cr_session_find(z, shop, &id, NOW + 2 * TTL), CR_NO_SLOT);
    ack(CR_KIND_CONSENT, NOW + 2 * TTL);
    EQ_INT(cr_owed_count(z, ALL), 0);
}


static void
test_seen(void)
{
    zone_new();
    owe(CR_KIND_SEEN, NOW);
    owe(CR_KIND_SEEN, NOW + 1);
    EQ_INT(cr_session_get(z, slot)->version[CR_KIND_SEEN], 1);
    EQ_INT(copy(NOW + 1), 1);
    ack(CR_KIND_SEEN, NOW + 1);

    (void) cr_session_find(z, shop, &id, NOW + 290);
    owe(CR_KIND_SEEN, NOW + 290);
    EQ_INT(cr_session_get(z, slot)->version[CR_KIND_SEEN], 1);
    (void) cr_session_find(z, shop, &id, NOW + 301);
    owe(CR_KIND_SEEN, NOW + 301);
    EQ_INT(cr_session_get(z, slot)->version[CR_KIND_SEEN], 2);
}


/* A shopper that comes back under the same id after the slot was given up must
 * not be taken for its own past. */

static void
test_reborn(void)
{
    uint32_t  was;

    zone_new();
    owe(CR_KIND_CONSENT, NOW);
    EQ_INT(copy(NOW), 1);
    was = o.s.version[CR_KIND_CONSENT];

    cr_session_drop(z, slot);
    slot = cr_session_take(z, shop, &id, NOW);
    EQ_INT(cr_zone_tags(z)[slot].owes, 0);
    owe(CR_KIND_CONSENT, NOW);
    OK(cr_session_get(z, slot)->version[CR_KIND_CONSENT] > was);
    cr_owed_ack(z, shop, &id, CR_KIND_CONSENT, was, NOW);
    EQ_INT(cr_owed_count(z, ALL), 1);
    EQ_INT(order("1", 100, NOW), 1);
    EQ_INT(copy(NOW), 1);
    EQ_STR(o.s.order[0].id, "1");
}


static void
test_orders(void)
{
    int       i;
    char      name[16];
    uint32_t  version;

    zone_new();
    cart(1, 5);
    EQ_INT(order("A", CR_AMOUNT_UNKNOWN, NOW), 1);
    EQ_INT(order("A", 100, NOW), 0);
    EQ_INT(order("A", 999, NOW), 0);
    EQ_INT(order("B", 200, NOW), 1);
    EQ_INT(copy(NOW), 1);
    EQ_INT(o.s.norders, 2);
    EQ_STR(o.s.order[0].id, "A");
    EQ_INT(o.s.order[0].total, 100);
    EQ_STR(o.s.order[1].id, "B");

    /* one more after the copy: the reply is for two */

    EQ_INT(order("C", 300, NOW), 1);
    ack(CR_KIND_ORDER, NOW);
    EQ_INT(copy(NOW), 1);
    EQ_INT(o.s.norders, 1);
    EQ_STR(o.s.order[0].id, "C");
    ack(CR_KIND_ORDER, NOW);
    EQ_INT(cr_owed_count(z, ALL), 0);

    /* the thank-you pages again, with and without a number */

    EQ_INT(order("A", 100, NOW + 60), 0);
    EQ_INT(order("C", 300, NOW + 60), 0);
    EQ_INT(order("", 300, NOW + 60), 0);
    EQ_INT(cr_owed_count(z, ALL), 0);

    /* four are owed: the fifth waits, none is overwritten */

    for (i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "N%d", i);
        EQ_INT(order(name, i, NOW), i < 4 ? 1 : CR_FULL);
    }

    EQ_INT(copy(NOW), 1);
    EQ_INT(o.s.norders, 4);
    EQ_STR(o.s.order[0].id, "N0");
    EQ_STR(o.s.order[3].id, "N3");
    version = o.s.version[CR_KIND_ORDER];
    cr_owed_ack(z, shop, &id, CR_KIND_ORDER, version - 2, NOW);
    EQ_INT(order("N4", 4, NOW), 1);
    EQ_INT(copy(NOW), 1);
    EQ_INT(o.s.norders, 3);
    EQ_STR(o.s.order[0].id, "N2");
    EQ_STR(o.s.order[2].id, "N4");
}


static void
test_orders_without_number(void)
{
    zone_new();
    cart(2, 5);
    EQ_INT(order("", 100, NOW), 1);
    EQ_INT(order("", 100, NOW), 0);
    EQ_INT(order("", 100, NOW + 9), 0);

    /* the number comes with the page behind */

    EQ_INT(order("A", 100, NOW + 9), 0);
    EQ_STR(cr_session_get(z, slot)->order[0].id, "A");

    /* an emptied cart is no new purchase, a filled one is */

    cart(0, 6);
    EQ_INT(order("", 100, NOW + 9), 0);
    cart(1, 7);
    EQ_INT(order("", 100, NOW + 9), 1);
    EQ_INT(order("", 100, NOW + 9), 0);
    EQ_INT(cr_session_get(z, slot)->norders, 2);

    /* another number with the cart unchanged, long after: another order */

    EQ_INT(order("B", 100, NOW + 9000), 1);
}


static void
test_again(void)
{
    uint32_t  cursor;

    zone_new();
    owe(CR_KIND_CONSENT, NOW);
    (void) copy(NOW);
    ack(CR_KIND_CONSENT, NOW);
    EQ_INT(order("A", 100, NOW), 1);
    (void) copy(NOW);
    ack(CR_KIND_ORDER, NOW + 100);

    /* only what was acknowledged lately */

    EQ_INT(again(NOW + 101), 1);
    EQ_INT(cr_owed_count(z, ALL), 0);
    EQ_INT(again(NOW + 95), 1);
    EQ_INT(cr_zone_tags(z)[slot].owes, CR_BIT(CR_KIND_ORDER));
    EQ_INT(copy(NOW + 101), 1);
    EQ_INT(o.s.norders, 1);
    EQ_STR(o.s.order[0].id, "A");
    EQ_INT(o.s.version[CR_KIND_ORDER], 1);
    ack(CR_KIND_ORDER, NOW + 101);

    /* the same version, so that a duplicate is known as one */

    EQ_INT(again(NOW), 1);
    EQ_INT(copy(NOW + 101), 1);
    EQ_INT(o.owes, CR_BIT(CR_KIND_ORDER) | CR_BIT(CR_KIND_CONSENT));
    EQ_INT(o.s.version[CR_KIND_CONSENT], 1);
    ack(CR_KIND_ORDER, NOW + 101);
    ack(CR_KIND_CONSENT, NOW + 101);

    /* a part still owed: all that are held, the owed one not lost */

    EQ_INT(order("B", 200, NOW + 101), 1);
    EQ_INT(again(NOW + 100), 1);
    EQ_INT(copy(NOW + 102), 1);
    EQ_INT(o.s.norders, 2);
    EQ_STR(o.s.order[0].id, "A");
    EQ_STR(o.s.order[1].id, "B");

    cursor = 0;
    EQ_INT(cr_owed_again(z, &cursor, 16, NOW), 0);
    EQ_INT(cursor, 16);
}


/* A cart that could not be kept is not owed for ever. */

static void
test_void(void)
{
    zone_new();
    owe(CR_KIND_CART, NOW);
    EQ_INT(copy(NOW), 0);
    EQ_INT(cr_owed_count(z, ALL), 0);
    EQ_INT(cr_counter(z, CR_N_evicted_owed), 1);

    cart(1, 1);
    owe(CR_KIND_CART, NOW);
    EQ_INT(copy(NOW), 1);
    EQ_INT(o.has_cart, 1);
    EQ_INT(o.cart.nlines, 1);
}


int
main(void)
{
    test_versions();
    test_seen();
    test_reborn();
    test_orders();
    test_orders_without_number();
    test_again();
    test_void();

    free(mem);

    return check_done();
}
