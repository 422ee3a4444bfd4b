#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>

#include "cli.h"


void
crc_say(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vprintf(fmt, args);
    va_end(args);
    (void) putchar('\n');
}


int
crc_fail(crc_t *c, int code, const char *fmt, ...)
{
    char     text[512];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    (void) fprintf(stderr, "cartrecover: %s\n", text);
    json_object_set_new(c->out, "error", json_string(text));

    return code;
}


void
crc_finding(crc_t *c, const char *file, int line, const char *path,
    const char *fmt, ...)
{
    char     text[512];
    json_t  *all, *one;
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (line > 0) {
        (void) printf("%s:%d: ", file, line);
    } else {
        (void) printf("%s: ", file);
    }

    (void) printf("%s%s%s\n", path, *path ? ": " : "", text);

    all = json_object_get(c->out, "findings");

    if (all == NULL) {
        all = json_array();
        json_object_set_new(c->out, "findings", all);
    }

    one = json_pack("{s:s, s:i, s:s, s:s}", "file", file, "line", line,
                    "path", path, "text", text);

    if (one != NULL) {
        json_array_append_new(all, one);
    }
}


const char *
crc_span(int64_t ms, char *buf, size_t cap)
{
    size_t      i;
    int64_t     n;

    static const struct {
        int64_t      ms;
        const char  *unit;
    } units[] = {
        { 2 * 86400000LL, "d" }, { 2 * 3600000LL, "h" }, { 2 * 60000, "min" },
        { 0, "s" }
    };

    n = (ms < 0) ? -ms : ms;

    for (i = 0; n < units[i].ms; i++) {
        /* void */
    }

    n /= units[i].ms ? units[i].ms / 2 : 1000;
    (void) snprintf(buf, cap, "%s%lld %s", (ms < 0) ? "-" : "", (long long) n,
                    units[i].unit);

    return buf;
}
