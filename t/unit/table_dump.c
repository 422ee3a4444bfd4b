/*
 * Dump and restore: what comes back, what joins, and damaged bytes.
 */

#define _GNU_SOURCE

#include "check.h"

#include "cr_table_int.h"
#include "cr_table_dump.h"

#include <math.h>
#include <stdlib.h>

#define SIZE  CR_ZONE_MIN
#define TTL   3600
#define NOW   1800000000u
#define ALL   (CR_BIT(CR_KIND_MAX) - 1)


static char    *bytes;
static size_t   len;


static cr_zone_t *
zone_new(uint64_t epoch)
{
    void  *mem;

    mem = aligned_alloc(64, SIZE);
    (void) cr_zone_init(mem, SIZE, epoch, TTL);

    return cr_zone_attach(mem, SIZE);
}


static cr_id_t
id_of(uint64_t n)
{
    cr_id_t  id;

    memset(&id, 0x33, sizeof(id));
    memcpy(id.b, &n, sizeof(n));

    return id;
}


/* A session with everything; n tells it from others. */

static uint32_t
fill(cr_zone_t *z, const char *site, unsigned n, uint32_t now)
{
    int            shop;
    cr_id_t        id;
    uint32_t       slot;
    cr_cart_t     *c;
    cr_order_t     order;
    cr_contact_t  *a;
    cr_session_t  *s;

    id = id_of(n);
    shop = cr_zone_site(z, (cr_str_t) { site, strlen(site) }, 100);
    slot = cr_session_take(z, shop, &id, now);
    s = cr_session_begin(z, slot);
    s->stage = CR_STAGE_PAYMENT;
    s->tier = CR_TIER_T2;
    s->arm = CR_ARM_HOLDOUT;
    s->arm_epoch = n;
    s->score = 0.5f;
    s->optout = 1;
    strcpy(s->locale, "de");
    s->features.f[CR_F_pages] = (float) n;

    c = cr_session_cart_take(z, slot, now);
    c->total = 1000 + n;
    c->version = 3;
    c->total_version = 3;
    c->updated_s = now;
    c->nlines = 2;
    c->pieces = 3;
    strcpy(c->currency, "EUR");
    strcpy(c->key, "key");
    memset(c->lines[0].ref, 'r', 31);
    strcpy(c->lines[1].name, "Name");
    strcpy(c->lines[1].opt, "size=M");
    c->lines[1].price = CR_AMOUNT_UNKNOWN;
    c->lines[1].qty = 3;

    a = cr_session_contact_take(z, slot, now);

    if (a) {
        memset(a->look, (int) n, sizeof(a->look));
        a->email_len = sizeof(a->email);
        memset(a->email, 'e', sizeof(a->email));
        a->phone_len = 7;
        a->consent = 1;
        a->consent_known = 3;
        a->at_s = now;
        strcpy(a->country, "DE");
        cr_owe(z, slot, CR_KIND_CONTACT);
    }

    cr_owe(z, slot, CR_KIND_CART);
    cr_owe(z, slot, CR_KIND_CONSENT);

    memset(&order, 0, sizeof(order));
    order.total = 77;
    order.at_s = now;
    strcpy(order.id, "first");
    strcpy(order.currency, "EUR");
    (void) cr_owe_order(z, slot, &order, now);
    cr_session_end(z, slot, now);
    cr_owed_ack(z, shop, &id, CR_KIND_ORDER, s->version[CR_KIND_ORDER], now);

    (void) cr_session_begin(z, slot);
    strcpy(order.id, "second");
    (void) cr_owe_order(z, slot, &order, now);
    cr_session_end(z, slot, now);

    cr_owed_ack(z, shop, &id, CR_KIND_CONSENT, s->version[CR_KIND_CONSENT],
                now);

    return slot;
}


static void
dump(cr_zone_t *z, uint32_t slice)
{
    int       n;
    uint32_t  cursor;

    len = 0;
    cursor = 0;

    do {
        bytes = realloc(bytes, len + 64 * CR_DUMP_SLOT);
        n = cr_zone_dump(z, &cursor, slice, bytes + len, 64 * CR_DUMP_SLOT);

        if (n > 0) {
            len += (size_t) n;
        }
    } while (n > 0);

    EQ_INT(n, 0);
}


static void
test_whole(void)
{
    cr_id_t              id;
    uint32_t             slot, i;
    cr_zone_t           *a, *b;
    cr_owed_t            o;
    const cr_cart_t     *c;
    const cr_session_t  *s;

    a = zone_new(1);
    b = zone_new(2);

    for (i = 0; i < 40; i++) {
        (void) fill(a, i & 1 ? "shop" : "other", i, NOW + i);
    }

    (void) cr_zone_site(b, cr_lit("shop"), 100);
    dump(a, 16);
    EQ_INT(cr_zone_load(b, bytes, len, NOW + 50), (int64_t) len);
    EQ_INT(cr_counter(b, CR_N_dump_loaded), 40);
    EQ_INT(cr_owed_count(b, CR_BIT(CR_KIND_ORDER)), 40);
    EQ_INT(cr_owed_count(b, CR_BIT(CR_KIND_CONTACT)), 40);
    EQ_INT(cr_owed_count(b, CR_BIT(CR_KIND_CONSENT)), 0);

    id = id_of(21);
    slot = cr_session_find(b, 0, &id, NOW + 50);
    OK(slot != CR_NO_SLOT);
    EQ_INT(cr_zone_tags(b)[slot].last_s, NOW + 21);
    EQ_INT(cr_owed_copy(b, slot, ALL, NOW + 50, NOW + 40, &o), 1);
    s = &o.s;
    c = &o.cart;
    EQ_INT(s->stage, CR_STAGE_PAYMENT);
    EQ_INT(s->arm, CR_ARM_HOLDOUT);
    EQ_INT(s->arm_epoch, 21);
    EQ_INT((int) s->features.f[CR_F_pages], 21);
    EQ_STR(s->locale, "de");
    EQ_INT(s->norders, 1);
    EQ_STR(s->order[0].id, "second");
    EQ_INT(s->order[0].total, 77);
    EQ_INT(o.owes, CR_BIT(CR_KIND_ORDER) | CR_BIT(CR_KIND_CONTACT)
                   | CR_BIT(CR_KIND_CART));
    EQ_INT(c->total, 1021);
    EQ_INT(c->nlines, 2);
    EQ_INT(strlen(c->lines[0].ref), 31);
    EQ_STR(c->lines[1].opt, "size=M");
    OK(c->lines[1].price == CR_AMOUNT_UNKNOWN);
    EQ_INT(o.contact.email_len, sizeof(o.contact.email));
    EQ_INT(o.contact.consent_known, 3);
    EQ_STR(o.contact.country, "DE");

    /* the acknowledged order is remembered: no reload tells it again */

    (void) cr_session_begin(b, slot);
    EQ_INT(cr_owe_order(b, slot, &cr_session_get(a, 0)->order[0], NOW), 0);
    cr_session_end(b, slot, NOW + 50);

    /* loading it once more adds nothing */

    EQ_INT(cr_zone_load(b, bytes, len, NOW + 50), (int64_t) len);
    EQ_INT(cr_owed_copy(b, slot, ALL, NOW + 99, NOW + 90, &o), 1);
    EQ_INT(o.s.norders, 1);

    free(a);
    free(b);
}


static void
test_merge(void)
{
    int            kind;
    cr_id_t        id;
    uint32_t       slot;
    cr_owed_t      o;
    cr_zone_t     *a, *b;
    cr_session_t  *s;

    a = zone_new(1);
    b = zone_new(2);
    id = id_of(5);

    (void) fill(a, "shop", 5, NOW);
    dump(a, 1000);

    /* the new process knows the shopper already, and newer */

    slot = cr_session_take(b, cr_zone_site(b, cr_lit("shop"), 100), &id,
                           NOW + 10);
    s = cr_session_begin(b, slot);
    s->stage = CR_STAGE_CART;
    cr_session_cart_take(b, slot, NOW + 10)->total = 5;
    cr_session_cart(b, slot)->updated_s = NOW + 10;
    cr_session_end(b, slot, NOW + 10);

    EQ_INT(cr_zone_load(b, bytes, len, NOW + 20), (int64_t) len);
    EQ_INT(cr_owed_copy(b, slot, ALL, NOW + 20, NOW, &o), 1);
    EQ_INT(o.s.stage, CR_STAGE_CART);
    EQ_INT(o.cart.total, 5);
    EQ_INT(o.s.norders, 1);
    EQ_STR(o.s.order[0].id, "second");
    EQ_INT(o.s.optout, 1);
    EQ_INT(o.contact.phone_len, 7);
    EQ_INT(cr_zone_tags(b)[slot].last_s, NOW + 10);
    free(b);

    /* an older one gives way */

    b = zone_new(2);
    slot = cr_session_take(b, cr_zone_site(b, cr_lit("shop"), 100), &id,
                           NOW - 10);
    EQ_INT(cr_zone_load(b, bytes, len, NOW + 20), (int64_t) len);
    EQ_INT(cr_session_get(b, slot)->stage, CR_STAGE_PAYMENT);
    EQ_INT(cr_session_cart(b, slot)->total, 1005);
    free(b);

    /* long expired: what is owed comes, what is not stays away */

    b = zone_new(2);
    EQ_INT(cr_zone_load(b, bytes, len, NOW + 9 * TTL), (int64_t) len);
    EQ_INT(cr_owed_count(b, CR_BIT(CR_KIND_ORDER)), 1);
    free(b);

    slot = cr_session_find(a, 0, &id, NOW);
    EQ_INT(cr_owed_copy(a, slot, ALL, NOW, NOW - 1, &o), 1);

    for (kind = 0; kind < CR_KIND_MAX; kind++) {
        cr_owed_ack(a, 0, &id, kind, o.s.version[kind], NOW);
    }

    EQ_INT(cr_owed_count(a, ALL), 0);
    dump(a, 1000);
    b = zone_new(2);
    EQ_INT(cr_zone_load(b, bytes, len, NOW + 9 * TTL), (int64_t) len);
    EQ_INT(cr_counter(b, CR_N_dump_loaded), 0);
    EQ_INT(cr_zone_load(b, bytes, len, NOW + 9), (int64_t) len);
    EQ_INT(cr_counter(b, CR_N_dump_loaded), 1);
    EQ_INT(cr_owed_count(b, ALL), 0);

    /* acknowledged and then lost by Redis: still known to be owed again */

    slot = 0;
    EQ_INT(cr_owed_again(b, &slot, 1000000, NOW), 1);
    OK(cr_owed_count(b, CR_BIT(CR_KIND_ORDER)) == 1);

    free(a);
    free(b);
}


/* The largest slot that there is fits into what it is promised. */

static void
test_room(void)
{
    char       small[CR_DUMP_HEAD + 10], full[CR_DUMP_SLOT];
    uint32_t   cursor, i, slot;
    cr_cart_t  *c;
    cr_zone_t  *a;

    a = zone_new(1);
    slot = fill(a, "shop", 1, NOW);
    c = cr_session_cart(a, slot);
    memset(c->lines, 'x', sizeof(c->lines));
    c->nlines = CR_CART_LINES;

    for (i = 0; i < CR_CART_LINES; i++) {
        c->lines[i].ref[31] = '\0';
        c->lines[i].name[51] = '\0';
        c->lines[i].opt[43] = '\0';
    }

    cursor = slot;
    OK(cr_zone_dump(a, &cursor, 1, full, CR_DUMP_SLOT) > 2000);
    cursor = slot;
    EQ_INT(cr_zone_dump(a, &cursor, 1, small, sizeof(small)), CR_FULL);

    free(a);
}


/* A copy of the dump's first n bytes, one of them changed, in a new zone.
 * 1 when a session came of it. */

static int
load_part(size_t n, size_t flip, int64_t *used)
{
    int         sessions;
    char       *part;
    cr_zone_t  *b;

    part = malloc(n + 1);
    memcpy(part, bytes, n);

    if (flip < n) {
        part[flip] ^= 0x20;
    }

    b = zone_new(2);
    *used = cr_zone_load(b, part, n, NOW);
    sessions = cr_counter(b, CR_N_dump_loaded) != 0;

    free(part);
    free(b);

    return sessions;
}


static void
test_damage(void)
{
    int         bad;
    size_t      n, first;
    int64_t     used;
    uint32_t    i, cut;
    cr_zone_t  *a;

    a = zone_new(1);

    for (i = 0; i < 3; i++) {
        (void) fill(a, "shop", i, NOW);
    }

    dump(a, 100000);
    cut = 0;
    memcpy(&cut, bytes + 4, 4);
    first = cut + CR_DUMP_HEAD;

    /* every prefix is accepted; what is consumed ends at a record */

    for (n = 0, bad = 0; n <= len; n += 7) {
        bad += load_part(n, len, &used) != (n >= first);
        bad += used < 0 || used > (int64_t) n || (n < first && used != 0);
    }

    EQ_INT(bad, 0);

    /* a changed byte is an error, or it left the record's end open */

    for (n = 0, bad = 0; n < len; n += 3) {
        bad += load_part(len, n, &used) != (n >= first);
        bad += used > (int64_t) first * 2 || (used >= 0 && n % first > 8);
    }

    EQ_INT(bad, 0);

    free(a);
}


static void
test_schema(void)
{
    uint32_t    cursor, slot;
    cr_zone_t  *a, *b;

    a = zone_new(1);
    b = zone_new(2);
    (void) fill(a, "shop", 9, NOW);

    /* another schema: the features start anew, the debts come */

    a->schema ^= 1;
    dump(a, 100000);
    EQ_INT(cr_zone_load(b, bytes, len, NOW), (int64_t) len);
    EQ_INT(cr_owed_count(b, CR_BIT(CR_KIND_ORDER)), 1);
    cursor = 0;
    slot = cr_owed_next(b, &cursor, 1000000, ALL);
    EQ_INT((int) cr_session_get(b, slot)->features.f[CR_F_pages], 0);

    /* nothing there: as many records as slices, none of them a session */

    free(a);
    a = zone_new(1);
    dump(a, 16);
    EQ_INT(len, a->plan.nsessions / 16 * CR_DUMP_HEAD);
    EQ_INT(cr_zone_load(b, bytes, len, NOW), (int64_t) len);

    free(a);
    free(b);
}


int
main(void)
{
    test_whole();
    test_merge();
    test_room();
    test_damage();
    test_schema();

    free(bytes);

    return check_done();
}
