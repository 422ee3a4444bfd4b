/*
 * cr_mustache.h: logic-less templates, the mustache specification's core
 * (comments, delimiters, interpolation, inverted, partials, sections).  For
 * worker and CLI: it allocates, and data is a jansson value.
 */

#ifndef CR_MUSTACHE_H
#define CR_MUSTACHE_H

#include <jansson.h>

#include "cr_base.h"


typedef enum { CR_ESCAPE_HTML, CR_ESCAPE_NONE, CR_ESCAPE_URL,
               CR_ESCAPE_JSON } cr_escape_e;

/* Finds a partial's text; NULL = empty.  The text must outlive the call. */

typedef const char *(*cr_partial_pt)(void *data, const char *name);

/* Renders into a fresh terminated string (free it), or NULL with *err: a
 * syntax error with its line, or output over 1 MB. */

char *cr_mustache(const char *text, json_t *view, cr_escape_e escape,
    cr_partial_pt partial, void *data, cr_error_t *err);

#endif
