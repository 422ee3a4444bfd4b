#include "cr_profile_int.h"

#include <stdio.h>
#include <string.h>


static const char *const  batch_keys[] = { "name", "status", NULL };

static const char *const  inside_keys[] = { "after", "as", "money", NULL };

static const char *const  inside_as[] = { "plain", "percent", "entities" };


int
cr_profile_range(cr_compiler_t *c, const char *path, const json_t *v,
    cr_cond_t *k)
{
    char  end;

    k->op = CR_IF_RANGE;

    if (json_is_integer(v)) {
        k->lo = k->hi = (int) json_integer_value(v);
        return CR_OK;
    }

    if (json_is_string(v)
        && sscanf(json_string_value(v), "%d-%d%c", &k->lo, &k->hi, &end) == 2)
    {
        return CR_OK;
    }

    return cr_profile_fail(c, path, "say 200 or \"200-299\"");
}


/* {"name": "requests[].path", "status": "responses[].status"} */

int
cr_profile_batch(cr_builder_t *x, const char *path, json_t *o)
{
    const char  *at;
    cr_group_t  *g;

    if (o == NULL) {
        return CR_OK;
    }

    if (cr_profile_keys(x->c, path, o, batch_keys) != CR_OK) {
        return CR_ERR;
    }

    g = x->g;
    g->part_name = cr_profile_str(json_object_get(o, "name"));
    g->part_status = cr_profile_str(json_object_get(o, "status"));
    at = g->part_name.n ? strstr(g->part_name.p, "[]") : NULL;

    if (at == NULL || g->part_status.n == 0
        || strstr(g->part_status.p, "[]") == NULL)
    {
        return cr_profile_fail(x->c, path, "\"name\" and \"status\" must be "
                               "paths into lists, such as requests[].path");
    }

    g->part_list.p = g->part_name.p;
    g->part_list.n = (size_t) (at - g->part_name.p) + 2;

    return CR_OK;
}


int
cr_profile_part(cr_builder_t *x, const char *path, json_t *o, cr_rule_t *r)
{
    json_t     *status;
    cr_cond_t  *k;

    if (o == NULL) {
        return CR_OK;
    }

    if (cr_profile_keys(x->c, path, o, batch_keys) != CR_OK) {
        return CR_ERR;
    }

    if (x->g->part_list.n == 0 || x->g->nparts == CR_OBS_PARTS) {
        return cr_profile_fail(x->c, path, "needs the rule's \"batch\", and "
                               "there may be %d of it", CR_OBS_PARTS);
    }

    k = cr_profile_cond(x, path, r, CR_SRC_PART);

    if (k == NULL) {
        return CR_ERR;
    }

    k->mark = x->g->nparts++;
    k->value = cr_profile_str(json_object_get(o, "name"));
    status = json_object_get(o, "status");

    if (k->value.n == 0) {
        return cr_profile_fail(x->c, path, "\"name\" must be a pattern");
    }

    k->src.re = cr_profile_regex(x->c, path, k->value, 0);

    if (k->src.re == NULL) {
        return CR_ERR;
    }

    if (status != NULL) {
        return cr_profile_range(x->c, path, status, k);
    }

    k->op = CR_IF_RANGE;
    k->hi = 999;

    return CR_OK;
}


/* "cart|checkout" */

int
cr_profile_page(cr_builder_t *x, const char *path, json_t *v, cr_rule_t *r)
{
    cr_cond_t  *k;

    if (v == NULL) {
        return CR_OK;
    }

    k = cr_profile_cond(x, path, r, CR_SRC_PAGE);

    if (k == NULL) {
        return CR_ERR;
    }

    k->src.name = cr_lit("body");
    k->op = CR_IF_ANY;
    k->value = cr_profile_str(v);

    if (k->value.n == 0) {
        return cr_profile_fail(x->c, path, "must be a text: an id or a class "
                               "of <body>, or several with '|' between");
    }

    return CR_OK;
}


/* {"after": ["a", "b"], "as": "percent", "money": "minor"} */

int
cr_profile_inside(cr_builder_t *x, const char *path, json_t *o)
{
    size_t        i, n;
    json_t       *after;
    const char   *as;
    cr_inside_t  *in;

    if (o == NULL) {
        return CR_OK;
    }

    if (cr_profile_keys(x->c, path, o, inside_keys) != CR_OK) {
        return CR_ERR;
    }

    in = cr_profile_alloc(x->c, sizeof(cr_inside_t));
    after = json_object_get(o, "after");
    n = json_array_size(after);
    as = json_string_value(json_object_get(o, "as"));

    if (in == NULL) {
        return CR_ERR;
    }

    if (n == 0 || n > CR_STEPS_MAX) {
        return cr_profile_fail(x->c, path, "\"after\" must be a list of 1 to "
                               "%d texts", CR_STEPS_MAX);
    }

    for (i = 0; i < n; i++) {
        if (cr_profile_needle(x->c, path, json_array_get(after, i),
                              &in->steps[i]) != CR_OK)
        {
            return CR_ERR;
        }
    }

    i = 0;

    while (as != NULL && strcmp(as, inside_as[i]) != 0) {
        if (++i == sizeof(inside_as) / sizeof(inside_as[0])) {
            return cr_profile_fail(x->c, path, "\"as\" must be \"plain\", "
                                   "\"percent\" or \"entities\"");
        }
    }

    in->as = (uint8_t) i;
    in->nsteps = (uint8_t) n;
    in->money = x->g->money;
    x->g->inside = in;

    return cr_profile_money(x->c, path, json_object_get(o, "money"),
                            &in->money);
}
