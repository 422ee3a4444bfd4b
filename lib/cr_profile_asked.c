#include "cr_profile_int.h"

#include <string.h>
#include <strings.h>


/* Did a script ask?  Next's router does for a real step and says so. */

int
cr_profile_fetched(const cr_request_t *r)
{
    cr_str_t  v;

    if (r->header == NULL) {
        return 0;
    }

    v = r->header(r->data, cr_lit("sec-fetch-dest"));

    if (v.p == NULL || v.n == 0) {
        v = r->header(r->data, cr_lit("x-requested-with"));

        return v.p != NULL && v.n == 14
               && strncasecmp(v.p, "XMLHttpRequest", 14) == 0;
    }

    return !(v.n == 8 && memcmp(v.p, "document", 8) == 0)
           && r->header(r->data, cr_lit("rsc")).p == NULL;
}
