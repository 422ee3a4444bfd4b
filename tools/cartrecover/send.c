#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "cli.h"
#include "cr_cart.h"
#include "cr_token.h"


/* A made-up cart, so that nobody takes it for one of theirs. */

static const char  crc_sample[] =
    "{\"ver\":1,\"cur\":\"%s\",\"total\":%lld,\"n\":3,\"items\":["
    "{\"r\":\"TEST-1\",\"q\":2,\"p\":%lld,\"name\":\"Test product one\"},"
    "{\"r\":\"TEST-2\",\"q\":1,\"p\":%lld,\"name\":\"Test product two\"}]}";


static redisReply *
crc_reply_text(const char *text)
{
    redisReply  *r;

    r = calloc(1, sizeof(*r));

    if (r != NULL) {
        r->type = REDIS_REPLY_STRING;
        r->str = strdup(text);
        r->len = strlen(text);
    }

    return r;
}


/* The journey as the worker would get it from Redis. */

static redisReply *
crc_reply_journey(const cr_policy_t *p, const char *locale)
{
    size_t       i;
    char         cart[512];
    long long    unit;
    redisReply  *r;
    const char  *pairs[4];

    for (unit = 1, i = 0; (int) i < cr_money_exponent(p->currency); i++) {
        unit *= 10;
    }

    (void) snprintf(cart, sizeof(cart), crc_sample, p->currency, 50 * unit,
                    10 * unit, 30 * unit);
    pairs[0] = "cart";
    pairs[1] = cart;
    pairs[2] = "loc";
    pairs[3] = locale ? locale : p->locale;

    r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return NULL;
    }

    r->type = REDIS_REPLY_ARRAY;
    r->elements = 4;
    r->element = calloc(4, sizeof(r->element[0]));

    for (i = 0; r->element && i < 4; i++) {
        r->element[i] = crc_reply_text(pairs[i]);
    }

    return r;
}


/* Policy and configuration, both fit to send. */

static int
crc_send_ready(crc_t *c, cr_policy_t *p, int *code)
{
    int         i, n;
    cr_error_t  err[CRC_ERRORS];

    if (c->policy == NULL) {
        *code = crc_fail(c, CRC_USAGE, "send-test needs --policy FILE");
        return CR_ERR;
    }

    if (crc_policy(c, c->policy, p, code) != CR_OK) {
        return CR_ERR;
    }

    n = cr_policy_check_sending(p, err, CRC_ERRORS);

    for (i = 0; i < n && i < CRC_ERRORS; i++) {
        crc_finding(c, c->policy, 0, err[i].path, "%s", err[i].text);
    }

    if (n > 0) {
        *code = CRC_FINDINGS;
        return CR_ERR;
    }

    if (crc_config(c, code) != CR_OK) {
        return CR_ERR;
    }

    if (c->templates != NULL) {
        (void) snprintf(c->cf.templates, sizeof(c->cf.templates), "%s",
                        c->templates);
    }

    if (crd_email.check(&c->cf, &err[0]) != CR_OK) {
        *code = crc_fail(c, CRC_IO, "%s: %s", c->config, err[0].text);
        return CR_ERR;
    }

    return CR_OK;
}


/* The worker's own job, for a journey that is not in Redis: its links open a
 * page that says so.  The unsubscribe link is a real one. */

static int
crc_send_job(crc_t *c, crd_worker_t *w, crd_job_t *job, cr_policy_t *p,
    cr_error_t *err)
{
    int          rc;
    cr_id_t      id;
    crd_claim_t  claim;

    job->w = w;
    job->chan = &crd_email;
    job->policy = p;
    job->intent = 1;
    (void) snprintf(job->step, sizeof(job->step), "1");
    (void) snprintf(job->site, sizeof(job->site), "%s", p->site);
    p->touch[0].purpose = CR_PURPOSE_REMIND;
    p->ntouches = (p->ntouches > 0) ? p->ntouches : 1;

    if (cr_random(id.b, sizeof(id.b)) != CR_OK) {
        (void) snprintf(err->text, sizeof(err->text), "no random bytes");
        return CR_ERR;
    }

    cr_id_hex(&id, job->jid);
    cr_address_look(&w->cf.ring, 0, (cr_str_t) { p->site, strlen(p->site) },
                    cr_lit("email"), (cr_str_t) { job->to, strlen(job->to) },
                    id.b);
    cr_id_hex(&id, job->look);

    memset(&claim, 0, sizeof(claim));
    claim.j = crc_reply_journey(p, c->locale);
    rc = crd_render(job, &claim, err);
    freeReplyObject((void *) (uintptr_t) claim.j);

    return rc;
}


/* Runs the transfer; returns what curl says. */

static CURLcode
crc_send_run(crd_worker_t *w, crd_job_t *job)
{
    int       running, left;
    CURLMsg  *m;

    if (crd_smtp_start(job) != CR_OK) {
        return CURLE_FAILED_INIT;
    }

    for ( ;; ) {
        (void) curl_multi_perform(w->multi, &running);

        while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
            if (m->msg == CURLMSG_DONE) {
                return m->data.result;
            }
        }

        (void) curl_multi_poll(w->multi, NULL, 0, 1000, NULL);
    }
}


static int
crc_send(crc_t *c, crd_worker_t *w, crd_job_t *job)
{
    long         response;
    CURLcode     code;
    crd_class_e  class;

    code = crc_send_run(w, job);
    response = 0;

    if (job->easy != NULL) {
        (void) curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &response);
    }

    class = crd_email.classify(1, (int) code, (int) response, job->reply);
    crd_smtp_stop(job);

    json_object_set_new(c->out, "outcome", json_string(crd_class_word[class]));
    json_object_set_new(c->out, "reply", json_string(job->reply));
    json_object_set_new(c->out, "bytes", json_integer((json_int_t) job->size));

    if (class != CRD_SENT) {
        return crc_fail(c, CRC_IO, "%s: not sent (%s): %s",
                        c->cf.smtp_url, crd_class_word[class],
                        (response >= 400) ? job->reply
                        : job->error[0] ? job->error
                        : curl_easy_strerror(code));
    }

    crc_say("sent, %s says: %s", c->cf.smtp_url, job->reply);

    return CRC_OK;
}


int
crc_send_test(crc_t *c)
{
    int            code;
    crd_job_t     *job;
    cr_error_t     err;
    cr_policy_t    p;
    crd_worker_t  *w;

    w = calloc(1, sizeof(*w));
    job = calloc(1, sizeof(*job));

    if (w == NULL || job == NULL || strlen(c->argv[0]) >= sizeof(job->to)) {
        code = crc_fail(c, CRC_USAGE, "the address is too long");
        goto done;
    }

    (void) snprintf(job->to, sizeof(job->to), "%s", c->argv[0]);

    if (cr_email_normalise(job->to) != CR_OK) {
        code = crc_fail(c, CRC_USAGE, "\"%s\" is no e-mail address",
                        c->argv[0]);
        goto done;
    }

    if (crc_send_ready(c, &p, &code) != CR_OK) {
        goto done;
    }

    memset(&err, 0, sizeof(err));
    w->cf = c->cf;

    if (crc_send_job(c, w, job, &p, &err) != CR_OK) {
        code = crc_fail(c, CRC_IO, "%s", err.text);
        goto done;
    }

    (void) curl_global_init(CURL_GLOBAL_DEFAULT);
    w->multi = curl_multi_init();
    code = w->multi ? crc_send(c, w, job)
                    : crc_fail(c, CRC_IO, "curl cannot be started");
    (void) curl_multi_cleanup(w->multi);
    curl_global_cleanup();

done:

    if (job != NULL) {
        free(job->mime);
    }

    free(job);
    free(w);

    return code;
}
