/*
 * exchange.h: one request and its answer, made by hand, run through a profile
 * in pieces of several sizes.
 */

#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "check.h"

#include "cr_profile.h"

#include <stdlib.h>
#include <strings.h>


#define FORM       "application/x-www-form-urlencoded"
#define JSON       "application/json"
#define MULTIPART  "multipart/form-data; boundary=XyZ"


typedef struct {
    const char  *what;
    const char  *method;
    const char  *url;
    const char  *headers;        /* "name: value\n..." of the request */
    const char  *type;
    const char  *body;
    int          status;
    const char  *answer_headers;
    const char  *answer;
    const char  *event;
} exchange_t;


static cr_profile_t  *profile;
static cr_obs_t       obs;


static inline cr_str_t
str(const char *p)
{
    cr_str_t  s;

    s.p = p;
    s.n = p ? strlen(p) : 0;

    return s;
}


static inline cr_str_t
find_header(void *data, cr_str_t name)
{
    cr_str_t     v;
    const char  *p, *end;

    for (p = data; p != NULL && *p != '\0'; p = *end ? end + 1 : end) {
        end = strchrnul(p, '\n');

        if (strncasecmp(p, name.p, name.n) == 0 && p[name.n] == ':') {
            v.p = p + name.n + 2;
            v.n = (size_t) (end - v.p);
            return v;
        }
    }

    v.p = NULL;
    v.n = 0;

    return v;
}


static inline void
use(const char *name)
{
    cr_str_t    text;
    cr_error_t  err;

    cr_profile_free(profile);
    text = cr_profile_builtin(name);
    profile = cr_profile_compile(text.p, text.n, &err);

    if (profile == NULL) {
        printf("# %s: line %d %s: %s\n", name, err.line, err.path, err.text);
    }

    OK_TEXT(profile != NULL, name);
    EQ_STR(cr_profile_name(profile), name);
}


/* The answer in pieces of a size; exactly sized copies, so that a read past an
 * end is seen. */

static inline void
run(const exchange_t *e, size_t piece)
{
    int           settled;
    char         *url, *body, *q;
    size_t        i, n, len;
    cr_match_t    m;
    cr_request_t  r;

    memset(&obs, 0, sizeof(obs));
    len = strlen(e->url);
    url = malloc(len + 1);
    memcpy(url, e->url, len + 1);
    q = strchr(url, '?');

    r.method = str(e->method);
    r.path.p = url;
    r.path.n = q ? (size_t) (q - url) : len;
    r.args = q ? str(q + 1) : str("");
    r.header = find_header;
    r.data = (void *) (uintptr_t) (e->headers ? e->headers : "");

    if (!cr_profile_match(profile, &r, &m)) {
        free(url);
        return;
    }

    cr_obs_init(&obs, profile, &m, &r);

    if (e->body != NULL && m.want_request) {
        n = strlen(e->body);
        body = malloc(n ? n : 1);
        memcpy(body, e->body, n);
        cr_obs_request(&obs, str(e->type), body, n);
        free(body);
    }

    settled = cr_obs_response_head(&obs, e->status, find_header,
                                   (void *) (uintptr_t) (e->answer_headers
                                   ? e->answer_headers : ""));
    len = e->answer ? strlen(e->answer) : 0;

    for (i = 0; i < len && !settled; i += n) {
        n = (piece < len - i) ? piece : len - i;
        settled = cr_obs_response_feed(&obs, e->answer + i, n);
    }

    (void) cr_obs_finish(&obs);
    free(url);
}


static inline void
check(const exchange_t *e)
{
    run(e, 1);
    OK_TEXT(strcmp(cr_event_word[obs.event], e->event) == 0, e->what);
    run(e, 7);
    OK_TEXT(strcmp(cr_event_word[obs.event], e->event) == 0, e->what);
    run(e, SIZE_MAX);

    if (!OK_TEXT(strcmp(cr_event_word[obs.event], e->event) == 0, e->what)) {
        printf("#   got %s, want %s\n", cr_event_word[obs.event], e->event);
    }
}

#endif
