#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cr_assign.h"
#include "worker.h"


static void crd_gate_arm(const crd_worker_t *w, const crd_site_t *s,
    const crd_claim_t *c, crd_verdict_t *v);
static int crd_gate_excluded(const crd_worker_t *w, const crd_site_t *s,
    const crd_claim_t *c);
static int crd_gate_consent(const crd_site_t *s, const crd_claim_t *c);
static int crd_gate_cap(const crd_site_t *s, const crd_claim_t *c);


/* The gates at the end of the wait, in the order that keeps the holdout
 * honest: the arm is settled before anything that depends on an address. */

void
crd_gate(const crd_worker_t *w, const crd_site_t *s, const crd_claim_t *c,
    crd_verdict_t *v)
{
    size_t       n;
    const char  *total;

    crd_gate_arm(w, s, c, v);

    if (crd_reply_field(c->p, "em")[0] == '\0') {
        v->state = "nocontact";
        v->why = "contact";
        return;
    }

    v->state = "expired";

    if (s->policy.exclude_bots
        && strcmp(crd_reply_field(c->j, "bot"), "1") == 0)
    {
        v->why = "bot";
        return;
    }

    if (crd_gate_excluded(w, s, c)) {
        v->why = "excluded";
        return;
    }

    total = crd_reply_field(c->j, "total");
    if (*total && strtoll(total, NULL, 10) < s->policy.abandon.min_value) {
        v->why = "min_value";
        return;
    }

    if (strcmp(crd_reply_field(c->j, "items"), "0") == 0) {
        v->why = "empty";
        return;
    }

    if (!crd_gate_consent(s, c)) {
        v->state = "noconsent";
        v->why = "consent";
        return;
    }

    if (*c->sup) {
        n = strcspn(c->sup, " ");
        snprintf(v->text, sizeof(v->text), "%.*s", (int) (n < 15 ? n : 15),
                 c->sup);
        v->state = strcmp(v->text, "complaint") == 0
                   || strcmp(v->text, "bounced") == 0
                   || strcmp(v->text, "erased") == 0 ? v->text : "unsub";
        v->why = "sup";
        return;
    }

    if (crd_gate_cap(s, c)) {
        v->why = "cap";
        return;
    }

    v->state = strcmp(v->arm, cr_arm_word[CR_ARM_HOLDOUT]) == 0 ? "holdout"
                                                                : "run";
    v->why = "";
}


/* The person's arm, else the visitor's; nginx gave neither: by the same keyed
 * hash. */

static void
crd_gate_arm(const crd_worker_t *w, const crd_site_t *s, const crd_claim_t *c,
    crd_verdict_t *v)
{
    size_t             i;
    cr_id_t            id;
    cr_str_t           vid;
    const char        *arm;
    const redisReply  *from[3];

    from[0] = c->p;
    from[1] = c->j;
    from[2] = c->v;

    for (i = 0; i < 3; i++) {
        arm = crd_reply_field(from[i], "arm");
        if (strcmp(arm, cr_arm_word[CR_ARM_TREAT]) == 0
            || strcmp(arm, cr_arm_word[CR_ARM_HOLDOUT]) == 0)
        {
            snprintf(v->arm, sizeof(v->arm), "%s", arm);
            snprintf(v->epoch, sizeof(v->epoch), "%.20s",
                     crd_reply_field(from[i], "ep"));
            return;
        }
    }

    vid.p = crd_reply_field(c->j, "vid");
    vid.n = strlen(vid.p);
    if (cr_id_parse(vid, &id) != CR_OK) {
        memset(&id, 0, sizeof(id));
    }

    snprintf(v->arm, sizeof(v->arm), "%s",
             cr_arm_word[cr_assign_arm(w->cf.ring.key[0].sip,
                         (cr_str_t) { s->site, strlen(s->site) }, &id,
                         s->policy.holdout_epoch, s->policy.holdout_pct)]);
    snprintf(v->epoch, sizeof(v->epoch), "%u", s->policy.holdout_epoch);
}


static int
crd_gate_excluded(const crd_worker_t *w, const crd_site_t *s,
    const crd_claim_t *c)
{
    int          i, found;
    char         address[288];
    size_t       n, len;
    cr_str_t     sealed;
    const char  *rule;

    if (s->policy.nexclude_emails == 0) {
        return 0;
    }

    sealed.p = crd_reply_field(c->p, "em");
    sealed.n = strlen(sealed.p);

    if (cr_open(&w->cf.ring, (cr_str_t) { s->site, strlen(s->site) },
                cr_lit("email"), sealed, address, sizeof(address)) < 0)
    {
        return 0;
    }

    found = 0;
    len = strlen(address);

    for (i = 0; i < s->policy.nexclude_emails && !found; i++) {
        rule = s->policy.exclude_email[i];
        n = strlen(rule);
        found = rule[0] == '@'
                ? len >= n && strcasecmp(address + len - n, rule) == 0
                : strcasecmp(address, rule) == 0;
    }

    explicit_bzero(address, sizeof(address));

    return found;
}


static int
crd_gate_consent(const crd_site_t *s, const crd_claim_t *c)
{
    const char  *said;

    said = crd_reply_field(c->p, "c:email");

    if (said[0] == '0' || (said[0] != '1' && s->policy.consent_optin)) {
        return 0;
    }

    return !s->policy.gpc_no_marketing
           || strcmp(crd_reply_field(c->p, "gpc"), "1") != 0;
}


static int
crd_gate_cap(const crd_site_t *s, const crd_claim_t *c)
{
    int          n;
    char        *end;
    int64_t      at;
    const char  *p;

    n = 0;

    for (p = crd_reply_field(c->p, "sends"); *p; p = end) {
        at = strtoll(p, &end, 10);
        if (end == p) {
            break;
        }
        n += at > c->now - 7 * 86400000LL;
    }

    return s->policy.per_7d > 0 && n >= s->policy.per_7d;
}
