/*
 * cr_policy_int.h: what the parts of the policy parser share: the schema's
 * tables (cr_policy.c), values with a shape of their own (cr_policy_value.c,
 * cr_policy_sequence.c), the mistakes and their places (cr_policy_mistake.c)
 * and what no single field shows (cr_policy_check.c).
 */

#ifndef CR_POLICY_INT_H
#define CR_POLICY_INT_H

#include <jansson.h>

#include "cr_policy.h"


#define CR_POLICY_AMOUNT_MAX  1e12

/* The parse at hand.  err keeps the first `max` mistakes in file order; path
 * is the place that a mistake without one is about. */

typedef struct {
    cr_policy_t  *p;
    const char   *json;
    size_t        len;
    cr_error_t   *err;
    int           max;
    int           n;
    size_t        path_len;
    char          path[128];
} cr_policy_ctx_t;


typedef enum {
    CR_FIELD_STR, CR_FIELD_INT, CR_FIELD_AMOUNT, CR_FIELD_NUMBER,
    CR_FIELD_BOOL, CR_FIELD_DURATION, CR_FIELD_WORD, CR_FIELD_STRINGS,
    CR_FIELD_INTS, CR_FIELD_OBJECT, CR_FIELD_MAP, CR_FIELD_OWN
} cr_field_e;

typedef struct cr_field_s  cr_field_t;

typedef void (*cr_field_pt)(cr_policy_ctx_t *c, const cr_field_t *f,
    json_t *v);

/* size 0: checked and not kept.  sub: of an OBJECT, or of each value of a MAP
 * (none: each value is a string). */

struct cr_field_s {
    const char         *key;
    cr_field_e          type;
    size_t              off;
    size_t              size;
    double              lo;
    double              hi;
    const cr_field_t   *sub;
    const char *const  *words;
    cr_field_pt         own;
};

extern const cr_field_t  cr_policy_root[];


void cr_policy_mistake(cr_policy_ctx_t *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes the path longer by ".key" or "[n]" and back to what it was. */

size_t cr_policy_enter(cr_policy_ctx_t *c, const char *key);
size_t cr_policy_enter_at(cr_policy_ctx_t *c, size_t n);
void cr_policy_leave(cr_policy_ctx_t *c, size_t mark);

/* "a string", "a list" ...: what the value is. */

const char *cr_policy_type(json_t *v);

/* Each notes the mistake and returns CR_ERR, or stores and returns CR_OK. */

int cr_policy_string(cr_policy_ctx_t *c, json_t *v, char *buf, size_t cap);
int cr_policy_amount(cr_policy_ctx_t *c, json_t *v, int64_t *amount);
int cr_policy_duration(cr_policy_ctx_t *c, json_t *v, double lo, double hi,
    int64_t *ms);

/* Notes an unknown key with the nearest of the known ones (NULL ends). */

void cr_policy_unknown(cr_policy_ctx_t *c, const char *key,
    const char *const *known);

void cr_policy_set_id(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_url(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_link(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_currency(cr_policy_ctx_t *c, const cr_field_t *f,
    json_t *v);
void cr_policy_set_tz(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_locale(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_locales(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_mailbox(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_free_shipping(cr_policy_ctx_t *c, const cr_field_t *f,
    json_t *v);
void cr_policy_set_sequence(cr_policy_ctx_t *c, const cr_field_t *f,
    json_t *v);
void cr_policy_set_quiet(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);
void cr_policy_set_exclude(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v);

/* Touches that do not rise, caps that mute the sequence, an offer through the
 * margin's floor and the like. */

void cr_policy_contradictions(cr_policy_ctx_t *c, json_t *root);

/* Shapes: "Name <a@b>" or "a@b"; "a@b" alone; "http(s)://host[:port]" and
 * what follows, of which *rest is the first byte. */

int cr_policy_is_mailbox(const char *s);
int cr_policy_is_address(const char *s, size_t n);
int cr_policy_is_url(const char *s, const char **rest);

#endif
