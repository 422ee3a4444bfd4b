/*
 * config.h: the configuration file of cartrecoverd, which the command line
 * reads too: "key = value" lines, '#' comments (conf/cartrecoverd.conf).
 */

#ifndef CRD_CONFIG_H
#define CRD_CONFIG_H

#include "cr_base.h"
#include "cr_token.h"


#define CRD_CONFIG_FILE  "/etc/cartrecover/cartrecoverd.conf"
#define CRD_PATH         256
#define CRD_RETRIES      8

typedef struct {
    char          file[CRD_PATH];

    char          redis[CRD_PATH];       /* unix:/path or host:port */
    char          redis_password[128];   /* content of redis_password_file */
    int64_t       redis_timeout_ms;      /* connect and command */

    char          smtp_url[CRD_PATH];    /* smtp://host:port, smtps:// */
    char          smtp_user[128];        /* from smtp_user_file: user:pass */
    char          smtp_password[256];
    int           smtp_tls;              /* 0 off, 1 try, 2 required */
    char          smtp_ca[CRD_PATH];     /* CA file, "" = the system's */
    char          smtp_hello[128];       /* EHLO name, "" = the host's */

    char          templates[CRD_PATH];
    char          state[CRD_PATH];       /* directory of the journal */
    char          listen[CRD_PATH];      /* unix:/path, host:port, or "" */
    char          prefix[64];            /* "/_cr/" */

    int64_t       poll_ms;
    int64_t       refresh_ms;            /* sites, policies, clock */
    int64_t       lease_ms;
    int64_t       send_timeout_ms;       /* of one message; < lease */
    int64_t       defer_ms;              /* wait after paused or blind */
    int64_t       heal_ms;               /* what a Redis restart may lose */
    int64_t       retry_ms[CRD_RETRIES]; /* before the n-th retry, at most */
    int64_t       max_open;              /* open journeys of one site */
    int           nretries;
    int           max_sends;             /* messages in flight at once */
    int           wait_replicas;         /* WAIT after INTENT; 0 = none */
    int           log_level;             /* 0 error, 1 warn, 2 info, 3 debug */

    cr_keyring_t  ring;                  /* secret, secret_previous */
} crd_config_t;

/* Reads and checks the file and the files that it names.  CR_OK, or CR_ERR
 * with one line in err->text (err->line is the file's). */

int crd_config_read(crd_config_t *cf, const char *path, cr_error_t *err);

/* The bytes of a file that must be nobody else's (mode 0600 or 0400), white
 * space at the end removed, terminated: the length or CR_ERR with err->text. */

int crd_secret_file(const char *path, char *buf, size_t cap, cr_error_t *err);

#endif
