#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "channel.h"
#include "kill.h"
#include "log.h"


static size_t crd_smtp_read(char *buf, size_t size, size_t n, void *data);
static size_t crd_smtp_reply(char *buf, size_t size, size_t n, void *data);
static int crd_smtp_told(CURL *c, curl_infotype type, char *buf, size_t n,
    void *data);
static void crd_smtp_ref(crd_job_t *job, const char *text);
static int crd_smtp_options(crd_job_t *job);
static void crd_smtp_sender(const char *from, char *out, size_t cap);
static void crd_smtp_over(crd_job_t *job, CURLcode code);


int
crd_smtp_start(crd_job_t *job)
{
    job->easy = curl_easy_init();
    if (job->easy == NULL) {
        return CR_ERR;
    }

    if (crd_smtp_options(job) != CR_OK
        || curl_multi_add_handle(job->w->multi, job->easy) != CURLM_OK)
    {
        curl_slist_free_all(job->rcpt);
        curl_easy_cleanup(job->easy);
        job->rcpt = NULL;
        job->easy = NULL;
        return CR_ERR;
    }

    return CR_OK;
}


static int
crd_smtp_options(crd_job_t *job)
{
    char                 url[CRD_PATH + 160], from[200], to[320];
    CURL                *c;
    const crd_config_t  *cf;

    static const long  tls[] = { CURLUSESSL_NONE, CURLUSESSL_TRY,
                                 CURLUSESSL_ALL };

    c = job->easy;
    cf = &job->w->cf;

    snprintf(url, sizeof(url), "%s%s%s", cf->smtp_url,
             cf->smtp_hello[0] ? "/" : "", cf->smtp_hello);
    crd_smtp_sender(job->policy->sender.from, from, sizeof(from));
    snprintf(to, sizeof(to), "<%s>", job->to);

    job->rcpt = curl_slist_append(NULL, to);
    explicit_bzero(to, sizeof(to));
    if (job->rcpt == NULL) {
        return CR_ERR;
    }

    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PRIVATE, job);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, job->error);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long) cf->send_timeout_ms);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                     (long) (cf->send_timeout_ms / 3));
    curl_easy_setopt(c, CURLOPT_USE_SSL, tls[cf->smtp_tls]);

    /* opportunistic TLS asks for no certificate; required TLS does */

    if (cf->smtp_tls < 2 && strncmp(cf->smtp_url, "smtps:", 6) != 0) {
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (cf->smtp_ca[0] != '\0') {
        curl_easy_setopt(c, CURLOPT_CAINFO, cf->smtp_ca);
    }
    if (cf->smtp_user[0] != '\0') {
        curl_easy_setopt(c, CURLOPT_USERNAME, cf->smtp_user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, cf->smtp_password);
    }

    curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, job->rcpt);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, crd_smtp_read);
    curl_easy_setopt(c, CURLOPT_READDATA, job);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, crd_smtp_reply);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, job);
    curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, crd_smtp_told);
    curl_easy_setopt(c, CURLOPT_DEBUGDATA, job);
    curl_easy_setopt(c, CURLOPT_VERBOSE, 1L);

    return CR_OK;
}


/* The address of "Name <address>", in angle brackets. */

static void
crd_smtp_sender(const char *from, char *out, size_t cap)
{
    const char  *lt, *gt;

    lt = strrchr(from, '<');
    gt = lt ? strchr(lt, '>') : NULL;

    if (gt != NULL) {
        snprintf(out, cap, "%.*s", (int) (gt - lt + 1), lt);
    } else {
        snprintf(out, cap, "<%s>", from);
    }
}


/* curl asks once more after the last byte, as it is told no size (with one it
 * may end the message by itself).  Nothing (0) is the end of the message and
 * cannot be called back: INTENT stands right here. */

static size_t
crd_smtp_read(char *buf, size_t size, size_t n, void *data)
{
    size_t      len;
    crd_job_t  *job = data;

    len = job->size - job->pos;

    if (len > size * n) {
        len = size * n;
    }

    if (len > 0) {
        crd_kill("mid_data");
        memcpy(buf, job->mime + job->pos, len);
        job->pos += len;
        return len;
    }

    if (job->intent) {
        return 0;
    }

    return crd_touch_intent(job) == CR_OK ? 0 : CURL_READFUNC_ABORT;
}


/* The line that decided: what follows a refusal is only the good-bye. */

static size_t
crd_smtp_reply(char *buf, size_t size, size_t n, void *data)
{
    size_t      len;
    crd_job_t  *job = data;

    if (job->reply[0] >= '4' || (size * n > 3 && memcmp(buf, "221", 3) == 0)) {
        return size * n;
    }

    for (len = size * n; len > 0 && strchr("\r\n", buf[len - 1]); len--) { }

    snprintf(job->reply, sizeof(job->reply), "%.*s",
             (int) (len < 250 ? len : 250), buf);

    return size * n;
}


/* What is refused before the recipient was named cannot be the recipient's
 * fault. */

static int
crd_smtp_told(CURL *c, curl_infotype type, char *buf, size_t n, void *data)
{
    crd_job_t  *job = data;

    (void) c;

    if (type == CURLINFO_HEADER_OUT && n > 5 && memcmp(buf, "RCPT ", 5) == 0) {
        job->named = 1;
    }

    return 0;
}


/* The server's words go to the log and to Redis, and many servers repeat the
 * address: words with an "@", and the part before it alone, are left out. */

static void
crd_smtp_ref(crd_job_t *job, const char *text)
{
    size_t       n, len, at, skip, local;
    const char  *word;

    static const char  marks[] = "<>()[]{}\"'`:;,.";

    local = strcspn(job->to, "@");
    at = 0;

    for (word = text; *word; word += n) {
        n = strcspn(word, " \t");
        if (n == 0) {
            n = strspn(word, " \t");
        }

        skip = strspn(word, marks);
        len = skip < n ? n - skip : 0;
        while (len > 0 && strchr(marks, word[skip + len - 1]) != NULL) {
            len--;
        }

        if (memchr(word, '@', n) != NULL
            || (len > 0 && len == local
                && strncasecmp(word + skip, job->to, len) == 0))
        {
            at += (size_t) snprintf(job->ref + at, sizeof(job->ref) - at,
                                    "<...>");
        } else {
            at += (size_t) snprintf(job->ref + at, sizeof(job->ref) - at,
                                    "%.*s", (int) n, word);
        }

        if (at > 100 || at >= sizeof(job->ref)) {
            break;
        }
    }

    job->ref[at < 100 ? at : 100] = '\0';
}


void
crd_smtp_run(crd_worker_t *w)
{
    int         running, left;
    CURLMsg    *m;
    crd_job_t  *job;

    curl_multi_perform(w->multi, &running);

    while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
        if (m->msg == CURLMSG_DONE) {
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &job);
            crd_smtp_over(job, m->data.result);
        }
    }
}


static void
crd_smtp_over(crd_job_t *job, CURLcode code)
{
    long  response;

    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &response);

    job->code = (int) response;
    job->class = (int) job->chan->classify(job->intent, (int) code,
                                           job->code, job->reply);

    if (!job->named && (job->class == CRD_PERMANENT
                        || job->class == CRD_BOUNCED))
    {
        job->class = CRD_HOST;
    }

    if (job->class != CRD_NO_INTENT) {
        crd_smtp_ref(job, job->code >= 200 && code != CURLE_OPERATION_TIMEDOUT
                          && job->reply[0] ? job->reply
                          : curl_easy_strerror(code));
    }

    crd_kill("post_reply");
    crd_smtp_stop(job);
    crd_touch_done(job);
}


void
crd_smtp_stop(crd_job_t *job)
{
    if (job->easy != NULL) {
        curl_multi_remove_handle(job->w->multi, job->easy);
        curl_easy_cleanup(job->easy);
        job->easy = NULL;
    }

    curl_slist_free_all(job->rcpt);
    job->rcpt = NULL;
}
