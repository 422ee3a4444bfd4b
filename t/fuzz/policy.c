/*
 * Any text is either no JSON or has a number of mistakes that are all told, in
 * file order, and what was parsed keeps the bounds that readers rely on.
 */

#include <stdlib.h>
#include <string.h>

#include "../../lib/cr_policy.h"

#define MAX  8


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(int cond)
{
    if (!cond) {
        abort();
    }
}


static int
ends(const char *s, size_t cap)
{
    return memchr(s, '\0', cap) != NULL;
}


static void
check_errors(const cr_error_t *err, int n)
{
    int  i;

    for (i = 0; i < n && i < MAX; i++) {
        must(ends(err[i].path, sizeof(err[i].path)) && err[i].path[0] == '$');
        must(ends(err[i].text, sizeof(err[i].text)) && err[i].text[0]);
        must(err[i].line >= 1);
        must(i == 0 || err[i].line >= err[i - 1].line);
    }
}


static void
check_policy(const cr_policy_t *p)
{
    int  i, k;

    must(p->version == 1);
    must(ends(p->site, sizeof(p->site)) && p->site[0]);
    must(ends(p->name, sizeof(p->name)) && p->name[0]);
    must(ends(p->url, sizeof(p->url)));
    must(strlen(p->currency) == 3);
    must(ends(p->tz, sizeof(p->tz)));
    must(ends(p->platform, sizeof(p->platform)));
    must(ends(p->sender.from, sizeof(p->sender.from)));
    must(strpbrk(p->sender.from, "\r\n") == NULL);
    must(strpbrk(p->sender.address, "\r\n") == NULL);
    must(p->mode < CR_MODE_MAX);
    must(p->free_shipping == CR_AMOUNT_UNKNOWN || p->free_shipping >= 0);
    must(p->abandon.min_value >= 0 && p->abandon.cart_ms > 0);
    must(p->holdout_pct >= 0 && p->holdout_pct <= 50);
    must(p->threshold >= 0 && p->threshold <= 1);
    must(p->quiet_from_min != p->quiet_to_min || p->quiet_from_min == -1);
    must(p->quiet_from_min < 1440 && p->quiet_to_min < 1440);
    must(p->nlocales >= 1 && p->nlocales <= 12);
    must(p->ntouches >= 0 && p->ntouches <= CR_POLICY_TOUCHES);
    must(p->nexclude_paths <= CR_POLICY_EXCLUDES);
    must(p->nexclude_emails <= CR_POLICY_EXCLUDES);

    for (i = 0; i < p->ntouches; i++) {
        must(p->touch[i].nchan >= 1 && p->touch[i].nchan <= CR_CHAN_MAX);
        must(p->touch[i].purpose < CR_PURPOSE_MAX);
        must(i == 0 || p->touch[i].after_ms > p->touch[i - 1].after_ms);

        for (k = 0; k < p->touch[i].nchan; k++) {
            must(p->touch[i].chan[k] == CR_CHAN_EMAIL);
        }
    }

    for (i = 0; i < p->nlocales; i++) {
        must(ends(p->locales[i], sizeof(p->locales[i])) && p->locales[i][0]);
    }

    for (i = 0; i < p->nexclude_paths; i++) {
        must(p->exclude_path[i][0] == '/');
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          n;
    cr_error_t   err[MAX];
    cr_policy_t  p;

    memset(err, 0xa5, sizeof(err));
    n = cr_policy_parse(&p, (const char *) data, size, err, MAX);

    must(n >= 0 || n == CR_ERR);

    if (n == CR_ERR) {
        must(err[0].text[0] && ends(err[0].text, sizeof(err[0].text)));
        return 0;
    }

    check_errors(err, n);
    must(cr_policy_parse(&p, (const char *) data, size, NULL, 0) == n);

    if (n == 0) {
        check_policy(&p);
        must(cr_policy_check_sending(&p, err, MAX) <= 6);
    }

    return 0;
}
