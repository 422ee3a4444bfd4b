/*
 * A writer dies between any two instructions: it is single-stepped, and each
 * state of the memory that it leaves behind is taken over by another process's
 * eyes.  The control writes in the wrong order and must be found out.
 */

#define _GNU_SOURCE

#include "check.h"

#include "cr_table_int.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE  CR_ZONE_MIN
#define NOW   1800000000u
#define ALL   (CR_BIT(CR_KIND_MAX) - 1)

typedef void (*act_pt)(void);

typedef struct {
    int  steps;
    int  states;
    int  bad;
    int  finished;
} run_t;

/* P Q R are acknowledged, B is owed, C is what the writer adds */

static const char  names[] = "PQRABC";

static void       *mem, *copy;
static cr_zone_t  *z;
static int         shop;
static cr_id_t     id;
static uint32_t    slot, item;


static cr_order_t
order(char name)
{
    cr_order_t  o;

    memset(&o, 0, sizeof(o));
    memset(o.id, name, 20);
    o.total = 0x0101010101010101 * name;
    o.at_s = NOW;
    memset(o.currency, name, 3);

    return o;
}


static void
add(char name)
{
    cr_order_t  o;

    o = order(name);
    (void) cr_session_begin(z, slot);
    (void) cr_owe_order(z, slot, &o, NOW);
    cr_session_end(z, slot, NOW);
}


static void
set_up(int held)
{
    const char  *p;

    (void) cr_zone_init(mem, SIZE, 1, 3600);
    z = cr_zone_attach(mem, SIZE);
    shop = cr_zone_site(z, cr_lit("shop"), 100);
    memset(&id, 0x17, sizeof(id));
    slot = cr_session_take(z, shop, &id, NOW);

    for (p = names + 4 - held; *p != 'B'; p++) {
        add(*p);
    }

    cr_owed_ack(z, shop, &id, CR_KIND_ORDER,
                cr_session_get(z, slot)->version[CR_KIND_ORDER], NOW);
    add('B');

    (void) cr_session_begin(z, slot);
    cr_session_cart_take(z, slot, NOW)->total = 100;
    cr_owe(z, slot, CR_KIND_CART);
    cr_owe(z, slot, CR_KIND_CONSENT);
    cr_session_end(z, slot, NOW);

    item = cr_pool_find(z, CR_POOL_CART, slot);
}


static void
write_right(void)
{
    cr_order_t     o;
    cr_session_t  *s;

    o = order('C');
    s = cr_session_begin(z, slot);
    s->features.f[CR_F_pages] += 1;
    s->features.f[CR_F_adds] += 1;
    cr_session_cart_take(z, slot, NOW)->total = 200;
    cr_owe(z, slot, CR_KIND_CART);
    s->optout = 1;
    cr_owe(z, slot, CR_KIND_OPTOUT);
    (void) cr_owe_order(z, slot, &o, NOW);
    cr_session_end(z, slot, NOW);
}


static void
write_wrong(void)
{
    cr_order_t     o;
    cr_session_t  *s;

    o = order('C');
    s = cr_session_begin(z, slot);
    s->version[CR_KIND_ORDER]++;
    cr_settle();
    *cr_order_at(s, s->version[CR_KIND_ORDER]) = o;
    cr_settle();
    s->norders = (uint8_t) (s->norders < CR_ORDERS ? s->norders + 1
                                                   : CR_ORDERS);
    cr_session_end(z, slot, NOW);
}


static void
drop_and_take(void)
{
    cr_session_drop(z, slot);
    (void) cr_session_take(z, shop, &id, NOW);
}


/* The orders owed are those of `names` that end with B or C, whole. */

static int
orders_whole(const cr_owed_t *o)
{
    int          i, from;
    cr_order_t   want;
    const char  *at;

    if (o->s.norders == 0) {
        return 0;
    }

    at = strchr(names, o->s.order[0].id[0]);

    if (at == NULL || *at == '\0') {
        return 0;
    }

    from = (int) (at - names);

    for (i = 0; i < o->s.norders; i++) {
        want = order(names[from + i]);

        if (memcmp(&want, &o->s.order[i], sizeof(want)) != 0) {
            return 0;
        }
    }

    return o->s.order[i - 1].id[0] >= 'B';
}


/* Takes the memory over as it is; 1 when something does not hold. */

static int
look(int *finished)
{
    uint32_t      cursor, found;
    cr_zone_t    *y;
    cr_owed_t     o;

    memcpy(copy, mem, SIZE);
    y = cr_zone_attach(copy, SIZE);
    cursor = 0;
    found = cr_owed_next(y, &cursor, y->plan.nsessions,
                         CR_BIT(CR_KIND_ORDER));

    if (found != slot
        || cr_owed_copy(y, slot, ALL, NOW + 50, NOW + 40, &o) != 1
        || !orders_whole(&o) || o.s.order[0].id[0] != 'B'
        || !(o.owes & CR_BIT(CR_KIND_CART)) || !o.has_cart
        || !(o.owes & CR_BIT(CR_KIND_CONSENT))
        || ((o.owes & CR_BIT(CR_KIND_OPTOUT)) && !o.s.optout)
        || o.s.features.f[CR_F_pages] != o.s.features.f[CR_F_adds]
        || (o.cart.total != 100 && o.cart.total != 200
            && o.cart.total != CR_AMOUNT_UNKNOWN))
    {
        return 1;
    }

    *finished = o.s.norders == 2 && (o.owes & CR_BIT(CR_KIND_OPTOUT));

    /* what Redis lost is owed again as it was */

    cursor = 0;
    (void) cr_owed_again(y, &cursor, y->plan.nsessions, NOW);

    return cr_owed_copy(y, slot, CR_BIT(CR_KIND_ORDER), NOW + 99, NOW + 98, &o)
           != 1 || !orders_whole(&o);
}


/* A slot that is taken anew owes nothing and is found again. */

static int
look_taken(int *finished)
{
    uint32_t    again;
    cr_zone_t  *y;

    memcpy(copy, mem, SIZE);
    y = cr_zone_attach(copy, SIZE);

    *finished = y->floor != 0 && y->floor % CR_ORDERS == 0;
    again = cr_session_take(y, shop, &id, NOW);

    if (again == CR_NO_SLOT || cr_session_cart_take(y, again, NOW) == NULL) {
        return 1;
    }

    return cr_zone_sites(y)[shop].used > 2;
}


static int
changed(char *last)
{
    size_t  n;
    char   *p;

    n = sizeof(cr_session_t);
    p = (char *) cr_zone_session(z, slot);

    if (memcmp(last, p, n) == 0
        && memcmp(last + n, cr_zone_tags(z) + slot, sizeof(cr_tag_t)) == 0
        && memcmp(last + n + sizeof(cr_tag_t), cr_pool_cart(z, item), 32) == 0)
    {
        return 0;
    }

    memcpy(last, p, n);
    memcpy(last + n, cr_zone_tags(z) + slot, sizeof(cr_tag_t));
    memcpy(last + n + sizeof(cr_tag_t), cr_pool_cart(z, item), 32);

    return 1;
}


static run_t
run(act_pt act, int (*check)(int *))
{
    int           status;
    run_t         r;
    pid_t         pid;
    static char   last[sizeof(cr_session_t) + sizeof(cr_tag_t) + 32];

    memset(&r, 0, sizeof(r));
    memset(last, 0, sizeof(last));
    fflush(stdout);

    pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(3);
        }

        (void) raise(SIGSTOP);
        act();
        _exit(0);
    }

    while (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {

        if (changed(last)) {
            r.states++;
            r.bad += check(&r.finished);
        }

        r.steps++;

        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0) {
            break;
        }
    }

    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        r.steps = 0;
    }

    return r;
}


int
main(void)
{
    int    held;
    run_t  r;

    mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
               -1, 0);
    copy = aligned_alloc(64, SIZE);

    set_up(1);
    r = run(write_wrong, look);

    if (r.steps == 0) {
        free(copy);
        return SKIP_ALL("no process may be traced here");
    }

    OK_TEXT(r.bad > 0, "control: data behind its version is found out");

    for (held = 0; held <= 4; held++) {
        set_up(held);
        r = run(write_right, look);
        printf("# %d held: %d instructions, %d states\n", held, r.steps,
               r.states);
        EQ_INT(r.bad, 0);
        OK(r.states >= 15);
        OK_TEXT(r.finished, "at the end the new order is owed");
    }

    set_up(4);
    r = run(drop_and_take, look_taken);
    EQ_INT(r.bad, 0);
    OK(r.states >= 4);
    OK_TEXT(r.finished, "versions go on behind the dropped slot's");

    free(copy);
    (void) munmap(mem, SIZE);

    return check_done();
}
