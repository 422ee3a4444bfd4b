#define _GNU_SOURCE

#include "cr_profile_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>


#define PAD  32


int
cr_wild(cr_str_t pattern, cr_str_t s, cr_str_t *star)
{
    size_t  i, k, back_i, back_k, first_k;
    int     stars;

    if (pattern.n == 0 || s.n == 0) {
        return pattern.n == s.n;
    }

    /* most names differ at one of their ends */

    if ((pattern.p[0] != s.p[0] && pattern.p[0] != '*')
        || (pattern.p[pattern.n - 1] != s.p[s.n - 1]
            && pattern.p[pattern.n - 1] != '*'))
    {
        return 0;
    }

    i = k = back_i = back_k = first_k = 0;
    stars = 0;

    if (star != NULL) {
        star->p = s.p;
        star->n = 0;
    }

    while (k < s.n) {

        if (i < pattern.n && pattern.p[i] == '*' && s.p[k] != '.'
            && s.p[k] != ']')
        {
            if (stars++ == 0) {
                first_k = k;
            }

            back_i = ++i;
            back_k = ++k;
            continue;
        }

        if (i < pattern.n && pattern.p[i] != '*' && pattern.p[i] == s.p[k]) {
            if (stars == 1 && i == back_i && star != NULL) {
                star->p = s.p + first_k;
                star->n = k - first_k;
            }

            i++;
            k++;
            continue;
        }

        /* the last star takes one more, if it may */

        if (stars == 0 || s.p[back_k] == '.' || s.p[back_k] == ']') {
            return 0;
        }

        i = back_i;
        k = ++back_k;
    }

    if (stars == 1 && back_i == pattern.n && star != NULL) {
        star->p = s.p + first_k;
        star->n = s.n - first_k;
    }

    return i == pattern.n;
}


int
cr_profile_re(const cr_profile_t *p, const pcre2_code *re, cr_str_t s,
    cr_str_t *found)
{
    int          rc;
    PCRE2_SIZE  *v;

    if (s.p == NULL) {
        s = cr_lit("");
    }

    rc = pcre2_match(re, (PCRE2_SPTR) s.p, s.n, 0, 0, p->small, p->limits);

    if (rc < 0) {
        return 0;
    }

    v = pcre2_get_ovector_pointer(p->small);

    if (rc > 1 && v[2] != PCRE2_UNSET) {
        v += 2;
    }

    found->p = s.p + v[0];
    found->n = v[1] - v[0];

    return 1;
}


static const cr_str_t  prefetch_names[] = {
    { "sec-purpose", 11 }, { "purpose", 7 }, { "x-moz", 5 },
    { "next-router-prefetch", 20 }, { "next-router-segment-prefetch", 28 }
};


int
cr_prefetch(cr_str_t name, cr_str_t v)
{
    size_t  i;

    for (i = 0; i < sizeof(prefetch_names) / sizeof(prefetch_names[0]); i++) {
        if (name.n == prefetch_names[i].n
            && memcmp(name.p, prefetch_names[i].p, name.n) == 0)
        {
            return i >= 3
                   || (v.n >= 7
                       && (memmem(v.p, v.n, "prefetch", 8) != NULL
                           || memmem(v.p, v.n, "prerender", 9) != NULL
                           || memmem(v.p, v.n, "preview", 7) != NULL));
        }
    }

    return 0;
}


/* A guess at what may be wanted next is no step of the shopper's. */

static int
match_prefetch(const cr_request_t *r)
{
    size_t    i;
    cr_str_t  v;

    if (r->prefetch != CR_PREFETCH_UNKNOWN || r->header == NULL) {
        return r->prefetch == CR_PREFETCH_YES;
    }

    for (i = 0; i < sizeof(prefetch_names) / sizeof(prefetch_names[0]); i++) {
        v = r->header(r->data, prefetch_names[i]);

        if (v.p != NULL && cr_prefetch(prefetch_names[i], v)) {
            return 1;
        }
    }

    return 0;
}


/* A mark is the index of a group, in decimal. */

static int
match_group(PCRE2_SPTR mark)
{
    int  n;

    for (n = 0; *mark != '\0'; mark++) {
        n = n * 10 + (*mark - '0');
    }

    return n;
}


/* "METHOD path?args" with zeros around it: compiled patterns load whole vectors
 * that may reach past both ends. */

static cr_str_t
match_subject(const cr_request_t *r, char *buf)
{
    size_t    i, n, k;
    cr_str_t  part[5], s;

    memset(buf, 0, PAD);
    buf += PAD;

    part[0] = r->method;
    part[1] = cr_lit(" ");
    part[2] = r->path;
    part[3] = cr_lit("?");
    part[4] = r->args;
    n = 0;

    for (i = 0; i < (r->args.n ? 5u : 3u); i++) {
        k = part[i].n;

        if (k > CR_SUBJECT - n) {
            k = CR_SUBJECT - n;
        }

        if (k != 0) {
            memcpy(buf + n, part[i].p, k);
            n += k;
        }
    }

    memset(buf + n, 0, PAD);
    s.p = buf;
    s.n = n;

    return s;
}


/* The first named group that took part, as bytes of the request. */

static cr_str_t
match_capture(const cr_profile_t *p, const cr_request_t *r, int rc)
{
    int          i;
    size_t       at, len, path;
    cr_str_t     s;
    PCRE2_SIZE  *v;

    s.p = NULL;
    s.n = 0;
    v = pcre2_get_ovector_pointer(p->md);
    path = r->method.n + 1;

    for (i = 1; i < rc; i++) {
        if (v[2 * i] == PCRE2_UNSET || v[2 * i + 1] < v[2 * i]) {
            continue;
        }

        at = v[2 * i];
        len = v[2 * i + 1] - at;

        if (at >= path && at + len <= path + r->path.n) {
            s.p = r->path.p + (at - path);
            s.n = len;

        } else if (at > path + r->path.n) {
            s.p = r->args.p + (at - path - r->path.n - 1);
            s.n = len;
        }

        break;
    }

    return s;
}


static int
match_regex(const cr_profile_t *p, const pcre2_code *re, cr_str_t s,
    pcre2_match_data *md)
{
    if (p->jit) {
        return pcre2_jit_match(re, (PCRE2_SPTR) s.p, s.n, 0, 0, md, p->limits);
    }

    return pcre2_match(re, (PCRE2_SPTR) s.p, s.n, 0, 0, md, p->limits);
}


/* Pictures, styles, scripts and fonts are no step of anybody's. */

static int
match_static(const cr_request_t *r)
{
    size_t       i, n;
    const char  *dot;

    static const char  list[] =
        " png jpg jpeg gif webp avif svg ico css js mjs map woff woff2 ttf "
        "mp4 webm ";

    if (r->path.n < 4) {
        return 0;
    }

    dot = r->path.p + r->path.n - 1;

    for (i = 1; *dot != '.'; i++, dot--) {
        if (i == 6 || i == r->path.n) {
            return 0;
        }
    }

    n = (size_t) (r->path.p + r->path.n - dot - 1);

    for (i = 0; n > 1 && i + n + 1 < sizeof(list) - 1; i++) {
        if (list[i] == ' ' && list[i + n + 1] == ' '
            && memcmp(list + i + 1, dot + 1, n) == 0)
        {
            return 1;
        }
    }

    return 0;
}


int
cr_profile_match(const cr_profile_t *p, const cr_request_t *r, cr_match_t *m)
{
    int                rc;
    char               buf[CR_SUBJECT + 2 * PAD];
    cr_str_t           subject;
    PCRE2_SPTR         mark;
    const cr_group_t  *g;

    memset(m, 0, sizeof(cr_match_t));
    m->group = -1;

    if (match_static(r)) {
        return 0;
    }

    subject = match_subject(r, buf);

    if (p->quick != NULL && match_regex(p, p->quick, subject, p->small) < 0) {
        return 0;
    }

    rc = match_regex(p, p->re, subject, p->md);

    if (rc < 0) {
        return 0;
    }

    mark = pcre2_get_mark(p->md);

    if (mark == NULL) {
        return 0;
    }

    g = &p->groups[match_group(mark)];

    if (g->nrules == 0 || match_prefetch(r)) {
        return 0;
    }

    m->group = (int16_t) (g - p->groups);
    m->want_request = g->want_request;
    m->want_response = g->want_response;
    m->page = g->page && r->method.n == 3 && memcmp(r->method.p, "GET", 3) == 0;
    m->cart_page = m->page && g->cart_page;
    m->changes = g->changes;
    m->capture = match_capture(p, r, rc ? rc : 1);

    return 1;
}


/* The next "name=value" of a Cookie header; 0 at its end. */

static int
match_cookie_next(cr_str_t *rest, cr_str_t *name, cr_str_t *value)
{
    const char  *p, *end, *eq;

    while (rest->n != 0 && (*rest->p == ' ' || *rest->p == ';')) {
        rest->p++;
        rest->n--;
    }

    if (rest->n == 0) {
        return 0;
    }

    p = rest->p;
    end = memchr(p, ';', rest->n);

    if (end == NULL) {
        end = p + rest->n;
    }

    eq = memchr(p, '=', (size_t) (end - p));
    rest->n -= (size_t) (end - p);
    rest->p = end;

    name->p = p;
    name->n = eq ? (size_t) (eq - p) : 0;
    value->p = eq ? eq + 1 : end;
    value->n = (size_t) (end - value->p);

    while (value->n != 0 && value->p[value->n - 1] == ' ') {
        value->n--;
    }

    if (value->n >= 2 && value->p[0] == '"'
        && value->p[value->n - 1] == '"')
    {
        value->p++;
        value->n -= 2;
    }

    return 1;
}


static int
match_name(cr_str_t pattern, cr_str_t name)
{
    if (pattern.n != 0 && pattern.p[pattern.n - 1] == '*') {
        return name.n >= pattern.n
               && memcmp(name.p, pattern.p, pattern.n - 1) == 0;
    }

    return name.n == pattern.n && memcmp(name.p, pattern.p, name.n) == 0;
}


cr_str_t
cr_cookie_get(cr_str_t cookie_header, cr_str_t name)
{
    cr_str_t  key, value;

    while (match_cookie_next(&cookie_header, &key, &value)) {
        if (value.n != 0 && match_name(name, key)) {
            return value;
        }
    }

    value.p = NULL;
    value.n = 0;

    return value;
}


static cr_str_t
match_session_value(const cr_session_src_t *s, cr_str_t v)
{
    const char  *end;

    if (v.n > 7 && strncasecmp(v.p, "bearer ", 7) == 0) {
        v.p += 7;
        v.n -= 7;
    }

    end = s->until.n ? memmem(v.p, v.n, s->until.p, s->until.n) : NULL;

    if (end != NULL) {
        v.n = (size_t) (end - v.p);
    }

    if (v.n == 0) {
        v.p = NULL;
    }

    return v;
}


cr_str_t
cr_profile_session(const cr_profile_t *p, const cr_request_t *r,
    const cr_match_t *m, cr_str_t cookie_header)
{
    int                      i;
    cr_str_t                 v;
    const cr_session_src_t  *s;

    for (i = 0; i < p->nsessions; i++) {
        s = &p->sessions[i];
        v.p = NULL;
        v.n = 0;

        if (s->kind == CR_SRC_COOKIE) {
            v = cr_cookie_get(cookie_header, s->name);

        } else if (s->kind == CR_SRC_HEADER) {
            if (r->header != NULL) {
                v = r->header(r->data, s->name);
            }

        } else if (m->group >= 0 && m->capture.n > s->name.n
                   && memcmp(m->capture.p, s->name.p, s->name.n) == 0)
        {
            v = m->capture;
        }

        if (v.p != NULL) {
            v = match_session_value(s, v);
        }

        if (v.p != NULL) {
            return v;
        }
    }

    v.p = NULL;
    v.n = 0;

    return v;
}


cr_str_t
cr_profile_session_set(const cr_profile_t *p, cr_str_t set_cookie)
{
    int                      i;
    cr_str_t                 name, value, none;
    const cr_session_src_t  *s;

    none.p = NULL;
    none.n = 0;

    if (!match_cookie_next(&set_cookie, &name, &value)) {
        return none;
    }

    for (i = 0; i < p->nsessions; i++) {
        s = &p->sessions[i];

        if (s->kind == CR_SRC_COOKIE && value.n != 0
            && match_name(s->name, name))
        {
            return match_session_value(s, value);
        }
    }

    return none;
}


static int
match_has_cookie(cr_str_t header, cr_str_t name)
{
    cr_str_t  key, value;

    while (match_cookie_next(&header, &key, &value)) {
        if (match_name(name, key)) {
            return 1;
        }
    }

    return 0;
}


int
cr_profile_recognise(const cr_profile_t *p, const cr_request_t *r,
    cr_str_t cookie_header, cr_str_t set_cookie,
    cr_header_pt response_header, void *response_data)
{
    int                    i, score, hit;
    char                   buf[CR_SUBJECT + 2 * PAD];
    cr_str_t               v, found, key;
    const cr_recognise_t  *k;

    score = 0;

    for (i = 0; i < p->nrecognise; i++) {
        k = &p->recognise[i];
        v.p = NULL;

        switch (k->kind) {

        case CR_SRC_COOKIE:
            v = set_cookie;
            hit = match_has_cookie(cookie_header, k->name)
                  || (v.p && match_cookie_next(&v, &key, &found)
                      && match_name(k->name, key));
            score += hit ? k->score : 0;
            continue;

        case CR_SRC_HEADER:
            if (r->header != NULL) {
                v = r->header(r->data, k->name);
            }

            break;

        case CR_SRC_ANSWER:
            if (response_header != NULL) {
                v = response_header(response_data, k->name);
            }

            break;

        default:
            v = match_subject(r, buf);
        }

        if (v.p != NULL && cr_profile_re(p, k->re, v, &found)) {
            score += k->score;
        }
    }

    return score;
}
