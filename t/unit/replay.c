/*
 * replay PROFILE < exchanges.jsonl
 *
 * Runs recorded exchanges through a profile and prints the event of each beside
 * its label.  Without arguments: the recordings of CARTRECOVER_SHARED (or
 * ../shared) as a test.
 */

#define _GNU_SOURCE

#include "check.h"
#include "recorded.h"

#include <stdlib.h>
#include <zlib.h>


/* A label and the events that are right for it; "-" = none. */

typedef struct {
    const char  *label;
    const char  *events;
} truth_t;

typedef struct {
    const char  *file;
    const char  *profile;
    const char  *order;          /* id, "" = the shop does not tell */
    int64_t      total;          /* of the order, minor units */
    int          pieces;         /* in the cart just before it */
    const char  *refs;           /* of its lines */
} capture_t;

typedef struct {
    cr_profile_t  *profile;
    cr_cart_t      cart;
    cr_cart_t      before;       /* as it was when the order came */
    char           order[32];
    int64_t        order_total;
    int            orders;       /* different ones */
    int            false_orders;
    int            seen, total;
    int            quiet, loud;  /* exchanges that mean nothing */
    int            differ;       /* meaning depends on how the bytes came */
    int            verbose;
} walk_t;


static const truth_t  truths[] = {
    { "home", "-" },
    { "noise", "-" },
    { "view_category", "view_category" },
    { "view_product", "view_product" },
    { "search", "search" },
    { "add_to_cart", "add" },
    { "add_to_cart_error", "error" },
    { "cart_created", "-" },
    { "cart_fragment", "-" },
    { "view_cart", "view_cart" },
    { "update_cart", "update remove" },
    { "remove", "remove" },
    { "undo_remove", "add update" },
    { "coupon_applied", "coupon" },
    { "coupon_rejected", "coupon_failed" },
    { "shipping_estimate", "- shipping" },
    { "shipping_estimate_applied", "- shipping" },
    { "checkout_start", "checkout_start" },
    { "checkout_start_empty", "-" },
    { "contact_submitted", "contact" },
    { "contact_error", "error" },
    { "address_submitted", "contact" },
    { "shipping_options", "-" },
    { "shipping_selected", "shipping" },
    { "shipping_error", "error" },
    { "payment_options", "-" },
    { "payment_collection", "-" },
    { "payment_selected", "payment" },
    { "payment_error", "error" },
    { "checkout_fragment", "-" },
    { "order_review", "-" },
    { "checkout_error", "error" },
    { "payment_failed", "payment_failed" },
    { "order_placed", "order" },
    { "thank_you", "order order_page" },
    { NULL, NULL }
};

static const capture_t  captures[] = {
    { "opencart4", "opencart4", "", CR_AMOUNT_UNKNOWN, 3, "43" },
    { "woocommerce7", "woocommerce", "20", CR_AMOUNT_UNKNOWN, 6, "" },
    { "evershop", "evershop", "10001", 11190, 3, "THERMO-005-BLK" },
    { "evershop-api", "evershop", "10002", 3090, 2, "PEN-002-WHT" },
    { "medusa-store-api", "medusa", "*", 6540, 3, "*" },
    { "vendure-shop-api", "vendure", "48RLT2AD998NAAM2", 9510, 3, "2" }
};


/* A word of a list with spaces between. */

static int
has_word(const char *list, const char *word)
{
    size_t       n;
    const char  *p;

    n = strlen(word);

    for (p = strstr(list, word); p != NULL; p = strstr(p + 1, word)) {
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) {
            return 1;
        }
    }

    return 0;
}


static const char *
truth_of(const char *label, const char *url)
{
    const truth_t  *t;

    /* one call carries address, shipping and payment: any of the three */

    if (strstr(url, "wc-ajax=update_order_review")) {
        return "contact shipping payment";
    }

    for (t = truths; t->label != NULL; t++) {
        if (strcmp(t->label, label) == 0) {
            return t->events;
        }
    }

    return NULL;
}


static void
fold(walk_t *w, const cr_obs_t *o)
{
    cr_str_t  ref, name, opt;

    if (o->event == CR_EV_ORDER) {
        if (w->orders == 0 || strcmp(w->order, o->order_id) != 0) {
            w->orders++;
            memcpy(w->order, o->order_id, sizeof(w->order));
            w->order_total = o->order_total;
            w->before = w->cart;
        }

        return;
    }

    if (o->has_lines) {
        (void) cr_cart_replace(&w->cart, &o->cart);
        return;
    }

    if (o->has_line) {
        ref.p = o->ref;
        ref.n = strlen(o->ref);
        name.p = o->name;
        name.n = strlen(o->name);
        opt.p = o->opt;
        opt.n = strlen(o->opt);
        (void) cr_cart_line(&w->cart, ref, o->qty, o->delta, o->price, name,
                            opt);
    }

    cr_cart_amounts(&w->cart, &o->cart);
}


static void
show(const cr_obs_t *o)
{
    int  i;

    if (o->has_line) {
        printf(" line=%s x%lld%s opt=%s price=%lld", o->ref,
               (long long) o->qty, o->delta ? " delta" : "", o->opt,
               (long long) o->price);
    }

    if (o->email[0] || o->phone[0]) {
        printf(" contact=%s/%s consent=%d", o->email, o->phone, o->consent);
    }

    if (o->order_id[0]) {
        printf(" order=%s total=%lld", o->order_id,
               (long long) o->order_total);
    }

    if (o->cart.total != CR_AMOUNT_UNKNOWN) {
        printf(" total=%lld%s", (long long) o->cart.total, o->cart.currency);
    }

    for (i = 0; o->has_lines && i < o->cart.nlines; i++) {
        printf(" [%s x%u %lld %s]", o->cart.lines[i].ref,
               o->cart.lines[i].qty, (long long) o->cart.lines[i].price,
               o->cart.lines[i].name);
    }
}


static void
exchange(walk_t *w, json_t *e)
{
    int          ok, funnel;
    size_t       i;
    cr_obs_t     o, split;
    const char  *label, *truth, *event;

    static const size_t  pieces[] = { 97, 1 };

    label = json_string_value(json_object_get(e, "label"));
    truth = truth_of(label, json_string_value(json_object_get(e, "url")));
    (void) recorded_observe(w->profile, e, SIZE_MAX, &o);

    for (i = 0; i < 2; i++) {
        (void) recorded_observe(w->profile, e, pieces[i], &split);
        w->differ += !recorded_same(&o, &split);
    }

    event = (o.event == CR_EV_NONE || o.event == CR_EV_CART)
            ? "-" : cr_event_word[o.event];
    ok = truth != NULL && has_word(truth, event);
    funnel = truth != NULL && !has_word(truth, "-");

    w->false_orders += o.event == CR_EV_ORDER
                       && (truth == NULL || !has_word(truth, "order"));

    if (funnel) {
        w->total++;
        w->seen += ok;

    } else {
        w->quiet++;
        w->loud += !ok;
    }

    if (w->verbose || !ok) {
        printf("# %s%2d %-26s %-15s %s%s", ok ? "   " : "!! ",
               (int) json_integer_value(json_object_get(e, "n")), label,
               o.event == CR_EV_CART ? "(cart)" : event,
               ok ? "" : "want ", ok ? "" : truth ? truth : "?");
        show(&o);
        printf("\n");
    }

    fold(w, &o);
}


static int
walk(walk_t *w, const char *profile, gzFile in)
{
    char    *line;
    json_t  *e;

    memset(&w->cart, 0, sizeof(w->cart));
    cr_cart_clear(&w->cart);
    w->before = w->cart;
    w->profile = recorded_profile(profile);
    line = malloc(LINE_MAX_BYTES);

    if (w->profile == NULL || line == NULL) {
        free(line);
        return CR_ERR;
    }

    while (gzgets(in, line, LINE_MAX_BYTES) != NULL) {
        e = json_loads(line, 0, NULL);

        if (e == NULL) {
            printf("# a line that is no JSON\n");
            w->false_orders++;
            continue;
        }

        exchange(w, e);
        json_decref(e);
    }

    free(line);
    cr_profile_free(w->profile);
    printf("# %s: seen %d of %d, quiet %d of %d, orders %d, false orders %d\n",
           profile, w->seen, w->total, w->quiet - w->loud, w->quiet,
           w->orders, w->false_orders);

    return CR_OK;
}


static void
check_capture(const capture_t *c, const char *shared)
{
    char    path[512];
    walk_t  w;
    gzFile  in;

    (void) snprintf(path, sizeof(path), "%s/captures/%s.jsonl.gz", shared,
                    c->file);
    in = gzopen(path, "rb");

    if (in == NULL) {
        printf("# %s is not there: skipped\n", path);
        return;
    }

    memset(&w, 0, sizeof(walk_t));
    EQ_INT(walk(&w, c->profile, in), CR_OK);
    gzclose(in);

    OK(w.total > 0);
    OK_TEXT(w.seen * 100 >= w.total * 98, c->file);
    EQ_INT(w.loud, 0);
    EQ_INT(w.false_orders, 0);
    EQ_INT(w.orders, 1);
    EQ_INT(w.differ, 0);

    if (*c->order != '*') {
        EQ_STR(w.order, c->order);
    }

    if (c->total != CR_AMOUNT_UNKNOWN) {
        EQ_INT(w.order_total, c->total);
    }

    EQ_INT(w.before.pieces, c->pieces);

    if (*c->refs != '*' && *c->refs != '\0') {
        EQ_INT(w.before.nlines, 1);
        EQ_STR(w.before.lines[0].ref, c->refs);
    }
}


/* The control: against a profile that sees orders where there are none, the
 * same counting must fail. */

static void
check_control(const char *shared)
{
    char           path[512];
    json_t        *e;
    walk_t         w;
    gzFile         in;
    char          *line;
    cr_error_t     err;

    static const char  blind[] =
        "{\"name\":\"blind\",\"rules\":[{\"match\":\"GET .*\","
        "\"events\":[{\"event\":\"order\"}]}]}";

    (void) snprintf(path, sizeof(path), "%s/captures/opencart4.jsonl.gz",
                    shared);
    in = gzopen(path, "rb");
    line = malloc(LINE_MAX_BYTES);
    memset(&w, 0, sizeof(walk_t));
    w.profile = cr_profile_compile(blind, sizeof(blind) - 1, &err);

    if (in == NULL || line == NULL || w.profile == NULL) {
        OK(0);
        return;
    }

    printf("# a profile that takes each page for an order:\n");

    while (gzgets(in, line, LINE_MAX_BYTES) != NULL) {
        e = json_loads(line, 0, NULL);
        exchange(&w, e);
        json_decref(e);
    }

    OK(w.false_orders > 10);
    OK(w.seen * 100 < w.total * 50);
    gzclose(in);
    free(line);
    cr_profile_free(w.profile);
}


int
main(int argc, char **argv)
{
    size_t       i;
    walk_t       w;
    char         path[512];
    gzFile       in;
    const char  *shared;

    if (argc > 1) {
        memset(&w, 0, sizeof(walk_t));
        w.verbose = 1;
        in = gzdopen(0, "rb");

        if (in == NULL || walk(&w, argv[1], in) != CR_OK) {
            return 2;
        }

        gzclose(in);

        return w.seen != w.total || w.false_orders != 0;
    }

    shared = getenv("CARTRECOVER_SHARED");
    shared = shared ? shared : "../shared";
    (void) snprintf(path, sizeof(path), "%s/captures/opencart4.jsonl.gz",
                    shared);
    in = gzopen(path, "rb");

    if (in == NULL) {
        return SKIP_ALL("no recordings");
    }

    gzclose(in);

    for (i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
        check_capture(&captures[i], shared);
    }

    check_control(shared);

    return check_done();
}
