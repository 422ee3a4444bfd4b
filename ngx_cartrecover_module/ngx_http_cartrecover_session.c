/*
 * How what was seen is written to the shopper's session.
 */

#include "ngx_http_cartrecover_module.h"


typedef struct {
    char       sealed[CR_SEALED_MAX + 1];
    int        sealed_len;
    char       phone[CR_SEALED_MAX + 1];
    int        phone_len;
    uint8_t    look[16];
    uint8_t    phone_look[16];
    unsigned   email:1;
    unsigned   tel:1;
} ngx_http_cartrecover_sealed_t;


static void ngx_http_cartrecover_seal(ngx_http_cartrecover_ctx_t *ctx,
    cr_obs_t *obs, ngx_http_cartrecover_sealed_t *sealed);
static void ngx_http_cartrecover_write(cr_zone_t *z, uint32_t slot,
    ngx_http_cartrecover_ctx_t *ctx, cr_event_e event, cr_obs_t *obs,
    ngx_http_cartrecover_sealed_t *sealed, uint32_t now);
static void ngx_http_cartrecover_write_stage(cr_zone_t *z, uint32_t slot,
    cr_session_t *s, ngx_http_cartrecover_ctx_t *ctx, cr_event_e event);
static void ngx_http_cartrecover_write_tier(cr_zone_t *z, uint32_t slot,
    cr_session_t *s, ngx_http_cartrecover_ctx_t *ctx);
static void ngx_http_cartrecover_write_cart(cr_zone_t *z, uint32_t slot,
    const cr_policy_t *policy, cr_event_e event, cr_obs_t *obs, uint32_t now);
static void ngx_http_cartrecover_write_contact(cr_zone_t *z, uint32_t slot,
    cr_obs_t *obs, ngx_http_cartrecover_sealed_t *sealed, uint32_t now);
static void ngx_http_cartrecover_write_order(cr_zone_t *z, uint32_t slot,
    cr_session_t *s, const cr_policy_t *policy, cr_event_e event,
    cr_obs_t *obs, uint32_t now);


void
ngx_http_cartrecover_commit(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, cr_event_e event, cr_obs_t *obs,
    ngx_uint_t may_set_cookie)
{
    uint32_t                           slot, now;
    cr_zone_t                         *z;
    ngx_uint_t                         creates;
    ngx_http_cartrecover_shop_t       *shop;
    ngx_http_cartrecover_sealed_t      sealed;

    shop = ctx->lcf->shop;
    z = ngx_http_cartrecover_table();

    if (event != CR_EV_NONE) {
        ctx->event = event;
        cr_count(z, CR_N_events, 1);
        cr_count_event(z, event);
    }

    creates = cr_event_stage(event) >= CR_STAGE_CART || event == CR_EV_CART;

    if (!ctx->has_id
        && (!creates
            || ngx_http_cartrecover_new_id(r, ctx, may_set_cookie) != NGX_OK))
    {
        return;
    }

    ctx->bot = !ctx->has_cookie && ngx_http_cartrecover_bot(r);

    if (ctx->bot && shop->policy.exclude_bots) {
        ctx->skip = CR_SKIP_BOT;
        return;
    }

    ngx_memzero(&sealed, sizeof(ngx_http_cartrecover_sealed_t));

    if (obs && (obs->email[0] || obs->phone[0])) {
        ngx_http_cartrecover_seal(ctx, obs, &sealed);
    }

    now = (uint32_t) ngx_time();

    (void) ngx_http_cartrecover_lock();

    slot = creates || ctx->own
           ? cr_session_take(z, shop->index, &ctx->id, now)
           : cr_session_find(z, shop->index, &ctx->id, now);

    if (slot != CR_NO_SLOT) {
        ngx_http_cartrecover_write(z, slot, ctx, event, obs, &sealed, now);
    }

    ngx_http_cartrecover_unlock();

    ngx_explicit_memzero(&sealed, sizeof(ngx_http_cartrecover_sealed_t));

    if (slot == CR_NO_SLOT) {
        return;
    }

    if (may_set_cookie && (!ctx->has_cookie || ctx->cookie_old)
        && ctx->tier >= CR_TIER_T1 && ctx->lcf->mode == CR_MODE_ON)
    {
        (void) ngx_http_cartrecover_set_cookie(r, ctx, 0);
    }

    ngx_http_cartrecover_queue(shop, slot);
}


static void
ngx_http_cartrecover_seal(ngx_http_cartrecover_ctx_t *ctx, cr_obs_t *obs,
    ngx_http_cartrecover_sealed_t *sealed)
{
    size_t                            n, len;
    cr_str_t                          site, plain;
    ngx_int_t                         i, keep;
    ngx_http_cartrecover_shop_t      *shop;

    shop = ctx->lcf->shop;
    site = ngx_http_cartrecover_str(shop->site);
    len = ngx_strlen(obs->email);

    for (i = 0; i < shop->policy.nexclude_emails; i++) {
        n = ngx_strlen(shop->policy.exclude_email[i]);

        if (n && n <= len
            && ngx_strcasecmp((u_char *) obs->email + len - n,
                              (u_char *) shop->policy.exclude_email[i]) == 0)
        {
            return;
        }
    }

    /* an address is kept to write to only where its owner said so; its keyed
     * hash always is: an order has to find the journey that it ends */

    keep = obs->consent == 1
           || (obs->consent == -1 && !shop->policy.consent_optin
               && ctx->tier == CR_TIER_T3);

    if (len) {
        plain.p = obs->email;
        plain.n = len;

        cr_address_look(ctx->lcf->ring, 0, site, cr_lit("email"), plain,
                        sealed->look);
        sealed->email = 1;

        if (keep) {
            sealed->sealed_len = cr_seal(ctx->lcf->ring, site, cr_lit("email"),
                                         plain, sealed->sealed,
                                         sizeof(sealed->sealed));
        }
    }

    if (obs->phone[0]) {
        plain.p = obs->phone;
        plain.n = ngx_strlen(obs->phone);

        cr_address_look(ctx->lcf->ring, 0, site, cr_lit("phone"), plain,
                        sealed->phone_look);
        sealed->tel = 1;

        if (keep) {
            sealed->phone_len = cr_seal(ctx->lcf->ring, site, cr_lit("phone"),
                                        plain, sealed->phone,
                                        sizeof(sealed->phone));
        }
    }
}


/* Under the lock: one event into one slot.  What is owed is said last. */

static void
ngx_http_cartrecover_write(cr_zone_t *z, uint32_t slot,
    ngx_http_cartrecover_ctx_t *ctx, cr_event_e event, cr_obs_t *obs,
    ngx_http_cartrecover_sealed_t *sealed, uint32_t now)
{
    cr_cart_t                    *cart;
    cr_session_t                 *s;
    cr_features_event_t           fe;
    ngx_http_cartrecover_shop_t  *shop;

    shop = ctx->lcf->shop;
    s = cr_session_begin(z, slot);

    if (s->arm == CR_ARM_NONE && ctx->has_cookie
        && ctx->cookie.arm != CR_ARM_NONE)
    {
        s->arm = ctx->cookie.arm;
        s->arm_epoch = ctx->cookie.epoch;
    }

    s->bot = ctx->bot;

    if (obs) {
        ngx_http_cartrecover_write_cart(z, slot, &shop->policy, event, obs,
                                        now);
    }

    cart = cr_session_cart(z, slot);

    ngx_memzero(&fe, sizeof(cr_features_event_t));

    fe.event = event;
    fe.status = obs ? obs->status : 0;
    fe.upstream_ms = -1;
    fe.cart_value = cart ? cart->total : CR_AMOUNT_UNKNOWN;
    fe.cart_shipping = cart ? cart->shipping : CR_AMOUNT_UNKNOWN;
    fe.free_from = shop->policy.free_shipping;
    fe.exponent = cr_money_exponent(shop->policy.currency);
    fe.pieces = cart ? cart->pieces : 0;

    cr_features_event(&s->features, &fe, now);

    ngx_http_cartrecover_write_stage(z, slot, s, ctx, event);

    if (obs && (obs->consent != -1 || sealed->email || sealed->tel)) {
        ngx_http_cartrecover_write_contact(z, slot, obs, sealed, now);
    }

    ngx_http_cartrecover_write_tier(z, slot, s, ctx);

    if (event == CR_EV_ORDER || event == CR_EV_ORDER_PAGE) {
        ngx_http_cartrecover_write_order(z, slot, s, &shop->policy, event, obs,
                                         now);
    }

    if (cart && s->stage >= CR_STAGE_CART && s->stage < CR_STAGE_ORDERED) {
        cr_owe(z, slot, CR_KIND_SEEN);
    }

    ctx->cookie_old = ctx->cookie.arm != s->arm;
    ctx->cookie.arm = s->arm;
    ctx->cookie.epoch = s->arm_epoch;

    cr_session_end(z, slot, now);
}


static void
ngx_http_cartrecover_write_stage(cr_zone_t *z, uint32_t slot, cr_session_t *s,
    ngx_http_cartrecover_ctx_t *ctx, cr_event_e event)
{
    cr_stage_e  stage;

    stage = cr_event_stage(event);

    if (stage != CR_STAGE_NONE
        && (stage >= CR_STAGE_CART || s->stage < CR_STAGE_CART))
    {
        s->stage = (uint8_t) stage;
    }

    if (event != CR_EV_NONE && event != CR_EV_CART) {
        s->last_event = (uint8_t) event;
    }

    if (event == CR_EV_ADD || event == CR_EV_CHECKOUT_START) {
        ngx_http_cartrecover_trigger(z, s, ctx, cr_event_word[event]);
    }

    if (event == CR_EV_PAYMENT_FAILED || event == CR_EV_ERROR
        || (stage >= CR_STAGE_CHECKOUT && stage < CR_STAGE_ORDERED))
    {
        s->step_event = event;
        cr_owe(z, slot, CR_KIND_STEP);
    }
}


/* A tier that falls from T3 is a withdrawal: the worker hears of it. */

static void
ngx_http_cartrecover_write_tier(cr_zone_t *z, uint32_t slot, cr_session_t *s,
    ngx_http_cartrecover_ctx_t *ctx)
{
    ngx_uint_t  owe;

    owe = s->gpc != ctx->gpc
          || (s->tier == CR_TIER_T3 && ctx->tier < CR_TIER_T3);

    s->tier = (uint8_t) ctx->tier;
    s->gpc = ctx->gpc;

    if (owe) {
        cr_owe(z, slot, CR_KIND_CONSENT);
    }
}


static void
ngx_http_cartrecover_write_cart(cr_zone_t *z, uint32_t slot,
    const cr_policy_t *policy, cr_event_e event, cr_obs_t *obs, uint32_t now)
{
    cr_cart_t   *cart;
    cr_str_t     ref, name, opt;
    uint32_t     version;
    ngx_uint_t   amounts, cut;

    if (event == CR_EV_NONE || event == CR_EV_ORDER
        || event == CR_EV_ORDER_PAGE || event == CR_EV_ERROR)
    {
        return;
    }

    amounts = obs->cart.total != CR_AMOUNT_UNKNOWN
              || obs->cart.subtotal != CR_AMOUNT_UNKNOWN
              || obs->cart.shipping != CR_AMOUNT_UNKNOWN;

    if (!obs->has_lines && !obs->has_line && !amounts) {
        return;
    }

    cart = cr_session_cart_take(z, slot, now);
    if (cart == NULL) {
        return;
    }

    version = cart->version;
    cut = cart->cut;

    if (obs->has_lines) {
        (void) cr_cart_replace(cart, &obs->cart);

    } else if (obs->has_line && obs->ref[0]) {
        ref = (cr_str_t) { obs->ref, ngx_strlen(obs->ref) };
        name = (cr_str_t) { obs->name, ngx_strlen(obs->name) };
        opt = (cr_str_t) { obs->opt, ngx_strlen(obs->opt) };

        (void) cr_cart_line(cart, ref, obs->qty, obs->delta, obs->price, name,
                            opt);
    }

    if (!obs->has_lines) {
        cr_cart_amounts(cart, &obs->cart);
    }

    /* a shop that shows symbols only sells in the policy's currency */

    if (cart->currency[0] == '\0') {
        ngx_memcpy(cart->currency, policy->currency, 4);
    }

    cart->updated_s = now;

    if (cart->cut && !cut) {
        cr_count(z, CR_N_cart_cut, 1);
    }

    if (cart->version != version || amounts) {
        cr_count(z, CR_N_carts, 1);
        cr_owe(z, slot, CR_KIND_CART);
    }
}


static void
ngx_http_cartrecover_write_contact(cr_zone_t *z, uint32_t slot, cr_obs_t *obs,
    ngx_http_cartrecover_sealed_t *sealed, uint32_t now)
{
    cr_contact_t  *c;

    c = cr_session_contact_take(z, slot, now);
    if (c == NULL) {
        return;
    }

    if (sealed->email) {

        if (ngx_memcmp(c->look, sealed->look, 16) != 0) {
            c->email_len = 0;
        }

        ngx_memcpy(c->look, sealed->look, 16);

        if (sealed->sealed_len > 0
            && sealed->sealed_len <= (int) sizeof(c->email))
        {
            ngx_memcpy(c->email, sealed->sealed, sealed->sealed_len);
            c->email_len = (uint16_t) sealed->sealed_len;
        }
    }

    if (sealed->tel) {
        ngx_memcpy(c->phone_look, sealed->phone_look, 16);

        if (sealed->phone_len > 0
            && sealed->phone_len <= (int) sizeof(c->phone))
        {
            ngx_memcpy(c->phone, sealed->phone, sealed->phone_len);
            c->phone_len = (uint16_t) sealed->phone_len;
        }
    }

    if (obs->consent != -1) {
        c->consent_known |= 1 << CR_CHAN_EMAIL;

        if (obs->consent) {
            c->consent |= 1 << CR_CHAN_EMAIL;

        } else {
            c->consent &= (uint8_t) ~(1 << CR_CHAN_EMAIL);
        }
    }

    if (obs->country[0]) {
        ngx_memcpy(c->country, obs->country, 3);
    }

    c->at_s = now;

    cr_count(z, CR_N_contacts, 1);
    cr_owe(z, slot, CR_KIND_CONTACT);
}


static void
ngx_http_cartrecover_write_order(cr_zone_t *z, uint32_t slot, cr_session_t *s,
    const cr_policy_t *policy, cr_event_e event, cr_obs_t *obs, uint32_t now)
{
    cr_cart_t   *cart;
    cr_order_t   order;

    cart = cr_session_cart(z, slot);

    if (event == CR_EV_ORDER_PAGE) {

        /* a thank-you page that proves nothing by itself ends follow-ups for
         * somebody who was in the checkout, and earns nothing */

        if (s->norders || cart == NULL || cart->nlines == 0
            || s->stage < CR_STAGE_CHECKOUT || s->stage == CR_STAGE_ORDERED)
        {
            return;
        }
    }

    ngx_memzero(&order, sizeof(cr_order_t));

    order.total = CR_AMOUNT_UNKNOWN;
    order.at_s = now;

    if (event == CR_EV_ORDER && obs) {
        ngx_memcpy(order.id, obs->order_id, sizeof(order.id));
        order.total = obs->order_total;
        ngx_memcpy(order.currency, obs->cart.currency, 4);
    }

    if (cart) {
        if (event == CR_EV_ORDER && order.total == CR_AMOUNT_UNKNOWN
            && cart->total_version == cart->version)
        {
            order.total = cart->total;
        }

        if (order.currency[0] == '\0') {
            ngx_memcpy(order.currency, cart->currency, 4);
        }
    }

    if (order.currency[0] == '\0') {
        ngx_memcpy(order.currency, policy->currency, 4);
    }

    s->stage = CR_STAGE_ORDERED;

    if (cr_owe_order(z, slot, &order, now) != 1) {
        return;
    }

    cr_count(z, CR_N_orders, 1);

    if (cart) {
        cr_cart_clear(cart);
    }
}


/* The first on-site trigger: the arm is drawn once and logged in both arms. */

void
ngx_http_cartrecover_trigger(cr_zone_t *z, cr_session_t *s,
    ngx_http_cartrecover_ctx_t *ctx, const char *trigger)
{
    u_char                        buf[CR_LOG_BYTES], *p;
    double                        pct;
    cr_policy_t                  *policy;

    if (s->triggered) {
        return;
    }

    policy = &ctx->lcf->shop->policy;

    if (s->arm == CR_ARM_NONE) {
        pct = policy->holdout_pct;

        s->arm = (uint8_t) cr_assign_arm(ctx->lcf->ring->key[0].sip,
                                    ngx_http_cartrecover_str(
                                        ctx->lcf->shop->site),
                                    &s->id, policy->holdout_epoch, pct);
        s->arm_epoch = policy->holdout_epoch;
    }

    s->triggered = 1;

    p = ngx_snprintf(buf, sizeof(buf),
                     "{\"what\":\"arm\",\"arm\":\"%s\",\"ep\":%uD,"
                     "\"trigger\":\"%s\"}",
                     cr_arm_word[s->arm], s->arm_epoch, trigger);

    (void) cr_log_put(z, ctx->lcf->shop->index, &s->id,
                      (cr_str_t) { (char *) buf, p - buf });
    cr_count(z, CR_N_decisions, 1);
}


/* A copy of the session for the variables, the panel and the score. */

ngx_int_t
ngx_http_cartrecover_view(ngx_http_cartrecover_ctx_t *ctx,
    ngx_http_cartrecover_view_t *view)
{
    uint32_t    slot;
    cr_cart_t  *cart;
    cr_zone_t  *z;

    if (!ctx->has_id) {
        return NGX_DECLINED;
    }

    view->value = CR_AMOUNT_UNKNOWN;
    view->pieces = 0;
    view->currency[0] = '\0';

    z = ngx_http_cartrecover_lock();

    slot = cr_session_find(z, ctx->lcf->shop->index, &ctx->id,
                           (uint32_t) ngx_time());

    if (slot != CR_NO_SLOT) {
        view->session = *cr_session_get(z, slot);
        cart = cr_session_cart(z, slot);

        if (cart) {
            view->pieces = cart->pieces;
            ngx_memcpy(view->currency, cart->currency, 4);

            if (cart->total_version == cart->version) {
                view->value = cart->total;
            }
        }
    }

    ngx_http_cartrecover_unlock();

    return slot != CR_NO_SLOT ? NGX_OK : NGX_DECLINED;
}
