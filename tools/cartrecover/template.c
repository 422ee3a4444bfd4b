#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cr_mustache.h"


#define CRC_TEMPLATE_MAX  65536

typedef struct {
    crc_t        *c;
    char          path[512];
    const char   *text;
    size_t        len;
    int           html;
    int           findings;
} crc_template_t;

static const char *const  crc_parts[] = { "subject", "txt", "html" };

/* What each message must say, whoever rewrites it. */

static const char *const  crc_needs[] = {
    "restore_url", "unsubscribe_url", "shop.address", NULL
};

/* Pressure that no fact carries, by language; lower case. */

static const struct {
    const char  *lang;
    const char  *words[10];
} crc_pressure[] = {
    { "en", { "hurry", "last chance", "only today", "act now", "limited time",
              "while stocks last", "selling fast", "almost gone", NULL } },
    { "de", { "nur noch", "letzte chance", "nur heute", "beeilen",
              "solange der vorrat", "fast ausverkauft", "jetzt zugreifen",
              NULL } }
};

/* A cart with everything, and one with the least that can be. */

static const char *const  crc_views[] = {
    "{\"shop\":{\"name\":\"S\",\"url\":\"https://s.example\",\"address\":\"A\","
    "\"privacy\":\"https://s.example/p\"},\"cart\":{\"total\":\"T\","
    "\"count\":2,\"more\":1,"
    "\"items\":[{\"name\":\"N\",\"qty\":1,\"price\":\"P\","
    "\"url\":\"https://s.example/n\"}]},"
    "\"restore_url\":\"https://s.example/r\",\"unsubscribe_url\":"
    "\"https://s.example/u\",\"touch\":1,\"locale\":\"en\",\"dir\":\"ltr\"}",
    "{\"shop\":{},\"cart\":{\"items\":[]}}"
};


static int
crc_template_line(const crc_template_t *t, const char *at)
{
    int          line;
    const char  *p;

    line = 1;

    for (p = t->text; p < at; p++) {
        line += (*p == '\n');
    }

    return line;
}


/* What a reader sees of the template itself: without tags of mustache, without
 * markup, entities and style.  The same length, the rest blank. */

static char *
crc_literal(const crc_template_t *t)
{
    char    *s, *p, *end;
    size_t   n;

    s = malloc(t->len + 1);

    if (s == NULL) {
        return NULL;
    }

    memcpy(s, t->text, t->len + 1);

    for (p = s; *p; p += n) {
        n = 1;
        end = NULL;

        if (strncmp(p, "{{{", 3) == 0) {
            end = strstr(p, "}}}");
            n = end ? (size_t) (end - p) + 3 : 1;

        } else if (strncmp(p, "{{", 2) == 0) {
            end = strstr(p, "}}");
            n = end ? (size_t) (end - p) + 2 : 1;

        } else if (t->html && strncmp(p, "<style", 6) == 0) {
            end = strstr(p, "</style>");
            n = end ? (size_t) (end - p) + 8 : 1;

        } else if (t->html && *p == '<') {
            end = strchr(p, '>');
            n = end ? (size_t) (end - p) + 1 : 1;

        } else if (t->html && *p == '&') {
            end = strchr(p, ';');
            n = end ? (size_t) (end - p) + 1 : 1;
        }

        if (end != NULL) {
            memset(p, ' ', n);

        } else if (*p >= 'A' && *p <= 'Z') {
            *p = (char) (*p | 0x20);

        } else if (*p == '\n' || *p == '\t') {
            *p = ' ';
        }
    }

    return s;
}


static void
crc_template_words(crc_template_t *t, const char *lang)
{
    char    *s, *at;
    size_t   i, k;

    s = crc_literal(t);

    if (s == NULL) {
        return;
    }

    at = s + strcspn(s, "0123456789%");

    if (*at) {
        crc_finding(t->c, t->path, crc_template_line(t, t->text + (at - s)),
                    "", "a figure in the text (\"%.20s\"); numbers come from "
                    "the data, where they are true", at);
        t->findings++;
    }

    for (i = 0; i < sizeof(crc_pressure) / sizeof(crc_pressure[0]); i++) {

        if (strcmp(crc_pressure[i].lang, lang) != 0) {
            continue;
        }

        for (k = 0; crc_pressure[i].words[k]; k++) {
            at = strstr(s, crc_pressure[i].words[k]);

            if (at != NULL) {
                crc_finding(t->c, t->path,
                            crc_template_line(t, t->text + (at - s)), "",
                            "\"%s\" presses without a fact; say what is so",
                            crc_pressure[i].words[k]);
                t->findings++;
            }
        }
    }

    free(s);
}


static void
crc_template_renders(crc_template_t *t)
{
    char        *out;
    size_t       i;
    json_t      *view;
    cr_error_t   err;

    for (i = 0; i < sizeof(crc_views) / sizeof(crc_views[0]); i++) {
        view = json_loads(crc_views[i], 0, NULL);
        out = cr_mustache(t->text, view, t->html ? CR_ESCAPE_HTML
                          : CR_ESCAPE_NONE, NULL, NULL, &err);
        json_decref(view);

        if (out == NULL) {
            crc_finding(t->c, t->path, err.line, "", "%s", err.text);
            t->findings++;
            return;
        }

        free(out);
    }
}


static void
crc_template_needs(crc_template_t *t)
{
    int          i;
    char         tag[64];
    const char  *p;

    for (i = 0; crc_needs[i]; i++) {

        (void) snprintf(tag, sizeof(tag), "%s}}", crc_needs[i]);

        for (p = t->text; (p = strstr(p, tag)) != NULL; p++) {
            if (p > t->text && strchr("{& ", p[-1]) != NULL) {
                break;
            }
        }

        if (p == NULL) {
            crc_finding(t->c, t->path, 0, "", "does not say {{%s}}; each "
                        "message must", crc_needs[i]);
            t->findings++;
        }
    }
}


/* 1: there is such a file, and it was checked. */

static int
crc_template(crc_template_t *t, const char *dir, const char *locale,
    const char *purpose, const char *part)
{
    char  *text, lang[8];

    (void) snprintf(t->path, sizeof(t->path), "%s/%s/email-%s.%s.mustache",
                    dir, locale, purpose, part);
    text = crc_read(t->path, CRC_TEMPLATE_MAX, &t->len);

    if (text == NULL) {
        return 0;
    }

    t->text = text;
    t->html = (strcmp(part, "html") == 0);
    (void) snprintf(lang, sizeof(lang), "%.*s", (int) strcspn(locale, "-"),
                    locale);

    if (strlen(text) != t->len || t->len > CRC_TEMPLATE_MAX) {
        crc_finding(t->c, t->path, 0, "", "no text of at most %d bytes",
                    CRC_TEMPLATE_MAX);
        t->findings++;

    } else {
        crc_template_renders(t);
        crc_template_words(t, lang);

        if (strcmp(part, "subject") != 0) {
            crc_template_needs(t);
        }
    }

    free(text);

    return 1;
}


/* One purpose in one language: how many of its three files there are. */

static int
crc_template_purpose(crc_template_t *t, const char *dir, const char *locale,
    const char *purpose)
{
    int     there;
    char    lang[8];
    size_t  i;

    (void) snprintf(lang, sizeof(lang), "%.*s", (int) strcspn(locale, "-"),
                    locale);

    for (i = 0, there = 0; i < 3; i++) {
        there += (crc_template(t, dir, locale, purpose, crc_parts[i])
                  || crc_template(t, dir, lang, purpose, crc_parts[i]));
    }

    return there;
}


/* The purposes that the sequence has, in each of the shop's languages. */

int
crc_check_templates(crc_t *c, const char *dir, const cr_policy_t *p,
    const char *file, int line)
{
    int              i, l, used[CR_PURPOSE_MAX];
    char             path[32], missing[64];
    size_t           n;
    crc_template_t   t;

    memset(&t, 0, sizeof(t));
    memset(used, 0, sizeof(used));
    t.c = c;

    for (i = 0; i < p->ntouches; i++) {
        used[p->touch[i].purpose] = 1;
    }

    for (l = 0; l < p->nlocales; l++) {
        missing[0] = '\0';
        n = 0;

        for (i = 0; i < CR_PURPOSE_MAX; i++) {
            if (used[i] && crc_template_purpose(&t, dir, p->locales[l],
                                                cr_purpose_word[i]) < 3)
            {
                n += (size_t) snprintf(missing + n, sizeof(missing) - n,
                                       "%s%s", n ? ", " : "",
                                       cr_purpose_word[i]);
            }
        }

        if (n > 0) {
            (void) snprintf(path, sizeof(path), "$.shop.locales[%d]", l);
            crc_finding(c, file, line, path, "%s has no messages for %s (%s): "
                        "they would leave in English; translate those of "
                        "another language", dir, p->locales[l], missing);
            t.findings++;
        }
    }

    return t.findings;
}
