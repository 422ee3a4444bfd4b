/*
 * The library's own figures, as one JSON object: a URL against the largest
 * profile and against its patterns one by one, a session's update with one
 * process on the lock and with two, and what a table loses at a load.
 *
 * Times are the least of runs that take turns; each has a twin of itself beside
 * it, whose ratio is the error of the measurement.
 */

#define _GNU_SOURCE

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "cr_profile_int.h"
#include "cr_table_int.h"


#define ROUNDS   15
#define TIMES    2000
#define UPDATES  200000
#define NOW      1800000000u
#define ZONE     (16 * 1024 * 1024)


static const char *const  urls[] = {
    "GET /", "GET /index.php?route=product/product&product_id=40",
    "GET /index.php?route=product/category&path=20_27&sort=p.price",
    "GET /index.php?route=checkout/cart",
    "POST /index.php?route=checkout/cart.add",
    "GET /index.php?route=common/cart.info",
    "POST /index.php?route=checkout/register.save",
    "GET /index.php?route=checkout/success",
    "GET /desktops/mac/imac", "GET /blog/2026/11/a-longer-title-of-a-post",
    "GET /index.php?route=product/search&search=camera&page=2",
    "POST /index.php?route=extension/opencart/payment/cod.confirm"
};

#define NURLS  (sizeof(urls) / sizeof(urls[0]))


typedef struct {
    int                ngroups;
    pcre2_code        *re[256];  /* each rule's pattern alone */
    pcre2_match_data  *md;
    cr_profile_t      *profile;
} patterns_t;


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}


/* Whatever else the machine does only adds to a time. */

static double
least(const double *v, int n)
{
    int     i;
    double  t;

    for (t = v[0], i = 1; i < n; i++) {
        t = v[i] < t ? v[i] : t;
    }

    return t;
}


static void
die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}


/* The profile whole, and each of its rules as a profile of its own. */

static void
patterns_load(patterns_t *x, const char *name)
{
    char        *text;
    json_t      *root, *rules, *one;
    size_t       i;
    cr_str_t     json;
    cr_error_t   err;

    json = cr_profile_builtin(name);
    x->profile = cr_profile_compile(json.p, json.n, &err);
    root = json_loadb(json.p, json.n, 0, NULL);

    if (x->profile == NULL || root == NULL) {
        die("a profile does not compile");
    }

    rules = json_incref(json_object_get(root, "rules"));
    json_object_del(root, "quick");

    for (i = 0; i < json_array_size(rules); i++) {
        one = json_array();
        json_array_append(one, json_array_get(rules, i));
        json_object_set_new(root, "rules", one);

        text = json_dumps(root, JSON_COMPACT);
        x->re[i] = NULL;

        if (text != NULL) {
            cr_profile_t  *p = cr_profile_compile(text, strlen(text), &err);

            x->re[i] = p ? p->re : NULL;
            free(text);
        }

        if (x->re[i] == NULL) {
            die("a rule does not compile alone");
        }
    }

    x->ngroups = (int) i;
    x->md = pcre2_match_data_create(8, NULL);
    json_decref(rules);
    json_decref(root);
}


static int
one_by_one(const patterns_t *x, const char *url, size_t n)
{
    int  i;

    for (i = 0; i < x->ngroups; i++) {
        if (pcre2_jit_match(x->re[i], (PCRE2_SPTR) url, n, 0, 0, x->md, NULL)
            >= 0)
        {
            return i;
        }
    }

    return -1;
}


static int
at_once(const patterns_t *x, const char *url, size_t n)
{
    PCRE2_SPTR  mark;

    if (x->profile->quick != NULL
        && pcre2_jit_match(x->profile->quick, (PCRE2_SPTR) url, n, 0, 0,
                           x->profile->small, NULL) < 0)
    {
        return -1;
    }

    if (pcre2_jit_match(x->profile->re, (PCRE2_SPTR) url, n, 0, 0,
                        x->profile->md, NULL) < 0)
    {
        return -1;
    }

    mark = pcre2_get_mark(x->profile->md);

    return mark ? atoi((const char *) mark) : -1;
}


/* ns a URL */

static double
classify_time(const patterns_t *x, char (*subject)[256], int which)
{
    int              i;
    size_t           k;
    double           from;
    volatile int     sink;

    sink = 0;
    from = now();

    for (i = 0; i < TIMES; i++) {
        for (k = 0; k < NURLS; k++) {
            sink += which ? at_once(x, subject[k] + 64, strlen(urls[k]))
                          : one_by_one(x, subject[k] + 64, strlen(urls[k]));
        }
    }

    return (now() - from) / TIMES / NURLS + (sink == INT32_MIN);
}


static void
classification(const char *name)
{
    int         i, same;
    char        subject[NURLS][256];
    double      all[ROUNDS], twin[ROUNDS], each[ROUNDS];
    size_t      k;
    patterns_t  x;

    patterns_load(&x, name);
    memset(subject, 0, sizeof(subject));

    for (same = 0, k = 0; k < NURLS; k++) {
        memcpy(subject[k] + 64, urls[k], strlen(urls[k]));
        same += one_by_one(&x, subject[k] + 64, strlen(urls[k]))
                == at_once(&x, subject[k] + 64, strlen(urls[k]));
    }

    if (same != (int) NURLS) {
        die("the two ways to classify do not agree");
    }

    for (i = 0; i < ROUNDS; i++) {
        all[i] = classify_time(&x, subject, 1);
        each[i] = classify_time(&x, subject, 0);
        twin[i] = classify_time(&x, subject, 1);
    }

    printf("\"classify\":{\"profile\":\"%s\",\"rules\":%d,\"ns\":%.1f,"
           "\"one_by_one\":%.3f,\"aa\":%.3f},", name, x.ngroups,
           least(all, ROUNDS), least(each, ROUNDS) / least(all, ROUNDS),
           least(twin, ROUNDS) / least(all, ROUNDS));
}


/* ---- the lock ---- */

typedef struct {
    atomic_int  lock;
    atomic_int  go;
    cr_zone_t  *z;
} shared_t;


static void
update(shared_t *s, const cr_id_t *ids, int site, int n)
{
    int                  i, spin;
    uint32_t             slot;
    cr_session_t        *session;
    cr_features_event_t  fe;

    memset(&fe, 0, sizeof(fe));
    fe.page = 1;
    fe.event = CR_EV_VIEW_PRODUCT;
    fe.status = 200;
    fe.upstream_ms = 12;
    fe.cart_value = fe.cart_shipping = fe.free_from = CR_AMOUNT_UNKNOWN;

    for (i = 0; i < n; i++) {
        for (spin = 0; atomic_exchange_explicit(&s->lock, 1,
                                                memory_order_acquire); spin++)
        {
            if (spin > 2048) {
                (void) sched_yield();
            }
        }

        slot = cr_session_find(s->z, site, &ids[i & 1023], NOW);

        if (slot != CR_NO_SLOT) {
            fe.product = (uint64_t) i;
            session = cr_session_begin(s->z, slot);
            cr_features_event(&session->features, &fe, NOW);
            cr_session_end(s->z, slot, NOW);
        }

        atomic_store_explicit(&s->lock, 0, memory_order_release);
    }
}


/* ns an update of this process; with a second one that does the same. */

static double
update_time(shared_t *s, const cr_id_t *ids, int site, int two)
{
    pid_t   pid;
    double  from, took;

    atomic_store(&s->go, 0);
    pid = two ? fork() : 0;

    if (two && pid == 0) {
        while (!atomic_load(&s->go)) { /* void */ }

        update(s, ids, site, 2 * UPDATES);
        _exit(0);
    }

    atomic_store(&s->go, 1);

    from = now();
    update(s, ids, site, UPDATES);
    took = (now() - from) / UPDATES;

    if (two) {
        (void) waitpid(pid, NULL, 0);
    }

    return took;
}


static void
random_id(cr_id_t *id, uint64_t *state)
{
    int       i;
    uint64_t  x;

    for (i = 0; i < 2; i++) {
        *state += UINT64_C(0x9e3779b97f4a7c15);
        x = *state;
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;
        memcpy(id->b + 8 * i, &x, 8);
    }
}


static cr_zone_t *
zone_new(void *mem)
{
    memset(mem, 0, ZONE);

    if (cr_zone_init(mem, ZONE, 1800000000000, 86400) != CR_OK) {
        die("no zone");
    }

    return cr_zone_attach(mem, ZONE);
}


static void
lock(void *mem)
{
    int        i, site;
    double     one[ROUNDS], two[ROUNDS], twin[ROUNDS];
    cr_id_t    ids[1024];
    shared_t  *s;
    uint64_t   state;

    s = mmap(NULL, sizeof(shared_t), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (s == MAP_FAILED) {
        die("no memory");
    }

    s->z = zone_new(mem);
    site = cr_zone_site(s->z, cr_lit("shop"), 100);
    state = 1;

    for (i = 0; i < 1024; i++) {
        random_id(&ids[i], &state);
        (void) cr_session_take(s->z, site, &ids[i], NOW);
    }

    for (i = 0; i < ROUNDS; i++) {
        one[i] = update_time(s, ids, site, 0);
        two[i] = update_time(s, ids, site, 1);
        twin[i] = update_time(s, ids, site, 0);
    }

    printf("\"update\":{\"ns\":%.1f,\"two_processes\":%.3f,\"aa\":%.3f},",
           least(one, ROUNDS), least(two, ROUNDS) / least(one, ROUNDS),
           least(twin, ROUNDS) / least(one, ROUNDS));
}


/* ---- what a table loses ---- */

/* A session with a cart that has a line. */

static int
live(cr_zone_t *z, int site, uint64_t *state)
{
    cr_id_t    id;
    uint32_t   slot;
    cr_cart_t *cart;

    random_id(&id, state);
    slot = cr_session_take(z, site, &id, NOW);

    if (slot == CR_NO_SLOT) {
        return 0;
    }

    (void) cr_session_begin(z, slot);
    cart = cr_session_cart_take(z, slot, NOW);

    if (cart != NULL) {
        (void) cr_cart_line(cart, cr_lit("sku"), 1, 1, 100, cr_lit("a"),
                            cr_lit(""));
    }

    cr_session_end(z, slot, NOW);

    return cart != NULL;
}


static double
lost_at(void *mem, double load)
{
    int             site;
    uint32_t        i, n;
    uint64_t        state;
    cr_zone_t      *z;
    cr_zone_info_t  info;

    z = zone_new(mem);
    site = cr_zone_site(z, cr_lit("shop"), 100);
    cr_zone_info(z, &info);
    n = (uint32_t) (info.sessions * load);
    state = (uint64_t) (load * 100);

    for (i = 0; i < n; i++) {
        cr_id_t  id;

        random_id(&id, &state);
        (void) cr_session_take(z, site, &id, NOW);
    }

    return 1 - (double) (cr_zone_info(z, &info), info.used) / n;
}


/* One shop has a tenth of its share of live carts, another brings five times
 * the table: what the first one still has. */

static double
kept_in_flood(void *mem, uint32_t *carts)
{
    int             quiet, loud;
    uint32_t        i, n, kept;
    uint64_t        state, again;
    cr_id_t         id;
    cr_zone_t      *z;
    cr_zone_info_t  info;

    z = zone_new(mem);
    quiet = cr_zone_site(z, cr_lit("quiet"), 50);
    loud = cr_zone_site(z, cr_lit("loud"), 50);
    cr_zone_info(z, &info);

    n = info.carts / 10;
    state = 7;

    for (i = 0; i < n; i++) {
        (void) live(z, quiet, &state);
    }

    state = 8;

    for (i = 0; i < 5 * info.sessions; i++) {
        (void) live(z, loud, &state);
    }

    again = 7;

    for (i = 0, kept = 0; i < n; i++) {
        random_id(&id, &again);
        kept += cr_session_find(z, quiet, &id, NOW) != CR_NO_SLOT
                && cr_session_cart(z, cr_session_find(z, quiet, &id, NOW))
                   != NULL;
    }

    *carts = n;

    return (double) kept / n;
}


int
main(void)
{
    void      *mem;
    double     kept;
    uint32_t   carts;

    mem = mmap(NULL, ZONE, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (mem == MAP_FAILED) {
        die("no memory");
    }

    printf("{");
    classification("opencart4");
    lock(mem);

    kept = kept_in_flood(mem, &carts);

    printf("\"table\":{\"session_bytes\":%zu,\"cart_bytes\":%zu,"
           "\"lost_at_50\":%.5f,\"lost_at_70\":%.5f,"
           "\"flood\":{\"carts\":%u,\"kept\":%.4f}}}\n",
           sizeof(cr_session_t) + sizeof(cr_tag_t), sizeof(cr_cart_t),
           lost_at(mem, .5), lost_at(mem, .7), carts, kept);

    return 0;
}
