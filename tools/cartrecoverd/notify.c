#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "worker.h"


void
crd_notify(const char *state)
{
    int                  fd;
    size_t               n;
    socklen_t            len;
    const char          *path;
    struct sockaddr_un   sa;

    path = getenv("NOTIFY_SOCKET");
    if (path == NULL) {
        return;
    }

    n = strlen(path);
    if (n < 2 || n >= sizeof(sa.sun_path)) {
        return;
    }

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return;
    }

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    memcpy(sa.sun_path, path, n);
    if (path[0] == '@') {
        sa.sun_path[0] = '\0';
    }

    len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n);
    (void) !sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                   (struct sockaddr *) &sa, len);
    close(fd);
}
