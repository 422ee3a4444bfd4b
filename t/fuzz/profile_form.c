/* Profiles are files of the operator's, yet a wrong one may only be refused. */

#include "cr_profile.h"

#include <string.h>


static cr_str_t
no_header(void *data, cr_str_t name)
{
    cr_str_t  s;

    (void) data;
    (void) name;
    s.p = NULL;
    s.n = 0;

    return s;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    cr_obs_t       o;
    cr_error_t     err;
    cr_match_t     m;
    cr_request_t   r;
    cr_profile_t  *profile;

    if (n > 16384) {
        return 0;
    }

    profile = cr_profile_compile((const char *) p, n, &err);

    if (profile == NULL) {
        return 0;
    }

    memset(&r, 0, sizeof(r));
    r.method = cr_lit("POST");
    r.path = cr_lit("/cart/add");
    r.args = cr_lit("a=1&b=2");
    r.header = no_header;

    (void) cr_profile_match(profile, &r, &m);
    cr_obs_init(&o, profile, &m, &r);
    cr_obs_request(&o, cr_lit("application/json"), "{\"a\":[1,{}]}", 12);
    (void) cr_obs_response_head(&o, 200, no_header, NULL);
    (void) cr_obs_response_feed(&o, "{\"ok\":true,\"items\":[{}]}", 25);
    (void) cr_obs_finish(&o);
    (void) cr_profile_recognise(profile, &r, r.args, r.args, no_header, NULL);
    (void) cr_profile_session(profile, &r, &m, r.args);
    cr_profile_free(profile);

    return 0;
}
