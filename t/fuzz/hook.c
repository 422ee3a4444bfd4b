/* Webhooks: the first byte is sender and topic.  What comes out is terminated
 * and in range, and no signature that was not made with the key is good. */

#include "cr_hook.h"

#include <stdlib.h>
#include <string.h>


#define END(s)  (memchr(h.s, '\0', sizeof(h.s)) != NULL)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const  topics[] = {
    "", "order.created", "orders/create", "checkouts/update", "orders/delete"
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cr_str_t        body, topic;
    uint8_t         once[16];
    cr_hook_t       h;
    cr_hook_key_t   key;
    cr_hook_kind_e  kind;
    cr_hook_head_t  head;

    if (size == 0) {
        return 0;
    }

    kind = (cr_hook_kind_e) (data[0] % CR_HOOK_MAX);
    topic.p = topics[data[0] / CR_HOOK_MAX % 5];
    topic.n = strlen(topic.p);
    body.p = (const char *) data + 1;
    body.n = size - 1;

    if (cr_hook_parse(&h, kind, topic, body, "EUR") == CR_OK) {

        if (!END(order.id) || !END(email) || !END(phone) || !END(visitor)
            || !END(key) || !END(locale) || !END(country)
            || !END(cart.currency) || !END(cart.key)
            || h.cart.nlines > CR_CART_LINES || h.consent < -1 || h.consent > 1
            || (h.cart.total < 0 && h.cart.total != CR_AMOUNT_UNKNOWN)
            || (h.event != CR_EV_NONE && h.event != CR_EV_ORDER
                && h.event != CR_EV_CART && h.event != CR_EV_CHECKOUT_START
                && h.event != CR_EV_PAYMENT_FAILED))
        {
            abort();
        }
    }

    if (cr_hook_key(kind, "0123456789abcdefghijklmnop", 26, &key) != CR_OK) {
        abort();
    }

    head.signature = body;
    head.id = body;
    head.timestamp = cr_lit("1700000000");

    if (cr_hook_verify(kind, &key, 1, &head, 300, 1700000000, body, once)
        != CR_ERR)
    {
        abort();
    }

    (void) cr_hook_key(kind, body.p, body.n, &key);

    return 0;
}
