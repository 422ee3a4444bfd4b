#define _GNU_SOURCE

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "worker.h"


#define CRD_CLIENT_MS   3000
#define CRD_REQUEST     2048

struct crd_client_s {
    int       fd;
    int64_t   until;
    size_t    got, sent, len;
    char     *answer;
    char      request[CRD_REQUEST];
};


static int crd_listen_unix(const char *path, cr_error_t *err);
static int crd_listen_tcp(const char *where, cr_error_t *err);
static void crd_client_accept(crd_worker_t *w);
static int crd_client_read(crd_worker_t *w, crd_client_t *c);
static int crd_client_write(crd_client_t *c);
static void crd_client_answer(crd_worker_t *w, crd_client_t *c);
static void crd_client_close(crd_client_t **c);


int
crd_health_open(crd_worker_t *w, cr_error_t *err)
{
    const char  *where;

    w->listen_fd = -1;
    where = w->cf.listen;

    if (*where == '\0') {
        return CR_OK;
    }

    w->listen_fd = strncmp(where, "unix:", 5) == 0
                   ? crd_listen_unix(where + 5, err)
                   : crd_listen_tcp(where, err);

    return w->listen_fd == -1 ? CR_ERR : CR_OK;
}


static int
crd_listen_unix(const char *path, cr_error_t *err)
{
    int                 fd;
    struct sockaddr_un  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(sa.sun_path)) {
        snprintf(err->text, sizeof(err->text), "listen: the path is too long");
        return -1;
    }

    strcpy(sa.sun_path, path);
    unlink(path);

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1 || bind(fd, (struct sockaddr *) &sa, sizeof(sa)) == -1
        || chmod(path, 0660) == -1 || listen(fd, 16) == -1)
    {
        snprintf(err->text, sizeof(err->text), "listen: %.160s: %s", path,
                 strerror(errno));
        if (fd != -1) {
            close(fd);
        }
        return -1;
    }

    return fd;
}


static int
crd_listen_tcp(const char *where, cr_error_t *err)
{
    int               fd, one;
    char              host[CRD_PATH], *port;
    struct addrinfo   hints, *ai;

    snprintf(host, sizeof(host), "%s", where);
    port = strrchr(host, ':');
    if (port == NULL) {
        snprintf(err->text, sizeof(err->text), "listen: expected host:port or "
                 "unix:/path");
        return -1;
    }
    *port++ = '\0';

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;

    if (getaddrinfo(host, port, &hints, &ai) != 0) {
        snprintf(err->text, sizeof(err->text), "listen: %.160s is no address",
                 where);
        return -1;
    }

    one = 1;
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1
        || bind(fd, ai->ai_addr, ai->ai_addrlen) == -1
        || listen(fd, 16) == -1)
    {
        snprintf(err->text, sizeof(err->text), "listen: %.160s: %s", where,
                 strerror(errno));
        if (fd != -1) {
            close(fd);
            fd = -1;
        }
    }

    freeaddrinfo(ai);

    return fd;
}


void
crd_health_close(crd_worker_t *w)
{
    int  i;

    for (i = 0; i < CRD_CLIENTS; i++) {
        crd_client_close(&w->client[i]);
    }

    if (w->listen_fd != -1) {
        close(w->listen_fd);
        w->listen_fd = -1;
        if (strncmp(w->cf.listen, "unix:", 5) == 0) {
            unlink(w->cf.listen + 5);
        }
    }
}


int
crd_health_fds(crd_worker_t *w, struct curl_waitfd *fds, int max)
{
    int  i, n;

    n = 0;

    if (w->listen_fd != -1 && n < max) {
        fds[n].fd = w->listen_fd;
        fds[n].events = CURL_WAIT_POLLIN;
        fds[n++].revents = 0;
    }

    for (i = 0; i < CRD_CLIENTS && n < max; i++) {
        if (w->client[i] != NULL) {
            fds[n].fd = w->client[i]->fd;
            fds[n].events = w->client[i]->answer ? CURL_WAIT_POLLOUT
                                                 : CURL_WAIT_POLLIN;
            fds[n++].revents = 0;
        }
    }

    return n;
}


void
crd_health_poll(crd_worker_t *w)
{
    int            i, rc;
    crd_client_t  *c;

    if (w->listen_fd == -1) {
        return;
    }

    crd_client_accept(w);

    for (i = 0; i < CRD_CLIENTS; i++) {
        c = w->client[i];
        if (c == NULL) {
            continue;
        }

        rc = c->answer ? CR_OK : crd_client_read(w, c);
        if (rc == CR_OK && c->answer) {
            rc = crd_client_write(c);
        }

        if (rc != CR_OK || w->mono > c->until) {
            crd_client_close(&w->client[i]);
        }
    }
}


static void
crd_client_accept(crd_worker_t *w)
{
    int            i, fd;
    crd_client_t  *c;

    for (i = 0; i < CRD_CLIENTS; i++) {
        if (w->client[i] != NULL) {
            continue;
        }

        fd = accept4(w->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd == -1) {
            return;
        }

        c = calloc(1, sizeof(*c));
        if (c == NULL) {
            close(fd);
            return;
        }

        c->fd = fd;
        c->until = w->mono + CRD_CLIENT_MS;
        w->client[i] = c;
    }
}


static int
crd_client_read(crd_worker_t *w, crd_client_t *c)
{
    ssize_t  n;

    n = read(c->fd, c->request + c->got, sizeof(c->request) - 1 - c->got);

    if (n == -1) {
        return errno == EAGAIN ? CR_OK : CR_ERR;
    }
    if (n == 0) {
        return CR_ERR;
    }

    c->got += (size_t) n;
    c->request[c->got] = '\0';

    if (strstr(c->request, "\r\n\r\n") != NULL
        || strstr(c->request, "\n\n") != NULL)
    {
        crd_client_answer(w, c);
        return c->answer ? CR_OK : CR_ERR;
    }

    return c->got < sizeof(c->request) - 1 ? CR_OK : CR_ERR;
}


static void
crd_client_answer(crd_worker_t *w, crd_client_t *c)
{
    int          ok, n;
    char        *body;
    size_t       len;
    const char  *status, *type;

    status = "200 OK";
    type = "application/json";
    body = NULL;
    len = 0;

    if (strncmp(c->request, "GET /healthz ", 13) == 0) {
        body = crd_healthz(w, &len, &ok);
        if (!ok) {
            status = "503 Service Unavailable";
        }

    } else if (strncmp(c->request, "GET /metrics ", 13) == 0) {
        body = crd_metrics(w, &len);
        type = "text/plain; version=0.0.4";

    } else {
        body = strdup("{\"error\":\"GET /healthz or /metrics\"}\n");
        len = body ? strlen(body) : 0;
        status = "404 Not Found";
    }

    if (body == NULL) {
        return;
    }

    c->answer = malloc(len + 256);
    if (c->answer != NULL) {
        n = snprintf(c->answer, 256, "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n"
                     "Cache-Control: no-store\r\n\r\n", status, type, len);
        memcpy(c->answer + n, body, len);
        c->len = (size_t) n + len;
    }

    free(body);
}


/* Anything but CR_OK closes the connection: an error, and the end. */

static int
crd_client_write(crd_client_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->answer + c->sent, c->len - c->sent, MSG_NOSIGNAL);

    if (n == -1) {
        return errno == EAGAIN ? CR_OK : CR_ERR;
    }

    c->sent += (size_t) n;

    return c->sent < c->len ? CR_OK : CR_NONE;
}


static void
crd_client_close(crd_client_t **c)
{
    if (*c != NULL) {
        close((*c)->fd);
        free((*c)->answer);
        free(*c);
        *c = NULL;
    }
}
