/*
 * A whole exchange of a shopper's and a shop's making.  Input: profile, method,
 * type of the body, size of the pieces (a byte each), then url, body and answer
 * with NULs between.  Any pieces mean the same, and a refusal keeps nothing.
 */

#include "cr_profile.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    cr_str_t     url, body, answer, cookie;
    int          method, type, status;
} input_t;


static cr_profile_t  *profiles[32];
static int            nprofiles;

static const char *const  methods[] = {
    "GET", "POST", "PATCH", "DELETE", "PUT"
};

static const char *const  types[] = {
    "application/x-www-form-urlencoded", "application/json",
    "multipart/form-data; boundary=b", "text/plain;charset=UTF-8"
};


static cr_str_t
header(void *data, cr_str_t name)
{
    cr_str_t  s;
    input_t  *in;

    in = data;
    s.p = NULL;
    s.n = 0;

    if (name.n == 6 || name.n == 8) {    /* cookie, location */
        s = in->cookie;
    }

    return s;
}


static cr_str_t
take(const uint8_t **p, size_t *n)
{
    cr_str_t        s;
    const uint8_t  *end;

    end = *n ? memchr(*p, '\0', *n) : NULL;
    s.p = (const char *) *p;
    s.n = end ? (size_t) (end - *p) : *n;
    *p += s.n + (end != NULL);
    *n -= s.n + (end != NULL);

    return s;
}


static void
compile(void)
{
    cr_str_t     text;
    cr_error_t   err;
    const char  *name;

    while ((name = cr_profile_builtin_name(nprofiles)) != NULL) {
        text = cr_profile_builtin(name);
        profiles[nprofiles] = cr_profile_compile(text.p, text.n, &err);

        if (profiles[nprofiles] == NULL) {
            abort();
        }

        nprofiles++;
    }
}


static void
run(cr_obs_t *o, const cr_profile_t *p, input_t *in, size_t piece)
{
    size_t        i, n;
    cr_match_t    m;
    cr_request_t  r;
    const char   *q;

    q = in->url.n ? memchr(in->url.p, '?', in->url.n) : NULL;
    r.method.p = methods[in->method];
    r.method.n = strlen(r.method.p);
    r.path = in->url;
    r.args.p = "";
    r.args.n = 0;

    if (q != NULL) {
        r.path.n = (size_t) (q - in->url.p);
        r.args.p = q + 1;
        r.args.n = in->url.n - r.path.n - 1;
    }

    r.header = header;
    r.data = in;

    (void) cr_profile_match(p, &r, &m);
    (void) cr_profile_session(p, &r, &m, in->cookie);
    (void) cr_profile_session_set(p, in->cookie);
    cr_obs_init(o, p, &m, &r);
    cr_obs_request(o, (cr_str_t) { types[in->type], strlen(types[in->type]) },
                   in->body.p, in->body.n);

    if (!cr_obs_response_head(o, in->status, header, in)) {
        for (i = 0; i < in->answer.n; i += n) {
            n = (piece < in->answer.n - i) ? piece : in->answer.n - i;

            if (cr_obs_response_feed(o, in->answer.p + i, n)) {
                break;
            }
        }
    }

    (void) cr_obs_finish(o);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t           piece;
    input_t          in;
    static cr_obs_t  a, b;
    cr_profile_t    *profile;

    static const int  statuses[] = { 200, 302, 303, 400, 422, 500, 402, 201 };

    if (nprofiles == 0) {
        compile();
    }

    if (n < 5) {
        return 0;
    }

    profile = profiles[p[0] % nprofiles];
    in.method = p[1] % 5;
    in.type = p[2] & 3;
    in.status = statuses[(p[2] >> 2) & 7];
    piece = 1u + p[3] % 64;
    p += 4;
    n -= 4;
    in.url = take(&p, &n);
    in.body = take(&p, &n);
    in.cookie = take(&p, &n);
    in.answer = take(&p, &n);

    run(&a, profile, &in, SIZE_MAX);
    run(&b, profile, &in, piece);

    if (a.event != b.event || strcmp(a.email, b.email) != 0
        || strcmp(a.ref, b.ref) != 0 || a.qty != b.qty || a.price != b.price
        || a.has_lines != b.has_lines || a.has_line != b.has_line
        || a.order_total != b.order_total
        || strcmp(a.order_id, b.order_id) != 0
        || memcmp(&a.cart, &b.cart, sizeof(cr_cart_t)) != 0)
    {
        abort();
    }

    if ((a.event == CR_EV_ERROR || a.event == CR_EV_NONE)
        && (a.email[0] != '\0' || a.phone[0] != '\0' || a.has_line
            || a.order_id[0] != '\0'))
    {
        abort();
    }

    return 0;
}
