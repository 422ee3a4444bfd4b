#define _POSIX_C_SOURCE 200809L

#include "cr_event.h"
#include "cr_json.h"
#include "cr_policy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>


typedef struct {
    char    *buf;
    size_t   cap;
    size_t   len;
    int      full;
} cr_out_t;


static void
cr_put(cr_out_t *o, const char *fmt, ...)
{
    int      n;
    va_list  args;

    if (o->full) {
        return;
    }

    va_start(args, fmt);
    n = vsnprintf(o->buf + o->len, o->cap - o->len, fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= o->cap - o->len) {
        o->full = 1;
        return;
    }

    o->len += (size_t) n;
}


static void
cr_put_text(cr_out_t *o, const char *key, const char *p, size_t n)
{
    int       len;
    cr_str_t  s;

    if (n == 0) {
        return;
    }

    cr_put(o, ",\"%s\":", key);

    if (o->full) {
        return;
    }

    s.p = p;
    s.n = n;
    len = cr_json_quote(o->buf + o->len, o->cap - o->len, s);

    if (len < 0 || (size_t) len >= o->cap - o->len) {
        o->full = 1;
        return;
    }

    o->len += (size_t) len;
    o->buf[o->len] = '\0';
}


static void
cr_put_field(cr_out_t *o, const char *key, const char *text, size_t size)
{
    cr_put_text(o, key, text, strnlen(text, size));
}


static void
cr_put_look(cr_out_t *o, const char *key, const uint8_t look[16])
{
    cr_id_t  id;
    char     hex[CR_ID_HEX_LEN + 1];

    static const uint8_t  none[16];

    if (memcmp(look, none, 16) == 0) {
        return;
    }

    memcpy(id.b, look, CR_ID_LEN);
    cr_id_hex(&id, hex);
    cr_put(o, ",\"%s\":\"%s\"", key, hex);
}


static void
cr_put_arm(cr_out_t *o, const cr_session_t *s)
{
    if (s->arm < CR_ARM_MAX && s->arm != CR_ARM_NONE) {
        cr_put(o, ",\"arm\":\"%s\",\"ep\":%" PRIu32, cr_arm_word[s->arm],
               s->arm_epoch);
    }

    cr_put_field(o, "loc", s->locale, sizeof(s->locale));
}


static const char *
cr_stage_text(uint8_t stage)
{
    return cr_stage_word[stage < CR_STAGE_MAX ? stage : CR_STAGE_NONE];
}


static void
cr_event_cart(cr_out_t *o, const cr_owed_t *d)
{
    int  n, score;

    n = cr_cart_json(&d->cart, o->buf, o->cap);

    if (n < 2) {
        o->full = 1;
        return;
    }

    /* the snapshot's object goes on */

    o->len = (size_t) n - 1;

    cr_put(o, ",\"stage\":\"%s\"", cr_stage_text(d->s.stage));
    cr_put_arm(o, &d->s);

    if (d->s.bot) {
        cr_put(o, ",\"bot\":1");
    }

    if (d->s.score >= 0 && d->s.score <= 1) {
        score = (int) (d->s.score * 100 + 0.5f);
        cr_put(o, ",\"score\":%d.%02d", score / 100, score % 100);
    }

    cr_put(o, "}");
}


static void
cr_event_contact(cr_out_t *o, const cr_owed_t *d)
{
    int                  i, first;
    const cr_contact_t  *c;

    c = &d->contact;

    cr_put(o, "{\"ver\":%" PRIu32 ",\"src\":\"%s\"",
           d->s.version[CR_KIND_CONTACT],
           d->hook ? "hook" : d->s.stage >= CR_STAGE_CHECKOUT ? "checkout"
                                                              : "form");

    if (c->email_len <= sizeof(c->email)) {
        cr_put_text(o, "em", c->email, c->email_len);
    }

    cr_put_look(o, "emh", c->look);

    if (c->phone_len <= sizeof(c->phone)) {
        cr_put_text(o, "ph", c->phone, c->phone_len);
    }

    cr_put_look(o, "phh", c->phone_look);
    cr_put_field(o, "cc", c->country, sizeof(c->country));
    cr_put_arm(o, &d->s);

    cr_put(o, ",\"cons\":{");

    for (i = 0, first = 1; i < CR_CHAN_MAX; i++) {
        if (c->consent_known & (1 << i)) {
            cr_put(o, "%s\"%s\":%d", first ? "" : ",", cr_chan_word[i],
                   (c->consent >> i) & 1);
            first = 0;
        }
    }

    cr_put(o, "}}");
}


static void
cr_event_step(cr_out_t *o, const cr_session_t *s)
{
    cr_id_t   id;
    uint32_t  ev, reason;
    char      hex[CR_ID_HEX_LEN + 1];

    ev = s->step_event < CR_EV_MAX ? s->step_event : CR_EV_NONE;

    cr_put(o, "{\"stage\":\"%s\",\"ev\":\"%s\"", cr_stage_text(s->stage),
           cr_event_word[ev]);

    if (ev == CR_EV_RESTORED) {
        memcpy(id.b, s->journey, CR_ID_LEN);
        cr_id_hex(&id, hex);
        cr_put(o, ",\"j\":\"%s\"", hex);
    }

    reason = ev == CR_EV_PAYMENT_FAILED ? CR_REASON_PAYMENT_FAILURE
                                        : s->reason;

    if (reason != CR_REASON_UNKNOWN && reason < CR_REASON_MAX) {
        cr_put(o, ",\"reason\":\"%s\"", cr_reason_word[reason]);
    }

    cr_put(o, "}");
}


static void
cr_event_order(cr_out_t *o, const cr_owed_t *d, int nth)
{
    const cr_order_t  *order;

    if (nth < 0 || nth >= CR_ORDERS || nth >= d->s.norders) {
        o->full = 1;
        return;
    }

    order = &d->s.order[nth];

    cr_put(o, "{\"src\":\"%s\",\"at\":%" PRIu32 "000",
           d->hook ? "hook" : "path", order->at_s);
    cr_put_field(o, "id", order->id, sizeof(order->id));

    if (order->total != CR_AMOUNT_UNKNOWN) {
        cr_put(o, ",\"total\":%" PRId64, order->total);
        cr_put_field(o, "cur", order->currency, sizeof(order->currency));
    }

    if (d->has_contact) {
        cr_put_look(o, "emh", d->contact.look);
        cr_put_look(o, "phh", d->contact.phone_look);
    }

    cr_put(o, "}");
}


int
cr_event_json(const cr_owed_t *d, cr_kind_e kind, int nth, char *buf,
    size_t cap)
{
    cr_out_t  o;

    o.buf = buf;
    o.cap = cap;
    o.len = 0;
    o.full = 0;

    switch (kind) {

    case CR_KIND_CART:
        cr_event_cart(&o, d);
        break;

    case CR_KIND_CONTACT:
        cr_event_contact(&o, d);
        break;

    case CR_KIND_CONSENT:
        cr_put(&o, "{\"ver\":%" PRIu32 ",\"tier\":\"%s\",\"gpc\":%d}",
               d->s.version[CR_KIND_CONSENT],
               cr_tier_word[d->s.tier < CR_TIER_MAX ? d->s.tier : CR_TIER_T0],
               d->s.gpc != 0);
        break;

    case CR_KIND_STEP:
        cr_event_step(&o, &d->s);
        break;

    case CR_KIND_ORDER:
        cr_event_order(&o, d, nth);
        break;

    case CR_KIND_OPTOUT:
        cr_put(&o, "{\"chan\":\"all\",\"src\":\"withdrawal\"}");
        break;

    case CR_KIND_SEEN:
        cr_put(&o, "{\"stage\":\"%s\"}", cr_stage_text(d->s.stage));
        break;

    default:
        return CR_ERR;
    }

    return o.full ? CR_FULL : (int) o.len;
}


int
cr_event_id(const cr_owed_t *d, uint64_t epoch, cr_kind_e kind, int nth,
    char out[CR_EVENT_ID])
{
    int       n;
    char      hex[CR_ID_HEX_LEN + 1];
    uint32_t  version;

    if (kind >= CR_KIND_MAX) {
        return CR_ERR;
    }

    version = d->s.version[kind];

    /* an order is named by its number, whatever else is owed beside it */

    if (kind == CR_KIND_ORDER) {
        version = version - d->s.norders + 1 + (uint32_t) nth;
    }

    cr_id_hex(&d->s.id, hex);

    n = snprintf(out, CR_EVENT_ID, "%" PRIu64 ".%s.%s.%" PRIu32, epoch, hex,
                 cr_kind_word[kind], version);

    return n < 0 || n >= CR_EVENT_ID ? CR_FULL : n;
}
