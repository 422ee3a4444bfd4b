#define _GNU_SOURCE

#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


/* The request's JSON body, read up to two times: the document of a GraphQL
 * request needs its operation's name, which may follow it. */

typedef struct {
    cr_obs_t      *obs;
    cr_graphql_t   graphql;
    char           operation[48];
    uint8_t        want_graphql;
} request_t;


static int
json_present(cr_json_e type)
{
    return type != CR_JSON_NULL && type != CR_JSON_FALSE
           && type != CR_JSON_CLOSE;
}


static void
json_request(void *data, cr_str_t path, int index, cr_json_e type,
    cr_str_t value, int cut)
{
    cr_str_t    none;
    request_t  *x;

    (void) cut;

    x = data;
    none.p = NULL;
    none.n = 0;

    if (type == CR_JSON_CLOSE) {
        return;
    }

    if (cr_obs_group(x->obs)->part_list.n != 0) {
        cr_obs_part_request(x->obs, path, index, type, value);
    }

    if (type == CR_JSON_STRING && path.n == 13
        && memcmp(path.p, "operationName", 13) == 0)
    {
        cr_text_copy(x->operation, sizeof(x->operation), value);
    }

    cr_obs_offer(x->obs, CR_SRC_JSON, path, none, value, json_present(type));
}


static int
json_is_query(cr_str_t path)
{
    return (path.n == 5 && memcmp(path.p, "query", 5) == 0)
           || (path.n == 8 && memcmp(path.p, "[].query", 8) == 0);
}


static void
json_graphql(void *data, cr_str_t path, const char *p, size_t n, int end)
{
    cr_str_t    want;
    request_t  *x;

    x = data;

    if (!json_is_query(path)) {
        return;
    }

    cr_graphql_feed(&x->graphql, p, n);

    if (end) {
        want.p = x->operation;
        want.n = strlen(x->operation);

        cr_graphql_feed(&x->graphql, " ", 1);
        cr_graphql_init(&x->graphql, x->obs, want);
    }
}


static void
json_ignore(void *data, cr_str_t path, int index, cr_json_e type,
    cr_str_t value, int cut)
{
    (void) data;
    (void) path;
    (void) index;
    (void) type;
    (void) value;
    (void) cut;
}


void
cr_obs_request_json(cr_obs_t *o, const char *p, size_t n)
{
    int                i;
    cr_json_t          j;
    cr_str_t           want;
    request_t          x;
    const cr_group_t  *g;

    memset(&x, 0, sizeof(request_t));
    x.obs = o;
    g = cr_obs_group(o);

    for (i = 0; i < g->nconds; i++) {
        x.want_graphql |= (g->conds[i].src.kind == CR_SRC_GRAPHQL);
    }

    cr_json_init(&j, json_request, &x);
    (void) cr_json_feed(&j, p, n);
    o->request_read = (cr_json_end(&j) == 1);
    o->part_at = 0;

    if (x.want_graphql) {
        want.p = x.operation;
        want.n = strlen(x.operation);
        cr_graphql_init(&x.graphql, o, want);

        cr_json_init(&j, json_ignore, &x);
        j.piece = json_graphql;
        (void) cr_json_feed(&j, p, n);
    }

    explicit_bzero(&j, sizeof(j));
    explicit_bzero(&x, sizeof(x));
}


void
cr_obs_line_end(cr_obs_t *o)
{
    cr_str_t    ref, name, opt;
    cr_line_t  *l;

    l = &o->line;

    if (l->ref[0] == '\0' || o->line_qty < 0) {
        o->lines_state |= CR_LINES_BAD;
        return;
    }

    ref.p = l->ref;
    ref.n = strlen(l->ref);
    name.p = l->name;
    name.n = strlen(l->name);
    opt.p = l->opt;
    opt.n = strlen(l->opt);

    (void) cr_cart_line(&o->cart, ref, o->line_qty, 1, l->price, name, opt);
}


/* The list of lines, its elements, and their ends. */

static void
json_lines(cr_obs_t *o, cr_str_t path, cr_json_e type)
{
    cr_str_t           list;
    const cr_group_t  *g;

    g = cr_obs_group(o);
    list = g->lines;
    list.n -= 2;

    if (type != CR_JSON_OPEN && type != CR_JSON_CLOSE) {
        return;
    }

    if (cr_wild(list, path, NULL)) {
        if (type == CR_JSON_OPEN) {
            o->lines_state = CR_LINES_OPEN;
            memset(o->cart.lines, 0, sizeof(o->cart.lines));
            o->cart.nlines = 0;
            o->cart.pieces = 0;
            o->cart.cut = 0;

        } else if (o->lines_state == CR_LINES_OPEN) {
            o->lines_state = CR_LINES_DONE;
        }

        return;
    }

    if (!(o->lines_state & CR_LINES_OPEN) || !cr_wild(g->lines, path, NULL)) {
        return;
    }

    if (type == CR_JSON_OPEN) {
        o->lines_state |= CR_LINES_LINE;
        memset(&o->line, 0, sizeof(cr_line_t));
        o->line.price = CR_AMOUNT_UNKNOWN;
        o->line_qty = -1;

    } else if (o->lines_state & CR_LINES_LINE) {
        o->lines_state &= (uint8_t) ~CR_LINES_LINE;
        cr_obs_line_end(o);
    }
}


void
cr_obs_answer_json(void *data, cr_str_t path, int index, cr_json_e type,
    cr_str_t value, int cut)
{
    cr_obs_t          *o;
    cr_str_t           none;
    const cr_group_t  *g;

    (void) cut;

    o = data;
    g = cr_obs_group(o);
    none.p = NULL;
    none.n = 0;

    if (g->lines.n != 0) {
        json_lines(o, path, type);
    }

    if (g->part_list.n != 0) {
        cr_obs_part_answer(o, path, index, type, value);
    }

    if (type == CR_JSON_CLOSE) {
        return;
    }

    cr_obs_offer(o, CR_SRC_BODY, path, none, value, json_present(type));

    if ((o->lines_state & CR_LINES_LINE) && type != CR_JSON_OPEN) {
        cr_obs_offer(o, CR_SRC_LINE, path, none, value, json_present(type));
    }
}
