#include "check.h"

#include "cr_csp.h"


typedef struct {
    const char  *first;
    const char  *second;         /* another header of the same response */
    int          allows;
    const char  *nonce;
} row_t;

static const row_t  rows[] = {
    { "", NULL, 1, "" },
    { "frame-ancestors 'self';", NULL, 1, "" },
    { "script-src 'self'", NULL, 1, "" },
    { "SCRIPT-SRC 'SELF' https://cdn.example", NULL, 1, "" },
    { "default-src 'self'", NULL, 1, "" },
    { "default-src *", NULL, 1, "" },
    { "default-src 'none'; script-src 'self'; connect-src 'self'", NULL, 1,
      "" },
    { "default-src http:", NULL, 1, "" },
    { "default-src https:", NULL, 0, "" },
    { "script-src https://shop.example", NULL, 0, "" },
    { "default-src 'self'; script-src 'none'", NULL, 0, "" },
    { "default-src 'self'; script-src-elem 'sha256-x'", NULL, 0, "" },
    { "script-src-attr 'none'; default-src 'self'", NULL, 1, "" },
    { "script-src 'none'; script-src-elem 'self'", NULL, 1, "" },
    { ";;; ; script-src\t'self' ;", NULL, 1, "" },
    { "script-src", NULL, 0, "" },
    { "script-src 'none'; script-src 'self'", NULL, 0, "" },

    /* nonces */
    { "script-src 'nonce-abc'", NULL, 1, "abc" },
    { "script-src 'self' 'nonce-abc'", NULL, 1, "" },
    { "script-src 'self' 'strict-dynamic' 'nonce-abc'", NULL, 1, "abc" },
    { "script-src 'self' 'strict-dynamic' 'sha256-x'", NULL, 0, "" },
    { "script-src 'NONCE-aB+/-_09=='", NULL, 1, "aB+/-_09==" },
    { "script-src 'nonce-'", NULL, 0, "" },
    { "script-src 'nonce-a\"b'", NULL, 0, "" },
    { "script-src 'nonce-<b>'", NULL, 0, "" },
    { "script-src 'nonce-abc", NULL, 0, "" },
    { "script-src nonce-abc", NULL, 0, "" },
    { "script-src 'nonce-a b'", NULL, 0, "" },
    { "script-src 'nonce-a\"' 'nonce-b'", NULL, 1, "b" },
    { "default-src 'nonce-abc'", NULL, 0, "abc" },
    { "default-src 'nonce-abc'; connect-src 'self'", NULL, 1, "abc" },

    /* all policies apply */
    { "script-src 'self'", "script-src 'none'", 0, "" },
    { "script-src 'self', script-src 'none'", NULL, 0, "" },
    { "script-src 'self',, default-src 'self' ,", NULL, 1, "" },
    { "script-src 'self'", "script-src 'nonce-a'", 1, "a" },
    { "script-src 'nonce-a'", "script-src 'self'", 1, "a" },
    { "script-src 'nonce-a'", "script-src 'nonce-b' 'nonce-a'", 1, "a" },
    { "script-src 'nonce-a'", "script-src 'nonce-b'", 0, "a" },
    { "script-src 'nonce-a', script-src 'nonce-ab'", NULL, 0, "a" },

    /* a script that can send nothing is none */
    { "connect-src 'none'", NULL, 0, "" },
    { "connect-src https://api.example; script-src 'self'", NULL, 0, "" },
    { "default-src 'none'; script-src 'self'", NULL, 0, "" },
    { "sandbox", NULL, 0, "" },
    { "sandbox allow-scripts", NULL, 0, "" },
    { "sandbox allow-same-origin allow-scripts", NULL, 1, "" },
    { NULL, NULL, 0, NULL }
};


typedef struct {
    const char  *policy;
    int          allows;
} style_row_t;

static const style_row_t  styles[] = {
    { "script-src 'none'", 1 },
    { "default-src 'none'", 0 },
    { "default-src 'none'; style-src 'self'", 1 },
    { "style-src 'unsafe-inline'", 0 },
    { "style-src 'none'; style-src-elem *", 1 },
    { "style-src-attr 'none'", 1 },
    { "style-src 'self', default-src 'none'", 0 },
    { "sandbox", 1 },
    { NULL, 0 }
};


static int
add(cr_csp_t *csp, const char *value)
{
    cr_str_t  s;

    s.p = value;
    s.n = strlen(value);

    return cr_csp_add(csp, s);
}


int
main(void)
{
    char          word[CR_CSP_NONCE + 32];
    cr_csp_t      csp;
    cr_str_t      policy;
    const row_t  *row;

    const style_row_t  *style;

    for (style = styles; style->policy; style++) {
        policy.p = style->policy;
        policy.n = strlen(style->policy);

        OK_TEXT(cr_csp_allows_style(policy) == style->allows, style->policy);
    }

    for (row = rows; row->first; row++) {
        memset(&csp, 0, sizeof(cr_csp_t));

        OK_TEXT((add(&csp, row->first)
                 && (row->second == NULL || add(&csp, row->second)))
                == row->allows, row->first);
        OK_TEXT(csp.nonce.n == strlen(row->nonce)
                && (csp.nonce.n == 0
                    || memcmp(csp.nonce.p, row->nonce, csp.nonce.n) == 0),
                "  and its nonce");
    }

    memset(&csp, 0, sizeof(cr_csp_t));
    csp.secure = 1;
    OK_TEXT(add(&csp, "default-src https:"), "https: over https");

    memset(word, 'a', sizeof(word));
    memcpy(word, "script-src 'nonce-", 18);

    memset(&csp, 0, sizeof(cr_csp_t));
    memcpy(word + 18 + CR_CSP_NONCE, "'", 2);
    OK_TEXT(add(&csp, word) && csp.nonce.n == CR_CSP_NONCE, "a long nonce");

    memset(&csp, 0, sizeof(cr_csp_t));
    word[18 + CR_CSP_NONCE] = 'a';
    memcpy(word + 19 + CR_CSP_NONCE, "'", 2);
    OK_TEXT(!add(&csp, word), "one that is too long");

    return check_done();
}
