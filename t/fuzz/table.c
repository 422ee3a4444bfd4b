/*
 * The session zone.  First byte even: the bytes are operations, done to the
 * zone and to a plain model of it, which must agree.  Odd: they are the body of
 * a dumped record (with its checksum made right, or not, by the next bit); what
 * comes out of it must be fit to be sent.
 */

#include "cr_event.h"
#include "cr_table_dump.h"
#include "cr_table_int.h"

#include <stdlib.h>

#define SIZE    CR_ZONE_MIN
#define TTL     1000
#define START   1800000000u
#define RETRY   30
#define NIDS    6
#define NSITES  2
#define ALL     (CR_BIT(CR_KIND_MAX) - 1)

#define CHECK(cond)  if (!(cond)) abort()

typedef struct {
    int       live;
    uint32_t  last;
    uint32_t  version[CR_KIND_MAX];
    uint32_t  acked[CR_KIND_MAX];
    uint32_t  sent[CR_KIND_MAX];
    uint32_t  copied[CR_KIND_MAX];
    uint8_t   order[256];        /* by number, from `base` */
    uint32_t  base;
    uint32_t  acked_s;
    uint32_t  seq;
} model_t;

static _Alignas(64) char  mem[SIZE], mem2[SIZE];


static cr_id_t
id_of(int i)
{
    cr_id_t  id;

    memset(&id, i + 1, sizeof(id));

    return id;
}


static unsigned
owed(const model_t *m)
{
    int       k;
    unsigned  bits;

    for (k = 0, bits = 0; k < CR_KIND_MAX; k++) {
        bits |= m->version[k] != m->acked[k] ? CR_BIT(k) : 0;
    }

    return bits;
}


static int
expired(const model_t *m, uint32_t now)
{
    return now > m->last && now - m->last > TTL;
}


static uint32_t
held(const model_t *m)
{
    uint32_t  added;

    added = m->version[CR_KIND_ORDER] - m->base;

    return added < CR_ORDERS ? added : CR_ORDERS;
}


static void
take(cr_zone_t *z, model_t *m, int site, int i, uint32_t now)
{
    int                  k;
    cr_id_t              id;
    uint32_t             slot;
    const cr_session_t  *s;

    id = id_of(i);
    slot = cr_session_take(z, site, &id, now);
    CHECK(slot != CR_NO_SLOT);
    s = cr_session_get(z, slot);

    if (!m->live || (expired(m, now) && owed(m) == 0)) {

        /* versions go on, never back */

        for (k = 0; k < CR_KIND_MAX; k++) {
            CHECK(!cr_newer(m->version[k], s->version[k]));
            m->version[k] = s->version[k];
            CHECK(s->acked[k] == s->version[k]);
        }

        memcpy(m->acked, m->version, sizeof(m->acked));
        memset(m->sent, 0, sizeof(m->sent));
        m->base = s->version[CR_KIND_ORDER];
        m->acked_s = 0;
        m->seq = 0;
        m->live = 1;
        m->last = now;

    } else if (expired(m, now)) {
        m->last = now;
    }

    CHECK(s->decision_seq == m->seq);
}


static void
add_order(cr_zone_t *z, model_t *m, uint32_t slot, uint8_t name, uint32_t now)
{
    int         want;
    uint32_t    i, n;
    cr_order_t  o;

    memset(&o, 0, sizeof(o));
    o.id[0] = (char) ('a' + name % 8);
    o.total = o.id[0];
    n = m->version[CR_KIND_ORDER] - m->base;
    want = n - (m->acked[CR_KIND_ORDER] - m->base) == CR_ORDERS ? CR_FULL : 1;

    for (i = 0; i < held(m); i++) {
        want = m->order[(n - 1 - i) & 255] == (uint8_t) o.id[0] ? 0 : want;
    }

    (void) cr_session_begin(z, slot);
    CHECK(cr_owe_order(z, slot, &o, now) == want);
    cr_session_end(z, slot, now);
    m->last = now;

    if (want == 1) {
        m->order[n & 255] = (uint8_t) o.id[0];
        m->version[CR_KIND_ORDER]++;
        m->sent[CR_KIND_ORDER] = 0;
    }
}


static void
copy(cr_zone_t *z, model_t *m, uint32_t slot, uint32_t now)
{
    int               k;
    uint32_t          i, n;
    unsigned          due;
    static cr_owed_t  o;

    for (k = 0, due = 0; k < CR_KIND_MAX; k++) {
        if ((owed(m) & CR_BIT(k))
            && (m->sent[k] <= now - RETRY || m->sent[k] > now))
        {
            due |= CR_BIT(k);
            m->sent[k] = now;
            m->copied[k] = m->version[k];
        }
    }

    CHECK(cr_owed_copy(z, slot, ALL, now, now - RETRY, &o) == (due != 0));

    if (due == 0) {
        return;
    }

    CHECK(o.owes == due);
    n = m->version[CR_KIND_ORDER] - m->acked[CR_KIND_ORDER];
    CHECK(o.s.norders == n);

    for (i = 0; i < n; i++) {
        CHECK((uint8_t) o.s.order[i].id[0]
              == m->order[(m->acked[CR_KIND_ORDER] - m->base + i) & 255]);
    }

    for (k = 0; k < CR_KIND_MAX; k++) {
        CHECK(o.s.version[k] == m->version[k]);
    }
}


static void
ack(cr_zone_t *z, model_t *m, int site, int i, int k, uint32_t late,
    uint32_t now)
{
    cr_id_t   id;
    uint32_t  version;

    id = id_of(i);
    version = m->copied[k] > late ? m->copied[k] - late : 0;
    cr_owed_ack(z, site, &id, (cr_kind_e) k, version, now);

    if (m->live && cr_newer(version, m->acked[k])) {
        m->acked[k] = version;
        m->acked_s = now;

        if (m->acked[k] == m->version[k]) {
            m->sent[k] = now;
        }
    }
}


static void
again(cr_zone_t *z, model_t all[NSITES][NIDS], uint32_t since)
{
    int        i, k;
    uint32_t   cursor, owes;
    model_t   *m;

    cursor = 0;
    CHECK(cr_owed_again(z, &cursor, z->plan.nsessions, since) == 1);

    for (i = 0; i < NSITES * NIDS; i++) {
        m = &all[i / NIDS][i % NIDS];

        if (!m->live || m->acked_s < since || m->acked_s == 0) {
            continue;
        }

        for (k = 0; k < CR_KIND_MAX; k++) {
            owes = m->version[k] - m->acked[k];

            if (k == CR_KIND_ORDER) {
                if (held(m) != owes && (owes || m->sent[k] >= since)) {
                    m->acked[k] = m->version[k] - held(m);
                    m->sent[k] = 0;
                }

            } else if (owes == 0 && m->sent[k] && m->sent[k] >= since) {
                m->acked[k]--;
                m->sent[k] = 0;
            }
        }
    }
}


static void
agree(cr_zone_t *z, model_t all[NSITES][NIDS], uint32_t now)
{
    int              site, i;
    cr_id_t          id;
    uint32_t         slot, used, owing;
    cr_zone_info_t   info;

    for (site = 0, used = 0, owing = 0; site < NSITES; site++) {
        for (i = 0; i < NIDS; i++) {
            id = id_of(i);
            slot = cr_session_find(z, site, &id, now);
            CHECK((slot != CR_NO_SLOT)
                  == (all[site][i].live && !expired(&all[site][i], now)));
            used += all[site][i].live != 0;
            owing += all[site][i].live && owed(&all[site][i]);
        }
    }

    cr_zone_info(z, &info);
    CHECK(info.used == used);
    CHECK(cr_owed_count(z, ALL) == owing);
}


/* What is owed is owed by the zone that takes the dump over, too. */

static void
dump(cr_zone_t *z, uint32_t now)
{
    int          n;
    char        *buf;
    uint32_t     cursor;
    cr_zone_t   *y;

    (void) cr_zone_init(mem2, SIZE, 2, TTL);
    y = cr_zone_attach(mem2, SIZE);
    buf = malloc(8 * CR_DUMP_SLOT);
    cursor = 0;

    while ((n = cr_zone_dump(z, &cursor, 256, buf, 8 * CR_DUMP_SLOT)) > 0) {
        CHECK(cr_zone_load(y, buf, (size_t) n, now) == n);
    }

    CHECK(n == 0);
    CHECK(cr_owed_count(y, ALL) == cr_owed_count(z, ALL));
    CHECK(cr_owed_count(y, CR_BIT(CR_KIND_ORDER))
          == cr_owed_count(z, CR_BIT(CR_KIND_ORDER)));

    free(buf);
}


/* One change of a session that lives. */

static void
change(cr_zone_t *z, model_t *m, uint32_t slot, int op, int k, uint32_t now)
{
    cr_kind_e  kind;

    static const uint8_t  kinds[] = {
        CR_KIND_OPTOUT, CR_KIND_CONSENT, CR_KIND_STEP, CR_KIND_CART
    };

    switch (op) {

    case 6:
        kind = (cr_kind_e) kinds[k % 4];
        (void) cr_session_begin(z, slot);
        (void) cr_session_cart_take(z, slot, now);
        cr_owe(z, slot, kind);
        cr_session_end(z, slot, now);
        m->version[kind]++;
        m->sent[kind] = 0;
        m->last = now;
        break;

    case 7:
        add_order(z, m, slot, (uint8_t) k, now);
        break;

    case 8:
        copy(z, m, slot, now);
        break;

    case 10:
        cr_session_drop(z, slot);
        m->live = 0;
        break;

    default:
        if (k & 1) {
            (void) cr_session_begin(z, slot);   /* and dies */
            (void) cr_session_get(z, slot);
            break;
        }

        CHECK(cr_session_decide(z, slot, m->seq, now) == CR_OK);
        CHECK(cr_session_decide(z, slot, m->seq, now) == CR_ERR);
        m->seq++;
        m->last = now;
        break;
    }
}


static void
operate(const uint8_t *p, size_t n)
{
    int             site, i, k;
    size_t          at;
    cr_id_t         id;
    uint32_t        now, slot;
    model_t        *m;
    cr_zone_t      *z;
    static model_t  all[NSITES][NIDS];

    memset(all, 0, sizeof(all));
    (void) cr_zone_init(mem, SIZE, 1, TTL);
    z = cr_zone_attach(mem, SIZE);
    (void) cr_zone_site(z, cr_lit("a"), 100);
    (void) cr_zone_site(z, cr_lit("b"), 100);
    now = START;

    for (at = 0; at + 1 < n && at < 400; at += 2) {
        i = p[at + 1] % NIDS;
        site = p[at + 1] / NIDS % NSITES;
        m = &all[site][i];
        id = id_of(i);
        k = p[at] / 16;
        slot = cr_table_lookup(z, site, &id, cr_table_hash(site, &id));
        CHECK(m->live == (slot != CR_NO_SLOT));

        switch (p[at] % 12) {

        case 0:
            now += (uint32_t) p[at + 1] * (p[at] / 12u);
            break;

        case 1:
            now -= p[at + 1];
            break;

        case 2:
        case 3:
            take(z, m, site, i, now);
            break;

        case 4:
            ack(z, m, site, i, k % CR_KIND_MAX,
                p[at + 1] / (NIDS * NSITES) % 3, now);
            break;

        case 5:
            dump(z, now);
            break;

        case 9:
            again(z, all, now - 5);
            break;

        default:
            if (m->live) {
                change(z, m, slot, p[at] % 12, k, now);
            }

            break;
        }

        agree(z, all, now);
    }
}


static void
ended(const cr_cart_t *c)
{
    int  i;

    CHECK(c->nlines <= CR_CART_LINES);
    CHECK(memchr(c->key, 0, sizeof(c->key)));

    for (i = 0; i < CR_CART_LINES; i++) {
        CHECK(memchr(c->lines[i].ref, 0, sizeof(c->lines[i].ref)));
        CHECK(memchr(c->lines[i].name, 0, sizeof(c->lines[i].name)));
        CHECK(memchr(c->lines[i].opt, 0, sizeof(c->lines[i].opt)));
    }
}


/* Everything that a zone holds can be told, and is bounded. */

static void
tell(cr_zone_t *z, uint32_t now)
{
    int               k, nth, n;
    char              id[CR_EVENT_ID];
    uint32_t          cursor, slot;
    static char       json[CR_EVENT_JSON];
    static cr_owed_t  o;

    cursor = 0;

    do {
        slot = cr_owed_next(z, &cursor, z->plan.nsessions, ALL);

        if (slot == CR_NO_SLOT
            || !cr_owed_copy(z, slot, ALL, now, now - 1, &o))
        {
            continue;
        }

        if (o.has_cart) {
            ended(&o.cart);
        }

        for (k = 0; k < CR_KIND_MAX; k++) {
            for (nth = 0; nth < (k == CR_KIND_ORDER ? o.s.norders : 1); nth++) {
                n = cr_event_json(&o, (cr_kind_e) k, nth, json, sizeof(json));
                CHECK(n < (int) sizeof(json));
                CHECK(!(o.owes & CR_BIT(k)) || n > 0);
                CHECK(cr_event_id(&o, 1, (cr_kind_e) k, nth, id) > 0);
            }
        }
    } while (cursor != 0);
}


static void
load(const uint8_t *p, size_t n, int checked)
{
    size_t      i;
    uint8_t    *rec;
    uint32_t    head[3];
    int64_t     used;
    cr_zone_t  *z;

    (void) cr_zone_init(mem, SIZE, 1, TTL);
    z = cr_zone_attach(mem, SIZE);

    head[0] = CR_DUMP_MARK;
    head[1] = (uint32_t) n;
    head[2] = checked ? cr_dump_check(p, n) : 0;

    rec = malloc(2 * (CR_DUMP_HEAD + n));
    memcpy(rec, head, CR_DUMP_HEAD);
    memcpy(rec + CR_DUMP_HEAD, p, n);
    memcpy(rec + CR_DUMP_HEAD + n, rec, CR_DUMP_HEAD + n);

    n = 2 * (CR_DUMP_HEAD + n);
    used = cr_zone_load(z, (char *) rec, n, START);
    CHECK(used <= (int64_t) n);
    free(rec);

    for (i = 0; i < z->plan.nsessions; i++) {
        if (cr_zone_tags(z)[i].hash) {
            CHECK(cr_zone_tags(z)[i].last_s <= START);
            CHECK(cr_zone_session(z, (uint32_t) i)->site < z->sites_used);
        }
    }

    tell(z, START + 10);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n == 0) {
        return 0;
    }

    if (p[0] & 1) {
        load(p + 1, n - 1, p[0] & 2);
    } else {
        operate(p + 1, n - 1);
    }

    return 0;
}
