#define _GNU_SOURCE

#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>


#define CRD_BEAT  49             /* bytes of one site's record */

typedef struct {
    char      type;
    char      site[33];
    char      key[64];           /* JID.STEP, or an epoch */
    int64_t   hw;
} crd_record_t;

/* intents that were taken back, by their number */

typedef struct {
    int64_t        *hw;
    size_t          n, room;
    crd_journal_pt  f;
    void           *data;
} crd_back_t;


static int crd_journal_file(crd_journal_t *j, const char *name, int flags);
static int crd_journal_load(crd_journal_t *j, const char *name);
static int crd_journal_append(crd_journal_t *j, const char *line, int sync);
static void crd_journal_beats(crd_journal_t *j);
static int crd_journal_rotate(crd_journal_t *j);
static int crd_record_parse(crd_record_t *r, const char *line);
static int crd_journal_new_id(crd_journal_t *j);
static int crd_journal_scan(crd_journal_t *j, const char *site,
    int (*f)(crd_back_t *back, crd_record_t *r), crd_back_t *back);
static int crd_journal_gather(crd_back_t *back, crd_record_t *r);
static int crd_journal_tell(crd_back_t *back, crd_record_t *r);
static int crd_journal_order(const void *a, const void *b);


int
crd_journal_open(crd_journal_t *j, const char *dir, cr_error_t *err)
{
    memset(j, 0, sizeof(*j));
    snprintf(j->dir, sizeof(j->dir), "%s", dir);
    j->fd = j->beat_fd = -1;

    j->lock_fd = crd_journal_file(j, "lock", O_RDWR | O_CREAT);
    if (j->lock_fd == -1) {
        snprintf(err->text, sizeof(err->text), "state: cannot write in "
                 "%.160s: %s", dir, strerror(errno));
        return CR_ERR;
    }

    if (flock(j->lock_fd, LOCK_EX | LOCK_NB) == -1) {
        snprintf(err->text, sizeof(err->text), "state: %.160s belongs to a "
                 "worker that is running; each needs its own", dir);
        return CR_ERR;
    }

    j->fd = crd_journal_file(j, "journal", O_RDWR | O_CREAT | O_APPEND);
    j->beat_fd = crd_journal_file(j, "beat", O_RDWR | O_CREAT);

    if (j->fd == -1 || j->beat_fd == -1
        || crd_journal_load(j, "journal.1") != CR_OK
        || crd_journal_load(j, "journal") != CR_OK)
    {
        snprintf(err->text, sizeof(err->text), "state: cannot read the "
                 "journal in %.160s: %s", dir, strerror(errno));
        return CR_ERR;
    }

    crd_journal_beats(j);

    j->size = lseek(j->fd, 0, SEEK_END);

    if (j->id[0] == '\0' && crd_journal_new_id(j) != CR_OK) {
        snprintf(err->text, sizeof(err->text), "state: cannot write the "
                 "journal in %.160s: %s", dir, strerror(errno));
        return CR_ERR;
    }

    return CR_OK;
}


static int
crd_journal_new_id(crd_journal_t *j)
{
    int      i;
    char     line[64];
    uint8_t  raw[CRD_WORKER_ID / 2];

    if (cr_random(raw, sizeof(raw)) != CR_OK) {
        return CR_ERR;
    }

    for (i = 0; i < CRD_WORKER_ID / 2; i++) {
        snprintf(j->id + 2 * i, 3, "%02x", raw[i]);
    }

    snprintf(line, sizeof(line), "W %s\n", j->id);

    return crd_journal_append(j, line, 1);
}


static int
crd_journal_file(crd_journal_t *j, const char *name, int flags)
{
    char  path[CRD_PATH + 16];

    snprintf(path, sizeof(path), "%s/%s", j->dir, name);

    return open(path, flags | O_CLOEXEC, 0600);
}


void
crd_journal_close(crd_journal_t *j)
{
    close(j->fd);
    close(j->beat_fd);
    close(j->lock_fd);
    free(j->site);
    j->site = NULL;
    j->nsites = 0;
}


/* A line that a crash cut short has no newline: it is ended before the next
 * one is written, and nobody was sent anything on its account. */

static int
crd_journal_load(crd_journal_t *j, const char *name)
{
    int                  fd, torn;
    char                 line[256];
    FILE                *f;
    crd_record_t         r;
    crd_journal_site_t  *s;

    fd = crd_journal_file(j, name, O_RDONLY);
    if (fd == -1) {
        return errno == ENOENT ? CR_OK : CR_ERR;
    }

    f = fdopen(fd, "r");
    if (f == NULL) {
        close(fd);
        return CR_ERR;
    }

    torn = 0;

    while (fgets(line, sizeof(line), f) != NULL) {
        torn = strchr(line, '\n') == NULL;

        if (torn || crd_record_parse(&r, line) != CR_OK) {
            continue;
        }

        if (r.type == 'W') {
            snprintf(j->id, sizeof(j->id), "%.16s", r.key);
            continue;
        }

        s = crd_journal_site(j, r.site);
        if (s == NULL) {
            fclose(f);
            return CR_ERR;
        }
        if (r.type == 'E') {
            snprintf(s->epoch, sizeof(s->epoch), "%.35s", r.key);
        } else if (r.hw > s->hw) {
            s->hw = r.hw;
        }
    }

    fclose(f);

    if (torn && strcmp(name, "journal") == 0) {
        return crd_journal_append(j, "\n", 0);
    }

    return CR_OK;
}


static int
crd_record_parse(crd_record_t *r, const char *line)
{
    long long  hw, at;

    memset(r, 0, sizeof(*r));

    if (sscanf(line, "W %63s", r->key) == 1) {
        r->type = 'W';
        return CR_OK;
    }

    if (sscanf(line, "E %32s %63s", r->site, r->key) == 2) {
        r->type = 'E';
        return CR_OK;
    }

    if (sscanf(line, "%c %32s %63s %lld %lld", &r->type, r->site, r->key, &hw,
               &at) == 5
        && (r->type == 'I' || r->type == 'B'))
    {
        r->hw = hw;
        return CR_OK;
    }

    return CR_ERR;
}


crd_journal_site_t *
crd_journal_site(crd_journal_t *j, const char *site)
{
    int                  i;
    crd_journal_site_t  *s;

    for (i = 0; i < j->nsites; i++) {
        if (strcmp(j->site[i].site, site) == 0) {
            return &j->site[i];
        }
    }

    s = realloc(j->site, (size_t) (j->nsites + 1) * sizeof(*s));
    if (s == NULL) {
        return NULL;
    }

    j->site = s;
    s += j->nsites++;
    memset(s, 0, sizeof(*s));
    snprintf(s->site, sizeof(s->site), "%s", site);

    return s;
}


int
crd_journal_intent(crd_journal_t *j, const char *site, const char *jid,
    const char *step, int64_t hw, int64_t now)
{
    char                 line[192];
    crd_journal_site_t  *s;

    snprintf(line, sizeof(line), "I %s %s.%s %lld %lld\n", site, jid, step,
             (long long) hw, (long long) now);

    if (crd_journal_append(j, line, 1) != CR_OK) {
        return CR_ERR;
    }

    s = crd_journal_site(j, site);
    if (s != NULL && hw > s->hw) {
        s->hw = hw;
    }

    return CR_OK;
}


int
crd_journal_back(crd_journal_t *j, const char *site, const char *jid,
    const char *step, int64_t hw, int64_t now)
{
    char  line[192];

    snprintf(line, sizeof(line), "B %s %s.%s %lld %lld\n", site, jid, step,
             (long long) hw, (long long) now);

    return crd_journal_append(j, line, 0);
}


int
crd_journal_epoch(crd_journal_t *j, const char *site, const char *epoch)
{
    char                 line[128];
    crd_journal_site_t  *s;

    s = crd_journal_site(j, site);
    if (s == NULL) {
        return CR_ERR;
    }

    if (strcmp(s->epoch, epoch) == 0) {
        return CR_OK;
    }

    snprintf(line, sizeof(line), "E %s %s\n", site, epoch);
    if (crd_journal_append(j, line, 1) != CR_OK) {
        return CR_ERR;
    }

    snprintf(s->epoch, sizeof(s->epoch), "%s", epoch);

    return CR_OK;
}


void
crd_journal_beat(crd_journal_t *j, const char *site, int64_t now)
{
    int                  n;
    char                 buf[CRD_BEAT + 1];
    crd_journal_site_t  *s;

    s = crd_journal_site(j, site);
    if (s == NULL) {
        return;
    }

    n = snprintf(buf, sizeof(buf), "%-32s %015lld\n", site, (long long) now);

    if (n == CRD_BEAT
        && pwrite(j->beat_fd, buf, CRD_BEAT, (s - j->site) * CRD_BEAT)
           == CRD_BEAT)
    {
        s->beat = now;
    }
}


static void
crd_journal_beats(crd_journal_t *j)
{
    char                 buf[CRD_BEAT + 1], site[33];
    off_t                at;
    long long            ms;
    crd_journal_site_t  *s;

    for (at = 0; pread(j->beat_fd, buf, CRD_BEAT, at) == CRD_BEAT;
         at += CRD_BEAT)
    {
        buf[CRD_BEAT] = '\0';
        if (sscanf(buf, "%32s %lld", site, &ms) == 2) {
            s = crd_journal_site(j, site);
            if (s != NULL && ms > s->beat) {
                s->beat = ms;
            }
        }
    }
}


static int
crd_journal_append(crd_journal_t *j, const char *line, int sync)
{
    size_t  n;

    n = strlen(line);

    if (j->size > CRD_JOURNAL_BYTES && crd_journal_rotate(j) != CR_OK) {
        return CR_ERR;
    }

    if (write(j->fd, line, n) != (ssize_t) n) {
        return CR_ERR;
    }

    j->size += (int64_t) n;

    if (sync) {
        if (fdatasync(j->fd) == -1) {
            return CR_ERR;
        }
        j->synced++;
    }

    return CR_OK;
}


/* The full file becomes journal.1; the new one begins with what must be known
 * of every site. */

static int
crd_journal_rotate(crd_journal_t *j)
{
    int   i, fd, n;
    char  from[CRD_PATH + 16], to[CRD_PATH + 16], line[256];

    snprintf(from, sizeof(from), "%s/journal.new", j->dir);
    snprintf(to, sizeof(to), "%s/journal", j->dir);

    fd = open(from, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd == -1) {
        return CR_ERR;
    }

    j->size = 0;

    for (i = -1; i < j->nsites; i++) {
        if (i == -1) {
            n = snprintf(line, sizeof(line), "W %s\n", j->id);
        } else {
            n = snprintf(line, sizeof(line), "E %s %s\nI %s -.0 %lld 0\n",
                         j->site[i].site,
                         j->site[i].epoch[0] ? j->site[i].epoch : "-",
                         j->site[i].site, (long long) j->site[i].hw);
        }
        if (write(fd, line, (size_t) n) != n) {
            close(fd);
            return CR_ERR;
        }
        j->size += n;
    }

    snprintf(line, sizeof(line), "%.230s/journal.1", j->dir);

    if (fdatasync(fd) == -1 || rename(to, line) == -1
        || rename(from, to) == -1)
    {
        close(fd);
        return CR_ERR;
    }

    close(j->fd);
    j->fd = fd;

    return CR_OK;
}


/* Two passes over both files, oldest first: the intents that were taken back,
 * then all others. */

int
crd_journal_each(crd_journal_t *j, const char *site, crd_journal_pt f,
    void *data)
{
    int         rc;
    crd_back_t  back;

    memset(&back, 0, sizeof(back));

    rc = crd_journal_scan(j, site, crd_journal_gather, &back);

    if (rc == CR_OK) {
        if (back.n > 0) {
            qsort(back.hw, back.n, sizeof(int64_t), crd_journal_order);
        }
        back.f = f;
        back.data = data;
        rc = crd_journal_scan(j, site, crd_journal_tell, &back);
    }

    free(back.hw);

    return rc;
}


static int
crd_journal_scan(crd_journal_t *j, const char *site,
    int (*f)(crd_back_t *back, crd_record_t *r), crd_back_t *back)
{
    int           i, fd, rc;
    char          line[256];
    FILE         *in;
    crd_record_t  r;

    rc = CR_OK;

    for (i = 1; i >= 0 && rc == CR_OK; i--) {
        fd = crd_journal_file(j, i ? "journal.1" : "journal", O_RDONLY);
        if (fd == -1) {
            continue;
        }

        in = fdopen(fd, "r");
        if (in == NULL) {
            close(fd);
            return CR_ERR;
        }

        while (rc == CR_OK && fgets(line, sizeof(line), in) != NULL) {
            if (strchr(line, '\n') != NULL
                && crd_record_parse(&r, line) == CR_OK
                && (r.type == 'I' || r.type == 'B')
                && strcmp(r.site, site) == 0)
            {
                rc = f(back, &r);
            }
        }

        fclose(in);
    }

    return rc;
}


static int
crd_journal_gather(crd_back_t *back, crd_record_t *r)
{
    int64_t  *hw;

    if (r->type != 'B') {
        return CR_OK;
    }

    if (back->n == back->room) {
        back->room = back->room ? back->room * 2 : 64;
        hw = realloc(back->hw, back->room * sizeof(int64_t));
        if (hw == NULL) {
            return CR_ERR;
        }
        back->hw = hw;
    }

    back->hw[back->n++] = r->hw;

    return CR_OK;
}


static int
crd_journal_tell(crd_back_t *back, crd_record_t *r)
{
    char  *dot;

    dot = strchr(r->key, '.');

    if (r->type != 'I' || dot == NULL || r->key[0] == '-'
        || (back->n && bsearch(&r->hw, back->hw, back->n, sizeof(int64_t),
                               crd_journal_order) != NULL))
    {
        return CR_OK;
    }

    *dot = '\0';

    return back->f(back->data, r->key, dot + 1);
}


static int
crd_journal_order(const void *a, const void *b)
{
    int64_t  x, y;

    x = *(const int64_t *) a;
    y = *(const int64_t *) b;

    return (x > y) - (x < y);
}
