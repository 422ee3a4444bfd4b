/* The scanner: any bytes, in any pieces, tell the same. */

#include "cr_json.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    uint64_t  hash;
    uint32_t  calls;
    int       depth;
} told_t;


static void
mix(told_t *t, const void *p, size_t n)
{
    size_t                i;
    const unsigned char  *u;

    u = p;

    for (i = 0; i < n; i++) {
        t->hash = (t->hash ^ u[i]) * 0x100000001b3;
    }
}


static void
tell(void *data, cr_str_t path, int index, cr_json_e type, cr_str_t value,
    int cut)
{
    told_t  *t;

    t = data;
    t->calls++;
    mix(t, path.p, path.n);
    mix(t, &index, sizeof(index));
    mix(t, &type, sizeof(type));
    mix(t, value.p, value.n);
    mix(t, &cut, sizeof(cut));

    if (path.n > CR_JSON_PATH || value.n > CR_JSON_VALUE) {
        abort();
    }
}


static int
run(told_t *t, const uint8_t *p, size_t n, size_t piece)
{
    int        rc;
    size_t     i, k;
    cr_json_t  j;

    memset(t, 0, sizeof(told_t));
    cr_json_init(&j, tell, t);
    rc = CR_OK;

    for (i = 0; i < n && rc == CR_OK; i += k) {
        k = (piece < n - i) ? piece : n - i;
        rc = cr_json_feed(&j, (const char *) p + i, k);
    }

    return cr_json_end(&j);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int     n1, n2;
    char    buf[256], path[64];
    told_t  whole, split;

    n1 = run(&whole, p, n, n ? n : 1);
    n2 = run(&split, p, n, 1);

    if (n1 != n2 || whole.hash != split.hash || whole.calls != split.calls) {
        abort();
    }

    memcpy(path, p, n < sizeof(path) - 1 ? n : sizeof(path) - 1);
    path[n < sizeof(path) - 1 ? n : sizeof(path) - 1] = '\0';
    (void) cr_json_line((const char *) p, n, path);

    n1 = cr_json_quote(buf, sizeof(buf), (cr_str_t) { (const char *) p, n });

    if (n1 > 0) {
        memset(&whole, 0, sizeof(whole));

        if (run(&whole, (uint8_t *) buf, (size_t) n1, 3) != 1
            || whole.calls != 1)
        {
            abort();
        }
    }

    return 0;
}
