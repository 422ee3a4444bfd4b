#include "cr_message.h"

#include <stdio.h>
#include <string.h>

#include "cr_page_int.h"


const char *const  cr_message_word[CR_MESSAGE_MAX] = { "none", "M1" };

const char *const  cr_form_word[CR_FORM_MAX] = { "plain", "gap", "reached" };

static const char *const  cr_shipping_text[CR_FORM_MAX] = {
    "m1_plain", "m1_gap", "m1_reached"
};


cr_form_e
cr_shipping_form(int64_t value, int64_t from)
{
    return value == CR_AMOUNT_UNKNOWN ? CR_FORM_PLAIN
           : value >= from ? CR_FORM_REACHED : CR_FORM_GAP;
}


int64_t
cr_shipping_value(const cr_cart_t *c, const char *currency, uint32_t now_s,
    uint32_t max_age_s)
{
    int64_t  value;

    if (c->nlines == 0 || c->total_version != c->version
        || strcmp(c->currency, currency) != 0
        || now_s - c->updated_s > max_age_s)
    {
        return CR_AMOUNT_UNKNOWN;
    }

    /* the total is the goods' alone only where it is known what else is in it;
     * a discount counts, as it does where the shop compares */

    value = c->subtotal;

    if (c->total != CR_AMOUNT_UNKNOWN && c->shipping != CR_AMOUNT_UNKNOWN
        && (value == CR_AMOUNT_UNKNOWN || c->total - c->shipping < value))
    {
        value = c->total - c->shipping;
    }

    return value >= 0 ? value : CR_AMOUNT_UNKNOWN;
}


/* A string whose {amount} is isolated from the text around it: it may run in
 * the other direction. */

static void
cr_put_amount(cr_page_t *o, const char *text, const char *amount)
{
    const char  *at;

    at = strstr(text, "{amount}");

    if (at == NULL) {
        cr_put_html(o, text, strlen(text));
        return;
    }

    cr_put_html(o, text, (size_t) (at - text));
    cr_put_lit(o, "<bdi>");
    cr_put_html(o, amount, strlen(amount));
    cr_put_lit(o, "</bdi>");

    at += sizeof("{amount}") - 1;
    cr_put_html(o, at, strlen(at));
}


int
cr_shipping_html(int64_t value, int64_t from, const char *currency,
    cr_str_t locale, cr_str_t sheet, char *buf)
{
    int            n;
    char           text[CR_TEXT_MAX], amount[64], part[16];
    char           page[CR_MESSAGE_BYTES + 1];
    cr_form_e      form;
    cr_page_t      o;
    cr_language_t  l;

    form = cr_shipping_form(value, from);

    cr_language(&l, locale);

    if (locale.n < 2 || (locale.p[0] | 0x20) != l.name[0]
        || (locale.p[1] | 0x20) != l.name[1])
    {
        /* words and amounts speak the same language */

        locale.p = l.name;
        locale.n = 2;
    }

    cr_page_begin(&o, page, sizeof(page));

    n = cr_money_format(form == CR_FORM_GAP ? from - value : from, currency,
                        locale, amount, sizeof(amount));

    if (sheet.n > 0) {
        cr_put_lit(&o, "<link rel=\"stylesheet\" href=\"");
        cr_put_html(&o, sheet.p, sheet.n);
        cr_put_lit(&o, "\">");
    }

    cr_put_lit(&o, "<aside class=\"cr-bar cr-m1\" dir=\"ltr\" lang=\"");
    cr_put_lit(&o, l.name);
    cr_put_element(&o, &l, "\" aria-label=\"", "m1_label", "\"><p>");

    cr_text(&l, cr_shipping_text[form], text, sizeof(text));
    cr_put_amount(&o, text, amount);

    cr_put_lit(&o, "</p>");

    if (form == CR_FORM_GAP) {
        (void) snprintf(part, sizeof(part), "%d",
                        (int) (value * 100 / (from > 0 ? from : 1)));
        cr_put_lit(&o, "<progress aria-hidden=\"true\" max=\"100\" value=\"");
        cr_put_lit(&o, part);
        cr_put_lit(&o, "\"></progress>");
    }

    cr_put_lit(&o, "</aside>");

    memset(buf, ' ', CR_MESSAGE_BYTES);

    if (o.full || n < 0) {
        return CR_FULL;
    }

    memcpy(buf, page, o.n);

    return CR_OK;
}
