#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_mustache.h"
#include "check.h"


static cr_error_t  err;


static const char *
partial(void *data, const char *name)
{
    return json_string_value(json_object_get(data, name));
}


static json_t *
json(const char *text)
{
    json_t  *v;

    v = json_loads(text, 0, NULL);
    OK_TEXT(v != NULL, text);

    return v;
}


/* A template as the name of a test: on one line. */

static const char *
name(const char *template)
{
    size_t       i;
    static char  text[64];

    for (i = 0; template[i] && i < sizeof(text) - 1; i++) {
        text[i] = (template[i] < ' ') ? '~' : template[i];
    }

    text[i] = '\0';

    return text;
}


static void
gives(const char *template, const char *view, cr_escape_e escape,
    const char *want)
{
    char    *got;
    json_t  *v;

    v = json(view);
    got = cr_mustache(template, v, escape, NULL, NULL, &err);
    (void) check_str(got, want, __FILE__, __LINE__, name(template));
    free(got);
    json_decref(v);
}


static void
fails(const char *template, const char *view, int line, const char *part)
{
    char    *got;
    json_t  *v, *partials;

    v = json(view);
    partials = json("{\"self\":\"{{>self}}\",\"bad\":\"\\n{{#x}}\","
                    "\"loop\":\"{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{/a}}"
                    "{{/a}}{{/a}}{{/a}}{{/a}}{{/a}}\"}");
    memset(&err, 0, sizeof(err));
    got = cr_mustache(template, v, CR_ESCAPE_HTML, partial, partials, &err);
    OK_TEXT(got == NULL, name(template));
    OK_TEXT(strstr(err.text, part) != NULL, part);
    EQ_INT(err.line, line);

    if (got == NULL && strstr(err.text, part) == NULL) {
        printf("# %s\n", err.text);
    }

    free(got);
    json_decref(v);
    json_decref(partials);
}


static void
escapes(void)
{
    static const char  view[] = "{\"v\":\"a&b <c> \\\"d\\\" 'e' \xc3\xa4/"
                                "\\n\"}";

    gives("{{v}}", view, CR_ESCAPE_HTML,
          "a&amp;b &lt;c&gt; &quot;d&quot; &#39;e&#39; \xc3\xa4/\n");
    gives("{{v}}", view, CR_ESCAPE_NONE, "a&b <c> \"d\" 'e' \xc3\xa4/\n");
    gives("{{v}}", view, CR_ESCAPE_URL,
          "a%26b%20%3Cc%3E%20%22d%22%20%27e%27%20%C3%A4%2F%0A");
    gives("{{v}}", view, CR_ESCAPE_JSON, "a\\u0026b \\u003cc\\u003e \\\"d\\\" "
          "'e' \xc3\xa4/\\u000a");
    gives("{{{v}}}{{&v}}", "{\"v\":\"<\"}", CR_ESCAPE_HTML, "<<");
    gives("{{v}}", "{\"v\":\"{{v}}\"}", CR_ESCAPE_NONE, "{{v}}");
}


static void
numbers(void)
{
    gives("{{a}} {{b}} {{c}} {{d}} {{e}} {{f}}",
          "{\"a\":1,\"b\":-7,\"c\":5.0,\"d\":1.21,\"e\":0.1,\"f\":1e300}",
          CR_ESCAPE_HTML, "1 -7 5 1.21 0.1 1e300");
    gives("{{a}}|{{b}}|{{c}}|{{d}}|{{e}}",
          "{\"a\":true,\"b\":false,\"c\":null,\"d\":[1],\"e\":{\"x\":1}}",
          CR_ESCAPE_HTML, "true|false|||");
    gives("{{a}}", "{\"a\":9007199254740993}", CR_ESCAPE_NONE,
          "9007199254740993");
}


static void
sections(void)
{
    gives("{{#a}}no{{/a}}{{^a}}yes{{/a}}", "{\"a\":\"\"}", CR_ESCAPE_NONE,
          "yes");
    gives("{{#a}}no{{/a}}{{^a}}yes{{/a}}", "{\"a\":0}", CR_ESCAPE_NONE, "yes");
    gives("{{#a}}{{.}}{{/a}}", "{\"a\":0.5}", CR_ESCAPE_NONE, "0.5");
    gives("{{#a}}{{#b}}{{.}}{{/b}},{{/a}}",
          "{\"a\":[{\"b\":[1,2]},{\"b\":[3]},{\"b\":[]}]}", CR_ESCAPE_NONE,
          "12,3,,");
    gives("{{#a}}{{n}}{{#b}}{{n}}{{/b}}{{/a}}",
          "{\"n\":0,\"a\":{\"n\":1,\"b\":{}}}", CR_ESCAPE_NONE, "11");
    gives("{{#a}}{{=| |=}}|n||/a||n|", "{\"n\":5,\"a\":true}", CR_ESCAPE_NONE,
          "55");
    gives("{{=<% %>=}}<%{n}%><%&n%>", "{\"n\":\"<\"}", CR_ESCAPE_HTML, "<<");
    gives("a\r\n{{#x}}\r\nb\r\n{{/x}}\r\nc", "{\"x\":true}", CR_ESCAPE_NONE,
          "a\r\nb\r\nc");
}


static void
errors(void)
{
    fails("a\n{{b", "{}", 2, "no }}");
    fails("a\n\n{{#b}}", "{}", 3, "\"b\" is not closed");
    fails("{{#a}}\n{{#b}}\n{{/a}}", "{}", 2, "not closed");
    fails("{{#a}}\n{{/b}}", "{}", 2, "closed as \"b\"");
    fails("\n{{/b}}", "{}", 2, "not opened");
    fails("{{}}", "{}", 1, "without a name");
    fails("{{=a=}}", "{}", 1, "delimiters");
    fails("{{=a b c=}}", "{}", 1, "delimiters");
    fails("{{>self}}", "{}", 1, "nested");
    fails("\n{{>bad}}", "{}", 2, "not closed");
    EQ_STR(err.path, "bad");
}


/* What a message may cost is bounded, whatever the template and the data. */

static void
bounds(void)
{
    int      i, n;
    char    *view, *text;
    size_t   len;

    view = malloc(20000);
    n = sprintf(view, "{\"a\":[");

    for (i = 0; i < 2000; i++) {
        n += sprintf(view + n, "%s%d", i ? "," : "", i);
    }

    (void) sprintf(view + n, "]}");
    fails("{{>loop}}", view, 1, "nested or repeated");
    free(view);

    len = 600 * 1024;
    text = malloc(len + 32);
    memset(text, 'x', len);
    memcpy(text, "{{#a}}", 6);
    memcpy(text + len, "{{/a}}", 7);
    fails(text, "{\"a\":[1,2]}", 1, "larger than");
    free(text);

    text = malloc(2000);

    for (i = 0, n = 0; i < 70; i++) {
        n += sprintf(text + n, "{{#a}}");
    }

    for (i = 0; i < 70; i++) {
        n += sprintf(text + n, "{{/a}}");
    }

    fails(text, "{\"a\":true}", 1, "deeper than 64");
    free(text);
}


int
main(void)
{
    escapes();
    numbers();
    sections();
    errors();
    bounds();

    return check_done();
}
