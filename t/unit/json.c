#define _GNU_SOURCE

#include "check.h"

#include "cr_json.h"

#include <stdlib.h>


typedef struct {
    char    text[16384];
    size_t  n;
} log_t;

typedef struct {
    const char  *json;
    int          rc;             /* after cr_json_end */
    const char  *told;
} case_t;


static const case_t  cases[] = {
    { "{}", 1, "=o{-1;=c}-1;" },
    { "  [1, -2.5e+3, 0 ]", 1, "=o[-1;[]=n1 0;[]=n-2.5e+3 1;[]=n0 2;=c]-1;" },
    { "\xef\xbb\xbf{\"a\":\"b\"}", 1, "=o{-1;a=sb -1;=c}-1;" },
    { "{\"a\":{\"b\":[{\"c\":true},{\"c\":null}]},\"d\":false}", 1,
      "=o{-1;a=o{-1;a.b=o[-1;a.b[]=o{0;a.b[].c=ttrue 0;a.b[]=c}0;"
      "a.b[]=o{1;a.b[].c=znull 1;a.b[]=c}1;a.b=c]-1;a=c}-1;d=ffalse -1;"
      "=c}-1;" },
    { "[[1,2],[3]]", 1,
      "=o[-1;[]=o[0;[][]=n1 0;[][]=n2 1;[]=c]0;[]=o[1;[][]=n3 0;[]=c]1;"
      "=c]-1;" },
    { "\"x\"", 1, "=sx -1;" },
    { "12", 1, "=n12 -1;" },
    { "12 trailing", 1, "=n12 -1;" },
    { "{} trailing", 1, "=o{-1;=c}-1;" },
    { "[\"\\u00e9\\ud83d\\ude00\\n\\/\"]", 1,
      "=o[-1;[]=s\xc3\xa9\xf0\x9f\x98\x80\n/ 0;=c]-1;" },
    { "[\"\\ud83dx\"]", 1, "=o[-1;[]=s\xef\xbf\xbdx 0;=c]-1;" },
    { "[\"\\udc00\"]", 1, "=o[-1;[]=s\xef\xbf\xbd 0;=c]-1;" },
    { "[\"\\ud83d\\ud83d\\ude00\"]", 1,
      "=o[-1;[]=s\xef\xbf\xbd\xf0\x9f\x98\x80 0;=c]-1;" },
    { "[\"\\ud83d\"]", 1, "=o[-1;[]=s\xef\xbf\xbd 0;=c]-1;" },
    { "[\"a\xff" "b\"]", 1, "=o[-1;[]=sa?b 0;=c]-1;" },
    { "{\"a.b\":1,\"a\":{\"b\":2},\"\":3,\"x[\":4}", 1,
      "=o{-1;a\\.b=n1 -1;a=o{-1;a.b=n2 -1;a=c}-1;\\=n3 -1;x\\[=n4 -1;=c}-1;" },

    { "", CR_ERR, "" },
    { "[", CR_ERR, "=o[-1;" },
    { "<html>", CR_ERR, "" },
    { "[01]", CR_ERR, "=o[-1;" },
    { "[1.]", CR_ERR, "=o[-1;" },
    { "[.5]", CR_ERR, "=o[-1;" },
    { "[+1]", CR_ERR, "=o[-1;" },
    { "[1e]", CR_ERR, "=o[-1;" },
    { "[NaN]", CR_ERR, "=o[-1;" },
    { "[1,]", CR_ERR, "=o[-1;[]=n1 0;" },
    { "{\"a\":1,}", CR_ERR, "=o{-1;a=n1 -1;" },
    { "{\"a\" 1}", CR_ERR, "=o{-1;" },
    { "{a:1}", CR_ERR, "=o{-1;" },
    { "{'a':1}", CR_ERR, "=o{-1;" },
    { "[1}", CR_ERR, "=o[-1;[]=n1 0;" },
    { "{]", CR_ERR, "=o{-1;" },
    { "]", CR_ERR, "" },
    { "[tru]", CR_ERR, "=o[-1;" },
    { "[truex]", CR_ERR, "=o[-1;[]=ttrue 0;" },
    { "[\"a\nb\"]", CR_ERR, "=o[-1;" },
    { "[\"\\x\"]", CR_ERR, "=o[-1;" },
    { "[\"\\u12g4\"]", CR_ERR, "=o[-1;" },
    { "[\"open", CR_ERR, "=o[-1;" },
    { "[1 2]", CR_ERR, "=o[-1;[]=n1 0;" }
};


static void
tell(void *data, cr_str_t path, int index, cr_json_e type, cr_str_t value,
    int cut)
{
    log_t  *l;

    l = data;

    l->n += (size_t) snprintf(l->text + l->n, sizeof(l->text) - l->n,
                              "%.*s=%c%.*s", (int) path.n, path.p,
                              "sntfzoc"[type], (int) value.n, value.p);
    l->n += (size_t) snprintf(l->text + l->n, sizeof(l->text) - l->n,
                              type >= CR_JSON_OPEN ? "%d;" : " %d;", index);

    if (cut) {
        l->n += (size_t) snprintf(l->text + l->n, sizeof(l->text) - l->n, "~");
    }
}


static int
run(log_t *l, const char *p, size_t n, size_t piece)
{
    int        rc;
    size_t     i;
    cr_json_t  j;

    l->n = 0;
    l->text[0] = '\0';
    cr_json_init(&j, tell, l);

    for (i = 0; i < n; i += piece) {
        rc = cr_json_feed(&j, p + i, piece < n - i ? piece : n - i);

        if (rc == CR_ERR) {
            return rc;
        }
    }

    return cr_json_end(&j);
}


static void
test_cases(void)
{
    int     rc;
    char   *copy;
    size_t  i, n, piece;
    log_t   whole, split;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = strlen(cases[i].json);

        /* exactly sized, so that a read past the end is seen */
        copy = malloc(n + 1);
        memcpy(copy, cases[i].json, n);
        copy = realloc(copy, n ? n : 1);

        rc = run(&whole, copy, n, n ? n : 1);
        EQ_INT(rc, cases[i].rc);
        EQ_STR(whole.text, cases[i].told);

        for (piece = 1; piece < 4; piece++) {
            rc = run(&split, copy, n, piece);
            EQ_INT(rc, cases[i].rc);
            EQ_STR(split.text, cases[i].told);
        }

        free(copy);
    }
}


static void
test_limits(void)
{
    char       text[4096], key[400];
    log_t      l;
    size_t     i, n;

    /* deeper than the table: skipped, and what follows is seen again */

    for (n = 0; n < 100; n++) {
        text[n] = '[';
    }

    n += (size_t) sprintf(text + n, "{\"a\":\"]\\\"]\"}");

    for (i = 0; i < 99; i++) {
        text[n++] = ']';
    }

    n += (size_t) sprintf(text + n, ",7]");

    EQ_INT(run(&l, text, n, n), 1);
    OK(strstr(l.text, "[]=n7 1;") != NULL);

    memset(text, '[', 400);
    EQ_INT(run(&l, text, 400, 400), CR_ERR);

    /* a key that is too long hides its value only */

    memset(key, 'k', sizeof(key));
    n = (size_t) sprintf(text, "{\"%.300s\":{\"x\":1},\"y\":2}", key);
    EQ_INT(run(&l, text, n, n), 1);
    EQ_STR(l.text, "=o{-1;y=n2 -1;=c}-1;");

    /* a long value is cut at a character */

    memset(text, 0, sizeof(text));
    strcpy(text, "[\"a");

    for (i = 0; i < 400; i++) {
        strcat(text, "\xc3\xa9");
    }

    strcat(text, "\",1]");
    EQ_INT(run(&l, text, strlen(text), 7), 1);
    OK(strstr(l.text, "\xc3\xa9 0;~[]=n1 1;") != NULL);
    OK(strstr(l.text, "?") == NULL);
}


static void
test_line(void)
{
    const char  *t;

    t = "{\n \"a\": 1,\n \"seq\": [\n  {\"x\": 1},\n  {\"x\": [0,\n 1]}\n ],\n"
        " \"s\": \"v\"\n}\n";

    EQ_INT(cr_json_line(t, strlen(t), "$"), 1);
    EQ_INT(cr_json_line(t, strlen(t), "$.a"), 2);
    EQ_INT(cr_json_line(t, strlen(t), "$.seq"), 3);
    EQ_INT(cr_json_line(t, strlen(t), "$.seq[0].x"), 4);
    EQ_INT(cr_json_line(t, strlen(t), "$.seq[1]"), 5);
    EQ_INT(cr_json_line(t, strlen(t), "$.seq[1].x[1]"), 6);
    EQ_INT(cr_json_line(t, strlen(t), "$.s"), 8);
    EQ_INT(cr_json_line(t, strlen(t), "$.seq[2]"), 0);
    EQ_INT(cr_json_line(t, strlen(t), "$.nothing"), 0);
    EQ_INT(cr_json_line("{", 1, "$.nothing"), 0);
}


static void
test_quote(void)
{
    int   n;
    char  buf[64];

    n = cr_json_quote(buf, sizeof(buf), cr_lit("a\"\\<>&\n"));
    buf[n] = '\0';
    EQ_STR(buf, "\"a\\\"\\\\\\u003c\\u003e\\u0026\\u000a\"");

    n = cr_json_quote(buf, sizeof(buf), cr_lit("\xe2\x80\xa8\xc3\xa9\xff"));
    buf[n] = '\0';
    EQ_STR(buf, "\"\\u2028\xc3\xa9\xef\xbf\xbd\"");

    n = cr_json_quote(buf, sizeof(buf), cr_lit(""));
    buf[n] = '\0';
    EQ_STR(buf, "\"\"");

    EQ_INT(cr_json_quote(buf, 5, cr_lit("abc")), 5);
    EQ_INT(cr_json_quote(buf, 4, cr_lit("abc")), CR_FULL);
    EQ_INT(cr_json_quote(buf, 1, cr_lit("")), CR_FULL);
    EQ_INT(cr_json_quote(buf, 0, cr_lit("")), CR_FULL);
    EQ_INT(cr_json_quote(buf, 7, cr_lit("<")), CR_FULL);
    EQ_INT(cr_json_quote(buf, 8, cr_lit("<")), 8);
}


static void
test_utf8(void)
{
    EQ_INT(cr_utf8_len("a", 1), 1);
    EQ_INT(cr_utf8_len("\xc3\xa9", 2), 2);
    EQ_INT(cr_utf8_len("\xc3\xa9", 1), 0);
    EQ_INT(cr_utf8_len("\xc0\x80", 2), 0);
    EQ_INT(cr_utf8_len("\xe0\x80\x80", 3), 0);
    EQ_INT(cr_utf8_len("\xed\xa0\x80", 3), 0);
    EQ_INT(cr_utf8_len("\xf0\x9f\x98\x80", 4), 4);
    EQ_INT(cr_utf8_len("\xf4\x90\x80\x80", 4), 0);
    EQ_INT(cr_utf8_len("\x80", 1), 0);
    EQ_INT(cr_utf8_len("", 0), 0);
}


int
main(void)
{
    test_cases();
    test_limits();
    test_line();
    test_quote();
    test_utf8();

    return check_done();
}
