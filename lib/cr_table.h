/*
 * cr_table.h: the session zone.  One block of memory, shared by processes that
 * map it at any address: a header, 16-way set-associative tables of fixed
 * slots (sessions; carts and contacts by index and generation), a log ring.
 * No pointers, no allocation.
 *
 * Locking is the caller's (nginx: the zone's slab mutex).  Every function here
 * wants it held unless it says otherwise, and runs in O(1) or over the bounded
 * slice it is told to.
 *
 * A writer may die anywhere.  A slot's generation is odd while it is written:
 * whoever finds it odd drops the feature block, keeps the owed part (which is
 * written last, each field by one store) and makes it even again.
 */

#ifndef CR_TABLE_H
#define CR_TABLE_H

#include "cr_base.h"
#include "cr_cart.h"
#include "cr_features.h"
#include "cr_token.h"
#include "cr_word.h"


#define CR_WAYS        16
#define CR_NO_SLOT     UINT32_MAX
#define CR_ORDERS      4         /* unacknowledged orders a session holds */
#define CR_LOG_BYTES   480

/* 16 bytes, contiguous: a 16-way look-up reads four cache lines. */

typedef struct {
    uint64_t   hash;             /* of (site, id); 0 = empty */
    uint32_t   last_s;
    uint16_t   gen;              /* odd: being written */
    uint8_t    owes;             /* bit per kind without acknowledgement */
    uint8_t    flags;            /* CR_TAG_* */
} cr_tag_t;

#define CR_TAG_CART    1         /* has a cart with lines */
#define CR_TAG_ORDERED 2

typedef struct {
    cr_id_t    id;
    uint32_t   site;             /* index into the header's sites */
    uint32_t   first_s;

    uint32_t   cart;             /* slot index or CR_NO_SLOT, */
    uint16_t   cart_gen;         /* and its generation when taken */
    uint16_t   contact_gen;
    uint32_t   contact;

    uint8_t    stage;
    uint8_t    tier;
    uint8_t    arm;
    uint8_t    reason;
    uint8_t    last_event;
    uint8_t    gpc;
    uint8_t    bot;
    uint8_t    triggered;        /* arm was assigned and logged */
    uint32_t   arm_epoch;
    float      score;            /* as last computed, NaN = never */
    uint32_t   step_event;       /* event that the owed STEP tells */
    char       locale[8];
    uint8_t    journey[16];      /* restored from this journey, 0 = none */

    uint32_t   beacon_s;         /* rate limit of beacon bodies */
    uint32_t   beacon_excess;    /* in 1/1000 bodies */

    uint32_t   decision_seq;     /* compare-and-set, see below */
    uint32_t   shown_s;
    uint32_t   shown;

    cr_features_t  features;     /* dropped when a writer died */

    /* the owed part: committed last */
    uint32_t   version[CR_KIND_MAX];
    uint32_t   acked[CR_KIND_MAX];
    uint32_t   sent_s[CR_KIND_MAX];      /* 0 = not yet; acked: when that was */
    uint32_t   acked_s;          /* of the newest acknowledgement */
    uint32_t   order_cart;       /* cart version of the newest order, plus 1 */
    uint8_t    optout;           /* bit per cr_chan_e that was opted out */
    uint8_t    norders;          /* held, the last acknowledged ones too */
    cr_order_t order[CR_ORDERS]; /* a ring by order number, cr_table_owed.c */
} cr_session_t;                  /* <= 768 bytes, asserted */

typedef struct {
    uint8_t    look[16];         /* HMAC of the address */
    uint8_t    phone_look[16];
    uint8_t    consent;          /* bit per cr_chan_e: marketing box ticked */
    uint8_t    consent_known;    /* bit per cr_chan_e: the box was seen */
    uint16_t   email_len;
    uint16_t   phone_len;
    uint32_t   at_s;
    char       country[4];
    char       email[288];       /* sealed, cr_seal */
    char       phone[96];        /* sealed */
} cr_contact_t;                  /* <= 512 bytes */

/* Counters are plain u64 in the header, each on a cache line of its own group;
 * add with cr_count (relaxed atomic: no lock wanted). */

#define CR_COUNTERS(X)                                                        \
    X(requests) X(injected) X(events) X(sessions_new) X(evicted_empty)        \
    X(evicted_expired) X(evicted_live) X(evicted_owed) X(quota) X(torn)       \
    X(beacons) X(beacons_bad) X(beacons_limited) X(orders) X(contacts)        \
    X(optouts) X(carts) X(cart_cut) X(log_dropped) X(queued) X(acked)         \
    X(queue_errors) X(queue_full) X(reconnects) X(tee_overflow)               \
    X(body_unparsed) X(restores) X(unsubscribes) X(faults) X(dump_saved)      \
    X(dump_loaded) X(decisions) X(decisions_lost) X(evicted_cart)             \
    X(evicted_contact) X(refused) X(messages) X(spliced) X(tag_at_end)        \
    X(scan_capped) X(hooks) X(hooks_refused) X(hooks_repeated)                \
    X(hooks_unanswered) X(address_limited) X(spooled) X(spool_full)

#define CR_ENUM_COUNT(n)  CR_N_##n,

typedef enum { CR_COUNTERS(CR_ENUM_COUNT)  CR_N_MAX } cr_count_e;

extern const char *const  cr_count_word[CR_N_MAX];

#define CR_SITES_MAX   16384

typedef struct cr_zone_s  cr_zone_t;     /* the header; opaque */

typedef struct {
    uint32_t   sessions, carts, contacts, ring, sites;   /* capacities */
    uint32_t   used;                     /* sessions in use */
    uint64_t   epoch;
    uint64_t   schema;
    size_t     bytes;
} cr_zone_info_t;


/* The smallest memory a zone works in. */

#define CR_ZONE_MIN   (1024 * 1024)

/* Lays a zone out in mem (64-byte aligned).  epoch: Unix ms of this boot.
 * CR_OK or CR_FULL (too small). */

int cr_zone_init(void *mem, size_t size, uint64_t epoch, uint32_t ttl_s);

/* The zone that lies in mem, or NULL when magic, layout, size or feature
 * schema are another version's. */

cr_zone_t *cr_zone_attach(void *mem, size_t size);

void cr_zone_info(const cr_zone_t *z, cr_zone_info_t *info);

/* The index of a site by name, entered when new (quota in percent of the
 * sessions it may hold, 1..100).  CR_FULL when the list is full. */

int cr_zone_site(cr_zone_t *z, cr_str_t name, int quota_pct);
cr_str_t cr_zone_site_name(const cr_zone_t *z, int site);

void cr_count(cr_zone_t *z, cr_count_e c, uint64_t n);          /* no lock */
uint64_t cr_counter(const cr_zone_t *z, cr_count_e c);          /* no lock */
void cr_count_skip(cr_zone_t *z, cr_skip_e why);                /* no lock */
uint64_t cr_counter_skip(const cr_zone_t *z, cr_skip_e why);
void cr_count_event(cr_zone_t *z, cr_event_e ev);
uint64_t cr_counter_event(const cr_zone_t *z, cr_event_e ev);
void cr_count_us(cr_zone_t *z, uint32_t us);    /* bucket i: up to 2^i us */
uint64_t cr_counter_us(const cr_zone_t *z, int bucket);         /* 0..15 */


/* ---- sessions ---- */

/* The slot of (site, id), or CR_NO_SLOT.  Expired ones are not found. */

uint32_t cr_session_find(cr_zone_t *z, int site, const cr_id_t *id,
    uint32_t now_s);

/* The same, taking a slot when there is none: empty, expired, without cart,
 * oldest; one that owes something goes last.  A site at its quota evicts its
 * own.  CR_NO_SLOT when all 16 ways are other sites' and owed, or the site is
 * at its quota and none of its own is near. */

uint32_t cr_session_take(cr_zone_t *z, int site, const cr_id_t *id,
    uint32_t now_s);

/* Between begin and end the slot may be written; begin makes the generation
 * odd (and repairs a torn slot), end makes it even and stamps last_s.  No call
 * but those for its cart and contact, cr_owe and cr_owe_order may speak of the
 * slot in between: all others would take it for a dead writer's. */

cr_session_t *cr_session_begin(cr_zone_t *z, uint32_t slot);
void cr_session_end(cr_zone_t *z, uint32_t slot, uint32_t now_s);

/* For reading; torn feature blocks are reset first. */

const cr_session_t *cr_session_get(cr_zone_t *z, uint32_t slot);

void cr_session_drop(cr_zone_t *z, uint32_t slot);

/* The session's cart or contact, NULL when it has none or it was taken by
 * another; _take gives it an empty one where it has none (evicting what is not
 * owed, of the site that has most nearby the oldest, else NULL; never of a site
 * that has less there than the session's own).  Whoever writes calls _take
 * between begin and end: what a dead writer left of a contact is dropped, of a
 * cart its amounts are. */

cr_cart_t *cr_session_cart(cr_zone_t *z, uint32_t slot);
cr_cart_t *cr_session_cart_take(cr_zone_t *z, uint32_t slot, uint32_t now_s);
cr_contact_t *cr_session_contact(cr_zone_t *z, uint32_t slot);
cr_contact_t *cr_session_contact_take(cr_zone_t *z, uint32_t slot,
    uint32_t now_s);

/* Compare-and-set for decisions (caps, cool-downs, what was shown): CR_OK and
 * the sequence rises, or CR_ERR when somebody decided in between. */

int cr_session_decide(cr_zone_t *z, uint32_t slot, uint32_t seq,
    uint32_t now_s);


/* ---- hand-over: what a slot owes ---- */

/* Call inside begin..end after the data is written: the version rises. */

void cr_owe(cr_zone_t *z, uint32_t slot, cr_kind_e kind);

/* Adds an order once per id (a total that was unknown is filled in; without an
 * id: once until the cart's version changes).  1 new, 0 known, CR_FULL. */

int cr_owe_order(cr_zone_t *z, uint32_t slot, const cr_order_t *o,
    uint32_t now_s);

/* A copy of everything that one owed slot has to say, for use without lock.
 * In the copy s.order[0 .. s.norders - 1] are the owed orders alone, oldest
 * first.  The reply is acknowledged with s.version[kind]. */

typedef struct {
    uint32_t      slot;
    uint8_t       owes;          /* bit per kind to be sent now */
    uint8_t       has_cart;
    uint8_t       has_contact;
    uint8_t       hook;          /* told by a webhook, not seen in the path */
    cr_session_t  s;
    cr_cart_t     cart;
    cr_contact_t  contact;
} cr_owed_t;

/* Copies slot out when it owes any of `kinds` (bit set) and those were not
 * sent after retry_s; marks them sent now.  1 copied, 0 nothing. */

int cr_owed_copy(cr_zone_t *z, uint32_t slot, unsigned kinds,
    uint32_t now_s, uint32_t retry_s, cr_owed_t *o);

/* The next slot at or after *cursor that owes any of kinds, looking at no more
 * than n tags; CR_NO_SLOT when there is none in them.  *cursor moves on and
 * wraps to 0 at the end of the table. */

uint32_t cr_owed_next(cr_zone_t *z, uint32_t *cursor, uint32_t n,
    unsigned kinds);

/* Redis has kind up to `version` (orders: all that were in the copy, by
 * position; later ones stay). */

void cr_owed_ack(cr_zone_t *z, int site, const cr_id_t *id, cr_kind_e kind,
    uint32_t version, uint32_t now_s);

/* Owes again what was acknowledged at or after since_s, over n slots from
 * *cursor; returns 1 when the table's end was reached. */

int cr_owed_again(cr_zone_t *z, uint32_t *cursor, uint32_t n,
    uint32_t since_s);

/* Slots that owe at least one of kinds (a scan of the tags, no lock). */

uint32_t cr_owed_count(const cr_zone_t *z, unsigned kinds);


/* ---- log ring: droppable ---- */

/* Appends a record (JSON text of at most CR_LOG_BYTES for site); when the ring
 * is full the record is dropped and counted. */

int cr_log_put(cr_zone_t *z, int site, const cr_id_t *id, cr_str_t text);

typedef struct {
    int        site;
    cr_id_t    id;
    uint64_t   seq;
    uint16_t   len;
    char       text[CR_LOG_BYTES];
} cr_log_t;

/* Takes the oldest record: CR_OK or CR_NONE. */

int cr_log_get(cr_zone_t *z, cr_log_t *rec);

/* A counter that rises with every event sent: the "seq" of snapshots. */

uint64_t cr_zone_seq(cr_zone_t *z);


/* ---- dump and restore ---- */

/* Serialises up to n slots from *cursor into buf: owed records in a form that
 * does not depend on the layout, the rest under the schema id.  Returns bytes
 * written (0 at the table's end) or CR_FULL when buf cannot hold one slot
 * (CR_DUMP_SLOT always can). */

#define CR_DUMP_SLOT   4096

int cr_zone_dump(cr_zone_t *z, uint32_t *cursor, uint32_t n, char *buf,
    size_t cap);

/* Merges dumped bytes: newer wins per session, owed always joins.  Accepts any
 * prefix; returns bytes consumed or CR_ERR at the first damaged record. */

int64_t cr_zone_load(cr_zone_t *z, const char *buf, size_t n, uint32_t now_s);

#endif
