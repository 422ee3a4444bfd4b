#include "cr_policy_int.h"

#include <stdio.h>
#include <string.h>


#define WEEK_MS  (7 * 86400000LL)


int
cr_duration_parse(cr_str_t s, int64_t *ms)
{
    size_t    i, k;
    int64_t   n;

    static const struct {
        cr_str_t  word;
        int64_t   ms;
    } units[] = {
        { cr_lit("ms"), 1 },
        { cr_lit("s"), 1000 },
        { cr_lit("m"), 60000 },
        { cr_lit("h"), 3600000 },
        { cr_lit("d"), 86400000 }
    };

    n = 0;

    for (i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        if (i == 12) {
            return CR_ERR;
        }

        n = n * 10 + (s.p[i] - '0');
    }

    if (i == 0) {
        return CR_ERR;
    }

    for (k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
        if (s.n - i == units[k].word.n
            && memcmp(s.p + i, units[k].word.p, units[k].word.n) == 0)
        {
            if (n > INT64_MAX / units[k].ms) {
                return CR_ERR;
            }

            *ms = n * units[k].ms;
            return CR_OK;
        }
    }

    return CR_ERR;
}


int
cr_policy_is_address(const char *s, size_t n)
{
    size_t       i;
    const char  *at;

    at = memchr(s, '@', n);

    if (at == NULL || at == s || n > 254 || at - s > 64) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if ((unsigned char) s[i] <= 0x20 || s[i] == 0x7f
            || strchr("<>,;:\"\\()[]", s[i])
            || (s[i] == '@' && s + i != at))
        {
            return 0;
        }
    }

    return s + n - at > 1 && at[1] != '.' && s[n - 1] != '.';
}


int
cr_policy_is_mailbox(const char *s)
{
    size_t       n;
    const char  *open;

    n = strlen(s);
    open = strrchr(s, '<');

    if (open == NULL) {
        return cr_policy_is_address(s, n);
    }

    if (s[n - 1] != '>' || memchr(s, '<', (size_t) (open - s)) != NULL
        || memchr(s, '>', n - 1) != NULL)
    {
        return 0;
    }

    open++;

    return cr_policy_is_address(open, n - 1 - (size_t) (open - s));
}


int
cr_policy_is_url(const char *s, const char **rest)
{
    size_t       n, port;
    const char  *host;

    if (strncmp(s, "https://", 8) == 0) {
        host = s + 8;

    } else if (strncmp(s, "http://", 7) == 0) {
        host = s + 7;

    } else {
        return 0;
    }

    n = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "0123456789.-_");

    if (host[0] == '[') {
        n = strspn(host + 1, "0123456789abcdefABCDEF:") + 2;

        if (n < 4 || host[n - 1] != ']') {
            return 0;
        }
    }

    if (n == 0) {
        return 0;
    }

    host += n;

    if (host[0] == ':') {
        port = strspn(host + 1, "0123456789");

        if (port == 0 || port > 5) {
            return 0;
        }

        host += port + 1;
    }

    *rest = host;

    return (host[0] == '\0' || strchr("/?#", host[0]) != NULL)
           && strpbrk(host, " \"<>\\") == NULL;
}


static json_t *
policy_get(json_t *root, const char *block, const char *key)
{
    return json_object_get(json_object_get(root, block), key);
}


static void
policy_at(cr_policy_ctx_t *c, const char *path)
{
    c->path_len = (size_t) snprintf(c->path, sizeof(c->path), "%s", path);
}


static void
policy_check_shop(cr_policy_ctx_t *c, json_t *root)
{
    int           i;
    cr_policy_t  *p;

    p = c->p;

    if (json_object_get(root, "shop") == NULL) {
        policy_at(c, "$.shop");
        cr_policy_mistake(c, "is missing; it needs at least \"id\" and "
                          "\"currency\"");
        return;
    }

    policy_at(c, "$.shop.id");

    if (policy_get(root, "shop", "id") == NULL) {
        cr_policy_mistake(c, "is missing; a short name of this shop that never "
                          "changes, a-z, 0-9 and '-'");
    }

    policy_at(c, "$.shop.currency");

    if (policy_get(root, "shop", "currency") == NULL) {
        cr_policy_mistake(c, "is missing; the ISO 4217 code of the prices, "
                          "such as \"EUR\"");
    }

    if (p->locale[0] == '\0' || p->nlocales == 0) {
        return;
    }

    for (i = 0; i < p->nlocales; i++) {
        if (strcmp(p->locale, p->locales[i]) == 0) {
            return;
        }
    }

    policy_at(c, "$.shop.default");
    cr_policy_mistake(c, "\"%s\" is none of shop.locales; add it there or "
                      "choose another one", p->locale);
}


static void
policy_check_sequence(cr_policy_ctx_t *c, json_t *root)
{
    int           i, given, week;
    char          path[64];
    int64_t       gap;
    cr_policy_t  *p;

    p = c->p;
    week = 0;
    given = (json_object_get(root, "sequence") != NULL);

    for (i = 0; i < p->ntouches; i++) {
        (void) snprintf(path, sizeof(path), "$.sequence[%d].after", i);
        policy_at(c, path);

        if (p->touch[i].after_ms - p->touch[0].after_ms < WEEK_MS) {
            week++;
        }

        if (i == 0 || p->touch[i].after_ms == 0
            || p->touch[i - 1].after_ms == 0)
        {
            continue;
        }

        gap = p->touch[i].after_ms - p->touch[i - 1].after_ms;

        if (gap <= 0) {
            cr_policy_mistake(c, "is not later than the touch before it; "
                              "times count from the moment the cart was left");

        } else if (gap < p->min_gap_ms) {
            if (!given) {
                policy_at(c, "$.caps.min_gap");
            }

            cr_policy_mistake(c, "touch %d comes %.4g h after touch %d, but "
                              "caps.min_gap is %.4g h; make the gap larger or "
                              "the cap smaller", i + 1,
                              (double) gap / 3600000, i,
                              (double) p->min_gap_ms / 3600000);
        }
    }

    if (week > p->per_7d) {
        policy_at(c, "$.caps.messages_per_7d");
        cr_policy_mistake(c, "allows %d messages, but the sequence has %d "
                          "within 7 days; raise it or drop touches", p->per_7d,
                          week);
    }
}


/* The percentage of "pct:7.5", or 0 when it is none. */

static double
policy_pct(const char *s)
{
    int     fraction;
    double  n, unit;

    if (strncmp(s, "pct:", 4) != 0) {
        return 0;
    }

    n = 0;
    unit = 1;
    fraction = 0;

    for (s += 4; *s; s++) {
        if (*s == '.' && !fraction) {
            fraction = 1;
            continue;
        }

        if (*s < '0' || *s > '9') {
            return 0;
        }

        unit = fraction ? unit / 10 : 1;
        n = fraction ? n + (*s - '0') * unit : n * 10 + (*s - '0');
    }

    return (n <= 100) ? n : 0;
}


static void
policy_check_ladder(cr_policy_ctx_t *c, json_t *ladder, double max)
{
    double       pct;
    size_t       i;
    const char  *s;

    for (i = 0; i < json_array_size(ladder); i++) {
        s = json_string_value(json_array_get(ladder, i));

        if (s == NULL || strcmp(s, "none") == 0 || strcmp(s, "reassure") == 0
            || strcmp(s, "free_shipping") == 0)
        {
            continue;
        }

        pct = policy_pct(s);
        policy_at(c, "$.offers.ladder");
        (void) cr_policy_enter_at(c, i);

        if (pct <= 0) {
            cr_policy_mistake(c, "\"%.32s\" is no step; use \"none\", "
                              "\"reassure\", \"free_shipping\" or \"pct:5\"",
                              s);

        } else if (pct > max) {
            cr_policy_mistake(c, "\"%.32s\" is above offers.max_pct, %g %%", s,
                              max);
        }
    }
}


static void
policy_check_margin(cr_policy_ctx_t *c, json_t *root)
{
    double   most, left, least;
    json_t  *max, *margin;

    max = policy_get(root, "offers", "max_pct");
    margin = policy_get(root, "margin", "default_pct");
    most = json_is_number(max) ? json_number_value(max) : 100;
    least = json_number_value(policy_get(root, "margin", "floor_pct"));

    policy_check_ladder(c, policy_get(root, "offers", "ladder"), most);

    if (!json_is_number(max) || !json_is_number(margin) || most <= 0) {
        return;
    }

    left = json_number_value(margin) - most;

    if (left < least) {
        policy_at(c, "$.offers.max_pct");
        cr_policy_mistake(c, "%g %% off leaves a margin of %g %%, less than "
                          "margin.floor_pct, %g %%; lower one of them", most,
                          left, least);
    }
}


void
cr_policy_contradictions(cr_policy_ctx_t *c, json_t *root)
{
    policy_check_shop(c, root);
    policy_check_sequence(c, root);
    policy_check_margin(c, root);
}


static void
policy_lacks(cr_error_t *err, int max, int *n, const char *path,
    const char *why)
{
    if (*n < max) {
        memset(&err[*n], 0, sizeof(cr_error_t));
        (void) snprintf(err[*n].path, sizeof(err[*n].path), "%s", path);
        (void) snprintf(err[*n].text, sizeof(err[*n].text), "%s", why);
    }

    (*n)++;
}


int
cr_policy_check_sending(const cr_policy_t *p, cr_error_t *err, int max)
{
    int  n;

    n = 0;

    if (p->url[0] == '\0') {
        policy_lacks(err, max, &n, "$.shop.url", "is missing; links in "
                     "messages need it: the shop's address, "
                     "\"https://shop.example\"");
    }

    if (p->tz[0] == '\0') {
        policy_lacks(err, max, &n, "$.shop.tz", "is missing; quiet hours need "
                     "the shop's time zone, such as \"Europe/Berlin\"");
    }

    if (p->sender.from[0] == '\0') {
        policy_lacks(err, max, &n, "$.shop.sender.from", "is missing; the "
                     "address that messages come from, "
                     "\"Our Shop <shop@shop.example>\"");
    }

    if (p->sender.reply_to[0] == '\0') {
        policy_lacks(err, max, &n, "$.shop.sender.reply_to", "is missing; an "
                     "address that a person reads");
    }

    if (p->sender.address[0] == '\0') {
        policy_lacks(err, max, &n, "$.shop.sender.address", "is missing; the "
                     "shop's postal address stands under each message");
    }

    if (p->sender.privacy[0] == '\0') {
        policy_lacks(err, max, &n, "$.shop.sender.privacy", "is missing; the "
                     "URL of the shop's privacy page");
    }

    return n;
}
