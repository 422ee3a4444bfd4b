#include "cr_observe_int.h"
#include "cr_profile_int.h"

#include <string.h>


/* A batch: one request that carries several, and an answer that carries one
 * for each.  Parts are paired by their position in the two lists. */

static int
part_conds(const cr_obs_t *o, const cr_cond_t **k, int i)
{
    const cr_group_t  *g;

    g = cr_obs_group(o);

    for ( /* void */ ; i < g->nconds; i++) {
        if (g->conds[i].src.kind == CR_SRC_PART) {
            *k = &g->conds[i];
            return i;
        }
    }

    return -1;
}


/* An element of the list begins: its facts are this part's. */

void
cr_obs_part_request(cr_obs_t *o, cr_str_t path, int index, cr_json_e type,
    cr_str_t value)
{
    int                i;
    cr_str_t           found;
    const cr_cond_t   *k;
    const cr_group_t  *g;

    g = cr_obs_group(o);

    if (type == CR_JSON_OPEN) {
        if (cr_wild(g->part_list, path, NULL)) {
            o->part_at = (uint8_t) ((index < CR_OBS_PARTS) ? index + 1
                                                           : CR_OBS_PARTS + 1);
        }

        return;
    }

    if (type != CR_JSON_STRING || o->part_at == 0
        || o->part_at > CR_OBS_PARTS || !cr_wild(g->part_name, path, NULL))
    {
        return;
    }

    for (i = part_conds(o, &k, 0); i >= 0; i = part_conds(o, &k, i + 1)) {
        if (cr_profile_re(o->profile, k->src.re, value, &found)) {
            o->part[k->mark] |= (uint16_t) (1u << (o->part_at - 1));
        }
    }
}


void
cr_obs_part_answer(cr_obs_t *o, cr_str_t path, int index, cr_json_e type,
    cr_str_t value)
{
    int                i;
    int64_t            status;
    const cr_cond_t   *k;
    const cr_group_t  *g;

    g = cr_obs_group(o);

    if (type != CR_JSON_NUMBER || index < 0 || index >= CR_OBS_PARTS
        || !cr_wild(g->part_status, path, NULL)
        || cr_money_decimal(value, 0, &status) != CR_OK)
    {
        return;
    }

    if (status >= 200 && status < 300) {
        o->part_ok |= (uint16_t) (1u << index);
    }

    for (i = part_conds(o, &k, 0); i >= 0; i = part_conds(o, &k, i + 1)) {
        if ((o->part[k->mark] >> index & 1) && status >= k->lo
            && status <= k->hi)
        {
            o->truth |= (uint64_t) 1 << i;
        }
    }
}


/* Was this fact told by a part that was not answered well? */

int
cr_obs_part_refused(const cr_obs_t *o, cr_fact_e fact)
{
    int  part;

    part = o->fact_part[fact];

    return part != 0
           && (part > CR_OBS_PARTS || !(o->part_ok >> (part - 1) & 1));
}
