#include "cr_word.h"

#include <string.h>


#define CR_WORD(n, w)  w,

const char *const  cr_event_word[CR_EV_MAX] = { CR_EVENTS(CR_WORD) };
const char *const  cr_stage_word[CR_STAGE_MAX] = { CR_STAGES(CR_WORD) };
const char *const  cr_tier_word[CR_TIER_MAX] = { CR_TIERS(CR_WORD) };
const char *const  cr_arm_word[CR_ARM_MAX] = { CR_ARMS(CR_WORD) };
const char *const  cr_skip_word[CR_SKIP_MAX] = { CR_SKIPS(CR_WORD) };
const char *const  cr_reason_word[CR_REASON_MAX] = { CR_REASONS(CR_WORD) };
const char *const  cr_kind_word[CR_KIND_MAX] = { CR_KINDS(CR_WORD) };
const char *const  cr_mode_word[CR_MODE_MAX] = { CR_MODES(CR_WORD) };

static const uint8_t  cr_event_stages[CR_EV_MAX] = {
    [CR_EV_VIEW_PRODUCT] = CR_STAGE_PRODUCT,
    [CR_EV_VIEW_CATEGORY] = CR_STAGE_BROWSE,
    [CR_EV_SEARCH] = CR_STAGE_BROWSE,
    [CR_EV_ADD] = CR_STAGE_CART,
    [CR_EV_UPDATE] = CR_STAGE_CART,
    [CR_EV_REMOVE] = CR_STAGE_CART,
    [CR_EV_VIEW_CART] = CR_STAGE_CART,
    [CR_EV_COUPON] = CR_STAGE_CART,
    [CR_EV_COUPON_FAILED] = CR_STAGE_CART,
    [CR_EV_CHECKOUT_START] = CR_STAGE_CHECKOUT,
    [CR_EV_LOGIN_WALL] = CR_STAGE_CHECKOUT,
    [CR_EV_CONTACT] = CR_STAGE_CONTACT,
    [CR_EV_SHIPPING] = CR_STAGE_SHIPPING,
    [CR_EV_PAYMENT] = CR_STAGE_PAYMENT,
    [CR_EV_PAYMENT_FAILED] = CR_STAGE_PAYMENT,
    [CR_EV_ORDER] = CR_STAGE_ORDERED,
    [CR_EV_RESTORED] = CR_STAGE_CART,
};


int
cr_word_find(const char *const *table, int n, const char *p, size_t len)
{
    int  i;

    for (i = 0; i < n; i++) {
        if (strlen(table[i]) == len && memcmp(table[i], p, len) == 0) {
            return i;
        }
    }

    return CR_NONE;
}


cr_stage_e
cr_event_stage(cr_event_e ev)
{
    return (cr_stage_e) cr_event_stages[ev];
}
