#include "cr_profile_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static const char *const  profile_keys[] = {
    "name", "title", "note", "money", "currency", "words", "session",
    "recognise", "quick", "js", "rules", "restore", NULL
};

static const char *const  session_keys[] = {
    "cookie", "header", "capture", "until", NULL
};

static const char *const  recognise_keys[] = {
    "cookies", "request_headers", "headers", "paths", NULL
};


int
cr_profile_fail(cr_compiler_t *c, const char *path, const char *fmt, ...)
{
    va_list  args;

    if (c->err->text[0] != '\0') {
        return CR_ERR;
    }

    va_start(args, fmt);
    (void) vsnprintf(c->err->text, sizeof(c->err->text), fmt, args);
    va_end(args);

    (void) snprintf(c->err->path, sizeof(c->err->path), "%s", path);

    if (c->err->line == 0) {
        c->err->line = cr_json_line(c->json, c->len, c->err->path);
    }

    return CR_ERR;
}


void *
cr_profile_alloc(cr_compiler_t *c, size_t n)
{
    void           *m, **list;
    cr_profile_t   *p;

    p = c->p;
    m = calloc(1, n);
    list = realloc(p->memory, (p->nmemory + 1) * sizeof(void *));

    if (list != NULL) {
        p->memory = list;
    }

    if (m == NULL || list == NULL) {
        free(m);
        (void) cr_profile_fail(c, "$", "out of memory");
        return NULL;
    }

    p->memory[p->nmemory++] = m;

    return m;
}


cr_str_t
cr_profile_str(const json_t *v)
{
    cr_str_t  s;

    s.p = json_string_value(v);
    s.n = s.p ? json_string_length(v) : 0;

    return s;
}


int
cr_profile_keys(cr_compiler_t *c, const char *path, const json_t *o,
    const char *const *keys)
{
    int          i;
    char         list[160];
    size_t       n;
    json_t      *v;
    const char  *key;

    if (!json_is_object(o)) {
        return cr_profile_fail(c, path, "must be an object");
    }

    json_object_foreach((json_t *) (uintptr_t) o, key, v) {

        for (i = 0; keys[i] != NULL && strcmp(keys[i], key) != 0; i++) {
            /* void */
        }

        if (keys[i] != NULL) {
            continue;
        }

        n = 0;

        for (i = 0; keys[i] != NULL && n < sizeof(list); i++) {
            n += (size_t) snprintf(list + n, sizeof(list) - n, "%s%s",
                                   i ? ", " : "", keys[i]);
        }

        return cr_profile_fail(c, path, "\"%s\" is unknown here; known: %s",
                               key, list);
    }

    return CR_OK;
}


static int
compile_session(cr_compiler_t *c, json_t *list)
{
    int                i, k;
    char               path[64];
    json_t            *o;
    cr_session_src_t  *s;

    static const uint8_t  kinds[] = {
        CR_SRC_COOKIE, CR_SRC_HEADER, CR_SRC_CAPTURE
    };

    c->p->sessions = cr_profile_alloc(c, (json_array_size(list) + 1)
                                         * sizeof(cr_session_src_t));

    if (c->p->sessions == NULL) {
        return CR_ERR;
    }

    for (i = 0; i < (int) json_array_size(list); i++) {
        o = json_array_get(list, (size_t) i);
        (void) snprintf(path, sizeof(path), "$.session[%d]", i);

        if (cr_profile_keys(c, path, o, session_keys) != CR_OK) {
            return CR_ERR;
        }

        s = &c->p->sessions[c->p->nsessions++];

        for (k = 0; k < 3 && s->name.n == 0; k++) {
            s->kind = kinds[k];
            s->name = cr_profile_str(json_object_get(o, session_keys[k]));
        }

        s->until = cr_profile_str(json_object_get(o, "until"));

        if (s->name.n == 0) {
            return cr_profile_fail(c, path, "names no cookie, header or "
                                   "capture");
        }
    }

    return CR_OK;
}


static int
compile_mark(cr_compiler_t *c, const char *path, uint8_t kind,
    const char *name, const json_t *v)
{
    cr_recognise_t  *r;

    if (c->p->nrecognise == 32) {
        return cr_profile_fail(c, path, "more than 32 marks");
    }

    r = &c->p->recognise[c->p->nrecognise++];
    r->kind = kind;
    r->score = (kind == CR_SRC_COOKIE) ? 3 : 2;
    r->name = cr_profile_str(v);

    if (name != NULL) {
        r->name.p = name;
        r->name.n = strlen(name);
    }

    if (r->name.n == 0) {
        return cr_profile_fail(c, path, "must be a text");
    }

    if (kind == CR_SRC_COOKIE) {
        return CR_OK;
    }

    r->re = cr_profile_regex(c, path, cr_profile_str(v), 0);

    return r->re ? CR_OK : CR_ERR;
}


static int
compile_recognise(cr_compiler_t *c, json_t *o)
{
    int          rc;
    char         path[96];
    size_t       i, k;
    json_t      *v, *set;
    const char  *key;

    static const uint8_t  kinds[] = {
        CR_SRC_COOKIE, CR_SRC_HEADER, CR_SRC_ANSWER, CR_SRC_ARG
    };

    if (o == NULL) {
        return CR_OK;
    }

    c->p->recognise = cr_profile_alloc(c, 32 * sizeof(cr_recognise_t));

    if (c->p->recognise == NULL
        || cr_profile_keys(c, "$.recognise", o, recognise_keys) != CR_OK)
    {
        return CR_ERR;
    }

    for (k = 0; k < 4; k++) {
        set = json_object_get(o, recognise_keys[k]);
        (void) snprintf(path, sizeof(path), "$.recognise.%s",
                        recognise_keys[k]);
        rc = CR_OK;

        json_array_foreach(set, i, v) {
            rc |= compile_mark(c, path, kinds[k], NULL, v);
        }

        json_object_foreach(set, key, v) {
            rc |= compile_mark(c, path, kinds[k], key, v);
        }

        if (rc != CR_OK) {
            return CR_ERR;
        }
    }

    return CR_OK;
}


static int
compile_match_data(cr_compiler_t *c)
{
    size_t         jit, i;
    cr_profile_t  *p;

    p = c->p;
    p->md = pcre2_match_data_create_from_pattern(p->re, NULL);
    p->small = pcre2_match_data_create(8, NULL);
    p->limits = pcre2_match_context_create(NULL);

    if (p->md == NULL || p->small == NULL || p->limits == NULL) {
        return cr_profile_fail(c, "$", "out of memory");
    }

    (void) pcre2_set_match_limit(p->limits, 100000);
    (void) pcre2_set_depth_limit(p->limits, 1000);

    p->jit = (pcre2_pattern_info(p->re, PCRE2_INFO_JITSIZE, &jit) == 0
              && jit != 0);

    if (p->quick != NULL) {
        p->jit &= (pcre2_pattern_info(p->quick, PCRE2_INFO_JITSIZE, &jit) == 0
                   && jit != 0);
    }

    /* the interpreter takes its memory at the first match and keeps it */

    for (i = 0; i < p->ncodes; i++) {
        (void) pcre2_match(p->codes[i], (PCRE2_SPTR) "x", 1, 0,
                           PCRE2_NO_JIT, p->small, p->limits);
    }

    return CR_OK;
}


static int
compile_top(cr_compiler_t *c, const cr_profile_extra_t *extra, int nextra)
{
    json_t        *root, *v;
    cr_str_t       s;
    cr_profile_t  *p;

    p = c->p;
    root = p->root;

    if (cr_profile_keys(c, "$", root, profile_keys) != CR_OK) {
        return CR_ERR;
    }

    s = cr_profile_str(json_object_get(root, "name"));

    if (s.n == 0 || s.n >= sizeof(p->name)) {
        return cr_profile_fail(c, "$.name", "must be a text of 1 to 47 bytes");
    }

    memcpy(p->name, s.p, s.n);
    c->words = json_object_get(root, "words");
    p->js = json_is_true(json_object_get(root, "js"));
    v = json_object_get(root, "currency");

    if (v != NULL) {
        if (cr_profile_request_src(c, "$.currency", cr_profile_str(v),
                                   &p->currency) != CR_OK)
        {
            return CR_ERR;
        }

        p->has_currency = 1;
    }

    if (cr_profile_money(c, "$.money", json_object_get(root, "money"),
                         &c->money) != CR_OK
        || compile_session(c, json_object_get(root, "session")) != CR_OK
        || compile_recognise(c, json_object_get(root, "recognise")) != CR_OK
        || cr_profile_groups(c, json_object_get(root, "rules"), extra, nextra)
           != CR_OK
        || cr_profile_quick(c, json_object_get(root, "quick"), extra, nextra)
           != CR_OK
        || compile_match_data(c) != CR_OK)
    {
        return CR_ERR;
    }

    v = json_object_get(root, "restore");

    if (v != NULL && !json_is_null(v)) {
        if (!json_is_object(v)) {
            return cr_profile_fail(c, "$.restore", "must be an object or null");
        }

        p->restore = json_dumps(v, JSON_COMPACT);
    }

    return CR_OK;
}


cr_profile_t *
cr_profile_compile_extra(const char *json, size_t len,
    const cr_profile_extra_t *extra, int nextra, cr_error_t *err)
{
    json_error_t   je;
    cr_compiler_t  c;

    memset(&c, 0, sizeof(cr_compiler_t));
    memset(err, 0, sizeof(cr_error_t));
    c.json = json;
    c.len = len;
    c.err = err;
    c.p = calloc(1, sizeof(cr_profile_t));

    if (c.p == NULL) {
        (void) cr_profile_fail(&c, "$", "out of memory");
        return NULL;
    }

    c.p->root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &je);

    if (c.p->root == NULL) {
        err->line = je.line;
        (void) cr_profile_fail(&c, "$", "%s", je.text);
        cr_profile_free(c.p);
        return NULL;
    }

    if (compile_top(&c, extra, nextra) != CR_OK) {
        (void) cr_profile_fail(&c, "$", "out of memory");
        cr_profile_free(c.p);
        return NULL;
    }

    return c.p;
}


cr_profile_t *
cr_profile_compile(const char *json, size_t len, cr_error_t *err)
{
    return cr_profile_compile_extra(json, len, NULL, 0, err);
}


void
cr_profile_free(cr_profile_t *p)
{
    size_t  i;

    if (p == NULL) {
        return;
    }

    for (i = 0; i < p->ncodes; i++) {
        pcre2_code_free(p->codes[i]);
    }

    free(p->codes);
    pcre2_code_free(p->re);
    pcre2_match_data_free(p->md);
    pcre2_match_data_free(p->small);
    pcre2_match_context_free(p->limits);

    for (i = 0; i < p->nmemory; i++) {
        free(p->memory[i]);
    }

    free(p->memory);
    free(p->restore);
    json_decref(p->root);
    free(p);
}
