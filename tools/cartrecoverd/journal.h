/*
 * journal.h: this worker's own record of intents, on disk before a message may
 * leave, and of the last sign of life that Redis has acknowledged.  Two files
 * of bounded size, one line a record:
 *
 *     W ID                      which worker this is
 *     E SITE EPOCH              the site's epoch, as Redis told it
 *     I SITE JID.STEP HW MS     an intent
 *     B SITE JID.STEP HW MS     taken back: nothing was sent
 */

#ifndef CRD_JOURNAL_H
#define CRD_JOURNAL_H

#include "cr_base.h"
#include "config.h"


#define CRD_JOURNAL_BYTES  (8 * 1024 * 1024)
#define CRD_WORKER_ID      16

typedef struct {
    char      site[33];
    char      epoch[36];
    int64_t   hw;                /* the highest intent of ours */
    int64_t   beat;              /* last ms that Redis acknowledged, 0 = none */
} crd_journal_site_t;

typedef struct {
    char      dir[CRD_PATH];
    char      id[CRD_WORKER_ID + 1];
    int       fd;
    int       beat_fd;
    int       lock_fd;
    int64_t   size;
    uint64_t  synced;
    crd_journal_site_t  *site;
    int       nsites;
} crd_journal_t;

/* Opens or makes the journal in dir and locks it against a second worker.
 * CR_OK, or CR_ERR with one line in err. */

int crd_journal_open(crd_journal_t *j, const char *dir, cr_error_t *err);
void crd_journal_close(crd_journal_t *j);

/* What is known of a site; made when new.  NULL without memory. */

crd_journal_site_t *crd_journal_site(crd_journal_t *j, const char *site);

/* Appends; `I` and `E` return CR_OK only when they are on disk. */

int crd_journal_intent(crd_journal_t *j, const char *site, const char *jid,
    const char *step, int64_t hw, int64_t now);
int crd_journal_back(crd_journal_t *j, const char *site, const char *jid,
    const char *step, int64_t hw, int64_t now);
int crd_journal_epoch(crd_journal_t *j, const char *site, const char *epoch);

/* Redis has acknowledged our sign of life; kept in a file of its own. */

void crd_journal_beat(crd_journal_t *j, const char *site, int64_t now);

/* Calls f for each intent of a site that was not taken back, oldest first;
 * stops at the first answer that is not CR_OK and returns it. */

typedef int (*crd_journal_pt)(void *data, const char *jid, const char *step);

int crd_journal_each(crd_journal_t *j, const char *site, crd_journal_pt f,
    void *data);

#endif
