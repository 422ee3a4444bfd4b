#define _GNU_SOURCE

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


/* Pictures, styles, scripts and fonts are no step of anybody's. */

int
cr_profile_static(const cr_profile_t *p, const cr_request_t *r)
{
    size_t       i, n;
    const char  *dot;

    static const char  list[] =
        " png jpg jpeg gif webp avif svg ico css js mjs map woff woff2 ttf "
        "mp4 webm ";

    if (r->path.n < 4) {
        return 0;
    }

    dot = memrchr(r->path.p + r->path.n - (r->path.n < 6 ? r->path.n : 6), '.',
                  r->path.n < 6 ? r->path.n : 6);

    if (dot == NULL) {
        return 0;
    }

    n = (size_t) (r->path.p + r->path.n - dot - 1);

    if (p->js && n == 2 && dot[1] == 'j' && dot[2] == 's') {
        return 0;
    }

    for (i = 0; n > 1 && i + n + 1 < sizeof(list) - 1; i++) {
        if (list[i] == ' ' && list[i + n + 1] == ' '
            && memcmp(list + i + 1, dot + 1, n) == 0)
        {
            return 1;
        }
    }

    return 0;
}
