/* worker */

/* The worker's parts that need no Redis. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"
#include "check.h"


static char  dir[] = "/tmp/cr-unit-XXXXXX";

/* transport (a CURLcode), last code, intent taken, last reply -> class */

static const struct {
    int          transport, code, intent;
    const char  *reply;
    int          class;
} replies[] = {
    { CURLE_OK, 250, 1, "250 2.0.0 queued as 1", CRD_SENT },
    { CURLE_SEND_ERROR, 550, 0, "550 5.1.1 no such user", CRD_BOUNCED },
    { CURLE_SEND_ERROR, 550, 0, "550 no such user", CRD_BOUNCED },
    { CURLE_SEND_ERROR, 552, 0, "552 5.2.2 mailbox full", CRD_PERMANENT },
    { CURLE_SEND_ERROR, 550, 0, "550 5.7.1 not welcome", CRD_HOST },
    { CURLE_SEND_ERROR, 553, 0, "553 5.1.7 bad sender", CRD_HOST },
    { CURLE_SEND_ERROR, 550, 0, "550 5.1.8 sender has no domain", CRD_HOST },
    { CURLE_SEND_ERROR, 550, 0, "550 5.1.10 no such user", CRD_BOUNCED },
    { CURLE_SEND_ERROR, 450, 0, "450 4.2.1 later", CRD_RETRY },
    { CURLE_SEND_ERROR, 450, 0, "450 4.7.1 greylisted", CRD_RETRY },
    { CURLE_SEND_ERROR, 452, 0, "452 4.3.1 no space", CRD_RETRY },
    { CURLE_SEND_ERROR, 421, 0, "421 going down", CRD_RETRY },
    { CURLE_RECV_ERROR, 250, 0, "250 2.1.5 ok", CRD_RETRY },
    { CURLE_WEIRD_SERVER_REPLY, 554, 1, "554 5.6.0 content", CRD_PERMANENT },
    { CURLE_WEIRD_SERVER_REPLY, 451, 1, "451 4.3.0 again", CRD_RETRY },
    { CURLE_WEIRD_SERVER_REPLY, 421, 1, "421 going down", CRD_RETRY },
    { CURLE_RECV_ERROR, 354, 1, "354 go on", CRD_UNKNOWN },
    { CURLE_RECV_ERROR, 250, 1, "250 2.1.5 ok", CRD_UNKNOWN },
    { CURLE_OPERATION_TIMEDOUT, 354, 1, "354 go on", CRD_UNKNOWN },
    { CURLE_OPERATION_TIMEDOUT, 354, 0, "354 go on", CRD_RETRY },
    { CURLE_OPERATION_TIMEDOUT, 0, 0, "", CRD_RETRY },
    { CURLE_COULDNT_CONNECT, 0, 0, "", CRD_HOST },
    { CURLE_LOGIN_DENIED, 535, 0, "535 5.7.8 no", CRD_HOST },
    { CURLE_USE_SSL_FAILED, 0, 0, "", CRD_HOST },
    { CURLE_ABORTED_BY_CALLBACK, 354, 0, "354 go on", CRD_NO_INTENT },
};

/* quiet from, to, zone, now -> opens, closes; UTC seconds, 0 = open,
 * -1 = never */

static const struct {
    int          from, to;
    const char  *tz;
    int64_t      now, opens, closes;
} windows[] = {
    { -1, -1, "Europe/Berlin", 1795240000, 0, -1 },

    /* 2026-11-21 12:00 UTC is 13:00 in Berlin; closes at 21:00 there */
    { 1260, 480, "Europe/Berlin", 1795262400, 0, 1795291200 },

    /* 22:30 in Berlin: opens at 08:00 the next day, closes at 21:00 */
    { 1260, 480, "Europe/Berlin", 1795296600, 1795330800, 1795377600 },

    /* the night in which clocks go forward (2026-03-29): 23:00 CET of the
       day before; 08:00 CEST is only eight hours away */
    { 1260, 480, "Europe/Berlin", 1774735200, 1774764000, 1774810800 },

    /* the night in which they go back (2026-10-25): 23:00 CEST, ten hours */
    { 1260, 480, "Europe/Berlin", 1792875600, 1792911600, 1792958400 },

    /* quiet at noon, in a zone without a full hour */
    { 720, 780, "Asia/Kathmandu", 1795240000, 0, 1795241700 },
    { 720, 780, "Asia/Kathmandu", 1795241700, 1795245300, 1795328100 },
};


static void
test_classify(void)
{
    size_t  i;
    char    text[96];

    for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        snprintf(text, sizeof(text), "%s %s", replies[i].reply,
                 replies[i].intent ? "after the end" : "before the end");
        check_int((int) crd_email.classify(replies[i].intent,
                                           replies[i].transport,
                                           replies[i].code, replies[i].reply),
                  replies[i].class, __FILE__, __LINE__, text);
    }
}


static void
test_window(void)
{
    size_t        i;
    int64_t       from, until, want;
    cr_policy_t  *p;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return;
    }

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        p->quiet_from_min = windows[i].from;
        p->quiet_to_min = windows[i].to;
        snprintf(p->tz, sizeof(p->tz), "%s", windows[i].tz);

        EQ_INT(crd_plan_window(p, windows[i].now * 1000, &from, &until),
               CR_OK);
        EQ_INT(from, windows[i].opens * 1000);

        want = windows[i].closes * 1000;
        if (windows[i].closes == -1) {
            OK(until > windows[i].now * 2000);
        } else {
            EQ_INT(until, want);
        }
    }

    snprintf(p->tz, sizeof(p->tz), "Mars/Olympus");
    EQ_INT(crd_plan_window(p, 1795240000000, &from, &until), CR_ERR);

    free(p);
}


static int
gather(void *data, const char *jid, const char *step)
{
    char  *out = data;

    strcat(out, jid);
    strcat(out, ".");
    strcat(out, step);
    strcat(out, " ");

    return CR_OK;
}


static void
append(const char *name, const char *text)
{
    int   fd;
    char  path[64];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_APPEND);
    OK(fd != -1 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
    close(fd);
}


static void
test_journal(void)
{
    int            i, same;
    char           all[256], id[32], jid[40];
    cr_error_t     err;
    crd_journal_t  j, second;

    EQ_INT(crd_journal_open(&j, dir, &err), CR_OK);
    EQ_INT(strlen(j.id), CRD_WORKER_ID);
    strcpy(id, j.id);

    EQ_INT(crd_journal_open(&second, dir, &err), CR_ERR);
    OK(strstr(err.text, "belongs to") != NULL);
    close(second.lock_fd);

    EQ_INT(crd_journal_epoch(&j, "a", "e1"), CR_OK);
    EQ_INT(crd_journal_intent(&j, "a", "j1", "1", 5, 1), CR_OK);
    EQ_INT(crd_journal_intent(&j, "a", "j2", "1", 6, 2), CR_OK);
    EQ_INT(crd_journal_back(&j, "a", "j2", "1", 6, 3), CR_OK);
    EQ_INT(crd_journal_intent(&j, "b", "j3", "2", 9, 4), CR_OK);
    crd_journal_beat(&j, "a", 1795240000123);
    EQ_INT(j.synced, 5);
    crd_journal_close(&j);

    /* a line that a crash cut short */

    append("journal", "I a j4.1 7");
    EQ_INT(crd_journal_open(&j, dir, &err), CR_OK);
    EQ_STR(j.id, id);
    EQ_STR(crd_journal_site(&j, "a")->epoch, "e1");
    EQ_INT(crd_journal_site(&j, "a")->hw, 6);
    EQ_INT(crd_journal_site(&j, "a")->beat, 1795240000123);
    EQ_INT(crd_journal_site(&j, "b")->hw, 9);
    EQ_INT(crd_journal_intent(&j, "a", "j5", "3", 8, 5), CR_OK);

    all[0] = '\0';
    EQ_INT(crd_journal_each(&j, "a", gather, all), CR_OK);
    EQ_STR(all, "j1.1 j5.3 ");

    /* bounded: a full file is put aside, what it taught is kept */

    j.size = CRD_JOURNAL_BYTES + 1;
    EQ_INT(crd_journal_intent(&j, "a", "j6", "1", 10, 6), CR_OK);
    all[0] = '\0';
    EQ_INT(crd_journal_each(&j, "a", gather, all), CR_OK);
    EQ_STR(all, "j1.1 j5.3 j6.1 ");
    crd_journal_close(&j);

    EQ_INT(crd_journal_open(&j, dir, &err), CR_OK);
    EQ_STR(j.id, id);
    EQ_STR(crd_journal_site(&j, "a")->epoch, "e1");
    EQ_INT(crd_journal_site(&j, "a")->hw, 10);

    for (same = 1, i = 0; i < 200; i++) {
        snprintf(jid, sizeof(jid), "s%d", i);
        same &= crd_journal_site(&j, jid) != NULL;
    }
    OK(same);
    EQ_INT(crd_journal_site(&j, "a")->hw, 10);
    crd_journal_close(&j);
}


static int
config(const char *text, mode_t mode, cr_error_t *err)
{
    int            fd, rc;
    char           path[64], secret[64], body[1024];
    crd_config_t  *cf;

    snprintf(secret, sizeof(secret), "%s/secret", dir);
    fd = open(secret, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    rc = write(fd, "0123456789012345678901234567890123456789\n", 41) == 41;
    fchmod(fd, mode);
    close(fd);

    snprintf(path, sizeof(path), "%s/conf", dir);
    snprintf(body, sizeof(body), "# test\nsecret = %s\n%s", secret, text);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    rc &= write(fd, body, strlen(body)) == (ssize_t) strlen(body);
    close(fd);

    cf = calloc(1, sizeof(*cf));
    rc = rc && cf ? crd_config_read(cf, path, err) : CR_ERR;

    if (rc == CR_OK) {
        rc = cf->ring.n == 1 ? (int) cf->lease_ms + cf->nretries : -9;
    }
    free(cf);

    return rc;
}


static void
test_config(void)
{
    cr_error_t  err;

    EQ_INT(config("", 0600, &err), 60004);
    EQ_INT(config("  lease_ms =  90000  \nretry = 1s 2s\n", 0400, &err),
           90002);
    EQ_INT(config("", 0640, &err), CR_ERR);
    OK(strstr(err.text, "chmod 600") != NULL);
    EQ_INT(config("\nlease = 5\n", 0600, &err), CR_ERR);
    EQ_INT(err.line, 4);
    OK(strstr(err.text, "unknown key") != NULL);
    EQ_INT(config("poll_ms = 5x\n", 0600, &err), CR_ERR);
    EQ_INT(config("poll_ms = 5000\n", 0600, &err), CR_ERR);
    EQ_INT(config("smtp_tls = maybe\n", 0600, &err), CR_ERR);
    EQ_INT(config("prefix = cr\n", 0600, &err), CR_ERR);
    EQ_INT(config("smtp_url = http://x\n", 0600, &err), CR_ERR);
    EQ_INT(config("retry = 1m 2 3\n", 0600, &err), CR_ERR);
    EQ_INT(config("redis\n", 0600, &err), CR_ERR);
}


static void
test_script(void)
{
    int   i;
    char  sha[CR_SHA_HEX + 1];

    for (i = 0; i < CR_LUA_MAX; i++) {
        cr_script_digest((cr_lua_e) i, sha);
        EQ_INT(strlen(sha), CR_SHA_HEX);
        EQ_STR(cr_script_sha((cr_lua_e) i), sha);
        OK(cr_script((cr_lua_e) i).n > 1000);
    }
}


int
main(void)
{
    char  command[64];

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    test_classify();
    test_window();
    test_journal();
    test_config();
    test_script();

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0) {
        return 1;
    }

    return check_done();
}
