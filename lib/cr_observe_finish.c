#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


static void
obs_clear_line(cr_obs_t *o)
{
    o->has_line = 0;
    o->delta = 0;
    o->qty = 0;
    o->price = CR_AMOUNT_UNKNOWN;
    o->ref[0] = '\0';
    o->opt[0] = '\0';
    o->name[0] = '\0';
}


static void
obs_line(cr_obs_t *o, const cr_rule_t *r)
{
    int  known;

    known = (o->rank[CR_FACT_QTY] != 0);

    switch (o->event) {

    case CR_EV_ADD:
        o->delta = (r->delta != 0);
        o->qty = known ? o->qty : 1;
        break;

    case CR_EV_UPDATE:
        o->delta = (r->delta == 1);
        o->has_line = known;
        break;

    case CR_EV_REMOVE:
        o->delta = (r->delta == 1);
        o->qty = (o->delta && known) ? -o->qty : 0;
        break;

    case CR_EV_VIEW_PRODUCT:
        return;

    default:
        obs_clear_line(o);
        return;
    }

    o->has_line = (o->ref[0] != '\0' && (known || o->event != CR_EV_UPDATE));

    if (r->sign < 0) {
        o->qty = -o->qty;
    }

    if (!o->has_line) {
        obs_clear_line(o);
    }
}


static void
obs_clear_contact(cr_obs_t *o)
{
    o->email[0] = '\0';
    o->phone[0] = '\0';
    o->country[0] = '\0';
    o->consent = -1;
}


/* What a script reads is no page that somebody looks at; where it stands in
 * the cart is true all the same. */

cr_event_e
cr_obs_viewed(const cr_match_t *m, cr_event_e event)
{
    if (!m->fetched) {
        return event;
    }

    switch (event) {

    case CR_EV_VIEW_CART:
        return CR_EV_CART;

    case CR_EV_VIEW_PRODUCT:
    case CR_EV_VIEW_CATEGORY:
    case CR_EV_SEARCH:
    case CR_EV_CHECKOUT_START:
    case CR_EV_ORDER_PAGE:
        return CR_EV_NONE;

    default:
        return event;
    }
}


/* Of a batch, what a refused part claims. */

static void
obs_clear_parts(cr_obs_t *o)
{
    if (cr_obs_part_refused(o, CR_FACT_EMAIL)
        || cr_obs_part_refused(o, CR_FACT_PHONE)
        || cr_obs_part_refused(o, CR_FACT_COUNTRY)
        || cr_obs_part_refused(o, CR_FACT_CONSENT))
    {
        obs_clear_contact(o);
    }

    if (cr_obs_part_refused(o, CR_FACT_REF)
        || cr_obs_part_refused(o, CR_FACT_QTY)
        || cr_obs_part_refused(o, CR_FACT_OPT))
    {
        obs_clear_line(o);
    }
}


/* What a refused or meaningless exchange claims is nobody's fact. */

static void
obs_clear(cr_obs_t *o)
{
    int                i;
    const cr_group_t  *g;

    if (o->event != CR_EV_ORDER && o->event != CR_EV_ORDER_PAGE) {
        o->order_id[0] = '\0';
        o->order_total = CR_AMOUNT_UNKNOWN;
    }

    if (o->event == CR_EV_ERROR || o->event == CR_EV_NONE
        || o->event == CR_EV_COUPON_FAILED)
    {
        obs_clear_contact(o);
        obs_clear_line(o);
        o->has_lines = 0;
        cr_cart_clear(&o->cart);

        return;
    }

    /* an unticked box is not sent: a form that has one and is silent says no */

    g = cr_obs_group(o);

    for (i = 0; i < g->nbinds; i++) {
        if (g->binds[i].fact == CR_FACT_CONSENT && o->consent == -1
            && o->request_read)
        {
            o->consent = 0;
        }
    }
}


cr_event_e
cr_obs_finish(cr_obs_t *o)
{
    int               rule;
    const cr_rule_t  *r;

    o->event = CR_EV_NONE;

    if (o->match.group < 0) {
        return o->event;
    }

    if (o->body == CR_BODY_JSON && (o->parts & CR_PART_JSON)) {
        (void) cr_json_end(&o->json);
    }

    memset(o->json.value, 0, sizeof(o->json.value));

    rule = o->response_head_done ? cr_obs_decide(o, 1) : CR_NOTHING;
    r = (rule >= 0) ? &cr_obs_group(o)->rules[rule] : NULL;

    if (r != NULL) {
        o->event = cr_obs_viewed(&o->match, (cr_event_e) r->event);

    } else if (o->status >= 500) {
        o->event = CR_EV_ERROR;
    }

    o->has_lines = (o->lines_state == CR_LINES_DONE);

    if (!o->has_lines) {
        o->cart.nlines = 0;
        o->cart.pieces = 0;
        o->cart.cut = 0;
    }

    cr_obs_amounts(o);

    if (r != NULL) {
        obs_line(o, r);
    }

    obs_clear_parts(o);
    obs_clear(o);

    return o->event;
}
