/*
 * cr_profile_int.h: a compiled profile, and what the parts of the engine share.
 * Nobody else includes it.
 */

#ifndef CR_PROFILE_INT_H
#define CR_PROFILE_INT_H

#define PCRE2_CODE_UNIT_WIDTH  8

#include <jansson.h>
#include <pcre2.h>

#include "cr_profile.h"


#define CR_GROUPS_MAX   256
#define CR_CONDS_MAX    64       /* a group's; one bit each */
#define CR_RULES_MAX    32
#define CR_BINDS_MAX    64
#define CR_MARKS_MAX    (CR_OBS_TEXTS * 2)
#define CR_NEEDLE_MAX   64
#define CR_STEPS_MAX    4
#define CR_ROW_MAX      5
#define CR_SUBJECT      2048     /* bytes of a request line looked at */
#define CR_SCALE        4        /* amounts are kept in 1/10000 until the end */

typedef enum {
    CR_FACT_EMAIL, CR_FACT_PHONE, CR_FACT_CONSENT, CR_FACT_COUNTRY,
    CR_FACT_REF, CR_FACT_QTY, CR_FACT_PRICE, CR_FACT_NAME, CR_FACT_OPT,
    CR_FACT_ORDER_ID, CR_FACT_ORDER_TOTAL,
    CR_FACT_TOTAL, CR_FACT_SUBTOTAL, CR_FACT_SHIPPING, CR_FACT_CURRENCY,
    CR_FACT_KEY, CR_FACT_MAX
} cr_fact_e;

_Static_assert((int) CR_FACT_MAX == CR_OBS_FACTS, "a rank for each fact");

typedef enum {
    CR_MONEY_MAJOR, CR_MONEY_MINOR, CR_MONEY_TEXT
} cr_money_e;

typedef enum {
    CR_SRC_FORM,                 /* a field; inner: of a form inside a field */
    CR_SRC_ARG,                  /* of the query */
    CR_SRC_JSON,                 /* path in the request's body */
    CR_SRC_GRAPHQL,              /* a field at the top of the operation */
    CR_SRC_HEADER,               /* of the request */
    CR_SRC_COOKIE,
    CR_SRC_CAPTURE,              /* (?<id>...) of the pattern */
    CR_SRC_CONST,
    CR_SRC_ANSWER,               /* header of the answer */
    CR_SRC_BODY,                 /* path in the answer's JSON */
    CR_SRC_LINE,                 /* the same, of one line */
    CR_SRC_TEXT,                 /* literal in the answer's bytes */
    CR_SRC_STATUS,
    CR_SRC_IS_JSON,
    CR_SRC_PAGE,                 /* id and classes of the answer's <body> */
    CR_SRC_PART                  /* of a batch: its name, and its status */
} cr_src_e;

typedef struct {
    const char  *p;
    uint8_t      n;
    uint8_t      rare;           /* index of its byte that pages have least */
    uint8_t      fail[CR_NEEDLE_MAX];
} cr_needle_t;

typedef struct {
    uint8_t      kind;
    cr_str_t     name;           /* may hold '*' */
    cr_str_t     inner;          /* the field inside, .n == 0 = none */
    pcre2_code  *re;             /* value must match; group 1 is the value */
} cr_src_t;

typedef struct {
    cr_src_t     src;
    uint8_t      fact;
    uint8_t      rank;           /* 1.. in the order of preference */
    uint8_t      text;           /* CR_SRC_TEXT: index of its state */
    uint8_t      nsteps;
    uint8_t      last;           /* the last such text counts */
    cr_needle_t *steps;          /* nsteps, then "until" */
} cr_bind_t;

/* Lines that stand in HTML: between begin and end, one behind each "each". */

typedef struct {
    cr_needle_t  begin, each, end, empty;
    uint8_t      nfields;
    cr_bind_t    fields[CR_ROW_MAX];
} cr_rows_t;

/* JSON that stands in a page, behind its marks. */

enum { CR_INSIDE_PLAIN, CR_INSIDE_PERCENT, CR_INSIDE_ENTITIES };

typedef struct {
    uint8_t      as;
    uint8_t      money;
    uint8_t      nsteps;
    cr_needle_t  steps[CR_STEPS_MAX];
} cr_inside_t;

typedef enum {
    CR_IF_PRESENT, CR_IF_EQUALS, CR_IF_ANY, CR_IF_REGEX, CR_IF_RANGE
} cr_if_e;

typedef struct {
    cr_src_t     src;
    uint8_t      op;
    uint8_t      negate;
    uint8_t      mark;           /* CR_SRC_TEXT, _PART: index of its state */
    int          lo, hi;
    cr_str_t     value;
    cr_needle_t *needle;
} cr_cond_t;

typedef struct {
    uint64_t     conds;
    uint8_t      event;
    int8_t       delta;          /* -1: the event's own habit */
    int8_t       sign;
} cr_rule_t;

typedef struct {
    uint8_t      page;
    uint8_t      cart_page;      /* has an event from view_cart to payment */
    uint8_t      changes;        /* has one that changes the cart */
    uint8_t      money;
    uint8_t      want_request;
    uint8_t      want_response;
    uint8_t      want_json;      /* of the answer */
    uint8_t      want_text;
    uint8_t      want_root;      /* the answer may be a bare JSON value */
    uint8_t      want_page;      /* what the tag <body> says */
    uint8_t      by_status;      /* the status alone tells what it means */
    uint8_t      json_facts;     /* more than conditions stand in the JSON */
    uint8_t      nconds, nrules, nbinds, nmarks, ntexts, nparts;
    uint32_t     scan;           /* bytes of the answer looked at for text */
    cr_str_t     part_list;      /* "requests[]", .n == 0 = no batch */
    cr_str_t     part_name;      /* "requests[].path" */
    cr_str_t     part_status;    /* "responses[].status" */
    cr_str_t     lines;          /* "cart.items[]", .n == 0 = none */
    cr_rows_t   *rows;           /* NULL = none */
    cr_inside_t *inside;         /* NULL = none */
    uint64_t     request_conds;  /* known when the request was read */
    cr_cond_t   *conds;
    cr_rule_t   *rules;
    cr_bind_t   *binds;
} cr_group_t;

typedef struct {
    uint8_t      kind;           /* COOKIE, HEADER, CAPTURE */
    cr_str_t     name;           /* cookie: a '*' at the end; capture: prefix */
    cr_str_t     until;          /* the value ends in front of this */
} cr_session_src_t;

typedef struct {
    uint8_t      kind;           /* COOKIE, HEADER, ANSWER, ARG = path */
    int          score;
    cr_str_t     name;
    pcre2_code  *re;
} cr_recognise_t;

struct cr_profile_s {
    json_t            *root;     /* keeps the strings below alive */
    char               name[48];
    char              *restore;
    cr_src_t           currency;
    uint8_t            has_currency;
    uint8_t            js;       /* addresses that end in .js may be data */
    uint8_t            jit;
    int                ngroups;
    cr_group_t        *groups;
    int                nsessions;
    cr_session_src_t  *sessions;
    int                nrecognise;
    cr_recognise_t    *recognise;
    pcre2_code        *re;
    pcre2_code        *quick;    /* without a match no rule can match */
    pcre2_match_data  *md;       /* of re, and */
    pcre2_match_data  *small;    /* of the regexes of sources and conditions */
    pcre2_match_context  *limits;
    void             **memory;   /* what the compiler allocated */
    size_t             nmemory;
    pcre2_code       **codes;    /* and the small regexes */
    size_t             ncodes;
};

/* ---- cr_profile_compile.c, _pattern.c, _rule.c, _fact.c, _part.c ---- */

typedef struct {
    cr_profile_t  *p;
    const char    *json;
    size_t         len;
    json_t        *words;
    cr_error_t    *err;
    uint8_t        money;        /* the profile's */
} cr_compiler_t;

/* The conditions and facts of one group while they are counted. */

typedef struct {
    cr_compiler_t  *c;
    cr_group_t     *g;
    cr_cond_t       conds[CR_CONDS_MAX];
    cr_bind_t       binds[CR_BINDS_MAX];
} cr_builder_t;

/* Fills in the error (path as in "$.rules[3].match") and returns CR_ERR. */

int cr_profile_fail(cr_compiler_t *c, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Zeroed memory that lives as long as the profile. */

void *cr_profile_alloc(cr_compiler_t *c, size_t n);

/* CR_ERR when o is no object or has a key that the list lacks. */

int cr_profile_keys(cr_compiler_t *c, const char *path, const json_t *o,
    const char *const *keys);

cr_str_t cr_profile_str(const json_t *v);
pcre2_code *cr_profile_regex(cr_compiler_t *c, const char *path,
    cr_str_t text, uint32_t options);

int cr_profile_money(cr_compiler_t *c, const char *path, const json_t *v,
    uint8_t *money);
int cr_profile_request_src(cr_compiler_t *c, const char *path, cr_str_t text,
    cr_src_t *src);
int cr_profile_needle(cr_compiler_t *c, const char *path, const json_t *v,
    cr_needle_t *needle);
int cr_profile_facts(cr_builder_t *x, const char *path, json_t *o,
    int answer);
int cr_profile_lines(cr_builder_t *x, const char *path, json_t *o);
int cr_profile_groups(cr_compiler_t *c, json_t *rules,
    const cr_profile_extra_t *extra, int nextra);

/* One more condition of the rule; NULL when there are too many. */

cr_cond_t *cr_profile_cond(cr_builder_t *x, const char *path, cr_rule_t *r,
    cr_src_e kind);

/* 200, "200-299" */

int cr_profile_range(cr_compiler_t *c, const char *path, const json_t *v,
    cr_cond_t *k);
int cr_profile_page(cr_builder_t *x, const char *path, json_t *v,
    cr_rule_t *r);
int cr_profile_inside(cr_builder_t *x, const char *path, json_t *o);
int cr_profile_batch(cr_builder_t *x, const char *path, json_t *o);
int cr_profile_part(cr_builder_t *x, const char *path, json_t *o,
    cr_rule_t *r);
int cr_profile_quick(cr_compiler_t *c, const json_t *v,
    const cr_profile_extra_t *extra, int nextra);
int cr_profile_group(cr_compiler_t *c, const char *path, json_t *o,
    cr_group_t *g);

/* One alternation of n patterns, the i-th marked with i; where two match, the
 * earlier one does, unless their common beginning can match in several ways:
 * then that way counts first.  CR_ERR where a->cap bytes do not hold it. */

typedef struct {
    char    *p;                  /* terminated */
    size_t   n;
    size_t   cap;
} cr_alternation_t;

int cr_profile_factor(cr_alternation_t *a, const cr_str_t *pattern, int n);

/* ---- cr_profile_match.c ---- */

/* '*' stands for one or more characters other than '.' and ']'; *star is what
 * the first one stood for. */

int cr_wild(cr_str_t pattern, cr_str_t s, cr_str_t *star);

/* Does the regex match?  *found: group 1, or the whole match. */

int cr_profile_re(const cr_profile_t *p, const pcre2_code *re, cr_str_t s,
    cr_str_t *found);

/* ---- cr_profile_asked.c: who asks, by the request's headers ---- */

int cr_profile_fetched(const cr_request_t *r);
int cr_profile_static(const cr_profile_t *p, const cr_request_t *r);

/* ---- observing ---- */

const cr_group_t *cr_obs_group(const cr_obs_t *o);

/* The first rule whose conditions all hold.  final: what was not seen to be
 * true is not. */

#define CR_NOTHING    (-1)
#define CR_UNDECIDED  (-2)

int cr_obs_decide(cr_obs_t *o, int final);

/* The event, or less where a script asked for the page. */

cr_event_e cr_obs_viewed(const cr_match_t *m, cr_event_e event);

/* A value was seen: facts and conditions that name it take it.  present: a
 * JSON null or false is seen, but not present. */

void cr_obs_offer(cr_obs_t *o, cr_src_e kind, cr_str_t name, cr_str_t inner,
    cr_str_t value, int present);

/* cr_observe_fact.c */

void cr_obs_fact(cr_obs_t *o, const cr_bind_t *b, cr_str_t value,
    cr_str_t star, int present);
void cr_obs_amounts(cr_obs_t *o);

/* cr_observe_form.c */

void cr_obs_form(cr_obs_t *o, cr_src_e kind, cr_str_t outer, const char *p,
    size_t n);
void cr_obs_multipart(cr_obs_t *o, cr_str_t boundary, const char *p,
    size_t n);

/* cr_observe_json.c */

void cr_obs_request_json(cr_obs_t *o, const char *p, size_t n);
void cr_obs_answer_json(void *data, cr_str_t path, int index,
    cr_json_e type, cr_str_t value, int cut);

/* cr_observe_graphql.c: the document in pieces. */

typedef struct {
    cr_obs_t    *obs;
    cr_str_t     want;           /* operationName, .n == 0 = any */
    uint32_t     clear;          /* levels that an inline fragment opened */
    uint8_t      braces;
    uint8_t      parens;
    uint8_t      string;
    uint8_t      escape;
    uint8_t      quotes;
    uint8_t      comment;
    uint8_t      dots;
    uint8_t      role;           /* what the definition at hand is */
    uint8_t      words;          /* names seen of its head */
    uint8_t      spread;         /* names after "..." */
    uint8_t      directive;
    uint8_t      pending;        /* a name that may be an alias */
    uint8_t      words_open;     /* inside a name */
    uint8_t      n;
    char         name[48];
} cr_graphql_t;

void cr_graphql_init(cr_graphql_t *g, cr_obs_t *o, cr_str_t want);
void cr_graphql_feed(cr_graphql_t *g, const char *p, size_t n);

/* cr_observe_text.c */

void cr_needle_init(cr_needle_t *s, const char *p, size_t n);
size_t cr_needle_find(const cr_needle_t *s, uint8_t *k, const char *p,
    size_t n);

/* One byte further; most bytes are not the literal's first. */

static inline uint8_t
cr_needle_step(const cr_needle_t *s, uint8_t k, char c)
{
    while (k != 0 && s->p[k] != c) {
        k = s->fail[k - 1];
    }

    return (s->p[k] == c) ? (uint8_t) (k + 1) : 0;
}

void cr_obs_text(cr_obs_t *o, const char *p, size_t n);

/* No fact is looked for in the text any more. */

int cr_obs_text_done(const cr_obs_t *o);

/* Copies a text up to "until", leaving tags out; 1 at its end.  *used: the
 * bytes taken. */

int cr_obs_copy(cr_obs_text_t *t, const cr_needle_t *until, const char *p,
    size_t n, size_t *used);

/* cr_observe_page.c */

int cr_obs_page(cr_obs_t *o, const char *p, size_t n);

/* cr_observe_inside.c */

int cr_obs_inside(cr_obs_t *o, const char *p, size_t n);

/* cr_observe_part.c */

void cr_obs_part_request(cr_obs_t *o, cr_str_t path, int index,
    cr_json_e type, cr_str_t value);
void cr_obs_part_answer(cr_obs_t *o, cr_str_t path, int index,
    cr_json_e type, cr_str_t value);
int cr_obs_part_refused(const cr_obs_t *o, cr_fact_e fact);

/* cr_observe_rows.c */

void cr_obs_rows(cr_obs_t *o, const char *p, size_t n);

/* The line at hand joins the cart. */

void cr_obs_line_end(cr_obs_t *o);

#endif
