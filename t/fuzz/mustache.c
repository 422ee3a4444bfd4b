/*
 * Input: a view as JSON, a NUL, a template; after another NUL a partial for
 * every name.  Rendering ends, with a text or an error on a line that is there,
 * and an escaped value holds nothing that its surroundings would read.
 */

#include <stdlib.h>
#include <string.h>

#include "../../lib/cr_mustache.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(int cond)
{
    if (!cond) {
        abort();
    }
}


static const char *
partial(void *data, const char *name)
{
    must(name[0] != '\0');

    return data;
}


static int
lines(const char *s)
{
    int  n;

    for (n = 1; *s; s++) {
        n += (*s == '\n');
    }

    return n;
}


static void
render(const char *template, json_t *view, cr_escape_e escape, char *part)
{
    int          most;
    char        *out;
    cr_error_t   err;

    memset(&err, 0, sizeof(err));
    out = cr_mustache(template, view, escape, partial, part, &err);
    most = lines(template);
    most = (part != NULL && lines(part) > most) ? lines(part) : most;

    if (out == NULL) {
        must(err.text[0] && err.line >= 1 && err.line <= most);
        return;
    }

    must(strlen(out) <= 1024 * 1024);
    free(out);
}


/* The plain tag must escape whatever the value is. */

static void
value(const char *text)
{
    char    *out;
    json_t  *view;

    view = json_pack("{s:s}", "v", text);

    if (view == NULL) {
        return;
    }

    out = cr_mustache("{{v}}", view, CR_ESCAPE_HTML, NULL, NULL, NULL);
    must(out == NULL || strpbrk(out, "<>\"'") == NULL);
    free(out);

    out = cr_mustache("{{v}}", view, CR_ESCAPE_URL, NULL, NULL, NULL);
    must(out == NULL || strpbrk(out, "<>\"' &?/#\r\n") == NULL);
    free(out);

    out = cr_mustache("{\"a\":\"{{v}}\"}", view, CR_ESCAPE_JSON, NULL, NULL,
                      NULL);
    json_decref(view);

    if (out != NULL) {
        view = json_loads(out, 0, NULL);
        must(view != NULL && json_object_size(view) == 1);
        json_decref(view);
    }

    free(out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char    *text, *template, *part;
    json_t  *view;

    text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';

    template = memchr(text, '\0', size);
    template = template ? template + 1 : text;
    part = memchr(template, '\0', size - (size_t) (template - text));
    part = part ? part + 1 : NULL;

    view = json_loads(text, JSON_DECODE_ANY, NULL);

    if (view == NULL) {
        view = json_object();
    }

    render(template, view, CR_ESCAPE_HTML, part);
    render(template, view, CR_ESCAPE_NONE, part);
    render(template, view, CR_ESCAPE_JSON, part);
    value(template);

    json_decref(view);
    free(text);

    return 0;
}
