#define _GNU_SOURCE

#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cr_json.h"


static const char *const  crd_levels[] = { "error", "warn", "info", "debug" };

static int  crd_level = CRD_INFO;


void
crd_log_level(int level)
{
    crd_level = level;
}


void
crd_log(int level, const char *event, ...)
{
    int               n;
    char              buf[2048];
    size_t            at, len;
    va_list           args;
    struct tm         tm;
    const char       *name, *value;
    struct timespec   ts;

    if (level > crd_level) {
        return;
    }

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);

    at = strftime(buf, sizeof(buf), "{\"at\":\"%Y-%m-%dT%H:%M:%S", &tm);
    at += (size_t) snprintf(buf + at, sizeof(buf) - at,
                            ".%03ldZ\",\"level\":\"%s\",\"event\":\"%s\"",
                            ts.tv_nsec / 1000000, crd_levels[level], event);

    va_start(args, event);

    while ((name = va_arg(args, const char *)) != NULL) {
        value = va_arg(args, const char *);
        if (value == NULL) {
            break;
        }

        len = strlen(value);
        at += (size_t) snprintf(buf + at, sizeof(buf) - at, ",\"%s\":", name);

        if (len > 0 && len < 16 && strspn(value, "0123456789") == len
            && (value[0] != '0' || len == 1))
        {
            memcpy(buf + at, value, len);
            at += len;
            continue;
        }

        n = cr_json_quote(buf + at, 512,
                          (cr_str_t) { value, len < 240 ? len : 240 });
        if (n < 0) {
            memcpy(buf + at, "\"\"", 2);
            n = 2;
        }
        at += (size_t) n;

        if (at > sizeof(buf) - 640) {
            break;
        }
    }

    va_end(args);

    memcpy(buf + at, "}\n", 2);

    if (write(STDERR_FILENO, buf, at + 2) == -1) {
        return;
    }
}


const char *
crd_num(int64_t n)
{
    static int   next;
    static char  buf[8][24];

    next = (next + 1) % 8;
    snprintf(buf[next], sizeof(buf[next]), "%lld", (long long) n);

    return buf[next];
}
