#define _GNU_SOURCE

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cr_cart.h"
#include "cr_policy.h"


typedef enum {
    CRD_TEXT, CRD_MS, CRD_INT, CRD_WORD, CRD_FILE, CRD_RETRY
} crd_type_e;

typedef struct {
    const char  *name;
    crd_type_e   type;
    size_t       offset;
    int64_t      min, max;       /* of a text: max is its room */
    const char  *words;          /* "off try required": index is the value */
} crd_key_t;

/* files whose contents are secret: read after all lines */

typedef struct {
    char         password[CRD_PATH];
    char         user[CRD_PATH];
    char         secret[CRD_PATH];
    char         previous[CRD_PATH];
} crd_files_t;

#define crd_text(f)  CRD_TEXT, offsetof(crd_config_t, f), 0,                  \
                     (int64_t) sizeof(((crd_config_t *) 0)->f), NULL
#define crd_file(f)  CRD_FILE, offsetof(crd_files_t, f), 0, CRD_PATH, NULL
#define crd_ms(f, lo, hi)   CRD_MS, offsetof(crd_config_t, f), lo, hi, NULL
#define crd_int(f, lo, hi)  CRD_INT, offsetof(crd_config_t, f), lo, hi, NULL
#define crd_word(f, w)      CRD_WORD, offsetof(crd_config_t, f), 0, 0, w

static const crd_key_t  crd_keys[] = {
    { "redis",               crd_text(redis) },
    { "redis_password_file", crd_file(password) },
    { "redis_timeout",       crd_ms(redis_timeout_ms, 50, 60000) },
    { "secret",              crd_file(secret) },
    { "secret_previous",     crd_file(previous) },
    { "smtp_url",            crd_text(smtp_url) },
    { "smtp_user_file",      crd_file(user) },
    { "smtp_tls",            crd_word(smtp_tls, "off try required") },
    { "smtp_ca",             crd_text(smtp_ca) },
    { "smtp_hello",          crd_text(smtp_hello) },
    { "templates",           crd_text(templates) },
    { "state",               crd_text(state) },
    { "listen",              crd_text(listen) },
    { "prefix",              crd_text(prefix) },
    { "poll_ms",             crd_int(poll_ms, 5, 1000) },
    { "refresh_ms",          crd_int(refresh_ms, 50, 60000) },
    { "lease_ms",            crd_int(lease_ms, 500, 600000) },
    { "send_timeout_ms",     crd_int(send_timeout_ms, 100, 300000) },
    { "defer_ms",            crd_int(defer_ms, 100, 600000) },
    { "heal_ms",             crd_int(heal_ms, 0, 600000) },
    { "retry",               CRD_RETRY, 0, 0, 0, NULL },
    { "max_open_journeys",   crd_int(max_open, 100, 100000000) },
    { "max_sends",           crd_int(max_sends, 1, 256) },
    { "wait_replicas",       crd_int(wait_replicas, 0, 16) },
    { "log_level",           crd_word(log_level, "error warn info debug") },
};

#define CRD_NKEYS  (sizeof(crd_keys) / sizeof(crd_keys[0]))


static void crd_config_defaults(crd_config_t *cf);
static int crd_config_line(crd_config_t *cf, crd_files_t *files, char *line,
    cr_error_t *err);
static int crd_config_value(crd_config_t *cf, crd_files_t *files,
    const crd_key_t *k, const char *value, cr_error_t *err);
static int crd_config_number(crd_config_t *cf, const crd_key_t *k,
    const char *value, cr_error_t *err);
static int crd_config_retry(crd_config_t *cf, const char *value,
    cr_error_t *err);
static int crd_config_files(crd_config_t *cf, const crd_files_t *files,
    cr_error_t *err);
static int crd_config_check(const crd_config_t *cf, cr_error_t *err);


int
crd_config_read(crd_config_t *cf, const char *path, cr_error_t *err)
{
    int          line;
    char         buf[1024];
    FILE        *f;
    crd_files_t  files;

    memset(err, 0, sizeof(*err));
    memset(&files, 0, sizeof(files));
    crd_config_defaults(cf);
    cr_text_copy(cf->file, sizeof(cf->file), (cr_str_t) { path, strlen(path) });

    f = fopen(path, "re");
    if (f == NULL) {
        snprintf(err->text, sizeof(err->text), "cannot open %.180s: %s", path,
                 strerror(errno));
        return CR_ERR;
    }

    for (line = 1; fgets(buf, sizeof(buf), f) != NULL; line++) {
        if (crd_config_line(cf, &files, buf, err) != CR_OK) {
            err->line = line;
            fclose(f);
            return CR_ERR;
        }
    }

    fclose(f);

    if (crd_config_files(cf, &files, err) != CR_OK) {
        return CR_ERR;
    }

    return crd_config_check(cf, err);
}


static void
crd_config_defaults(crd_config_t *cf)
{
    memset(cf, 0, sizeof(*cf));

    strcpy(cf->redis, "unix:/run/redis/redis.sock");
    strcpy(cf->smtp_url, "smtp://127.0.0.1:25");
    strcpy(cf->templates, "/usr/share/cartrecover/templates");
    strcpy(cf->state, "/var/lib/cartrecover");
    strcpy(cf->prefix, "/_cr/");

    cf->redis_timeout_ms = 2000;
    cf->smtp_tls = 1;
    cf->poll_ms = 250;
    cf->refresh_ms = 2000;
    cf->lease_ms = 60000;
    cf->send_timeout_ms = 30000;
    cf->defer_ms = 5000;
    cf->heal_ms = 10000;
    cf->max_open = 1000000;
    cf->max_sends = 16;
    cf->log_level = 2;

    cf->nretries = 4;
    cf->retry_ms[0] = 60 * 1000;
    cf->retry_ms[1] = 5 * 60 * 1000;
    cf->retry_ms[2] = 30 * 60 * 1000;
    cf->retry_ms[3] = 2 * 3600 * 1000;
}


static int
crd_config_line(crd_config_t *cf, crd_files_t *files, char *line,
    cr_error_t *err)
{
    char    *name, *value, *end;
    size_t   i;

    name = line + strspn(line, " \t");
    if (*name == '#' || *name == '\n' || *name == '\0') {
        return CR_OK;
    }

    value = strchr(name, '=');
    if (value == NULL) {
        snprintf(err->text, sizeof(err->text), "expected \"key = value\"");
        return CR_ERR;
    }

    for (end = value; end > name && strchr(" \t", end[-1]); end--) { }
    *end = '\0';
    value++;
    value += strspn(value, " \t");
    for (end = value + strlen(value);
         end > value && strchr(" \t\r\n", end[-1]); end--) { }
    *end = '\0';

    for (i = 0; i < CRD_NKEYS; i++) {
        if (strcmp(crd_keys[i].name, name) == 0) {
            return crd_config_value(cf, files, &crd_keys[i], value, err);
        }
    }

    snprintf(err->text, sizeof(err->text), "unknown key \"%.64s\"", name);
    return CR_ERR;
}


static int
crd_config_value(crd_config_t *cf, crd_files_t *files, const crd_key_t *k,
    const char *value, cr_error_t *err)
{
    int          n;
    char        *to;
    size_t       len;
    const char  *w;

    switch (k->type) {

    case CRD_TEXT:
    case CRD_FILE:
        to = (k->type == CRD_FILE ? (char *) files : (char *) cf) + k->offset;
        if (strlen(value) >= (size_t) k->max) {
            snprintf(err->text, sizeof(err->text), "%s: longer than %d bytes",
                     k->name, (int) k->max - 1);
            return CR_ERR;
        }
        strcpy(to, value);
        return CR_OK;

    case CRD_WORD:
        for (n = 0, w = k->words; *w; n++) {
            len = strcspn(w, " ");
            if (strlen(value) == len && memcmp(w, value, len) == 0) {
                *(int *) (void *) ((char *) cf + k->offset) = n;
                return CR_OK;
            }
            w += len + (w[len] == ' ');
        }
        snprintf(err->text, sizeof(err->text), "%s: expected one of: %s",
                 k->name, k->words);
        return CR_ERR;

    case CRD_RETRY:
        return crd_config_retry(cf, value, err);

    default:
        return crd_config_number(cf, k, value, err);
    }
}


static int
crd_config_number(crd_config_t *cf, const crd_key_t *k, const char *value,
    cr_error_t *err)
{
    char     *end;
    int64_t   n;

    if (k->type == CRD_MS) {
        if (cr_duration_parse((cr_str_t) { value, strlen(value) }, &n)
            != CR_OK)
        {
            snprintf(err->text, sizeof(err->text),
                     "%s: expected a time such as 500ms or 2s", k->name);
            return CR_ERR;
        }

    } else {
        errno = 0;
        n = strtoll(value, &end, 10);
        if (errno || end == value || *end != '\0') {
            snprintf(err->text, sizeof(err->text), "%s: expected a number",
                     k->name);
            return CR_ERR;
        }
    }

    if (n < k->min || n > k->max) {
        snprintf(err->text, sizeof(err->text), "%s: must be %lld to %lld",
                 k->name, (long long) k->min, (long long) k->max);
        return CR_ERR;
    }

    if (k->offset >= offsetof(crd_config_t, max_sends)) {
        *(int *) (void *) ((char *) cf + k->offset) = (int) n;
    } else {
        *(int64_t *) (void *) ((char *) cf + k->offset) = n;
    }

    return CR_OK;
}


static int
crd_config_retry(crd_config_t *cf, const char *value, cr_error_t *err)
{
    size_t  n;

    for (cf->nretries = 0; *value; cf->nretries++) {
        n = strcspn(value, " ");
        if (cf->nretries == CRD_RETRIES
            || cr_duration_parse((cr_str_t) { value, n },
                                 &cf->retry_ms[cf->nretries]) != CR_OK)
        {
            snprintf(err->text, sizeof(err->text),
                     "retry: expected at most %d times such as 1m 5m 30m 2h",
                     CRD_RETRIES);
            return CR_ERR;
        }
        value += n;
        value += strspn(value, " ");
    }

    return CR_OK;
}


static int
crd_config_files(crd_config_t *cf, const crd_files_t *files, cr_error_t *err)
{
    int          i, n;
    char         buf[CR_SECRET_MAX + 1], *colon;
    const char  *path;

    if (files->secret[0] == '\0') {
        snprintf(err->text, sizeof(err->text), "\"secret\" is missing: the "
                 "file that cartrecover_secret names in nginx");
        return CR_ERR;
    }

    for (i = 0; i < 2; i++) {
        path = i ? files->previous : files->secret;
        if (path[0] == '\0') {
            continue;
        }
        n = crd_secret_file(path, buf, sizeof(buf), err);
        if (n < 0) {
            return CR_ERR;
        }
        if (cr_keyring_add(&cf->ring, buf, (size_t) n) != CR_OK) {
            snprintf(err->text, sizeof(err->text), "%.180s: shorter than %d "
                     "bytes", path, CR_SECRET_MIN);
            return CR_ERR;
        }
    }

    if (files->password[0] != '\0'
        && crd_secret_file(files->password, cf->redis_password,
                           sizeof(cf->redis_password), err) < 0)
    {
        return CR_ERR;
    }

    if (files->user[0] != '\0') {
        n = crd_secret_file(files->user, buf, sizeof(buf), err);
        if (n < 0) {
            return CR_ERR;
        }
        colon = strchr(buf, ':');
        if (colon == NULL || colon - buf >= (int) sizeof(cf->smtp_user)) {
            snprintf(err->text, sizeof(err->text), "%.180s: expected "
                     "user:password", files->user);
            return CR_ERR;
        }
        *colon++ = '\0';
        strcpy(cf->smtp_user, buf);
        snprintf(cf->smtp_password, sizeof(cf->smtp_password), "%s", colon);
    }

    explicit_bzero(buf, sizeof(buf));
    return CR_OK;
}


static int
crd_config_check(const crd_config_t *cf, cr_error_t *err)
{
    size_t  n;

    n = strlen(cf->prefix);

    if (n < 2 || cf->prefix[0] != '/' || cf->prefix[n - 1] != '/') {
        snprintf(err->text, sizeof(err->text),
                 "prefix: must begin and end with '/'");
        return CR_ERR;
    }

    if (strncmp(cf->smtp_url, "smtp://", 7) != 0
        && strncmp(cf->smtp_url, "smtps://", 8) != 0)
    {
        snprintf(err->text, sizeof(err->text),
                 "smtp_url: must begin with smtp:// or smtps://");
        return CR_ERR;
    }

    if (cf->send_timeout_ms * 2 > cf->lease_ms) {
        snprintf(err->text, sizeof(err->text), "send_timeout_ms must be at "
                 "most half of lease_ms: an attempt ends before its lease");
        return CR_ERR;
    }

    return CR_OK;
}


int
crd_secret_file(const char *path, char *buf, size_t cap, cr_error_t *err)
{
    int          fd;
    ssize_t      n;
    struct stat  st;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &st) == -1) {
        snprintf(err->text, sizeof(err->text), "cannot open %.180s: %s", path,
                 strerror(errno));
        if (fd != -1) {
            close(fd);
        }
        return CR_ERR;
    }

    if (!S_ISREG(st.st_mode) || (st.st_mode & 077)) {
        close(fd);
        snprintf(err->text, sizeof(err->text), "%.160s has mode %04o, others "
                 "can read it: chmod 600", path, (unsigned) st.st_mode & 07777);
        return CR_ERR;
    }

    n = read(fd, buf, cap);
    close(fd);

    if (n < 0 || (size_t) n >= cap) {
        snprintf(err->text, sizeof(err->text), "%.180s: %s", path,
                 n < 0 ? strerror(errno) : "too long");
        return CR_ERR;
    }

    while (n > 0 && strchr(" \t\r\n", buf[n - 1])) {
        n--;
    }
    buf[n] = '\0';

    return (int) n;
}
