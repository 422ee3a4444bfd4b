/*
 * channel.h: what a channel must be able to do.  A new one is one file with
 * one table; touch.c knows no channel by name.
 */

#ifndef CRD_CHANNEL_H
#define CRD_CHANNEL_H

#include "worker.h"


typedef enum {
    CRD_SENT,                    /* the provider has it, and says so */
    CRD_PERMANENT,               /* refused for good */
    CRD_BOUNCED,                 /* refused for good: the address is dead */
    CRD_RETRY,                   /* the provider holds nothing; try later */
    CRD_HOST,                    /* the same, and the fault is not the touch's:
                                    nobody there, login, sender policy */
    CRD_UNKNOWN,                 /* it may or may not have been taken */
    CRD_NO_INTENT                /* INTENT said no; nothing left */
} crd_class_e;

extern const char *const  crd_class_word[];

struct crd_channel_s {
    const char  *name;           /* also the consent's and suppression's */
    cr_chan_e    chan;

    /* what an unknown outcome means: 1 = the same key may be sent again */
    uint8_t      idempotent;

    /* Renders and validates; no network.  CR_OK, or CR_ERR with err. */
    int        (*prepare)(crd_job_t *job, const crd_claim_t *c,
                          cr_error_t *err);

    /* Is the configuration usable?  No message leaves. */
    int        (*check)(const crd_config_t *cf, cr_error_t *err);

    /* Starts the transfer.  crd_touch_intent() is called at the point of no
     * return, crd_touch_done() at the end. */
    int        (*send)(crd_job_t *job);

    /* From what the transfer left behind. */
    crd_class_e (*classify)(int intent, int transport, int code,
                            const char *reply);

    /* Asks the provider about an unknown outcome; NULL where nobody can be
     * asked: the touch stays unknown and is not sent again. */
    crd_class_e (*reconcile)(crd_job_t *job);

    /* Tells the provider about a suppression; NULL where it wants none. */
    int        (*suppress)(crd_worker_t *w, const char *site,
                           const char *look);
};

extern const crd_channel_t  crd_email;

/* The channel by its number in the policy, or NULL: not built. */

const crd_channel_t *crd_channel(cr_chan_e chan);

/* smtp.c: runs the transfers, and takes those that are over. */

int crd_smtp_start(crd_job_t *job);
void crd_smtp_run(crd_worker_t *w);
void crd_smtp_stop(crd_job_t *job);

#endif
