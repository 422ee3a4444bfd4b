/*
 * cr_table.c: layout of the zone, and its sites.
 */

#include "cr_table_int.h"


#define CR_ALIGN64(n)  (((n) + 63) & ~(uint64_t) 63)

_Static_assert(sizeof(cr_tag_t) == 16, "a set of tags is four cache lines");
_Static_assert(sizeof(cr_session_t) <= 768, "session slot");
_Static_assert(sizeof(cr_cart_t) <= 2048, "cart slot");
_Static_assert(sizeof(cr_contact_t) <= 512, "contact slot");
_Static_assert(sizeof(cr_site_t) <= 64, "site");
_Static_assert(CR_KIND_MAX <= 8, "owes is a byte");


static uint64_t
cr_plan_place(cr_plan_t *p, uint64_t n, size_t size)
{
    uint64_t  at;

    at = p->bytes;
    p->bytes += CR_ALIGN64(n * size);

    return at;
}


static void
cr_plan_fill(cr_plan_t *p, uint64_t size, uint32_t sessions)
{
    uint32_t  contacts;

    memset(p, 0, sizeof(cr_plan_t));

    contacts = (sessions / 8 + CR_WAYS - 1) / CR_WAYS * CR_WAYS;

    p->nsessions = sessions;
    p->nitems[CR_POOL_CART] = sessions / 2;
    p->nitems[CR_POOL_CONTACT] = contacts < 64 ? 64 : contacts;
    p->nring = (uint32_t) (size / 32 / sizeof(cr_log_t));
    p->nsites = (uint32_t) (size / 32 / sizeof(cr_site_t));

    if (p->nsites > CR_SITES_MAX) {
        p->nsites = CR_SITES_MAX;
    }

    p->sizes = (uint32_t) (sizeof(cr_zone_t) + 3 * sizeof(cr_session_t)
                           + 5 * sizeof(cr_cart_t) + 7 * sizeof(cr_contact_t)
                           + 11 * sizeof(cr_log_t) + 13 * sizeof(cr_site_t));

    p->bytes = CR_ALIGN64(sizeof(cr_zone_t));
    p->sites = cr_plan_place(p, p->nsites, sizeof(cr_site_t));
    p->tags = cr_plan_place(p, sessions, sizeof(cr_tag_t));
    p->sessions = cr_plan_place(p, sessions, sizeof(cr_session_t));
    p->links[CR_POOL_CART] = cr_plan_place(p, p->nitems[CR_POOL_CART],
                                           sizeof(cr_link_t));
    p->items[CR_POOL_CART] = cr_plan_place(p, p->nitems[CR_POOL_CART],
                                           sizeof(cr_cart_t));
    p->links[CR_POOL_CONTACT] = cr_plan_place(p, p->nitems[CR_POOL_CONTACT],
                                              sizeof(cr_link_t));
    p->items[CR_POOL_CONTACT] = cr_plan_place(p, p->nitems[CR_POOL_CONTACT],
                                              sizeof(cr_contact_t));
    p->ring = cr_plan_place(p, p->nring, sizeof(cr_log_t));
}


/* The most sessions, in steps of two sets, that fit into size bytes. */

static int
cr_plan(cr_plan_t *p, size_t size)
{
    uint64_t  step, n;

    if (size < CR_ZONE_MIN) {
        return CR_FULL;
    }

    step = 2 * CR_WAYS;
    n = size / (sizeof(cr_tag_t) + sizeof(cr_session_t)) / step * step;

    if (n > UINT32_MAX / 2) {
        n = UINT32_MAX / 2 / step * step;
    }

    cr_plan_fill(p, size, (uint32_t) n);

    while (p->bytes > size) {

        /* what is too much, in sessions of the least size, at least a step */

        step = (p->bytes - size) / (sizeof(cr_tag_t) + sizeof(cr_session_t)
                                    + sizeof(cr_cart_t)
                                    + sizeof(cr_contact_t));
        step = (step / (2 * CR_WAYS) + 1) * 2 * CR_WAYS;

        if (n <= step) {
            return CR_FULL;
        }

        n -= step;
        cr_plan_fill(p, size, (uint32_t) n);
    }

    return CR_OK;
}


int
cr_zone_init(void *mem, size_t size, uint64_t epoch, uint32_t ttl_s)
{
    cr_zone_t  *z;
    cr_plan_t   plan;

    if (((uintptr_t) mem & 63) || cr_plan(&plan, size) != CR_OK) {
        return CR_FULL;
    }

    z = mem;
    __atomic_store_n(&z->magic, 0, __ATOMIC_RELEASE);
    memset(mem, 0, plan.bytes);

    z->layout = CR_ZONE_LAYOUT;
    z->ttl_s = ttl_s;
    z->schema = cr_features_schema();
    z->epoch = epoch;
    z->plan = plan;

    __atomic_store_n(&z->magic, CR_ZONE_MAGIC, __ATOMIC_RELEASE);

    return CR_OK;
}


cr_zone_t *
cr_zone_attach(void *mem, size_t size)
{
    cr_zone_t  *z;
    cr_plan_t   plan;

    if (((uintptr_t) mem & 63) || cr_plan(&plan, size) != CR_OK) {
        return NULL;
    }

    z = mem;

    if (__atomic_load_n(&z->magic, __ATOMIC_ACQUIRE) != CR_ZONE_MAGIC
        || z->layout != CR_ZONE_LAYOUT
        || z->schema != cr_features_schema()
        || memcmp(&z->plan, &plan, sizeof(cr_plan_t)) != 0
        || z->sites_used > plan.nsites)
    {
        return NULL;
    }

    return z;
}


void
cr_zone_info(const cr_zone_t *z, cr_zone_info_t *info)
{
    uint32_t         i;
    const cr_tag_t  *t;

    memset(info, 0, sizeof(cr_zone_info_t));

    info->sessions = z->plan.nsessions;
    info->carts = z->plan.nitems[CR_POOL_CART];
    info->contacts = z->plan.nitems[CR_POOL_CONTACT];
    info->ring = z->plan.nring;
    info->sites = z->plan.nsites;
    info->epoch = z->epoch;
    info->schema = z->schema;
    info->bytes = z->plan.bytes;

    t = cr_zone_tags(z);

    for (i = 0; i < z->plan.nsessions; i++) {
        info->used += (t[i].hash != 0);
    }
}


/* A site's index, entered without a limit when it is new. */

int
cr_zone_site_keep(cr_zone_t *z, cr_str_t name)
{
    uint32_t    i;
    cr_site_t  *s;

    if (name.n == 0 || name.n >= CR_SITE_NAME) {
        return CR_ERR;
    }

    for (i = 0; i < z->sites_used; i++) {
        s = cr_zone_sites(z) + i;

        if (s->len == name.n && memcmp(s->name, name.p, name.n) == 0) {
            return (int) i;
        }
    }

    if (i == z->plan.nsites) {
        return CR_FULL;
    }

    s = cr_zone_sites(z) + i;
    memset(s, 0, sizeof(cr_site_t));
    memcpy(s->name, name.p, name.n);
    s->len = (uint32_t) name.n;
    s->quota = z->plan.nsessions;

    cr_settle();
    z->sites_used = i + 1;

    return (int) i;
}


int
cr_zone_site(cr_zone_t *z, cr_str_t name, int quota_pct)
{
    int       site;
    uint64_t  quota;

    site = cr_zone_site_keep(z, name);

    if (site >= 0) {
        quota_pct = (quota_pct < 1 || quota_pct > 100) ? 100 : quota_pct;
        quota = (uint64_t) z->plan.nsessions * (unsigned) quota_pct / 100;
        cr_zone_sites(z)[site].quota = quota < CR_WAYS ? CR_WAYS
                                                       : (uint32_t) quota;
    }

    return site;
}


cr_str_t
cr_zone_site_name(const cr_zone_t *z, int site)
{
    const cr_site_t  *s;

    if (site < 0 || (uint32_t) site >= z->sites_used) {
        return cr_lit("");
    }

    s = cr_zone_sites(z) + site;

    return (cr_str_t) { s->name, s->len };
}
