#include "cr_profile_int.h"

#include <stdio.h>
#include <string.h>


typedef struct {
    const char  *prefix;
    uint8_t      kind;
} prefix_t;


static const char *const  facts[CR_FACT_MAX + 1] = {
    "email", "phone", "consent", "country", "ref", "qty", "price", "name",
    "opt", "order_id", "order_total", "total", "subtotal", "shipping",
    "currency", "key", NULL
};

static const char *const  line_keys[] = {
    "at", "ref", "qty", "price", "name", "opt", NULL
};

static const char *const  rows_keys[] = {
    "begin", "each", "fields", "end", "empty", NULL
};

static const char *const  text_keys[] = { "after", "until", "last", NULL };

static const char *const  field_keys[] = { "fact", "after", "until", NULL };

static const prefix_t  request_prefixes[] = {
    { "$.", CR_SRC_JSON },
    { "?", CR_SRC_ARG },
    { "=", CR_SRC_CONST },
    { "cookie:", CR_SRC_COOKIE },
    { "header:", CR_SRC_HEADER },
    { NULL, 0 }
};

static const prefix_t  answer_prefixes[] = {
    { "$.", CR_SRC_BODY },
    { "=", CR_SRC_CONST },
    { "header:", CR_SRC_ANSWER },
    { NULL, 0 }
};


static int
rule_word(const char *const *table, const char *word)
{
    int  i;

    for (i = 0; table[i] != NULL; i++) {
        if (strcmp(table[i], word) == 0) {
            return i;
        }
    }

    return -1;
}


int
cr_profile_money(cr_compiler_t *c, const char *path, const json_t *v,
    uint8_t *money)
{
    const char  *s;

    s = json_string_value(v);

    if (v == NULL) {
        return CR_OK;
    }

    if (s && strcmp(s, "major") == 0) {
        *money = CR_MONEY_MAJOR;

    } else if (s && (strcmp(s, "minor") == 0
                     || strcmp(s, "minor_string") == 0))
    {
        *money = CR_MONEY_MINOR;

    } else if (s && strcmp(s, "text") == 0) {
        *money = CR_MONEY_TEXT;

    } else {
        return cr_profile_fail(c, path, "say \"major\", \"minor\", "
                               "\"minor_string\" or \"text\"");
    }

    return CR_OK;
}


/* "where~regex" */

static int
rule_src(cr_compiler_t *c, const char *path, cr_str_t text,
    const prefix_t *prefix, cr_src_e otherwise, cr_src_t *src)
{
    size_t       n;
    cr_str_t     re;
    const char  *at;

    at = text.n ? memchr(text.p, '~', text.n) : NULL;

    if (at != NULL) {
        re.p = at + 1;
        re.n = (size_t) (text.p + text.n - re.p);
        text.n = (size_t) (at - text.p);
        src->re = cr_profile_regex(c, path, re, 0);

        if (src->re == NULL) {
            return CR_ERR;
        }
    }

    if (text.n == 0) {
        return cr_profile_fail(c, path, "names no place to read from");
    }

    src->kind = (uint8_t) otherwise;
    src->name = text;

    if (otherwise == CR_SRC_BODY && text.n == 1 && text.p[0] == '$') {
        src->name.n = 0;
        return CR_OK;
    }

    if (text.n == 1 && text.p[0] == '@') {
        src->kind = CR_SRC_CAPTURE;
        return CR_OK;
    }

    for ( /* void */ ; prefix->prefix != NULL; prefix++) {
        n = strlen(prefix->prefix);

        if (text.n > n && memcmp(text.p, prefix->prefix, n) == 0) {
            src->kind = prefix->kind;
            src->name.p += n;
            src->name.n -= n;
            return CR_OK;
        }
    }

    at = (otherwise == CR_SRC_FORM) ? memchr(text.p, '>', text.n) : NULL;

    if (at != NULL) {
        src->name.n = (size_t) (at - text.p);
        src->inner.p = at + 1;
        src->inner.n = text.n - src->name.n - 1;
    }

    return CR_OK;
}


int
cr_profile_request_src(cr_compiler_t *c, const char *path, cr_str_t text,
    cr_src_t *src)
{
    return rule_src(c, path, text, request_prefixes, CR_SRC_FORM, src);
}


int
cr_profile_needle(cr_compiler_t *c, const char *path, const json_t *v,
    cr_needle_t *needle)
{
    cr_str_t  s;

    s = cr_profile_str(v);

    if (s.n == 0 || s.n > CR_NEEDLE_MAX) {
        return cr_profile_fail(c, path, "must be a text of 1 to %d bytes",
                               CR_NEEDLE_MAX);
    }

    cr_needle_init(needle, s.p, s.n);

    return CR_OK;
}


/* {"after": ["a", "b"], "until": "<"} */

static int
rule_steps(cr_builder_t *x, const char *path, json_t *v, cr_bind_t *b)
{
    size_t   i, n;
    json_t  *after;

    after = json_object_get(v, "after");
    n = json_array_size(after);

    if (n == 0 || n > CR_STEPS_MAX) {
        return cr_profile_fail(x->c, path, "\"after\" must be a list of 1 to "
                               "%d texts", CR_STEPS_MAX);
    }

    b->nsteps = (uint8_t) n;
    b->steps = cr_profile_alloc(x->c, (n + 1) * sizeof(cr_needle_t));

    if (b->steps == NULL) {
        return CR_ERR;
    }

    for (i = 0; i < n; i++) {
        if (cr_profile_needle(x->c, path, json_array_get(after, i),
                              &b->steps[i]) != CR_OK)
        {
            return CR_ERR;
        }
    }

    if (cr_profile_needle(x->c, path, json_object_get(v, "until"), &b->steps[n])
        != CR_OK)
    {
        return CR_ERR;
    }

    if (b->steps[n].p[0] != '<' && b->steps[n].n != 1) {
        return cr_profile_fail(x->c, path, "\"until\" must be one character "
                               "or begin with '<'");
    }

    return CR_OK;
}


static int
rule_text_src(cr_builder_t *x, const char *path, json_t *v, cr_bind_t *b)
{
    if (cr_profile_keys(x->c, path, v, text_keys) != CR_OK) {
        return CR_ERR;
    }

    if (x->g->ntexts == CR_OBS_TEXTS) {
        return cr_profile_fail(x->c, path, "more than %d texts in one rule",
                               CR_OBS_TEXTS);
    }

    b->src.kind = CR_SRC_TEXT;
    b->text = x->g->ntexts++;
    b->last = json_is_true(json_object_get(v, "last"));

    return rule_steps(x, path, v, b);
}


static cr_bind_t *
rule_new_bind(cr_builder_t *x, const char *path, int fact)
{
    cr_bind_t  *b;

    if (x->g->nbinds == CR_BINDS_MAX) {
        (void) cr_profile_fail(x->c, path, "more than %d facts in one rule",
                               CR_BINDS_MAX);
        return NULL;
    }

    b = &x->binds[x->g->nbinds++];
    b->fact = (uint8_t) fact;

    return b;
}


static int
rule_fact(cr_builder_t *x, const char *path, int fact, json_t *v, int answer,
    uint8_t rank)
{
    cr_bind_t  *b;

    b = rule_new_bind(x, path, fact);

    if (b == NULL) {
        return CR_ERR;
    }

    b->rank = rank;

    if (json_is_object(v)) {
        if (!answer) {
            return cr_profile_fail(x->c, path, "texts are read from answers");
        }

        return rule_text_src(x, path, v, b);
    }

    if (!json_is_string(v)) {
        return cr_profile_fail(x->c, path, "must be a text");
    }

    if (answer) {
        return rule_src(x->c, path, cr_profile_str(v), answer_prefixes,
                        CR_SRC_BODY, &b->src);
    }

    return cr_profile_request_src(x->c, path, cr_profile_str(v), &b->src);
}


/* What the request tells stands before what the answer tells. */

int
cr_profile_facts(cr_builder_t *x, const char *path, json_t *o, int answer)
{
    int          fact, rc;
    char         at[128];
    size_t       i;
    json_t      *v;
    const char  *key;

    if (o != NULL && cr_profile_keys(x->c, path, o, facts) != CR_OK) {
        return CR_ERR;
    }

    json_object_foreach(o, key, v) {
        (void) snprintf(at, sizeof(at), "%s.%s", path, key);
        fact = rule_word(facts, key);
        rc = CR_OK;

        if (!json_is_array(v)) {
            rc = rule_fact(x, at, fact, v, answer, answer ? 9 : 1);
        }

        for (i = 0; rc == CR_OK && i < json_array_size(v) && i < 8; i++) {
            rc = rule_fact(x, at, fact, json_array_get(v, i), answer,
                           (uint8_t) ((answer ? 9 : 1) + i));
        }

        if (rc != CR_OK) {
            return rc;
        }
    }

    return CR_OK;
}


static int
rule_row_field(cr_builder_t *x, const char *path, json_t *o, cr_bind_t *b)
{
    int          fact;
    const char  *word;

    if (cr_profile_keys(x->c, path, o, field_keys) != CR_OK) {
        return CR_ERR;
    }

    word = json_string_value(json_object_get(o, "fact"));
    fact = word ? rule_word(facts, word) : -1;

    if (fact < CR_FACT_REF || fact > CR_FACT_OPT) {
        return cr_profile_fail(x->c, path, "\"fact\" must be ref, qty, price, "
                               "name or opt");
    }

    b->fact = (uint8_t) fact;
    b->src.kind = CR_SRC_LINE;

    return rule_steps(x, path, o, b);
}


static int
rule_rows(cr_builder_t *x, const char *path, json_t *o)
{
    int         rc;
    char        at[120];
    size_t      i;
    json_t     *v, *empty;
    cr_rows_t  *r;

    r = cr_profile_alloc(x->c, sizeof(cr_rows_t));

    if (r == NULL || cr_profile_keys(x->c, path, o, rows_keys) != CR_OK) {
        return CR_ERR;
    }

    empty = json_object_get(o, "empty");

    if (cr_profile_needle(x->c, path, json_object_get(o, "begin"), &r->begin)
        != CR_OK
        || cr_profile_needle(x->c, path, json_object_get(o, "each"), &r->each)
           != CR_OK
        || cr_profile_needle(x->c, path, json_object_get(o, "end"), &r->end)
           != CR_OK
        || (empty && cr_profile_needle(x->c, path, empty, &r->empty)
                     != CR_OK))
    {
        return CR_ERR;
    }

    json_array_foreach(json_object_get(o, "fields"), i, v) {
        (void) snprintf(at, sizeof(at), "%s.fields[%d]", path, (int) i);

        if (i == CR_ROW_MAX) {
            return cr_profile_fail(x->c, at, "more than %d fields",
                                   CR_ROW_MAX);
        }

        rc = rule_row_field(x, at, v, &r->fields[i]);

        if (rc != CR_OK) {
            return rc;
        }

        r->nfields++;
    }

    if (r->nfields == 0) {
        return cr_profile_fail(x->c, path, "\"fields\" is empty");
    }

    x->g->rows = r;

    return CR_OK;
}


static int
rule_lines(cr_builder_t *x, const char *path, json_t *o)
{
    char         at[128], *full;
    json_t      *v;
    cr_str_t     s, lines;
    cr_bind_t   *b;
    const char  *key;

    if (cr_profile_keys(x->c, path, o, line_keys) != CR_OK) {
        return CR_ERR;
    }

    lines = cr_profile_str(json_object_get(o, "at"));

    if (lines.n < 3 || memcmp(lines.p + lines.n - 2, "[]", 2) != 0) {
        return cr_profile_fail(x->c, path, "\"at\" must be the path of a "
                               "list's elements, such as cart.items[]");
    }

    x->g->lines = lines;

    json_object_foreach(o, key, v) {
        if (strcmp(key, "at") == 0) {
            continue;
        }

        (void) snprintf(at, sizeof(at), "%s.%s", path, key);
        s = cr_profile_str(v);
        b = rule_new_bind(x, at, rule_word(facts, key));

        if (b == NULL) {
            return CR_ERR;
        }

        if (s.n == 0) {
            return cr_profile_fail(x->c, at, "must be a path");
        }

        full = cr_profile_alloc(x->c, lines.n + s.n + 2);

        if (full == NULL) {
            return CR_ERR;
        }

        (void) snprintf(full, lines.n + s.n + 2, "%s.%s", lines.p, s.p);
        b->src.kind = CR_SRC_LINE;
        b->src.name.p = full;
        b->src.name.n = strlen(full);
    }

    return CR_OK;
}


/* In JSON, in HTML, or one of each where a page may have either. */

int
cr_profile_lines(cr_builder_t *x, const char *path, json_t *o)
{
    int      rc;
    size_t   i;
    json_t  *v;

    if (o == NULL) {
        return CR_OK;
    }

    if (!json_is_array(o)) {
        return json_object_get(o, "begin") ? rule_rows(x, path, o)
                                           : rule_lines(x, path, o);
    }

    json_array_foreach(o, i, v) {
        if (json_object_get(v, "begin") ? x->g->rows != NULL
                                        : x->g->lines.n != 0)
        {
            return cr_profile_fail(x->c, path, "one in JSON and one in HTML");
        }

        rc = json_object_get(v, "begin") ? rule_rows(x, path, v)
                                         : rule_lines(x, path, v);

        if (rc != CR_OK) {
            return rc;
        }
    }

    return CR_OK;
}
