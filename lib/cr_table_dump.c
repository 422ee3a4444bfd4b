/*
 * cr_table_dump.c: sessions to bytes.
 *
 * A dump is a row of records: mark, length of the body, checksum of the body,
 * body; all numbers little-endian.  A body is a row of sections: kind (one
 * byte), length (two), content.  Readers skip the kinds they do not know, and
 * new fields come at the end of a section, so what is owed can be read across
 * versions; features are read only under the schema they were written in.  An
 * empty body says only that there was nothing in this slice.
 *
 * Versions are not carried over, debts are: the zone that restores them counts
 * on from its own.
 */

#define _GNU_SOURCE

#include "cr_table_int.h"
#include "cr_table_bytes.h"
#include "cr_table_dump.h"


uint32_t
cr_dump_check(const uint8_t *p, size_t n)
{
    size_t    i;
    uint32_t  h;

    h = 0x811c9dc5;

    for (i = 0; i < n; i++) {
        h = (h ^ p[i]) * 0x01000193;
    }

    return h;
}


static size_t
cr_section_open(cr_out_t *o, int kind)
{
    cr_put(o, (unsigned) kind, 1);
    cr_put(o, 0, 2);

    return o->n;
}


static void
cr_section_close(cr_out_t *o, size_t start)
{
    size_t  n;

    if (!o->full) {
        n = o->n - start;
        o->p[start - 2] = (uint8_t) n;
        o->p[start - 1] = (uint8_t) (n >> 8);
    }
}


static void
cr_dump_session(cr_out_t *o, const cr_zone_t *z, uint32_t slot)
{
    size_t               at;
    cr_str_t             site;
    const cr_tag_t      *t;
    const cr_session_t  *s;

    t = cr_zone_tags(z) + slot;
    s = cr_zone_session(z, slot);
    site = cr_zone_site_name(z, (int) s->site);

    at = cr_section_open(o, CR_DUMP_SESSION);
    cr_put(o, site.n, 1);
    cr_put_bytes(o, site.p, site.n);
    cr_put_bytes(o, s->id.b, CR_ID_LEN);
    cr_put(o, t->last_s, 4);
    cr_put(o, s->first_s, 4);
    cr_put(o, s->stage, 1);
    cr_put(o, s->tier, 1);
    cr_put(o, s->arm, 1);
    cr_put(o, s->reason, 1);
    cr_put(o, s->last_event, 1);
    cr_put(o, s->gpc, 1);
    cr_put(o, s->bot, 1);
    cr_put(o, s->triggered, 1);
    cr_put(o, s->arm_epoch, 4);
    cr_put_float(o, s->score);
    cr_put(o, s->step_event, 4);
    cr_put_text(o, s->locale, sizeof(s->locale));
    cr_put_bytes(o, s->journey, sizeof(s->journey));
    cr_put(o, s->decision_seq, 4);
    cr_put(o, s->shown_s, 4);
    cr_put(o, s->shown, 4);
    cr_section_close(o, at);
}


static void
cr_dump_owed(cr_out_t *o, cr_session_t *s)
{
    int                k;
    size_t             at;
    uint32_t           i, held, pending;
    const cr_order_t  *order;

    at = cr_section_open(o, CR_DUMP_OWED);
    cr_put(o, cr_owed_bits(s), 1);
    cr_put(o, s->optout, 1);
    cr_put(o, s->order_cart, 4);
    cr_put(o, s->acked_s, 4);
    cr_put(o, CR_KIND_MAX, 1);

    for (k = 0; k < CR_KIND_MAX; k++) {
        cr_put(o, s->sent_s[k], 4);
    }

    held = cr_orders_held(s);
    pending = cr_orders_pending(s);
    cr_put(o, held, 1);

    for (i = 0; i < held; i++) {
        order = cr_order_at(s, s->version[CR_KIND_ORDER] - held + 1 + i);

        cr_put(o, i >= held - pending, 1);
        cr_put(o, (uint64_t) order->total, 8);
        cr_put(o, order->at_s, 4);
        cr_put_text(o, order->currency, sizeof(order->currency));
        cr_put_text(o, order->id, sizeof(order->id));
    }

    cr_section_close(o, at);
}


static void
cr_dump_cart(cr_out_t *o, const cr_cart_t *c)
{
    int               i, n;
    size_t            at;
    const cr_line_t  *l;

    n = c->nlines < CR_CART_LINES ? c->nlines : CR_CART_LINES;

    at = cr_section_open(o, CR_DUMP_CART);
    cr_put(o, (uint64_t) c->total, 8);
    cr_put(o, (uint64_t) c->subtotal, 8);
    cr_put(o, (uint64_t) c->shipping, 8);
    cr_put_text(o, c->currency, sizeof(c->currency));
    cr_put(o, c->version, 4);
    cr_put(o, c->total_version, 4);
    cr_put(o, c->updated_s, 4);
    cr_put(o, c->pieces, 2);
    cr_put(o, c->cut, 1);
    cr_put_text(o, c->key, sizeof(c->key));
    cr_put(o, (unsigned) n, 1);

    for (i = 0; i < n; i++) {
        l = &c->lines[i];
        cr_put(o, (uint64_t) l->price, 8);
        cr_put(o, l->qty, 4);
        cr_put_text(o, l->ref, sizeof(l->ref));
        cr_put_text(o, l->name, sizeof(l->name));
        cr_put_text(o, l->opt, sizeof(l->opt));
    }

    cr_section_close(o, at);
}


static void
cr_dump_contact(cr_out_t *o, const cr_contact_t *c)
{
    size_t  at, email, phone;

    email = c->email_len <= sizeof(c->email) ? c->email_len : 0;
    phone = c->phone_len <= sizeof(c->phone) ? c->phone_len : 0;

    at = cr_section_open(o, CR_DUMP_CONTACT);
    cr_put_bytes(o, c->look, sizeof(c->look));
    cr_put_bytes(o, c->phone_look, sizeof(c->phone_look));
    cr_put(o, c->consent, 1);
    cr_put(o, c->consent_known, 1);
    cr_put(o, c->at_s, 4);
    cr_put_text(o, c->country, sizeof(c->country));
    cr_put(o, email, 2);
    cr_put_bytes(o, c->email, email);
    cr_put(o, phone, 2);
    cr_put_bytes(o, c->phone, phone);
    cr_section_close(o, at);
}


static void
cr_dump_features(cr_out_t *o, const cr_features_t *x, uint64_t schema)
{
    int     i;
    size_t  at;

    at = cr_section_open(o, CR_DUMP_FEATURES);
    cr_put(o, schema, 8);

    for (i = 0; i < CR_F_MAX; i++) {
        cr_put_float(o, x->f[i]);
    }

    cr_put_float(o, x->value_max);
    cr_put(o, x->first_s, 4);
    cr_put(o, x->last_s, 4);
    cr_put(o, x->checkout_s, 4);
    cr_put(o, x->products, 8);
    cr_section_close(o, at);
}


static void
cr_dump_record(cr_out_t *o, const cr_zone_t *z, uint32_t slot)
{
    size_t     head, n;
    uint32_t   i;
    cr_out_t   h;

    head = o->n;
    cr_put(o, CR_DUMP_MARK, 4);
    cr_put(o, 0, 8);

    if (slot != CR_NO_SLOT) {
        cr_dump_session(o, z, slot);
        cr_dump_owed(o, cr_zone_session(z, slot));

        i = cr_pool_find(z, CR_POOL_CART, slot);

        if (i != CR_NO_SLOT) {
            cr_dump_cart(o, cr_pool_cart(z, i));
        }

        i = cr_pool_find(z, CR_POOL_CONTACT, slot);

        if (i != CR_NO_SLOT) {
            cr_dump_contact(o, cr_pool_contact(z, i));
        }

        cr_dump_features(o, &cr_zone_session(z, slot)->features, z->schema);
    }

    if (o->full) {
        return;
    }

    n = o->n - head - CR_DUMP_HEAD;

    h.p = o->p + head + 4;
    h.n = 0;
    h.cap = 8;
    h.full = 0;

    cr_put(&h, n, 4);
    cr_put(&h, cr_dump_check(o->p + head + CR_DUMP_HEAD, n), 4);
}


int
cr_zone_dump(cr_zone_t *z, uint32_t *cursor, uint32_t n, char *buf, size_t cap)
{
    size_t      done;
    uint32_t    i, end;
    cr_tag_t   *t;
    cr_out_t    o;

    if (*cursor >= z->plan.nsessions) {
        return 0;
    }

    if (cap < CR_DUMP_HEAD) {
        return CR_FULL;
    }

    i = *cursor;
    end = n < z->plan.nsessions - i ? i + n : z->plan.nsessions;

    o.p = (uint8_t *) buf;
    o.n = 0;
    o.cap = cap < INT32_MAX ? cap : INT32_MAX;
    o.full = 0;

    for ( /* void */ ; i < end; i++) {
        t = cr_zone_tags(z) + i;

        if (t->hash == 0) {
            continue;
        }

        if (t->gen & 1) {
            cr_table_repair(z, i);
        }

        if (t->owes == 0 && cr_table_expired(z, t, z->now_s)) {
            continue;
        }

        done = o.n;
        cr_dump_record(&o, z, i);

        if (o.full) {
            if (done == 0) {
                return CR_FULL;
            }

            o.n = done;
            break;
        }
    }

    *cursor = i;

    if (o.n == 0) {
        cr_dump_record(&o, z, CR_NO_SLOT);
    }

    return (int) o.n;
}
