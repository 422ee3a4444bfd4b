#include "check.h"

#include <stdlib.h>

#include "../../lib/cr_json.h"
#include "../../lib/cr_restore.h"


#define RECIPE                                                                \
    "{\"add\":{\"url\":\"/cart/add\",\"form\":{\"sku\":\"{ref}\"}},"          \
    "\"then\":\"/cart\",\"note\":\"</script><!-- & -->\","                    \
    "\"link\":\"/p/{ref}?q={qty}&c={opt.colour}&{opt}{nothing}\"}"

static const char *const  nowhere[] = {
    "javascript:alert(1)", "//other.example/{ref}", "/\\\\other.example/",
    "https://other.example/", NULL
};

static const char *const  locales[] = {
    "", "e", "en", "xx", "de", "DE", "de-AT", "de_CH", "deu", "../etc/passwd",
    "d\xc3\xa9", "\"><script>", NULL
};


static void
cart(cr_cart_t *c)
{
    cr_cart_clear(c);

    cr_cart_line(c, cr_lit("a/1 \"<x>"), 2, 1, 1495,
                 cr_lit("Blue </script><b>shirt</b> & \"more\""),
                 cr_lit("size=M&colour=navy"));
    cr_cart_line(c, cr_lit("b2"), 1, 1, CR_AMOUNT_UNKNOWN, cr_lit(""),
                 cr_lit(""));
}


static int
count(const char *page, const char *what)
{
    int  n;

    for (n = 0; (page = strstr(page, what)) != NULL; n++) {
        page += strlen(what);
    }

    return n;
}


/* The JSON block parses, and the hostile name is in it unchanged. */

static void
value(void *data, cr_str_t path, int index, cr_json_e type, cr_str_t v,
    int cut)
{
    (void) index;
    (void) cut;

    if (type == CR_JSON_STRING && path.n == 17
        && memcmp(path.p, "cart.items[].name", 17) == 0
        && v.n == strlen("Blue </script><b>shirt</b> & \"more\"")
        && memcmp(v.p, "Blue </script><b>shirt</b> & \"more\"", v.n) == 0)
    {
        ++*(int *) data;
    }
}


static void
test_data(const char *page)
{
    int          names;
    cr_json_t    j;
    const char  *p, *end;

    names = 0;
    p = strstr(page, "id=\"cr-cart\">");
    OK(p != NULL);

    if (p == NULL) {
        return;
    }

    p += strlen("id=\"cr-cart\">");
    end = strstr(p, "</script>");

    cr_json_init(&j, value, &names);
    EQ_INT(cr_json_feed(&j, p, (size_t) (end - p)), 1);
    EQ_INT(names, 1);
}


static void
test_restore(void)
{
    int         n, i, over;
    char        page[CR_PAGE_MAX], *exact;
    cr_cart_t   c;

    cart(&c);

    n = cr_restore_page(&c, RECIPE, cr_lit("/_cr/"), cr_lit("0abc"),
                        cr_lit("en"), page, sizeof(page));
    OK(n > 0);
    EQ_INT(strlen(page), n);
    OK(strncmp(page, "<!doctype html>\n<html lang=\"en\">", 32) == 0);
    EQ_INT(count(page, "src=\"/_cr/r.js?v=0abc\""), 1);
    EQ_INT(count(page, "<script"), 2);
    EQ_INT(count(page, "</script>"), 2);
    EQ_INT(count(page, "<noscript>"), 1);
    EQ_INT(count(page, "<p>Please open the items"), 1);
    EQ_INT(count(page, "noindex"), 1);
    EQ_INT(count(page, "<link rel=\"icon\" href=\"data:,\">"), 1);
    EQ_INT(count(page, "no-referrer"), 1);
    EQ_INT(count(page, "style"), 0);
    EQ_INT(count(page, "onclick"), 0);
    EQ_INT(count(page, "<!--"), 0);
    EQ_INT(count(page, "<b>"), 0);
    EQ_INT(count(page, "<x>"), 0);
    EQ_INT(count(page, "<li>Blue &lt;/script&gt;&lt;b&gt;shirt&lt;/b&gt; "
                       "&amp; &#34;more&#34; \xc3\x97 2 <a"), 1);
    EQ_INT(count(page, "href=\"/p/a%2F1%20%22%3Cx%3E?q=2&amp;c=navy&amp;"
                       "size=M&amp;colour=navy\""), 1);
    EQ_INT(count(page, "<li>b2 <a href=\"/p/b2?q=1&amp;c=&amp;\""), 1);
    test_data(page);

    /* every capacity: fits whole or says so, and never writes past it */

    over = 0;

    for (i = 0; i <= n + 1; i++) {
        exact = malloc((size_t) i + (i == 0));
        over += cr_restore_page(&c, RECIPE, cr_lit("/_cr/"), cr_lit("0abc"),
                                cr_lit("en"), exact, (size_t) i)
                != (i > n ? n : CR_FULL);
        free(exact);
    }

    EQ_INT(over, 0);

    /* a shop without a recipe: the lines as text, no script */

    n = cr_restore_page(&c, "", cr_lit("/_cr/"), cr_lit(""), cr_lit("en"),
                        page, sizeof(page));
    OK(n > 0);
    EQ_INT(count(page, "<script"), 0);
    EQ_INT(count(page, "<noscript>"), 0);
    EQ_INT(count(page, "<li>"), 2);
    EQ_INT(count(page, "<a "), 0);
    EQ_INT(count(page, "These items were in your cart:"), 1);

    n = cr_restore_page(&c, "{\"link\":\"/p/{ref}\"}", cr_lit("/_cr/"),
                        cr_lit(""), cr_lit("en"), page, sizeof(page));
    OK(n > 0);
    EQ_INT(count(page, "<script"), 0);
    EQ_INT(count(page, "<a href=\"/p/b2\""), 1);
}


static void
test_links(void)
{
    int        i;
    char       page[CR_PAGE_MAX], recipe[128];
    cr_cart_t  c;

    cart(&c);

    for (i = 0; nowhere[i] != NULL; i++) {
        snprintf(recipe, sizeof(recipe), "{\"link\":\"%s\"}", nowhere[i]);
        OK(cr_restore_page(&c, recipe, cr_lit("/_cr/"), cr_lit(""),
                           cr_lit("en"), page, sizeof(page)) > 0);
        EQ_INT(count(page, "<a "), 0);
    }
}


static void
test_full_cart(void)
{
    int        i, n;
    char       ref[32], name[52], page[CR_PAGE_MAX];
    cr_cart_t  c;
    cr_str_t   rs, ns;

    cr_cart_clear(&c);
    memset(name, '"', sizeof(name));

    for (i = 0; i < CR_CART_LINES; i++) {
        memset(ref, '"', sizeof(ref));
        ref[0] = (char) ('a' + i);
        rs.p = ref;
        rs.n = 31;
        ns.p = name;
        ns.n = 51;
        cr_cart_line(&c, rs, 4000000000, 1, INT64_MAX, ns,
                     cr_lit("\"=\"&\"=\"&\"=\"&\"=\"&\"=\"&\"=\"&\"=\"&\"=\""));
    }

    EQ_INT(c.nlines, CR_CART_LINES);
    n = cr_restore_page(&c, RECIPE, cr_lit("/_cr/"), cr_lit("0abc"),
                        cr_lit("de"), page, sizeof(page));
    OK(n > 0 && n < CR_PAGE_MAX);
}


static void
test_plain(void)
{
    int   i;
    char  page[CR_PAGE_MAX];

    OK(cr_plain_page(CR_PAGE_UNSUB_ASK, cr_lit("de-AT"), page, sizeof(page))
       > 0);
    EQ_INT(count(page, "<html lang=\"de\">"), 1);
    EQ_INT(count(page, "<form method=\"post\">"), 1);
    EQ_INT(count(page, "Abmelden"), 3);
    EQ_INT(count(page, "action="), 0);

    OK(cr_plain_page(CR_PAGE_UNSUB_DONE, cr_lit("en"), page, sizeof(page))
       > 0);
    EQ_INT(count(page, "<form"), 0);
    EQ_INT(count(page, "Done."), 1);

    OK(cr_plain_page(CR_PAGE_LINK_DEAD, cr_lit("en"), page, sizeof(page)) > 0);
    EQ_INT(count(page, "<form"), 0);
    EQ_INT(count(page, "Nothing was changed."), 1);

    OK(cr_plain_page(CR_PAGE_LATER, cr_lit("en"), page, sizeof(page)) > 0);
    EQ_INT(count(page, "try again"), 3);

    EQ_INT(cr_plain_page(CR_PAGE_LATER, cr_lit("en"), page, 10), CR_FULL);
    EQ_INT(cr_plain_page(CR_PAGE_LATER, cr_lit("en"), page, 0), CR_FULL);

    for (i = 0; locales[i] != NULL; i++) {
        cr_str_t  s;
        int       de;

        s.p = locales[i];
        s.n = strlen(locales[i]);
        de = (i >= 4 && i <= 7);

        OK(cr_plain_page(CR_PAGE_UNSUB_ASK, s, page, sizeof(page)) > 0);
        EQ_INT(count(page, de ? "<html lang=\"de\">" : "<html lang=\"en\">"),
               1);
        EQ_INT(count(page, "unsub_"), 0);
        EQ_INT(count(page, "<script"), 0);
    }
}


int
main(void)
{
    test_restore();
    test_links();
    test_full_cart();
    test_plain();

    return check_done();
}
