/*
 * check.h: TAP for the unit tests.  CHECK_MAIN's body runs the checks; main
 * prints the plan last and fails when a check failed.
 */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>


static int  check_n, check_bad;


static inline int
check_result(int ok, const char *file, int line, const char *text)
{
    check_n++;

    if (ok) {
        printf("ok %d - %s\n", check_n, text);
        return 1;
    }

    check_bad++;
    printf("not ok %d - %s\n# %s:%d\n", check_n, text, file, line);

    return 0;
}


static inline int
check_int(long long got, long long want, const char *file, int line,
    const char *text)
{
    if (!check_result(got == want, file, line, text)) {
        printf("#   got %lld, want %lld\n", got, want);
        return 0;
    }

    return 1;
}


static inline int
check_str(const char *got, const char *want, const char *file, int line,
    const char *text)
{
    int  same;

    same = (got == want) || (got && want && strcmp(got, want) == 0);

    if (!check_result(same, file, line, text)) {
        printf("#   got  \"%s\"\n#   want \"%s\"\n", got ? got : "(null)",
               want ? want : "(null)");
        return 0;
    }

    return 1;
}


static inline int
check_done(void)
{
    printf("1..%d\n", check_n);
    return check_bad != 0;
}


#define OK(cond)         check_result((cond) != 0, __FILE__, __LINE__, #cond)
#define OK_TEXT(cond, t) check_result((cond) != 0, __FILE__, __LINE__, (t))
#define EQ_INT(got, want)                                                     \
    check_int((long long) (got), (long long) (want), __FILE__, __LINE__,      \
              #got " == " #want)
#define EQ_STR(got, want)                                                     \
    check_str((got), (want), __FILE__, __LINE__, #got " is " #want)
#define SKIP_ALL(why)    (printf("1..0 # SKIP %s\n", (why)), 0)

#endif
