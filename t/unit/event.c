/*
 * Payloads and ids of what a slot owes, read back by another JSON library.
 */

#include "check.h"

#include "cr_event.h"
#include "cr_policy.h"

#include <jansson.h>
#include <stdlib.h>


#define NOW  1800000000u


static cr_owed_t  o;
static char       buf[CR_EVENT_JSON];


static void
fill(void)
{
    memset(&o, 0, sizeof(o));
    memset(o.s.id.b, 0xab, sizeof(o.s.id.b));
    o.s.stage = CR_STAGE_PAYMENT;
    o.s.arm = CR_ARM_TREAT;
    o.s.arm_epoch = 3;
    o.s.score = 0.614f;
    o.s.tier = CR_TIER_T3;
    o.s.gpc = 1;
    strcpy(o.s.locale, "de");
    o.has_cart = 1;
    o.cart.total = 2990;
    o.cart.subtotal = 2500;
    o.cart.shipping = CR_AMOUNT_UNKNOWN;
    o.cart.version = 3;
    o.cart.total_version = 3;
    o.cart.pieces = 1;
    o.cart.nlines = 1;
    strcpy(o.cart.currency, "EUR");
    strcpy(o.cart.lines[0].ref, "SKU");
    strcpy(o.cart.lines[0].name, "A \"quoted\" </script> name");
    o.cart.lines[0].qty = 1;
    o.cart.lines[0].price = 2990;
    o.has_contact = 1;
    memset(o.contact.look, 0xcd, 16);
    memcpy(o.contact.email, "SEALED", 6);
    o.contact.email_len = 6;
    o.contact.consent = 1 << CR_CHAN_EMAIL;
    o.contact.consent_known = 1 << CR_CHAN_EMAIL | 1 << CR_CHAN_SMS;
    strcpy(o.contact.country, "DE");
    o.s.version[CR_KIND_CONTACT] = 4;
    o.s.version[CR_KIND_CONSENT] = 2;
    o.s.version[CR_KIND_CART] = 7;
}


static json_t *
payload(cr_kind_e kind, int nth)
{
    int      n;
    json_t  *j;

    n = cr_event_json(&o, kind, nth, buf, sizeof(buf));

    if (n < 0) {
        return NULL;
    }

    EQ_INT(n, strlen(buf));
    j = json_loads(buf, JSON_REJECT_DUPLICATES, NULL);

    if (j == NULL) {
        printf("# %s\n", buf);
    }

    return j;
}


static const char *
text(json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}


static long long
number(json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}


static void
test_cart(void)
{
    json_t  *j, *line;

    fill();
    j = payload(CR_KIND_CART, 0);
    OK(j != NULL);
    EQ_INT(number(j, "ver"), 3);
    EQ_STR(text(j, "cur"), "EUR");
    EQ_INT(number(j, "total"), 2990);
    OK(json_object_get(j, "ship") == NULL);
    EQ_STR(text(j, "stage"), "payment");
    EQ_STR(text(j, "arm"), "treat");
    EQ_INT(number(j, "ep"), 3);
    EQ_STR(text(j, "loc"), "de");
    OK(json_object_get(j, "bot") == NULL);
    OK(json_real_value(json_object_get(j, "score")) == 0.61);
    line = json_array_get(json_object_get(j, "items"), 0);
    EQ_STR(text(line, "name"), "A \"quoted\" </script> name");
    OK(strstr(buf, "</script>") == NULL);
    json_decref(j);

    o.s.bot = 1;
    o.s.score = 1;
    o.s.arm = CR_ARM_NONE;
    j = payload(CR_KIND_CART, 0);
    EQ_INT(number(j, "bot"), 1);
    OK(json_real_value(json_object_get(j, "score")) == 1.0);
    OK(json_object_get(j, "arm") == NULL);
    json_decref(j);
}


static void
test_contact(void)
{
    json_t  *j, *cons;

    fill();
    j = payload(CR_KIND_CONTACT, 0);
    EQ_INT(number(j, "ver"), 4);
    EQ_STR(text(j, "src"), "checkout");
    EQ_STR(text(j, "em"), "SEALED");
    EQ_STR(text(j, "emh"), "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd");
    OK(json_object_get(j, "ph") == NULL && json_object_get(j, "phh") == NULL);
    EQ_STR(text(j, "cc"), "DE");
    cons = json_object_get(j, "cons");
    EQ_INT(number(cons, "email"), 1);
    OK(json_is_integer(json_object_get(cons, "sms")));
    EQ_INT(number(cons, "sms"), 0);
    OK(json_object_get(cons, "push") == NULL);
    json_decref(j);

    /* lengths that a torn slot may hold */

    o.contact.email_len = UINT16_MAX;
    o.contact.phone_len = UINT16_MAX;
    memset(o.s.locale, 'x', sizeof(o.s.locale));
    memset(o.contact.country, 'y', sizeof(o.contact.country));
    j = payload(CR_KIND_CONTACT, 0);
    OK(j != NULL && json_object_get(j, "em") == NULL);
    json_decref(j);
}


static void
test_state(void)
{
    json_t  *j;

    fill();
    j = payload(CR_KIND_CONSENT, 0);
    EQ_INT(number(j, "ver"), 2);
    EQ_STR(text(j, "tier"), "t3");
    EQ_INT(number(j, "gpc"), 1);
    json_decref(j);

    o.s.step_event = CR_EV_PAYMENT_FAILED;
    j = payload(CR_KIND_STEP, 0);
    EQ_STR(text(j, "stage"), "payment");
    EQ_STR(text(j, "ev"), "payment_failed");
    EQ_STR(text(j, "reason"), "payment_failure");
    json_decref(j);

    o.s.step_event = CR_EV_RESTORED;
    memset(o.s.journey, 0x12, 16);
    j = payload(CR_KIND_STEP, 0);
    EQ_STR(text(j, "ev"), "restored");
    EQ_STR(text(j, "j"), "12121212121212121212121212121212");
    OK(json_object_get(j, "reason") == NULL);
    json_decref(j);

    o.s.step_event = 4000;
    o.s.stage = 200;
    j = payload(CR_KIND_STEP, 0);
    EQ_STR(text(j, "ev"), "none");
    EQ_STR(text(j, "stage"), "none");
    json_decref(j);

    j = payload(CR_KIND_OPTOUT, 0);
    EQ_STR(text(j, "chan"), "all");
    json_decref(j);

    o.s.stage = CR_STAGE_CART;
    j = payload(CR_KIND_SEEN, 0);
    EQ_STR(text(j, "stage"), "cart");
    json_decref(j);
}


static void
test_order(void)
{
    char     first[CR_EVENT_ID], id[CR_EVENT_ID], second[CR_EVENT_ID];
    json_t  *j;

    fill();
    o.s.norders = 2;
    o.s.version[CR_KIND_ORDER] = 9;
    o.s.order[0].total = CR_AMOUNT_UNKNOWN;
    o.s.order[0].at_s = NOW;
    o.s.order[1].total = 2990;
    o.s.order[1].at_s = NOW + 1;
    strcpy(o.s.order[1].currency, "EUR");
    strcpy(o.s.order[1].id, "10001");

    j = payload(CR_KIND_ORDER, 0);
    OK(json_object_get(j, "total") == NULL && json_object_get(j, "id") == NULL);
    EQ_INT(number(j, "at"), (long long) NOW * 1000);
    EQ_STR(text(j, "emh"), "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd");
    json_decref(j);

    j = payload(CR_KIND_ORDER, 1);
    EQ_STR(text(j, "id"), "10001");
    EQ_INT(number(j, "total"), 2990);
    EQ_STR(text(j, "cur"), "EUR");
    EQ_STR(text(j, "src"), "path");
    json_decref(j);

    OK(payload(CR_KIND_ORDER, 2) == NULL);
    OK(payload(CR_KIND_ORDER, -1) == NULL);

    /* an order keeps its id, whatever else is owed beside it */

    OK(cr_event_id(&o, 1800000000000, CR_KIND_ORDER, 0, first) > 0);
    OK(cr_event_id(&o, 1800000000000, CR_KIND_ORDER, 1, id) > 0);
    EQ_STR(id, "1800000000000.abababababababababababababababab.order.9");
    OK(strcmp(first, id) != 0);

    o.s.order[0] = o.s.order[1];
    o.s.norders = 1;
    OK(cr_event_id(&o, 1800000000000, CR_KIND_ORDER, 0, second) > 0);
    EQ_STR(second, id);

    OK(cr_event_id(&o, 1800000000000, CR_KIND_CART, 0, id) > 0);
    EQ_STR(id, "1800000000000.abababababababababababababababab.cart.7");
    o.s.version[CR_KIND_CONSENT] = UINT32_MAX;
    OK(cr_event_id(&o, UINT64_MAX, CR_KIND_CONSENT, 0, id) > 0);
}


/* The fullest payloads fit; a buffer of any smaller size is refused, not
 * overrun. */

static void
test_room(void)
{
    int    i, n, k, wrong;
    char  *small;

    fill();
    o.cart.nlines = CR_CART_LINES;

    for (i = 0; i < CR_CART_LINES; i++) {
        memset(o.cart.lines[i].ref, '"', sizeof(o.cart.lines[i].ref) - 1);
        memset(o.cart.lines[i].name, '<', sizeof(o.cart.lines[i].name) - 1);
        memset(o.cart.lines[i].opt, 1, sizeof(o.cart.lines[i].opt) - 1);
        o.cart.lines[i].qty = UINT32_MAX;
        o.cart.lines[i].price = INT64_MAX;
    }

    o.contact.email_len = sizeof(o.contact.email);
    memset(o.contact.email, 'e', sizeof(o.contact.email));
    o.s.norders = 1;
    wrong = 0;

    for (k = 0; k < CR_KIND_MAX; k++) {
        n = cr_event_json(&o, k, 0, buf, sizeof(buf));
        OK_TEXT(n > 0, cr_kind_word[k]);

        for (i = 0; n > 0 && i <= n; i++) {
            small = malloc((size_t) i + 1);
            wrong += cr_event_json(&o, k, 0, small, (size_t) i) > i;
            free(small);
        }
    }

    EQ_INT(wrong, 0);
}


int
main(void)
{
    test_cart();
    test_contact();
    test_state();
    test_order();
    test_room();

    return check_done();
}
