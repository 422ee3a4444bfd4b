/*
 * The session zone: layout, finding and taking, eviction, quotas, torn slots.
 */

#define _GNU_SOURCE

#include "check.h"

#include "cr_table_int.h"

#include <math.h>
#include <stdlib.h>

#define SIZE  (2 * CR_ZONE_MIN)
#define TTL   3600
#define NOW   1800000000u


static void       *mem;
static cr_zone_t  *z;
static int         shop;


static void
zone_new(void)
{
    free(mem);
    mem = aligned_alloc(64, SIZE);
    (void) cr_zone_init(mem, SIZE, 1800000000000, TTL);
    z = cr_zone_attach(mem, SIZE);
    shop = cr_zone_site(z, cr_lit("shop"), 100);
}


static cr_id_t
id_of(uint64_t n)
{
    cr_id_t  id;

    memset(&id, 0x5a, sizeof(id));
    memcpy(id.b, &n, sizeof(n));

    return id;
}


/* The n-th id that falls into the set of slot 0. */

static cr_id_t
id_in_set(int site, int n)
{
    uint64_t  i;
    cr_id_t   id;

    for (i = 0; /* void */ ; i++) {
        id = id_of(i);

        if (cr_table_set(cr_table_hash(site, &id), z->plan.nsessions) == 0
            && n-- == 0)
        {
            return id;
        }
    }
}


static void
end(uint32_t slot, uint32_t now)
{
    (void) cr_session_begin(z, slot);
    cr_session_end(z, slot, now);
}


static void
give_cart(uint32_t slot, uint32_t now)
{
    cr_cart_t  *c;

    (void) cr_session_begin(z, slot);
    c = cr_session_cart_take(z, slot, now);
    c->nlines = 1;
    c->pieces = 2;
    c->lines[0].qty = 2;
    strcpy(c->lines[0].ref, "SKU-1");
    cr_session_end(z, slot, now);
}


static void
owe(uint32_t slot, cr_kind_e kind, uint32_t now)
{
    (void) cr_session_begin(z, slot);
    cr_owe(z, slot, kind);
    cr_session_end(z, slot, now);
}


static void
test_layout(void)
{
    size_t          size;
    uint64_t        mark;
    cr_zone_info_t  i;

    zone_new();
    OK(z != NULL);
    OK(cr_zone_attach(mem, SIZE - 4096 * 64) == NULL);
    EQ_INT(cr_zone_init(mem, CR_ZONE_MIN - 1, 1, 1), CR_FULL);

    cr_zone_info(z, &i);
    EQ_INT(i.used, 0);
    EQ_INT(i.sessions % CR_WAYS, 0);
    EQ_INT(i.carts, i.sessions / 2);
    OK(i.contacts >= 64 && i.contacts >= i.sessions / 8);
    OK(i.ring > 0 && i.ring * sizeof(cr_log_t) <= SIZE / 32);
    OK(i.bytes <= SIZE);
    OK_TEXT(i.bytes > SIZE - SIZE / 32, "little is left over");
    EQ_INT(i.epoch, 1800000000000);

    OK(z->plan.tags % 64 == 0);

    mark = z->magic;
    z->magic ^= 1;
    OK(cr_zone_attach(mem, SIZE) == NULL);
    z->magic = mark;
    z->schema ^= 1;
    OK(cr_zone_attach(mem, SIZE) == NULL);
    z->schema ^= 1;
    OK(cr_zone_attach(mem, SIZE) == z);

    for (size = CR_ZONE_MIN; size < CR_ZONE_MIN + 300000; size += 4096) {
        void *m = aligned_alloc(64, size);

        if (cr_zone_init(m, size, 1, TTL) != CR_OK
            || cr_zone_attach(m, size)->plan.bytes > size)
        {
            OK_TEXT(0, "a zone of every size fits");
        }

        free(m);
    }
}


static void
test_sites(void)
{
    int   i, n;
    char  name[16];

    zone_new();
    EQ_INT(cr_zone_site(z, cr_lit("shop"), 50), shop);
    EQ_INT(cr_zone_sites(z)[shop].quota, z->plan.nsessions / 2);
    EQ_INT(cr_zone_site(z, cr_lit(""), 50), CR_ERR);
    OK(cr_zone_site_name(z, shop).n == 4);
    OK(cr_zone_site_name(z, 9999).n == 0);

    for (n = 0, i = 1; i > 0; n++) {
        snprintf(name, sizeof(name), "s%d", n);
        i = cr_zone_site(z, (cr_str_t) { name, strlen(name) }, 100);
    }

    EQ_INT(i, CR_FULL);
    EQ_INT(n, z->plan.nsites);
}


static void
test_find(void)
{
    int                  other;
    cr_id_t              id;
    uint32_t             slot;
    const cr_session_t  *s;

    zone_new();
    other = cr_zone_site(z, cr_lit("other"), 100);
    id = id_of(7);

    EQ_INT(cr_session_find(z, shop, &id, NOW), CR_NO_SLOT);
    slot = cr_session_take(z, shop, &id, NOW);
    OK(slot != CR_NO_SLOT);
    EQ_INT(cr_session_take(z, shop, &id, NOW), slot);
    EQ_INT(cr_session_find(z, shop, &id, NOW), slot);
    EQ_INT(cr_session_find(z, other, &id, NOW), CR_NO_SLOT);
    EQ_INT(cr_counter(z, CR_N_sessions_new), 1);

    s = cr_session_get(z, slot);
    OK(isnan(s->score) && s->cart == CR_NO_SLOT && s->first_s == NOW);
    OK(cr_session_cart(z, slot) == NULL);
    OK(cr_session_contact(z, slot) == NULL);

    EQ_INT(cr_session_find(z, shop, &id, NOW + TTL), slot);
    EQ_INT(cr_session_find(z, shop, &id, NOW + TTL + 1), CR_NO_SLOT);
    EQ_INT(cr_session_find(z, shop, &id, NOW - 100000), slot);

    end(slot, NOW - 100000);
    EQ_INT(cr_session_find(z, shop, &id, NOW - 100000 + TTL), slot);
    EQ_INT(cr_session_find(z, shop, &id, NOW), CR_NO_SLOT);

    EQ_INT(cr_session_take(z, shop, &id, NOW), slot);
    EQ_INT(cr_counter(z, CR_N_evicted_expired), 1);
    EQ_INT(cr_session_get(z, slot)->first_s, NOW);

    cr_session_drop(z, slot);
    EQ_INT(cr_session_find(z, shop, &id, NOW), CR_NO_SLOT);
    EQ_INT(cr_zone_sites(z)[shop].used, 0);
    OK(cr_session_get(z, CR_NO_SLOT) == NULL);
    EQ_INT(cr_session_take(z, 99, &id, NOW), CR_NO_SLOT);
}


/* Fills the first set: ways 0..15 by age, the first the oldest. */

static void
fill_set(int site, cr_id_t ids[CR_WAYS])
{
    int       i;
    uint32_t  slot;

    for (i = 0; i < CR_WAYS; i++) {
        ids[i] = id_in_set(site, i);
        slot = cr_session_take(z, site, &ids[i], NOW);
        end(slot, NOW + 10 + (uint32_t) i);
    }
}


static int
gone(int site, const cr_id_t *id)
{
    return cr_table_lookup(z, site, id, cr_table_hash(site, id))
           == CR_NO_SLOT;
}


static void
test_evict(void)
{
    int       i, other;
    cr_id_t   id[CR_WAYS], more;
    uint32_t  t;

    zone_new();
    other = cr_zone_site(z, cr_lit("other"), 100);
    fill_set(shop, id);
    EQ_INT(cr_counter(z, CR_N_evicted_live), 0);

    /* without a cart before with one, though that is older */

    give_cart(cr_session_find(z, shop, &id[0], NOW), NOW + 1);
    t = NOW + 100;
    more = id_in_set(shop, 16);
    OK(cr_session_take(z, shop, &more, t) != CR_NO_SLOT);
    OK(!gone(shop, &id[0]) && gone(shop, &id[1]));
    EQ_INT(cr_counter(z, CR_N_evicted_empty), 1);
    end(cr_session_find(z, shop, &more, t), t);

    /* expired before anything, carts or not */

    end(cr_session_find(z, shop, &id[5], t), t - TTL - 1);
    give_cart(cr_session_find(z, shop, &id[5], t - 10), t - TTL - 1);
    more = id_in_set(shop, 17);
    OK(cr_session_take(z, shop, &more, t) != CR_NO_SLOT);
    OK(gone(shop, &id[5]) && !gone(shop, &id[2]));
    EQ_INT(cr_counter(z, CR_N_evicted_expired), 1);

    /* all have carts: the oldest; its cart is free again */

    zone_new();
    other = cr_zone_site(z, cr_lit("other"), 100);
    fill_set(shop, id);

    for (i = 0; i < CR_WAYS; i++) {
        give_cart(cr_session_find(z, shop, &id[i], NOW),
                  NOW + 10 + (uint32_t) i);
    }

    more = id_in_set(other, 0);
    OK(cr_session_take(z, other, &more, t) != CR_NO_SLOT);
    OK(gone(shop, &id[0]) && !gone(shop, &id[1]));
    EQ_INT(cr_counter(z, CR_N_evicted_live), 1);

    /* all owe: another site gets nothing, the own one gives the cheapest */

    zone_new();
    other = cr_zone_site(z, cr_lit("other"), 100);
    fill_set(shop, id);

    for (i = 0; i < CR_WAYS; i++) {
        owe(cr_session_find(z, shop, &id[i], NOW),
            i == 9 ? CR_KIND_STEP : i == 3 ? CR_KIND_CONSENT : CR_KIND_OPTOUT,
            NOW + 10 + (uint32_t) i);
    }

    EQ_INT(cr_session_take(z, other, &more, t), CR_NO_SLOT);
    EQ_INT(cr_counter(z, CR_N_refused), 1);
    EQ_INT(cr_counter(z, CR_N_evicted_owed), 0);

    more = id_in_set(shop, 16);
    OK(cr_session_take(z, shop, &more, t) != CR_NO_SLOT);
    OK(gone(shop, &id[9]));
    EQ_INT(cr_counter(z, CR_N_evicted_owed), 1);
    owe(cr_session_find(z, shop, &more, t), CR_KIND_OPTOUT, t);

    more = id_in_set(shop, 17);
    (void) cr_session_take(z, shop, &more, t);
    OK(gone(shop, &id[3]) && !gone(shop, &id[0]));
    owe(cr_session_find(z, shop, &more, t), CR_KIND_OPTOUT, t);

    more = id_in_set(shop, 18);
    (void) cr_session_take(z, shop, &more, t);
    OK(gone(shop, &id[0]));
}


static void
test_expired_owes(void)
{
    cr_id_t              id;
    uint32_t             slot;
    const cr_session_t  *s;

    zone_new();
    id = id_of(1);
    slot = cr_session_take(z, shop, &id, NOW);
    owe(slot, CR_KIND_OPTOUT, NOW);
    cr_session_begin(z, slot)->features.f[CR_F_pages] = 9;
    cr_session_end(z, slot, NOW);

    EQ_INT(cr_session_take(z, shop, &id, NOW + TTL + 5), slot);
    s = cr_session_get(z, slot);
    EQ_INT(s->first_s, NOW + TTL + 5);
    EQ_INT((int) s->features.f[CR_F_pages], 0);
    EQ_INT(cr_owed_count(z, CR_BIT(CR_KIND_OPTOUT)), 1);
}


static void
test_quota(void)
{
    int        i, big, small, refused;
    cr_id_t    id;
    uint32_t   n, quota;

    zone_new();
    big = cr_zone_site(z, cr_lit("big"), 25);
    small = cr_zone_site(z, cr_lit("small"), 100);
    quota = cr_zone_sites(z)[big].quota;
    n = z->plan.nsessions;

    for (i = 0; i < 20; i++) {
        id = id_of(5000000u + (unsigned) i);
        (void) cr_session_take(z, small, &id, NOW);
    }

    refused = 0;

    for (i = 0; i < (int) n * 4; i++) {
        id = id_of((uint64_t) i);
        refused += cr_session_take(z, big, &id, NOW + 1 + (unsigned) i / 64)
                   == CR_NO_SLOT;
    }

    OK(cr_zone_sites(z)[big].used <= quota);
    OK(cr_zone_sites(z)[big].used > quota * 9 / 10);
    OK(cr_counter(z, CR_N_quota) > 0);
    OK_TEXT(refused < (int) n / 50, "a full site finds its own to give up");
    EQ_INT(cr_zone_sites(z)[small].used, 20);

    /* control: without its quota the same flood pushes the small site out */

    zone_new();
    big = cr_zone_site(z, cr_lit("big"), 100);
    small = cr_zone_site(z, cr_lit("small"), 100);

    for (i = 0; i < 20; i++) {
        id = id_of(5000000u + (unsigned) i);
        (void) cr_session_take(z, small, &id, NOW);
    }

    for (i = 0; i < (int) n * 4; i++) {
        id = id_of((uint64_t) i);
        (void) cr_session_take(z, big, &id, NOW + 1 + (unsigned) i / 64);
    }

    EQ_INT(cr_zone_sites(z)[small].used, 0);
}


/* One shop's flood of carts takes nothing from a shop that has few. */

static void
test_carts_shared(void)
{
    int       big, small, kept;
    cr_id_t   id;
    uint32_t  i, slot, n;

    zone_new();
    big = cr_zone_site(z, cr_lit("big"), 50);
    small = cr_zone_site(z, cr_lit("small"), 50);
    n = z->plan.nitems[CR_POOL_CART] / 10;

    for (i = 0; i < n; i++) {
        id = id_of(5000000u + i);
        slot = cr_session_take(z, small, &id, NOW);
        give_cart(slot, NOW);
    }

    for (i = 0; i < z->plan.nsessions * 4; i++) {
        id = id_of(i);
        slot = cr_session_take(z, big, &id, NOW + 1 + i / 64);

        if (slot != CR_NO_SLOT) {
            give_cart(slot, NOW + 1 + i / 64);
        }
    }

    for (i = 0, kept = 0; i < n; i++) {
        id = id_of(5000000u + i);
        slot = cr_session_find(z, small, &id, NOW + 1);
        kept += slot != CR_NO_SLOT && cr_session_cart(z, slot) != NULL;
    }

    EQ_INT(kept, (int) n);
    OK(cr_counter(z, CR_N_evicted_cart) > z->plan.nitems[CR_POOL_CART]);
}


static void
test_torn(void)
{
    cr_id_t              id;
    uint32_t             slot;
    cr_cart_t           *c;
    cr_contact_t        *a;
    cr_session_t        *s;
    const cr_session_t  *r;

    zone_new();
    id = id_of(3);
    slot = cr_session_take(z, shop, &id, NOW);

    s = cr_session_begin(z, slot);
    s->features.f[CR_F_pages] = 3;
    s->optout = 1;
    a = cr_session_contact_take(z, slot, NOW);
    a->email_len = 3;
    cr_owe(z, slot, CR_KIND_CONTACT);
    cr_owe(z, slot, CR_KIND_OPTOUT);
    cr_session_end(z, slot, NOW);
    give_cart(slot, NOW);
    c = cr_session_cart(z, slot);
    c->total = 2990;

    /* a writer of features dies */

    s = cr_session_begin(z, slot);
    s->features.f[CR_F_pages] = 77;

    EQ_INT(cr_session_find(z, shop, &id, NOW + 1), slot);
    r = cr_session_get(z, slot);
    EQ_INT((int) r->features.f[CR_F_pages], 0);
    EQ_INT(r->optout, 1);
    EQ_INT(cr_counter(z, CR_N_torn), 1);
    EQ_INT(cr_zone_tags(z)[slot].gen & 1, 0);
    EQ_INT(cr_zone_tags(z)[slot].owes,
           CR_BIT(CR_KIND_CONTACT) | CR_BIT(CR_KIND_OPTOUT));
    EQ_INT(cr_session_cart(z, slot)->total, 2990);
    EQ_INT(cr_session_contact(z, slot)->email_len, 3);

    /* a writer of the cart dies: lines stay, amounts go */

    (void) cr_session_begin(z, slot);
    c = cr_session_cart_take(z, slot, NOW);
    c->total = 2;
    memset(c->lines[0].ref, 'x', sizeof(c->lines[0].ref));

    (void) cr_session_get(z, slot);
    c = cr_session_cart(z, slot);
    EQ_INT(c->nlines, 1);
    OK(c->total == CR_AMOUNT_UNKNOWN);
    EQ_INT(strnlen(c->lines[0].ref, 32), 31);

    /* a writer of the contact dies: it goes, and what it owed is counted */

    (void) cr_session_begin(z, slot);
    (void) cr_session_contact_take(z, slot, NOW);
    (void) cr_session_begin(z, slot);
    cr_session_end(z, slot, NOW);
    OK(cr_session_contact(z, slot) == NULL);
    EQ_INT(cr_counter(z, CR_N_evicted_owed), 1);
    EQ_INT(cr_zone_tags(z)[slot].owes, CR_BIT(CR_KIND_OPTOUT));
    EQ_INT(cr_counter(z, CR_N_torn), 3);

    /* the sweep finds a torn slot whose debt is not yet in its tag */

    s = cr_session_begin(z, slot);
    s->version[CR_KIND_CONSENT]++;
    slot = 0;
    OK(cr_owed_next(z, &slot, z->plan.nsessions, CR_BIT(CR_KIND_CONSENT))
       != CR_NO_SLOT);
}


static void
test_carts(void)
{
    int        i, lost;
    cr_id_t    id;
    uint32_t   slot, n;

    zone_new();
    n = z->plan.nsessions;

    /* more carts than fit: the oldest that is not owed gives way */

    for (i = 0; i < (int) n * 6 / 10; i++) {
        id = id_of((uint64_t) i);
        slot = cr_session_take(z, shop, &id, NOW + (unsigned) i);
        give_cart(slot, NOW + (unsigned) i);

        if (i < 20) {
            owe(slot, CR_KIND_CART, NOW + (unsigned) i);
        }
    }

    OK(cr_counter(z, CR_N_evicted_cart) > 0);

    for (i = 0, lost = 0; i < 20; i++) {
        id = id_of((uint64_t) i);
        slot = cr_session_find(z, shop, &id, NOW);
        lost += slot == CR_NO_SLOT || cr_session_cart(z, slot) == NULL;
    }

    EQ_INT(lost, 0);

    /* contacts that are all owed: the next gets none */

    zone_new();

    for (i = 0, lost = 0; i < (int) n / 2; i++) {
        id = id_of((uint64_t) i);
        slot = cr_session_take(z, shop, &id, NOW);
        (void) cr_session_begin(z, slot);

        if (cr_session_contact_take(z, slot, NOW)) {
            cr_owe(z, slot, CR_KIND_CONTACT);
        } else {
            lost++;
        }

        cr_session_end(z, slot, NOW);
    }

    OK(lost > 0);
    EQ_INT(cr_owed_count(z, CR_BIT(CR_KIND_CONTACT)), (int) n / 2 - lost);
    EQ_INT(cr_counter(z, CR_N_evicted_contact), 0);
}


int
main(void)
{
    test_layout();
    test_sites();
    test_find();
    test_evict();
    test_expired_owes();
    test_quota();
    test_carts_shared();
    test_torn();
    test_carts();

    free(mem);

    return check_done();
}
