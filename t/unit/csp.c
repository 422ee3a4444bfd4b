#include "check.h"

#include "cr_csp.h"


typedef struct {
    const char  *policy;
    int          allows;
} cr_csp_case_t;


static const cr_csp_case_t  cases[] = {
    { "", 1 },
    { "frame-ancestors 'self';", 1 },
    { "script-src 'self'", 1 },
    { "SCRIPT-SRC 'SELF' https://cdn.example", 1 },
    { "default-src 'none'; script-src 'self'", 1 },
    { "default-src 'self'", 1 },
    { "default-src *", 1 },
    { "script-src 'self' 'strict-dynamic' 'nonce-abc'", 0 },
    { "script-src 'nonce-abc'", 0 },
    { "script-src https://shop.example", 0 },
    { "default-src 'self'; script-src 'none'", 0 },
    { "default-src 'self'; script-src-elem 'sha256-x'", 0 },
    { "script-src-attr 'none'; default-src 'self'", 1 },
    { "script-src 'none'; script-src-elem 'self'", 1 },
    { ";;; ; script-src\t'self' ;", 1 },
    { "script-src", 0 }
};


static const cr_csp_case_t  styles[] = {
    { "script-src 'none'", 1 },
    { "default-src 'none'", 0 },
    { "default-src 'none'; style-src 'self'", 1 },
    { "style-src 'unsafe-inline'", 0 },
    { "style-src 'none'; style-src-elem *", 1 },
    { "style-src-attr 'none'", 1 }
};


int
main(void)
{
    size_t    i;
    cr_str_t  policy;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        policy.p = cases[i].policy;
        policy.n = strlen(cases[i].policy);

        OK_TEXT(cr_csp_allows(policy) == cases[i].allows, cases[i].policy);
    }

    for (i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
        policy.p = styles[i].policy;
        policy.n = strlen(styles[i].policy);

        OK_TEXT(cr_csp_allows_style(policy) == styles[i].allows,
                styles[i].policy);
    }

    return check_done();
}
