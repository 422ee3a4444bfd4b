/*
 * cr_page_int.h: writing HTML into a caller's buffer, with the strings of a
 * language (conf/messages).  What does not fit sets `full`; nothing overruns.
 */

#ifndef CR_PAGE_INT_H
#define CR_PAGE_INT_H

#include "cr_asset.h"
#include "cr_base.h"


#define CR_TEXT_MAX   256        /* bytes of one string */

typedef struct {
    char    *buf;
    size_t   n;
    size_t   cap;
    int      full;
} cr_page_t;

typedef struct {
    const cr_asset_t  *asset;
    char               name[3];
} cr_language_t;


void cr_page_begin(cr_page_t *o, char *buf, size_t cap);

/* Terminates; the length, or CR_FULL. */

int cr_page_end(cr_page_t *o);

/* As it is, as text of an element or attribute, and as JSON inside a script
 * element. */

void cr_put(cr_page_t *o, const char *p, size_t n);
void cr_put_lit(cr_page_t *o, const char *s);
void cr_put_html(cr_page_t *o, const char *s, size_t n);
void cr_put_json(cr_page_t *o, const char *s, size_t n);

/* "de-AT", "de_AT" and "DE" are de; what there is no file for is en. */

void cr_language(cr_language_t *l, cr_str_t locale);

/* The language's string by id into out (cap bytes, terminated).  One that a
 * translation lacks comes in English, else as its id. */

void cr_text(const cr_language_t *l, const char *id, char *out, size_t cap);

/* The same as text, and between two literals. */

void cr_put_text(cr_page_t *o, const cr_language_t *l, const char *id);
void cr_put_element(cr_page_t *o, const cr_language_t *l, const char *open,
    const char *id, const char *close);

/* The string at path of a JSON text: 1 when a scalar or a container (out is
 * then empty) stands there. */

int cr_lookup(const char *json, size_t n, const char *path, char *out,
    size_t cap);

#endif
