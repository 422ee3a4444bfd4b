/*
 * cr_table_load.c: bytes back to sessions.  Each byte is doubted: a record is
 * read whole into a copy, put right there, and merged only then.
 */

#define _GNU_SOURCE

#include "cr_table_int.h"
#include "cr_table_bytes.h"
#include "cr_table_dump.h"


typedef struct {
    cr_str_t      site;
    cr_tag_t      tag;           /* last_s and owes */
    uint8_t       has_session;
    uint8_t       has_cart;
    uint8_t       has_contact;
    uint8_t       has_features;
    uint8_t       norders;
    uint8_t       order_owed[CR_ORDERS];
    cr_session_t  s;
    cr_cart_t     cart;
    cr_contact_t  contact;
} cr_record_t;


static uint8_t
cr_get_word(cr_in_t *in, unsigned max)
{
    uint8_t  v;

    v = (uint8_t) cr_get(in, 1);

    return v < max ? v : 0;
}


static int64_t
cr_get_amount(cr_in_t *in)
{
    return (int64_t) cr_get(in, 8);
}


static void
cr_get_currency(cr_in_t *in, char currency[4])
{
    int  i;

    cr_get_text(in, currency, 4);

    for (i = 0; i < 3; i++) {
        if (currency[i] < 'A' || currency[i] > 'Z') {
            memset(currency, 0, 4);
            return;
        }
    }
}


static void
cr_load_session(cr_in_t *in, cr_record_t *r)
{
    size_t         i;
    cr_session_t  *s;

    s = &r->s;

    r->site.n = (size_t) cr_get(in, 1);
    r->site.p = (const char *) in->p;

    if (r->site.n == 0 || r->site.n >= CR_SITE_NAME || r->site.n > in->n) {
        in->bad = 1;
        return;
    }

    for (i = 0; i < r->site.n; i++) {
        if (r->site.p[i] <= ' ' || r->site.p[i] > '~'
            || r->site.p[i] == '{' || r->site.p[i] == '}')
        {
            in->bad = 1;
            return;
        }
    }

    in->p += r->site.n;
    in->n -= r->site.n;

    cr_get_bytes(in, s->id.b, CR_ID_LEN);
    r->tag.last_s = (uint32_t) cr_get(in, 4);
    s->first_s = (uint32_t) cr_get(in, 4);
    s->stage = cr_get_word(in, CR_STAGE_MAX);
    s->tier = cr_get_word(in, CR_TIER_MAX);
    s->arm = cr_get_word(in, CR_ARM_MAX);
    s->reason = cr_get_word(in, CR_REASON_MAX);
    s->last_event = cr_get_word(in, CR_EV_MAX);
    s->gpc = cr_get(in, 1) != 0;
    s->bot = cr_get(in, 1) != 0;
    s->triggered = cr_get(in, 1) != 0;
    s->arm_epoch = (uint32_t) cr_get(in, 4);
    s->score = cr_get_float(in);
    s->step_event = (uint32_t) cr_get(in, 4);
    cr_get_text(in, s->locale, sizeof(s->locale));
    cr_get_bytes(in, s->journey, sizeof(s->journey));
    s->decision_seq = (uint32_t) cr_get(in, 4);
    s->shown_s = (uint32_t) cr_get(in, 4);
    s->shown = (uint32_t) cr_get(in, 4);

    if (!(s->score >= 0 && s->score <= 1)) {
        s->score = NAN;
    }

    if (s->step_event >= CR_EV_MAX) {
        s->step_event = CR_EV_NONE;
    }

    r->has_session = !in->bad;
}


static void
cr_load_owed(cr_in_t *in, cr_record_t *r)
{
    uint32_t       i, n;
    cr_order_t    *o;
    cr_session_t  *s;

    s = &r->s;

    r->tag.owes = (uint8_t) (cr_get(in, 1) & (CR_BIT(CR_KIND_MAX) - 1));
    s->optout = (uint8_t) cr_get(in, 1);
    s->order_cart = (uint32_t) cr_get(in, 4);
    s->acked_s = (uint32_t) cr_get(in, 4);
    n = (uint32_t) cr_get(in, 1);

    for (i = 0; i < n; i++) {
        if (i < CR_KIND_MAX) {
            s->sent_s[i] = (uint32_t) cr_get(in, 4);
        } else {
            (void) cr_get(in, 4);
        }
    }

    n = (uint32_t) cr_get(in, 1);

    if (n > CR_ORDERS) {
        in->bad = 1;
        return;
    }

    for (i = 0; i < n; i++) {
        o = &s->order[i];
        r->order_owed[i] = cr_get(in, 1) != 0;
        o->total = cr_get_amount(in);
        o->at_s = (uint32_t) cr_get(in, 4);
        cr_get_currency(in, o->currency);
        cr_get_text(in, o->id, sizeof(o->id));
    }

    r->norders = (uint8_t) n;
}


static void
cr_load_cart(cr_in_t *in, cr_record_t *r)
{
    int         i;
    cr_cart_t  *c;
    cr_line_t  *l;

    c = &r->cart;

    c->total = cr_get_amount(in);
    c->subtotal = cr_get_amount(in);
    c->shipping = cr_get_amount(in);
    cr_get_currency(in, c->currency);
    c->version = (uint32_t) cr_get(in, 4);
    c->total_version = (uint32_t) cr_get(in, 4);
    c->updated_s = (uint32_t) cr_get(in, 4);
    c->pieces = (uint16_t) cr_get(in, 2);
    c->cut = cr_get(in, 1) != 0;
    cr_get_text(in, c->key, sizeof(c->key));
    c->nlines = (uint8_t) cr_get(in, 1);

    if (c->nlines > CR_CART_LINES) {
        in->bad = 1;
        return;
    }

    for (i = 0; i < c->nlines; i++) {
        l = &c->lines[i];
        l->price = cr_get_amount(in);
        l->qty = (uint32_t) cr_get(in, 4);
        cr_get_text(in, l->ref, sizeof(l->ref));
        cr_get_text(in, l->name, sizeof(l->name));
        cr_get_text(in, l->opt, sizeof(l->opt));
    }

    r->has_cart = !in->bad;
}


static void
cr_load_contact(cr_in_t *in, cr_record_t *r)
{
    cr_contact_t  *c;

    c = &r->contact;

    cr_get_bytes(in, c->look, sizeof(c->look));
    cr_get_bytes(in, c->phone_look, sizeof(c->phone_look));
    c->consent = (uint8_t) cr_get(in, 1);
    c->consent_known = (uint8_t) cr_get(in, 1);
    c->at_s = (uint32_t) cr_get(in, 4);
    cr_get_text(in, c->country, sizeof(c->country));

    c->email_len = (uint16_t) cr_get(in, 2);

    if (c->email_len > sizeof(c->email)) {
        in->bad = 1;
        return;
    }

    cr_get_bytes(in, c->email, c->email_len);
    c->phone_len = (uint16_t) cr_get(in, 2);

    if (c->phone_len > sizeof(c->phone)) {
        in->bad = 1;
        return;
    }

    cr_get_bytes(in, c->phone, c->phone_len);
    r->has_contact = !in->bad;
}


static void
cr_load_features(cr_in_t *in, cr_record_t *r, uint64_t schema)
{
    int             i;
    cr_features_t  *x;

    x = &r->s.features;

    if (cr_get(in, 8) != schema) {
        return;
    }

    for (i = 0; i < CR_F_MAX; i++) {
        x->f[i] = cr_get_float(in);
    }

    x->value_max = cr_get_float(in);
    x->first_s = (uint32_t) cr_get(in, 4);
    x->last_s = (uint32_t) cr_get(in, 4);
    x->checkout_s = (uint32_t) cr_get(in, 4);
    x->products = cr_get(in, 8);

    if (isnan(x->value_max)) {
        x->value_max = 0;
    }

    r->has_features = !in->bad;
}


static int
cr_load_body(cr_zone_t *z, cr_record_t *r, const uint8_t *p, size_t n)
{
    int       kind;
    size_t    len;
    cr_in_t   in, part;

    memset(r, 0, sizeof(cr_record_t));

    in.p = p;
    in.n = n;
    in.bad = 0;

    while (in.n) {
        kind = (int) cr_get(&in, 1);
        len = (size_t) cr_get(&in, 2);

        if (in.bad || len > in.n) {
            return CR_ERR;
        }

        part.p = in.p;
        part.n = len;
        part.bad = 0;

        switch (kind) {
        case CR_DUMP_SESSION:
            cr_load_session(&part, r);
            break;
        case CR_DUMP_OWED:
            cr_load_owed(&part, r);
            break;
        case CR_DUMP_CART:
            cr_load_cart(&part, r);
            break;
        case CR_DUMP_CONTACT:
            cr_load_contact(&part, r);
            break;
        case CR_DUMP_FEATURES:
            cr_load_features(&part, r, z->schema);
            break;
        default:
            break;
        }

        if (part.bad) {
            return CR_ERR;
        }

        in.p += len;
        in.n -= len;
    }

    return (n == 0 || r->has_session) ? CR_OK : CR_ERR;
}


/* Everything but what lies in the owed part, by whoever is newer. */

static void
cr_merge_state(cr_session_t *s, const cr_record_t *r)
{
    s->first_s = r->s.first_s;
    s->stage = r->s.stage;
    s->tier = r->s.tier;
    s->arm = r->s.arm;
    s->reason = r->s.reason;
    s->last_event = r->s.last_event;
    s->gpc = r->s.gpc;
    s->bot = r->s.bot;
    s->triggered = r->s.triggered;
    s->arm_epoch = r->s.arm_epoch;
    s->score = r->s.score;
    s->step_event = r->s.step_event;
    s->decision_seq = r->s.decision_seq;
    s->shown_s = r->s.shown_s;
    s->shown = r->s.shown;
    memcpy(s->locale, r->s.locale, sizeof(s->locale));
    memcpy(s->journey, r->s.journey, sizeof(s->journey));

    if (r->has_features) {
        s->features = r->s.features;
    }
}


static int
cr_order_there(cr_session_t *s, const cr_order_t *o)
{
    uint32_t           i, held;
    const cr_order_t  *k;

    held = cr_orders_held(s);

    for (i = 0; i < held; i++) {
        k = cr_order_at(s, s->version[CR_KIND_ORDER] - i);

        if (strcmp(k->id, o->id) == 0 && (o->id[0] || k->at_s == o->at_s)) {
            return 1;
        }
    }

    return 0;
}


/* First the acknowledged ones, which are only remembered, then the owed. */

static void
cr_merge_orders(cr_zone_t *z, uint32_t slot, const cr_record_t *r)
{
    int            i, owed, empty;
    cr_session_t  *s;

    s = cr_zone_session(z, slot);
    empty = s->norders == 0;

    for (owed = 0; owed < 2; owed++) {
        for (i = 0; i < r->norders; i++) {

            if (r->order_owed[i] != owed || (!owed && !empty)
                || cr_order_there(s, &r->s.order[i]))
            {
                continue;
            }

            if (cr_orders_pending(s) == CR_ORDERS) {
                cr_count(z, CR_N_evicted_owed, owed);
                continue;
            }

            cr_order_add(z, slot, &r->s.order[i]);

            if (!owed) {
                s->acked[CR_KIND_ORDER] = s->version[CR_KIND_ORDER];
                s->sent_s[CR_KIND_ORDER] = r->s.sent_s[CR_KIND_ORDER];
            }
        }
    }
}


static void
cr_merge_items(cr_zone_t *z, uint32_t slot, const cr_record_t *r, int fresh,
    uint32_t now_s)
{
    cr_cart_t     *c;
    cr_contact_t  *a;

    c = cr_session_cart(z, slot);

    if (r->has_cart && (c == NULL || (!fresh && r->cart.updated_s
                                                > c->updated_s)))
    {
        c = cr_session_cart_take(z, slot, now_s);

        if (c) {
            *c = r->cart;
        }
    }

    a = cr_session_contact(z, slot);

    if (r->has_contact && (a == NULL || r->contact.at_s > a->at_s)) {
        a = cr_session_contact_take(z, slot, now_s);

        if (a) {
            *a = r->contact;
        }
    }
}


static void
cr_merge_owed(cr_zone_t *z, uint32_t slot, const cr_record_t *r, int fresh)
{
    int            k;
    cr_session_t  *s;

    s = cr_zone_session(z, slot);
    s->optout |= r->s.optout;

    if (fresh) {
        s->order_cart = r->s.order_cart;
        s->acked_s = r->s.acked_s;
    }

    cr_merge_orders(z, slot, r);

    for (k = 0; k < CR_KIND_MAX; k++) {

        if (k == CR_KIND_ORDER) {
            continue;
        }

        if (r->tag.owes & CR_BIT(k)) {
            cr_owe(z, slot, k);

        } else if (fresh && r->s.sent_s[k]) {

            /* said once and acknowledged: it can be owed again */

            s->version[k]++;
            s->acked[k] = s->version[k];
            s->sent_s[k] = r->s.sent_s[k];
        }
    }
}


static void
cr_merge(cr_zone_t *z, cr_record_t *r, uint32_t now_s)
{
    int        site, fresh;
    uint32_t   slot, last;
    cr_tag_t  *t;

    if (r->tag.last_s > now_s) {
        r->tag.last_s = now_s;
    }

    if (r->tag.owes == 0 && cr_table_expired(z, &r->tag, now_s)) {
        return;
    }

    site = cr_zone_site_keep(z, r->site);

    if (site < 0) {
        return;
    }

    slot = cr_table_lookup(z, site, &r->s.id,
                           cr_table_hash(site, &r->s.id));
    fresh = slot == CR_NO_SLOT;

    if (fresh) {
        slot = cr_table_place(z, site, &r->s.id, now_s, &r->tag);

        if (slot == CR_NO_SLOT) {
            cr_count(z, CR_N_evicted_owed, r->tag.owes != 0);
            return;
        }
    }

    t = cr_zone_tags(z) + slot;
    last = t->last_s;

    cr_session_begin(z, slot);

    if (fresh || r->tag.last_s > last) {
        cr_merge_state(cr_zone_session(z, slot), r);
        last = r->tag.last_s;
    }

    cr_merge_items(z, slot, r, fresh, now_s);
    cr_merge_owed(z, slot, r, fresh);
    t->owes = (uint8_t) cr_owed_bits(cr_zone_session(z, slot));
    cr_session_end(z, slot, last);

    z->now_s = now_s;
    cr_count(z, CR_N_dump_loaded, 1);
}


int64_t
cr_zone_load(cr_zone_t *z, const char *buf, size_t n, uint32_t now_s)
{
    size_t       at, len;
    cr_in_t      head;
    uint32_t     mark, check;
    cr_record_t  r;

    z->now_s = now_s;

    for (at = 0; n - at >= CR_DUMP_HEAD; at += CR_DUMP_HEAD + len) {

        head.p = (const uint8_t *) buf + at;
        head.n = CR_DUMP_HEAD;
        head.bad = 0;

        mark = (uint32_t) cr_get(&head, 4);
        len = (size_t) cr_get(&head, 4);
        check = (uint32_t) cr_get(&head, 4);

        if (mark != CR_DUMP_MARK || len > CR_DUMP_SLOT - CR_DUMP_HEAD) {
            return CR_ERR;
        }

        if (len > n - at - CR_DUMP_HEAD) {
            break;
        }

        if (cr_dump_check(head.p, len) != check
            || cr_load_body(z, &r, head.p, len) != CR_OK)
        {
            return CR_ERR;
        }

        if (r.has_session) {
            cr_merge(z, &r, now_s);
        }
    }

    return (int64_t) at;
}
