/*
 * mustache_spec.c: runs the case files of the public mustache specification
 * (JSON: {"tests": [{name, data, template, partials, expected}]}) that its
 * arguments name; without arguments those of ../shared/specs/mustache.
 */

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cr_mustache.h"
#include "check.h"


static const char *const  spec_files[] = {
    "comments", "delimiters", "interpolation", "inverted", "partials",
    "sections"
};


static const char *
spec_partial(void *data, const char *name)
{
    return json_string_value(json_object_get(data, name));
}


static void
spec_case(const char *file, json_t *test)
{
    char        *got, text[200];
    const char  *template;
    cr_error_t   err;

    template = json_string_value(json_object_get(test, "template"));
    (void) snprintf(text, sizeof(text), "%s: %s", file,
                    json_string_value(json_object_get(test, "name")));

    memset(&err, 0, sizeof(err));
    got = template ? cr_mustache(template, json_object_get(test, "data"),
                                 CR_ESCAPE_HTML, spec_partial,
                                 json_object_get(test, "partials"), &err)
                   : NULL;

    if (got == NULL) {
        printf("# line %d: %s\n", err.line, err.text);
    }

    (void) check_str(got,
                     json_string_value(json_object_get(test, "expected")),
                     __FILE__, __LINE__, text);
    free(got);
}


static void
spec_file(const char *path)
{
    json_t        *root, *test;
    size_t         i;
    const char    *name;
    json_error_t   e;

    root = json_load_file(path, 0, &e);
    name = strrchr(path, '/');
    name = name ? name + 1 : path;

    if (!OK_TEXT(json_array_size(json_object_get(root, "tests")) > 0, path)) {
        printf("# %s\n", e.text);
    }

    json_array_foreach(json_object_get(root, "tests"), i, test) {
        spec_case(name, test);
    }

    json_decref(root);
}


int
main(int argc, char **argv)
{
    int          i;
    char         path[512];
    const char  *shared;

    if (argc > 1) {
        for (i = 1; i < argc; i++) {
            spec_file(argv[i]);
        }

        return check_done();
    }

    shared = getenv("CARTRECOVER_SHARED");
    shared = shared ? shared : "../shared";

    for (i = 0; i < (int) (sizeof(spec_files) / sizeof(spec_files[0])); i++) {
        (void) snprintf(path, sizeof(path), "%s/specs/mustache/%s.json",
                        shared, spec_files[i]);

        if (access(path, R_OK) != 0) {
            return SKIP_ALL("the mustache specification is not there");
        }

        spec_file(path);
    }

    return check_done();
}
