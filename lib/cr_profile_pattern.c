#include "cr_profile_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define PATTERN_MAX  8192
#define ALL_MAX      (PATTERN_MAX * 16)


typedef struct {
    char    *p;
    size_t   n;
} text_t;


/* {word} in a pattern is what "words" says; other braces are the regex's. */

static int
compile_words(cr_compiler_t *c, cr_str_t in, text_t *out)
{
    size_t       i, n;
    json_t      *v;
    const char  *end;
    char         word[32];

    out->p = cr_profile_alloc(c, PATTERN_MAX);
    out->n = 0;

    if (out->p == NULL) {
        return CR_ERR;
    }

    for (i = 0; i < in.n; i++) {
        end = (in.p[i] == '{') ? memchr(in.p + i, '}', in.n - i) : NULL;
        v = NULL;

        if (end != NULL && (size_t) (end - in.p) - i - 1 < sizeof(word)) {
            n = (size_t) (end - in.p) - i - 1;
            memcpy(word, in.p + i + 1, n);
            word[n] = '\0';
            v = json_object_get(c->words, word);
        }

        if (json_is_string(v)) {
            n = json_string_length(v);

            if (out->n + n + 5 > PATTERN_MAX) {
                return CR_ERR;
            }

            out->n += (size_t) sprintf(out->p + out->n, "(?:%s)",
                                       json_string_value(v));
            i = (size_t) (end - in.p);
            continue;
        }

        if (out->n + 1 >= PATTERN_MAX) {
            return CR_ERR;
        }

        out->p[out->n++] = in.p[i];
    }

    out->p[out->n] = '\0';

    return CR_OK;
}


static pcre2_code *
compile_regex(cr_compiler_t *c, const char *path, const char *p, size_t n,
    uint32_t options)
{
    int          rc;
    size_t       at;
    pcre2_code  *re;
    PCRE2_UCHAR  text[120];

    re = pcre2_compile((PCRE2_SPTR) p, n, options | PCRE2_DOLLAR_ENDONLY,
                       &rc, &at, NULL);

    if (re == NULL) {
        (void) pcre2_get_error_message(rc, text, sizeof(text));
        (void) cr_profile_fail(c, path, "the pattern is wrong at offset %d: "
                               "%s", (int) at, (char *) text);
        return NULL;
    }

    return re;
}


pcre2_code *
cr_profile_regex(cr_compiler_t *c, const char *path, cr_str_t text,
    uint32_t options)
{
    text_t         t;
    pcre2_code    *re, **list;
    cr_profile_t  *p;

    if (compile_words(c, text, &t) != CR_OK) {
        (void) cr_profile_fail(c, path, "the pattern is too long");
        return NULL;
    }

    p = c->p;
    re = compile_regex(c, path, t.p, t.n, options);

    if (re == NULL) {
        return NULL;
    }

    list = realloc(p->codes, (p->ncodes + 1) * sizeof(pcre2_code *));

    if (list == NULL) {
        pcre2_code_free(re);
        (void) cr_profile_fail(c, path, "out of memory");
        return NULL;
    }

    p->codes = list;
    p->codes[p->ncodes++] = re;

    return re;
}


/* One pattern of the alternation.  A profile's pattern is the whole path unless
 * it speaks of the query; an operator's may match anywhere. */

static int
compile_pattern(cr_compiler_t *c, cr_str_t *out, const char *path,
    cr_str_t text, int extra)
{
    text_t       t, any;
    pcre2_code  *alone;

    if (text.n == 0) {
        return cr_profile_fail(c, path, "is missing");
    }

    if (compile_words(c, text, &t) != CR_OK) {
        return cr_profile_fail(c, path, "the pattern is too long");
    }

    alone = compile_regex(c, path, t.p, t.n, PCRE2_NO_AUTO_CAPTURE);

    if (alone == NULL) {
        return CR_ERR;
    }

    pcre2_code_free(alone);

    if (!extra && strstr(t.p, "\\?") == NULL) {
        if (t.n + 10 > PATTERN_MAX) {
            return cr_profile_fail(c, path, "the pattern is too long");
        }

        memcpy(t.p + t.n, "(?=\\?|$)", sizeof("(?=\\?|$)"));
    }

    if (extra) {
        any.n = t.n + sizeof("(?s:.*?)(?:)") - 1;
        any.p = cr_profile_alloc(c, any.n + 1);

        if (any.p == NULL) {
            return CR_ERR;
        }

        (void) sprintf(any.p, "(?s:.*?)(?:%s)", t.p);
        t = any;
    }

    out->p = t.p;
    out->n = strlen(t.p);

    return CR_OK;
}


static int
compile_extra(cr_compiler_t *c, cr_group_t *g, const cr_profile_extra_t *x)
{
    g->conds = cr_profile_alloc(c, sizeof(cr_cond_t));
    g->rules = cr_profile_alloc(c, sizeof(cr_rule_t));
    g->binds = cr_profile_alloc(c, sizeof(cr_bind_t));

    if (g->conds == NULL || g->rules == NULL || g->binds == NULL) {
        return CR_ERR;
    }

    g->money = c->money;
    g->nconds = g->nrules = g->nbinds = 1;
    g->conds[0].src.kind = CR_SRC_STATUS;
    g->conds[0].op = CR_IF_RANGE;
    g->conds[0].lo = 200;
    g->conds[0].hi = 399;
    g->rules[0].conds = 1;
    g->rules[0].event = (uint8_t) x->event;
    g->rules[0].delta = -1;
    g->rules[0].sign = 1;
    g->binds[0].src.kind = CR_SRC_CAPTURE;
    g->binds[0].src.name = cr_lit("@");
    g->binds[0].rank = 1;
    g->binds[0].fact = (x->event == CR_EV_ORDER
                        || x->event == CR_EV_ORDER_PAGE)
                       ? CR_FACT_ORDER_ID : CR_FACT_REF;

    return CR_OK;
}


int
cr_profile_groups(cr_compiler_t *c, json_t *rules,
    const cr_profile_extra_t *extra, int nextra)
{
    int         i, n;
    char        path[64];
    json_t     *o;
    cr_str_t    s, *patterns;

    cr_alternation_t  all;

    n = nextra + (int) json_array_size(rules);

    if (!json_is_array(rules) || n > CR_GROUPS_MAX) {
        return cr_profile_fail(c, "$.rules", "must be a list of at most %d "
                               "rules", CR_GROUPS_MAX);
    }

    all.p = cr_profile_alloc(c, ALL_MAX);
    all.cap = ALL_MAX;
    patterns = cr_profile_alloc(c, ((size_t) n + 1) * sizeof(cr_str_t));
    c->p->groups = cr_profile_alloc(c, ((size_t) n + 1) * sizeof(cr_group_t));

    if (all.p == NULL || patterns == NULL || c->p->groups == NULL) {
        return CR_ERR;
    }

    for (i = 0; i < n; i++) {
        c->p->ngroups++;

        if (i < nextra) {
            s.p = extra[i].regex;
            s.n = strlen(s.p);

            if (compile_extra(c, &c->p->groups[i], &extra[i]) != CR_OK
                || compile_pattern(c, &patterns[i], "cartrecover_match", s, 1)
                   != CR_OK)
            {
                return CR_ERR;
            }

            continue;
        }

        o = json_array_get(rules, (size_t) (i - nextra));
        (void) snprintf(path, sizeof(path), "$.rules[%d]", i - nextra);

        if (cr_profile_group(c, path, o, &c->p->groups[i]) != CR_OK) {
            return CR_ERR;
        }

        (void) snprintf(path, sizeof(path), "$.rules[%d].match", i - nextra);

        if (compile_pattern(c, &patterns[i], path,
                            cr_profile_str(json_object_get(o, "match")), 0)
            != CR_OK)
        {
            return CR_ERR;
        }
    }

    if (cr_profile_factor(&all, patterns, n) != CR_OK) {
        return cr_profile_fail(c, "$.rules",
                               "the patterns are too long together");
    }

    /* without any rule nothing matches */

    c->p->re = compile_regex(c, "$.rules", n ? all.p : "(?!)", n ? all.n : 4,
                             PCRE2_ANCHORED | PCRE2_NO_AUTO_CAPTURE
                             | PCRE2_DUPNAMES);

    if (c->p->re == NULL) {
        return CR_ERR;
    }

    (void) pcre2_jit_compile(c->p->re, PCRE2_JIT_COMPLETE);

    return CR_OK;
}


/* The operator's own patterns are let through as well. */

int
cr_profile_quick(cr_compiler_t *c, const json_t *v,
    const cr_profile_extra_t *extra, int nextra)
{
    int       i;
    text_t    all, one;
    cr_str_t  s;

    if (v == NULL) {
        return CR_OK;
    }

    all.n = 0;
    all.p = cr_profile_alloc(c, ALL_MAX);

    if (all.p == NULL || compile_words(c, cr_profile_str(v), &one) != CR_OK) {
        return cr_profile_fail(c, "$.quick", "the pattern is too long");
    }

    all.n = (size_t) sprintf(all.p, "(?:%s)", one.p);

    for (i = 0; i < nextra; i++) {
        s.p = extra[i].regex;
        s.n = strlen(s.p);

        if (s.n + 8 > ALL_MAX - all.n) {
            return cr_profile_fail(c, "$.quick", "the pattern is too long");
        }

        all.n += (size_t) sprintf(all.p + all.n, "|(?:%s)", s.p);
    }

    s.p = all.p;
    s.n = all.n;
    c->words = NULL;
    c->p->quick = cr_profile_regex(c, "$.quick", s, PCRE2_NO_AUTO_CAPTURE
                                                    | PCRE2_DUPNAMES);

    if (c->p->quick == NULL) {
        return CR_ERR;
    }

    (void) pcre2_jit_compile(c->p->quick, PCRE2_JIT_COMPLETE);

    return CR_OK;
}
