#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_mime.h"
#include "check.h"


static cr_mail_t
mail(void)
{
    cr_mail_t  m;

    memset(&m, 0, sizeof(m));
    m.from = "Shop <shop@shop.example>";
    m.to = "a@b.example";
    m.reply_to = "service@shop.example";
    m.subject = "Your cart";
    m.message_id = "0123.1@shop.example";
    m.unsubscribe = "https://shop.example/_cr/u/TOKEN";
    m.date_s = 1795237920;
    m.text = "Hello\n";
    m.html = "<p>Hello</p>\n";

    return m;
}


/* What holds for every message: 7-bit, CRLF only, short lines, one blank line
 * after the headers. */

static void
sound(const char *p, size_t len)
{
    size_t  i, col, longest;
    int     bare, high;

    bare = 0;
    high = 0;
    longest = 0;

    for (i = 0, col = 0; i < len; i++) {
        high += ((unsigned char) p[i] > 126 || p[i] == '\0');
        bare += (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
                || (p[i] == '\r' && (i + 1 == len || p[i + 1] != '\n'));
        col = (p[i] == '\n') ? 0 : col + 1;
        longest = (col > longest) ? col : longest;
    }

    EQ_INT(high, 0);
    EQ_INT(bare, 0);
    OK(longest <= 78);
    OK(len > 4 && memcmp(p + len - 4, "--\r\n", 4) == 0);
}


static char *
build(const cr_mail_t *m)
{
    char    *p;
    size_t   len;

    len = 0;
    p = cr_mime(m, &len);

    if (OK_TEXT(p != NULL, m->subject)) {
        EQ_INT(strlen(p), len);
        sound(p, len);
    }

    return p;
}


static void
has(const cr_mail_t *m, const char *part)
{
    int    i;
    char  *p, line[80];

    p = build(m);

    for (i = 0; part[i] && i < 79; i++) {
        line[i] = (part[i] < ' ') ? '~' : part[i];
    }

    line[i] = '\0';

    if (!OK_TEXT(p && strstr(p, part), line) && p) {
        *strstr(p, "\r\n\r\n") = '\0';
        printf("# %s\n", p);
    }

    free(p);
}


static void
headers(void)
{
    cr_mail_t  m;

    m = mail();
    has(&m, "Date: Sat, 21 Nov 2026 05:12:00 +0000\r\n"
        "From: Shop\r\n <shop@shop.example>\r\nTo: <a@b.example>\r\n"
        "Reply-To: <service@shop.example>\r\nSubject: Your cart\r\n"
        "Message-ID: <0123.1@shop.example>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "List-Unsubscribe: <https://shop.example/_cr/u/TOKEN>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n"
        " boundary=\"=_cartrecover_alternative\"\r\n\r\n"
        "--=_cartrecover_alternative\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\nHello\r\n"
        "--=_cartrecover_alternative\r\nContent-Type: text/html; charset=UTF-8"
        "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "<p>Hello</p>\r\n--=_cartrecover_alternative--\r\n");

    m.unsubscribe_mailto = "stop@shop.example";
    m.feedback_id = "remind:shop:cartrecover";
    has(&m, ",\r\n <mailto:stop@shop.example>\r\n");
    has(&m, "\r\nFeedback-ID: remind:shop:cartrecover\r\n");

    m.from = "Caf\xc3\xa9 & S\xc3\xb6hne <s@x.example>";
    has(&m, "From: =?UTF-8?Q?Caf=C3=A9_=26_S=C3=B6hne?=\r\n <s@x.example>\r\n");
    m.from = "Shop, \"the\" one <s@x.example>";
    has(&m, "From: \"Shop, \\\"the\\\" one\"\r\n <s@x.example>\r\n");
    m.from = "\"Shop, Inc.\" <s@x.example>";
    has(&m, "From: \"Shop, Inc.\"\r\n <s@x.example>\r\n");

    m.subject = "Gr\xc3\xb6\xc3\x9f""e passt?";
    has(&m, "Subject: =?UTF-8?Q?Gr=C3=B6=C3=9Fe_passt=3F?=\r\n");
    m.subject = "=?UTF-8?Q?forged?=";
    has(&m, "Subject: =?UTF-8?Q?=3D=3FUTF-8=3FQ=3Fforged=3F=3D?=\r\n");
    m.subject = "bad \xff byte";
    has(&m, "Subject: =?UTF-8?Q?bad_=3F_byte?=\r\n");
    m.subject = "a plain subject that is long enough to be folded into more "
                "than one single line of text, at a space";
    has(&m, "Subject: a plain subject that is long enough to be folded into "
        "more than one\r\n single line of text, at a space\r\n");
    m.subject = "";
    has(&m, "Subject: \r\n");
}


/* Undoes Q words; each must hold whole characters. */

static void
words(void)
{
    char        *p, *s, *end, out[400];
    size_t       n, word;
    unsigned     byte;
    cr_mail_t    m;

    static const char  subject[] =
        "\xc3\x84rger mit dem Warenkorb? \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac "
        "\xf0\x9f\x9b\x92\xf0\x9f\x9b\x92\xf0\x9f\x9b\x92\xf0\x9f\x9b\x92 und "
        "noch viel mehr W\xc3\xb6rter, die \xc3\xbc""ber die Zeile gehen";

    m = mail();
    m.subject = subject;
    p = build(&m);
    s = strstr(p, "Subject: ") + 9;
    end = strstr(s, "\r\nMessage-ID");
    n = 0;

    while (s < end) {
        OK(strncmp(s, "=?UTF-8?Q?", 10) == 0);
        word = (size_t) (strstr(s + 10, "?=") + 2 - s);
        OK(word <= 75);

        for (s += 10; strncmp(s, "?=", 2) != 0; s++) {
            if (*s == '=') {
                (void) sscanf(s + 1, "%2X", &byte);
                out[n++] = (char) byte;
                s += 2;

            } else {
                out[n++] = (*s == '_') ? ' ' : *s;
            }
        }

        OK(((unsigned char) out[n - 1] & 0xc0) != 0xc0);
        s += 2;
        s += (s < end) ? 3 : 0;
    }

    out[n] = '\0';
    EQ_STR(out, subject);
    free(p);
}


/* Undoes quoted-printable, in place. */

static void
decode(char *p)
{
    char      *to;
    unsigned   byte;

    for (to = p; *p; p++) {
        if (*p != '=') {
            *to++ = *p;

        } else if (p[1] == '\r') {
            p += 2;

        } else {
            (void) sscanf(p + 1, "%2X", &byte);
            *to++ = (char) byte;
            p += 2;
        }
    }

    *to = '\0';
}


static void
body(const char *text, const char *want)
{
    char       *p, *s;
    cr_mail_t   m;

    m = mail();
    m.text = text;
    m.html = NULL;
    p = build(&m);
    s = strstr(p, "printable\r\n\r\n") + 13;
    *strstr(s, "--=_cartrecover") = '\0';
    OK(strstr(s, "\n.") == NULL && s[0] != '.');
    OK(strstr(s, "\nFrom ") == NULL && strncmp(s, "From ", 5) != 0);
    OK(strstr(s, " \r\n") == NULL && strstr(s, "\t\r\n") == NULL);
    decode(s);
    OK_TEXT(strcmp(s, want) == 0, "the body comes back");
    free(p);
}


static void
bodies(void)
{
    int   i, n;
    char  text[3000], want[3200];

    body("", "");
    body("a", "a\r\n");
    body("a\nb\r\nc\rd\n\n", "a\r\nb\r\nc\r\nd\r\n\r\n");
    body(".\n..\nFrom here\nFrom", ".\r\n..\r\nFrom here\r\nFrom\r\n");
    body("end \nend\t\n \n=\n", "end \r\nend\t\r\n \r\n=\r\n");
    body("\xc3\xa4\xe2\x82\xac\xf0\x9f\x9b\x92 \x01\x7f",
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x9b\x92 \x01\x7f\r\n");
    body("--=_cartrecover_alternative--", "--=_cartrecover_alternative--\r\n");

    for (n = 70; n < 80; n++) {
        memset(text, 'x', (size_t) n);
        text[n] = '\0';
        (void) snprintf(want, sizeof(want), "%s\r\n", text);
        body(text, want);
    }

    for (i = 0; i < 2900; i++) {
        text[i] = " .F\xc3\xa4x=\t"[(i * 7 + i / 9) % 8];
    }

    text[i] = '\0';
    (void) snprintf(want, sizeof(want), "%s\r\n", text);
    body(text, want);
}


static void
refused(const cr_mail_t *m, const char *what)
{
    char    *p;
    size_t   len;

    p = cr_mime(m, &len);
    OK_TEXT(p == NULL, what);
    free(p);
}


static void
injection(void)
{
    int        i;
    cr_mail_t  m;

    static const char *const  bad[] = {
        "x\r\nBcc: e@evil.example", "x\nBcc: e", "x\rBcc: e", "x\x7f", "x\x01",
    };

    static const char *const  addresses[] = {
        "a@b.example\r\nBcc: e@evil.example", "a@b.example, e@evil.example",
        "a@b.example> <e@evil.example", "", "a", "a@", "@b", "a b@c.example",
        "<a@b.example", "N <a@b.example> x", "N <a@b@c>",
        "\xc3\xa4@b.example", "N\n <a@b.example>",
    };

    for (i = 0; i < (int) (sizeof(bad) / sizeof(bad[0])); i++) {
        m = mail();
        m.subject = bad[i];
        refused(&m, "a control character in the subject");
        m = mail();
        m.message_id = bad[i];
        refused(&m, "in the Message-ID");
        m = mail();
        m.unsubscribe = bad[i];
        refused(&m, "in the unsubscribe link");
        m = mail();
        m.unsubscribe_mailto = bad[i];
        refused(&m, "in the unsubscribe address");
        m = mail();
        m.feedback_id = bad[i];
        refused(&m, "in the Feedback-ID");
    }

    for (i = 0; i < (int) (sizeof(addresses) / sizeof(addresses[0])); i++) {
        m = mail();
        m.to = addresses[i];
        refused(&m, "a wrong recipient");
        m = mail();
        m.from = addresses[i];
        refused(&m, "a wrong sender");
        m = mail();
        m.reply_to = addresses[i];
        refused(&m, "a wrong reply-to");
    }

    m = mail();
    m.to = NULL;
    refused(&m, "no recipient");
    m = mail();
    m.from = NULL;
    refused(&m, "no sender");
    m = mail();
    m.subject = NULL;
    refused(&m, "no subject");
    m = mail();
    m.text = NULL;
    refused(&m, "no text");
    m = mail();
    m.message_id = "no-at-sign";
    refused(&m, "no Message-ID");
    m = mail();
    m.unsubscribe = "https://a.example/> <https://evil.example/";
    refused(&m, "brackets in the unsubscribe link");
}


int
main(void)
{
    headers();
    words();
    bodies();
    injection();

    return check_done();
}
