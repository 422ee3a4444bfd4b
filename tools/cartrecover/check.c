#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cr_asset.h"
#include "cr_json.h"


#define CRC_ZONES      "/usr/share/zoneinfo"
#define CRC_TEMPLATES  "/usr/share/cartrecover/templates"

typedef struct {
    const char   *file;
    const char   *text;
    size_t        len;
    int           findings;
} crc_file_t;


static int
crc_line(const crc_file_t *f, const char *path)
{
    return cr_json_line(f->text, f->len, path);
}


/* A policy that is to send needs more than one that only looks. */

static void
crc_check_sending(crc_t *c, crc_file_t *f, const cr_policy_t *p)
{
    int         i, n;
    cr_error_t  err[CRC_ERRORS];

    if (p->ntouches == 0) {
        return;
    }

    n = cr_policy_check_sending(p, err, CRC_ERRORS);

    for (i = 0; i < n && i < CRC_ERRORS; i++) {
        if (p->mode == CR_MODE_ON) {
            crc_finding(c, f->file, crc_line(f, "$.shop"), err[i].path, "%s",
                        err[i].text);
        } else {
            crc_say("%s: note, before mode \"on\": %s: %s", f->file,
                    err[i].path, err[i].text);
        }
    }

    f->findings += (p->mode == CR_MODE_ON) ? n : 0;
}


static void
crc_check_zone(crc_t *c, crc_file_t *f, const cr_policy_t *p)
{
    char  path[128];

    (void) snprintf(path, sizeof(path), "%s/%s", CRC_ZONES, p->tz);

    if (p->tz[0] == '\0' || access(CRC_ZONES "/UTC", R_OK) != 0
        || (access(path, R_OK) == 0 && strstr(p->tz, "..") == NULL))
    {
        return;
    }

    crc_finding(c, f->file, crc_line(f, "$.shop.tz"), "$.shop.tz",
                "\"%s\" is not in %s; look there for the right name", p->tz,
                CRC_ZONES);
    f->findings++;
}


/* The profiles that are built in, or a file of one's own. */

static void
crc_check_platform(crc_t *c, crc_file_t *f, const cr_policy_t *p)
{
    char               name[96], list[256];
    size_t             n;
    const char        *s, *end;
    const cr_asset_t  *a;

    if (p->platform[0] == '\0' || strchr(p->platform, '/') != NULL) {
        return;
    }

    (void) snprintf(name, sizeof(name), "platforms/%s.json", p->platform);

    if (cr_asset(name) != NULL) {
        return;
    }

    list[0] = '\0';

    for (a = cr_assets, n = 0; a->name && n < sizeof(list) - 1; a++) {
        s = a->name;
        end = strrchr(s, '.');

        if (strncmp(s, "platforms/", 10) == 0 && end != NULL) {
            n += (size_t) snprintf(list + n, sizeof(list) - n, "%s%.*s",
                                   n ? ", " : "", (int) (end - s - 10),
                                   s + 10);
        }
    }

    crc_finding(c, f->file, crc_line(f, "$.platform"), "$.platform",
                "no profile \"%s\"; there are %s, or a path", p->platform,
                list);
    f->findings++;
}


/* Two shops with one id would read each other's carts. */

static void
crc_check_twice(crc_t *c, crc_file_t *f, const cr_policy_t *p)
{
    json_t      *seen;
    const char  *first;

    seen = json_object_get(c->out, "sites");
    first = json_string_value(json_object_get(seen, p->site));

    if (first != NULL) {
        crc_finding(c, f->file, crc_line(f, "$.shop.id"), "$.shop.id",
                    "\"%s\" is also the id in %s; each shop has its own",
                    p->site, first);
        f->findings++;
        return;
    }

    json_object_set_new(seen, p->site, json_string(f->file));
}


static int
crc_check_file(crc_t *c, const char *path)
{
    int           code;
    char         *text;
    const char   *dir;
    crc_file_t    f;
    cr_policy_t   p;

    if (crc_policy(c, path, &p, &code) != CR_OK) {
        return code;
    }

    memset(&f, 0, sizeof(f));
    text = crc_read(path, CR_POLICY_BYTES, &f.len);

    if (text == NULL) {
        return crc_fail(c, CRC_IO, "%s cannot be read again", path);
    }

    f.file = path;
    f.text = text;
    dir = c->templates;

    if (dir == NULL && access(CRC_TEMPLATES, R_OK) == 0) {
        dir = CRC_TEMPLATES;
    }

    crc_check_twice(c, &f, &p);
    crc_check_zone(c, &f, &p);
    crc_check_platform(c, &f, &p);
    crc_check_sending(c, &f, &p);

    if (dir != NULL) {
        f.findings += crc_check_templates(c, dir, &p, path,
                                          crc_line(&f, "$.shop.locales"));
    }

    if (f.findings == 0) {
        crc_say("%s: ok, shop %s, mode %s, %d touches", path, p.site,
                cr_mode_word[p.mode], p.ntouches);
    }

    free(text);

    return f.findings ? CRC_FINDINGS : CRC_OK;
}


int
crc_check(crc_t *c)
{
    int  i, rc, worst;

    worst = CRC_OK;
    json_object_set_new(c->out, "findings", json_array());
    json_object_set_new(c->out, "sites", json_object());

    for (i = 0; i < c->argc; i++) {
        rc = crc_check_file(c, c->argv[i]);
        worst = (rc > worst) ? rc : worst;
    }

    return worst;
}
