/*
 * cr_message.h: messages that the proxy puts into a page as plain HTML, for
 * browsers with and without scripts (doc/messages.md).
 */

#ifndef CR_MESSAGE_H
#define CR_MESSAGE_H

#include "cr_base.h"
#include "cr_cart.h"


#define CR_MESSAGE_BYTES   768   /* each has this length, spaces behind it */

typedef enum {
    CR_MESSAGE_NONE, CR_MESSAGE_SHIPPING, CR_MESSAGE_MAX
} cr_message_e;

extern const char *const  cr_message_word[CR_MESSAGE_MAX];   /* "M1" ... */

/* How a message says what is known. */

typedef enum {
    CR_FORM_PLAIN,               /* without the shopper's own numbers */
    CR_FORM_GAP,
    CR_FORM_REACHED,
    CR_FORM_MAX
} cr_form_e;

extern const char *const  cr_form_word[CR_FORM_MAX];

/* M1, how far the cart is from free shipping.  value: what the goods cost, in
 * minor units, CR_AMOUNT_UNKNOWN where no answer of the shop says it of the
 * cart as it is now; from: the policy's amount. */

cr_form_e cr_shipping_form(int64_t value, int64_t from);

/* What the goods of a cart cost, if the shop's last answer said so in the
 * currency and no longer than max_age_s ago; else CR_AMOUNT_UNKNOWN. */

int64_t cr_shipping_value(const cr_cart_t *c, const char *currency,
    uint32_t now_s, uint32_t max_age_s);

/* Writes exactly CR_MESSAGE_BYTES bytes, not terminated.  sheet: the address
 * of the style sheet, "" for none.  What cannot be said in so few bytes becomes
 * spaces, and the result is CR_FULL. */

int cr_shipping_html(int64_t value, int64_t from, const char *currency,
    cr_str_t locale, cr_str_t sheet, char *buf);

#endif
