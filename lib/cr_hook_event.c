/*
 * cr_hook_event.c: what a webhook's body means to us.
 */

#include "cr_hook_int.h"

#include <string.h>


static int
cr_hook_is(const char *word, const char *const *list)
{
    for ( /* void */ ; *list; list++) {
        if (strcmp(word, *list) == 0) {
            return 1;
        }
    }

    return 0;
}


/* "orders/create" begins with "orders" and a mark; so does the bare word. */

static int
cr_hook_topic(cr_str_t topic, const char *word)
{
    size_t  n;

    n = strlen(word);

    return topic.n >= n && memcmp(topic.p, word, n) == 0
           && (topic.n == n || topic.p[n] == '.' || topic.p[n] == '/');
}


static int
cr_hook_event_woocommerce(cr_hook_read_t *r, cr_str_t topic)
{
    static const char *const  none[] = { "pending", "cancelled", "trash",
                                         "checkout-draft", "draft",
                                         "auto-draft", NULL };

    if (!cr_hook_topic(topic, "order") || cr_hook_topic(topic, "order.deleted"))
    {
        return CR_OK;
    }

    if (!r->ordered || r->id[0] == '\0' || r->status[0] == '\0') {
        return CR_ERR;
    }

    /* what is neither unpaid nor undone is an order, a shop's own states and
     * on-hold among them: nobody is to be mailed after buying */

    if (strcmp(r->status, "failed") == 0) {
        r->h->event = CR_EV_PAYMENT_FAILED;

    } else if (!cr_hook_is(r->status, none)) {
        r->h->event = CR_EV_ORDER;
    }

    return CR_OK;
}


static int
cr_hook_event_shopify(cr_hook_read_t *r, cr_str_t topic)
{
    if (cr_hook_topic(topic, "orders")) {

        if (cr_hook_topic(topic, "orders/delete")) {
            return CR_OK;
        }

        if (!r->ordered || r->id[0] == '\0') {
            return CR_ERR;
        }

        if (!r->ended) {
            r->h->event = CR_EV_ORDER;
        }

        return CR_OK;
    }

    if (cr_hook_topic(topic, "checkouts")) {

        if (cr_hook_topic(topic, "checkouts/delete")) {
            return CR_OK;
        }

        if (!r->checkout || r->h->key[0] == '\0') {
            return CR_ERR;
        }

        if (!r->ended) {
            r->h->event = CR_EV_CHECKOUT_START;
        }
    }

    return CR_OK;
}


static int
cr_hook_event_standard(cr_hook_read_t *r)
{
    cr_hook_t  *h;
    cr_str_t    type;

    static const char *const  undone[] = { "order.cancelled",
                                           "order.refunded", "order.deleted",
                                           NULL };

    h = r->h;
    type.p = r->type;
    type.n = strlen(r->type);

    if (type.n == 0) {
        return CR_ERR;
    }

    if (cr_hook_topic(type, "order") && !cr_hook_is(r->type, undone)) {
        h->event = CR_EV_ORDER;

        /* somebody has to be meant */

        return h->email[0] || h->phone[0] || h->visitor[0] || h->key[0]
               || r->id[0] ? CR_OK : CR_ERR;
    }

    if (cr_hook_topic(type, "cart")) {
        h->event = CR_EV_CART;

    } else if (cr_hook_topic(type, "checkout")) {
        h->event = CR_EV_CHECKOUT_START;

    } else if (cr_hook_topic(type, "payment_failed")) {
        h->event = CR_EV_PAYMENT_FAILED;

    } else {
        return CR_OK;
    }

    if (h->visitor[0] == '\0' && h->key[0] == '\0'
        && (h->event != CR_EV_PAYMENT_FAILED
            || (h->email[0] == '\0' && h->phone[0] == '\0')))
    {
        return CR_ERR;
    }

    return CR_OK;
}


int
cr_hook_event(cr_hook_read_t *r, cr_hook_kind_e kind, cr_str_t topic)
{
    switch (kind) {

    case CR_HOOK_WOOCOMMERCE:
        return cr_hook_event_woocommerce(r, topic);

    case CR_HOOK_SHOPIFY:
        return cr_hook_event_shopify(r, topic);

    default:
        return cr_hook_event_standard(r);
    }
}
