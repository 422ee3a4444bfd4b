#define _GNU_SOURCE

#include "kill.h"

#ifdef CR_KILL_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static double
crd_kill_chance(const char *spec, const char *label)
{
    size_t  n;

    n = strlen(label);

    while (*spec) {
        if (spec[0] == '*' && spec[1] == ':') {
            return atof(spec + 2);
        }
        if (strncmp(spec, label, n) == 0 && spec[n] == ':') {
            return atof(spec + n + 1);
        }
        spec += strcspn(spec, ",");
        spec += (*spec == ',');
    }

    return 0;
}


void
crd_kill(const char *label)
{
    int          fd;
    static int   seeded;
    const char  *spec, *seed, *file;

    spec = getenv("CR_KILL");
    if (spec == NULL) {
        return;
    }

    if (!seeded) {
        seed = getenv("CR_KILL_SEED");
        srand48(seed ? atol(seed) : (long) getpid());
        seeded = 1;
    }

    if (drand48() >= crd_kill_chance(spec, label)) {
        return;
    }

    file = getenv("CR_KILL_LOG");
    if (file != NULL) {
        fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd == -1 || write(fd, label, strlen(label)) == -1
            || write(fd, "\n", 1) == -1)
        {
            abort();
        }
    }

    kill(getpid(), SIGKILL);
}

#else

typedef int  crd_no_kill_points_t;

#endif
