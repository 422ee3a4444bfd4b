/* The free-shipping message: what it may say of a cart, and its length. */

#include "check.h"

#include "cr_message.h"


#define NOW  1800000000u


static cr_cart_t
cart(int64_t subtotal, int64_t shipping, int64_t total)
{
    cr_cart_t  c, amounts;

    memset(&c, 0, sizeof(c));
    cr_cart_clear(&c);
    (void) cr_cart_line(&c, cr_lit("A"), 1, 1, 100, cr_lit(""), cr_lit(""));

    amounts = c;
    amounts.subtotal = subtotal;
    amounts.shipping = shipping;
    amounts.total = total;
    memcpy(amounts.currency, "EUR", 4);
    amounts.updated_s = NOW;
    cr_cart_amounts(&c, &amounts);

    return c;
}


static void
test_value(void)
{
    cr_cart_t  c;

#define VALUE()  cr_shipping_value(&c, "EUR", NOW + 60, 1800)

    c = cart(3000, 490, 3490);
    EQ_INT(VALUE(), 3000);

    /* a discount counts, whether the subtotal has it or not */
    c = cart(3000, 490, 2990);
    EQ_INT(VALUE(), 2500);

    c = cart(3000, CR_AMOUNT_UNKNOWN, CR_AMOUNT_UNKNOWN);
    EQ_INT(VALUE(), 3000);

    c = cart(CR_AMOUNT_UNKNOWN, 490, 3490);
    EQ_INT(VALUE(), 3000);

    /* who knows what is in it */
    c = cart(CR_AMOUNT_UNKNOWN, CR_AMOUNT_UNKNOWN, 5490);
    EQ_INT(VALUE(), CR_AMOUNT_UNKNOWN);

    c = cart(3000, 490, 3490);
    EQ_INT(cr_shipping_value(&c, "USD", NOW, 1800), CR_AMOUNT_UNKNOWN);
    EQ_INT(cr_shipping_value(&c, "EUR", NOW + 1801, 1800), CR_AMOUNT_UNKNOWN);

    /* the lines have changed, nobody has said what they cost now */
    (void) cr_cart_line(&c, cr_lit("B"), 1, 1, 100, cr_lit(""), cr_lit(""));
    EQ_INT(VALUE(), CR_AMOUNT_UNKNOWN);

    cr_cart_clear(&c);
    EQ_INT(VALUE(), CR_AMOUNT_UNKNOWN);

#undef VALUE
}


static void
says(int64_t value, const char *locale, const char *want)
{
    char  html[CR_MESSAGE_BYTES + 1];

    html[CR_MESSAGE_BYTES] = '\0';

    EQ_INT(cr_shipping_html(value, 5000, "EUR",
                            (cr_str_t) { locale, strlen(locale) },
                            cr_lit("/_cr/m.css?v=01234567"), html), CR_OK);
    EQ_INT(strlen(html), CR_MESSAGE_BYTES);
    OK_TEXT(strstr(html, want) != NULL, want);
}


int
main(void)
{
    int     i;
    char    html[CR_MESSAGE_BYTES], prefix[CR_MESSAGE_BYTES];

    test_value();

    EQ_INT(cr_shipping_form(4999, 5000), CR_FORM_GAP);
    EQ_INT(cr_shipping_form(5000, 5000), CR_FORM_REACHED);
    EQ_INT(cr_shipping_form(CR_AMOUNT_UNKNOWN, 5000), CR_FORM_PLAIN);

    says(3000, "en", "<bdi>\xe2\x82\xac" "20.00</bdi> to go for free");
    says(4999, "en-GB", "value=\"99\"");
    says(3000, "de", "Noch <bdi>20,00\xc2\xa0\xe2\x82\xac</bdi> bis");
    says(9000, "de", "kostenlos");
    says(CR_AMOUNT_UNKNOWN, "xx", "orders from <bdi>\xe2\x82\xac" "50.00");
    says(0, "", "<link rel=\"stylesheet\" href=\"/_cr/m.css?v=01234567\">");

    /* what does not fit is not cut */
    memset(prefix, 'p', sizeof(prefix));
    EQ_INT(cr_shipping_html(0, 5000, "EUR", cr_lit("en"),
                            (cr_str_t) { prefix, sizeof(prefix) }, html),
           CR_FULL);

    for (i = 0; i < CR_MESSAGE_BYTES && html[i] == ' '; i++) {
        /* void */
    }

    EQ_INT(i, CR_MESSAGE_BYTES);

    return check_done();
}
