/*
 * fixture PROFILE < exchanges.jsonl
 *
 * What the profile makes of each exchange, a JSON object a line.  "steady" is
 * false where the meaning depends on how the answer's bytes came.
 */

#define _GNU_SOURCE

#include "recorded.h"

#include <stdlib.h>


static void
put_text(json_t *o, const char *key, const char *value)
{
    if (*value != '\0') {
        json_object_set_new(o, key, json_string(value));
    }
}


static void
put_amount(json_t *o, const char *key, int64_t value)
{
    if (value != CR_AMOUNT_UNKNOWN) {
        json_object_set_new(o, key, json_integer(value));
    }
}


static json_t *
lines_of(const cr_cart_t *c)
{
    int      i;
    json_t  *list, *o;

    list = json_array();

    for (i = 0; i < c->nlines; i++) {
        o = json_object();
        put_text(o, "ref", c->lines[i].ref);
        put_text(o, "name", c->lines[i].name);
        put_text(o, "opt", c->lines[i].opt);
        put_amount(o, "price", c->lines[i].price);
        json_object_set_new(o, "qty", json_integer(c->lines[i].qty));
        json_array_append_new(list, o);
    }

    return list;
}


static json_t *
facts(const cr_obs_t *o)
{
    json_t  *f;

    f = json_object();
    json_object_set_new(f, "event", json_string(cr_event_word[o->event]));
    put_text(f, "email", o->email);
    put_text(f, "phone", o->phone);
    put_text(f, "country", o->country);
    put_text(f, "order_id", o->order_id);
    put_amount(f, "order_total", o->order_total);
    put_text(f, "currency", o->cart.currency);
    put_text(f, "key", o->cart.key);
    put_amount(f, "total", o->cart.total);
    put_amount(f, "subtotal", o->cart.subtotal);
    put_amount(f, "shipping", o->cart.shipping);

    if (o->consent >= 0) {
        json_object_set_new(f, "consent", json_integer(o->consent));
    }

    if (o->has_line) {
        put_text(f, "ref", o->ref);
        put_text(f, "opt", o->opt);
        put_amount(f, "price", o->price);
        json_object_set_new(f, "qty", json_integer(o->qty));
        json_object_set_new(f, "delta", json_integer(o->delta));
    }

    if (o->has_lines) {
        json_object_set_new(f, "lines", lines_of(&o->cart));
    }

    return f;
}


static void
exchange(const cr_profile_t *p, json_t *e)
{
    int              steady;
    size_t           i;
    json_t          *f;
    static cr_obs_t  o, split;

    static const size_t  pieces[] = { 97, 7, 1 };

    (void) recorded_observe(p, e, SIZE_MAX, &o);
    steady = 1;

    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        (void) recorded_observe(p, e, pieces[i], &split);
        steady &= recorded_same(&o, &split);
    }

    f = facts(&o);
    json_object_set_new(f, "steady", json_boolean(steady));
    json_dumpf(f, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(f);
}


int
main(int argc, char **argv)
{
    char          *line;
    json_t        *e;
    cr_profile_t  *p;

    line = malloc(LINE_MAX_BYTES);
    p = (argc == 2) ? recorded_profile(argv[1]) : NULL;

    if (line == NULL || p == NULL) {
        free(line);
        return 2;
    }

    while (fgets(line, LINE_MAX_BYTES, stdin) != NULL) {
        e = json_loads(line, 0, NULL);

        if (e == NULL) {
            fprintf(stderr, "a line that is no JSON\n");
            return 2;
        }

        exchange(p, e);
        json_decref(e);
    }

    free(line);
    cr_profile_free(p);

    return 0;
}
