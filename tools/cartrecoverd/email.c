#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"


static int crd_email_prepare(crd_job_t *job, const crd_claim_t *c,
    cr_error_t *err);
static int crd_email_check(const crd_config_t *cf, cr_error_t *err);
static crd_class_e crd_email_classify(int intent, int transport, int code,
    const char *reply);
static crd_class_e crd_email_permanent(const char *reply, int code);


const crd_channel_t  crd_email = {
    .name = "email",
    .chan = CR_CHAN_EMAIL,
    .idempotent = 0,
    .prepare = crd_email_prepare,
    .check = crd_email_check,
    .send = crd_smtp_start,
    .classify = crd_email_classify,
    .reconcile = NULL,
    .suppress = NULL
};


static int
crd_email_prepare(crd_job_t *job, const crd_claim_t *c, cr_error_t *err)
{
    cr_str_t  site, sealed;

    site.p = job->site;
    site.n = strlen(job->site);
    sealed.p = crd_reply_field(c->p, "em");
    sealed.n = strlen(sealed.p);

    if (cr_open(&job->w->cf.ring, site, cr_lit("email"), sealed, job->to,
                sizeof(job->to)) < 0
        || cr_email_normalise(job->to) != CR_OK)
    {
        snprintf(err->path, sizeof(err->path), "skip:address");
        snprintf(err->text, sizeof(err->text), "the address cannot be opened "
                 "with the secrets at hand");
        return CR_ERR;
    }

    if (strcmp(crd_reply_field(c->j, "items"), "0") == 0) {
        snprintf(err->path, sizeof(err->path), "skip:empty");
        snprintf(err->text, sizeof(err->text), "the cart is empty now");
        return CR_ERR;
    }

    return crd_render(job, c, err);
}


static int
crd_email_check(const crd_config_t *cf, cr_error_t *err)
{
    if (cf->smtp_user[0] != '\0' && cf->smtp_tls < 2
        && strncmp(cf->smtp_url, "smtps:", 6) != 0)
    {
        snprintf(err->text, sizeof(err->text), "smtp_user_file: a password "
                 "needs smtp_tls = required or smtps://");
        return CR_ERR;
    }

    return CR_OK;
}


/*
 * Two facts decide: was the end of the message told (then INTENT was taken),
 * and what did the server answer last?  curl's own code says little: 55 stands
 * for RCPT refused for now and for good, 250 may be left over from before.
 */

static crd_class_e
crd_email_classify(int intent, int transport, int code, const char *reply)
{
    /* what the server has accepted is sent, and never tried again, even if
     * curl should have ended the message without asking */

    if (transport == CURLE_OK && code == 250) {
        return CRD_SENT;
    }

    if (!intent && transport == CURLE_ABORTED_BY_CALLBACK) {
        return CRD_NO_INTENT;
    }

    if (transport == CURLE_LOGIN_DENIED
        || transport == CURLE_USE_SSL_FAILED
        || transport == CURLE_PEER_FAILED_VERIFICATION
        || code == 530 || code == 534 || code == 535 || code == 538)
    {
        return CRD_HOST;
    }

    if (code >= 500 && code < 600) {
        return crd_email_permanent(reply, code);
    }

    if (code >= 400) {
        return CRD_RETRY;
    }

    if (intent) {
        return CRD_UNKNOWN;
    }

    return transport == CURLE_COULDNT_CONNECT
           || transport == CURLE_COULDNT_RESOLVE_HOST ? CRD_HOST : CRD_RETRY;
}


/* 5.1.x: the address is dead.  5.7.x, 5.1.7 and 5.1.8 speak of the sender, and
 * burn no journey.  Without an extended code 550, 551 and 553 are the
 * address. */

static crd_class_e
crd_email_permanent(const char *reply, int code)
{
    const char  *p;

    p = strlen(reply) > 4 ? reply + 4 : "";

    if (strncmp(p, "5.7.", 4) == 0
        || (strncmp(p, "5.1.", 4) == 0 && (p[4] == '7' || p[4] == '8')
            && strchr("0123456789", p[5] ? p[5] : ' ') == NULL))
    {
        return CRD_HOST;
    }

    if (strncmp(p, "5.1.", 4) == 0 || strncmp(p, "5.2.1", 5) == 0) {
        return CRD_BOUNCED;
    }

    if (p[0] == '5' && p[1] == '.') {
        return CRD_PERMANENT;
    }

    return code == 550 || code == 551 || code == 553 ? CRD_BOUNCED
                                                     : CRD_PERMANENT;
}
