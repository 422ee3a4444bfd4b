#include "cr_policy_int.h"

#include <stdio.h>
#include <string.h>


static const char *const  touch_keys[] = {
    "after", "channel", "purpose", NULL
};

static const char *const  tier_keys[] = { "country", "from", NULL };


static void
policy_channel(cr_policy_ctx_t *c, json_t *v, cr_touch_t *t)
{
    int          i;
    const char  *s;

    s = json_string_value(v);

    for (i = 0; s && i < CR_CHAN_MAX; i++) {
        if (strcmp(s, cr_chan_word[i]) != 0) {
            continue;
        }

        if (i != CR_CHAN_EMAIL) {
            cr_policy_mistake(c, "channel %s is not available in this version; "
                              "use \"email\"", s);
            return;
        }

        if (t->nchan > 0) {
            cr_policy_mistake(c, "channel %s stands here twice; remove one", s);
            return;
        }

        t->chan[t->nchan++] = (uint8_t) i;
        return;
    }

    if (s) {
        cr_policy_mistake(c, "\"%.32s\" is no channel; use \"email\"", s);
    } else {
        cr_policy_mistake(c, "is %s, must be a channel such as \"email\"",
                          cr_policy_type(v));
    }
}


static void
policy_channels(cr_policy_ctx_t *c, json_t *v, cr_touch_t *t)
{
    size_t   i, mark;
    json_t  *e;

    if (!json_is_array(v)) {
        policy_channel(c, v, t);
        return;
    }

    if (json_array_size(v) == 0) {
        cr_policy_mistake(c, "names no channel; use [\"email\"]");
    }

    json_array_foreach(v, i, e) {
        mark = cr_policy_enter_at(c, i);
        policy_channel(c, e, t);
        cr_policy_leave(c, mark);
    }
}


static void
policy_purpose(cr_policy_ctx_t *c, json_t *v, cr_touch_t *t)
{
    int          i;
    const char  *s;

    s = json_string_value(v);

    for (i = 0; s && i < CR_PURPOSE_MAX; i++) {
        if (strcmp(s, cr_purpose_word[i]) == 0) {
            t->purpose = (uint8_t) i;
            return;
        }
    }

    cr_policy_mistake(c, "must be one of \"remind\", \"proof\", \"objection\", "
                      "\"offer\"");
}


static void
policy_touch(cr_policy_ctx_t *c, json_t *v, cr_touch_t *t)
{
    size_t       mark;
    json_t      *value;
    const char  *key;

    memset(t, 0, sizeof(*t));

    if (!json_is_object(v)) {
        cr_policy_mistake(c, "is %s, must be {\"after\": .., \"channel\": .., "
                          "\"purpose\": ..}", cr_policy_type(v));
        return;
    }

    json_object_foreach(v, key, value) {
        mark = cr_policy_enter(c, key);

        if (strcmp(key, "after") == 0) {
            (void) cr_policy_duration(c, value, 1, 60 * 86400000.0,
                                      &t->after_ms);

        } else if (strcmp(key, "channel") == 0) {
            policy_channels(c, value, t);

        } else if (strcmp(key, "purpose") == 0) {
            policy_purpose(c, value, t);

        } else {
            cr_policy_leave(c, mark);
            cr_policy_unknown(c, key, touch_keys);
            continue;
        }

        cr_policy_leave(c, mark);
    }

    if (json_object_get(v, "after") == NULL) {
        cr_policy_mistake(c, "\"after\" is missing: the time from the moment "
                          "the cart was left, such as \"1h\"");
    }

    if (json_object_get(v, "channel") == NULL) {
        cr_policy_mistake(c, "\"channel\" is missing; add [\"email\"]");
    }

    if (json_object_get(v, "purpose") == NULL) {
        cr_policy_mistake(c, "\"purpose\" is missing; one of \"remind\", "
                          "\"proof\", \"objection\", \"offer\"");
    }
}


void
cr_policy_set_sequence(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    size_t   i, mark;
    json_t  *e;

    (void) f;

    if (!json_is_array(v)) {
        cr_policy_mistake(c, "is %s, must be a list of touches ([] sends "
                          "nothing)", cr_policy_type(v));
        return;
    }

    memset(c->p->touch, 0, sizeof(c->p->touch));
    c->p->ntouches = 0;

    json_array_foreach(v, i, e) {
        mark = cr_policy_enter_at(c, i);

        if (i == CR_POLICY_TOUCHES) {
            cr_policy_mistake(c, "is one touch too many, at most %d are sent",
                              CR_POLICY_TOUCHES);
            cr_policy_leave(c, mark);
            break;
        }

        policy_touch(c, e, &c->p->touch[i]);
        c->p->ntouches = (int) i + 1;
        cr_policy_leave(c, mark);
    }
}


/* Minutes of "HH:MM", or -1. */

static int
policy_clock(const char *s)
{
    int  h, m;

    if (s == NULL || strlen(s) != 5 || s[2] != ':'
        || strspn(s, "0123456789") != 2 || strspn(s + 3, "0123456789") != 2)
    {
        return -1;
    }

    h = (s[0] - '0') * 10 + s[1] - '0';
    m = (s[3] - '0') * 10 + s[4] - '0';

    return (h > 23 || m > 59) ? -1 : h * 60 + m;
}


void
cr_policy_set_quiet(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    int  from, to;

    (void) f;

    if (json_is_false(v) || (json_is_array(v) && json_array_size(v) == 0)) {
        c->p->quiet_from_min = -1;
        c->p->quiet_to_min = -1;
        return;
    }

    from = policy_clock(json_string_value(json_array_get(v, 0)));
    to = policy_clock(json_string_value(json_array_get(v, 1)));

    if (json_array_size(v) != 2 || from < 0 || to < 0) {
        cr_policy_mistake(c, "must be two times of the day such as [\"21:00\", "
                          "\"08:00\"], or false for no quiet hours");
        return;
    }

    if (from == to) {
        cr_policy_mistake(c, "begins and ends at the same minute; write false "
                          "for no quiet hours");
        return;
    }

    c->p->quiet_from_min = from;
    c->p->quiet_to_min = to;
}


static int
policy_tier(cr_policy_ctx_t *c, json_t *v, int64_t *from)
{
    char         country[8];
    size_t       mark;
    json_t      *value;
    const char  *key;

    if (!json_is_object(v) || json_object_get(v, "country") == NULL
        || json_object_get(v, "from") == NULL)
    {
        cr_policy_mistake(c, "must be {\"country\": \"DE\" or \"*\", \"from\": "
                          "minor units}");
        return CR_ERR;
    }

    json_object_foreach(v, key, value) {
        mark = cr_policy_enter(c, key);

        if (strcmp(key, "country") == 0) {
            if (cr_policy_string(c, value, country, sizeof(country)) == CR_OK
                && strcmp(country, "*") != 0
                && (strlen(country) != 2
                    || strspn(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2))
            {
                cr_policy_mistake(c, "\"%s\" is no country; two upper-case "
                                  "letters, or \"*\" for all others", country);
            }

        } else if (strcmp(key, "from") == 0) {
            (void) cr_policy_amount(c, value, from);

        } else {
            cr_policy_leave(c, mark);
            cr_policy_unknown(c, key, tier_keys);
            continue;
        }

        cr_policy_leave(c, mark);
    }

    return CR_OK;
}


/* A list by country says one amount only when each entry does: which country
 * a shopper ships to is not known here. */

void
cr_policy_set_free_shipping(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    int       same;
    size_t    i, mark;
    json_t   *e;
    int64_t   from, first;

    (void) f;

    if (!json_is_array(v)) {
        (void) cr_policy_amount(c, v, &c->p->free_shipping);
        return;
    }

    same = (json_array_size(v) > 0);
    first = CR_AMOUNT_UNKNOWN;

    json_array_foreach(v, i, e) {
        mark = cr_policy_enter_at(c, i);
        from = CR_AMOUNT_UNKNOWN;
        (void) policy_tier(c, e, &from);
        first = (i == 0) ? from : first;
        same = same && (from == first);
        cr_policy_leave(c, mark);
    }

    if (same) {
        c->p->free_shipping = first;
    }
}


/* Lower-cases in place, as look-ups compare normalised addresses. */

static int
policy_exclude_email(char *s)
{
    char  *p;

    for (p = s; *p; p++) {
        if (*p >= 'A' && *p <= 'Z') {
            *p = (char) (*p | 0x20);
        }
    }

    if (s[0] == '@') {
        return strchr(s + 1, '.') != NULL && strpbrk(s + 1, "@ <>,") == NULL;
    }

    return cr_policy_is_address(s, strlen(s));
}


void
cr_policy_set_exclude(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    int      *n, paths;
    char    (*to)[64], buf[64];
    size_t    i, mark;
    json_t   *e;

    paths = (strcmp(f->key, "paths") == 0);
    to = paths ? c->p->exclude_path : c->p->exclude_email;
    n = paths ? &c->p->nexclude_paths : &c->p->nexclude_emails;

    if (!json_is_array(v)) {
        cr_policy_mistake(c, "is %s, must be a list of strings",
                          cr_policy_type(v));
        return;
    }

    json_array_foreach(v, i, e) {
        mark = cr_policy_enter_at(c, i);

        if (i == CR_POLICY_EXCLUDES) {
            cr_policy_mistake(c, "is one too many, at most %d are read",
                              CR_POLICY_EXCLUDES);
            cr_policy_leave(c, mark);
            break;
        }

        if (cr_policy_string(c, e, buf, sizeof(buf)) != CR_OK) {
            cr_policy_leave(c, mark);
            continue;
        }

        if (paths && buf[0] != '/') {
            cr_policy_mistake(c, "\"%s\" does not begin with a slash", buf);

        } else if (!paths && !policy_exclude_email(buf)) {
            cr_policy_mistake(c, "\"%s\" is neither an address nor a domain "
                              "written as \"@company.example\"", buf);

        } else {
            memcpy(to[(*n)++], buf, sizeof(buf));
        }

        cr_policy_leave(c, mark);
    }
}
