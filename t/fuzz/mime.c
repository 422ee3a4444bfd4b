/*
 * Input: up to eight texts, NUL between them: from, to, reply-to, subject,
 * Message-ID, unsubscribe link, text, html.  A message comes out only when no
 * field can add a header; what comes out is 7-bit, short-lined and CRLF.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cr_mime.h"

#define FIELDS  8


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(int cond)
{
    if (!cond) {
        abort();
    }
}


static void
check_lines(const char *p, size_t len)
{
    size_t  i, col, most;
    char   *end;

    end = memmem(p, len, "\r\n\r\n", 4);
    must(end != NULL);
    most = (size_t) (end - p);

    for (i = 0, col = 0; i < len; i++) {
        must((unsigned char) p[i] < 127);
        must(p[i] != '\n' || (i > 0 && p[i - 1] == '\r'));
        must(p[i] != '\r' || (i + 1 < len && p[i + 1] == '\n'));
        must((unsigned char) p[i] >= 32 || p[i] == '\t' || p[i] == '\r'
             || p[i] == '\n');
        col = (p[i] == '\n') ? 0 : col + 1;
        must(i < most ? col <= 998 : col <= 77);
    }
}


/* Each header line is one of ours, or goes on the one before it. */

static void
check_headers(const char *p)
{
    int          i, ours;
    const char  *line;

    static const char *const  names[] = {
        "Date: ", "From: ", "To: ", "Reply-To: ", "Subject: ", "Message-ID: ",
        "Auto-Submitted: ", "List-Unsubscribe: ", "List-Unsubscribe-Post: ",
        "MIME-Version: ", "Content-Type: multipart/alternative;"
    };

    int  seen[sizeof(names) / sizeof(names[0])];

    memset(seen, 0, sizeof(seen));

    for (line = p; strncmp(line, "\r\n", 2) != 0;
         line = strstr(line, "\r\n") + 2)
    {
        if (line[0] == ' ') {
            must(line[strspn(line, " ")] != '\r');
            continue;
        }

        ours = 0;

        for (i = 0; i < (int) (sizeof(names) / sizeof(names[0])); i++) {
            if (strncmp(line, names[i], strlen(names[i])) == 0) {
                must(seen[i]++ == 0);
                ours = 1;
            }
        }

        must(ours);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int         i;
    char       *text, *p, *end, *field[FIELDS];
    size_t      len;
    cr_mail_t   m;

    text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    end = text + size;

    for (i = 0, p = text; i < FIELDS; i++) {
        field[i] = p;
        p += strlen(p);
        p += (p < end);
    }

    memset(&m, 0, sizeof(m));
    m.from = field[0];
    m.to = field[1];
    m.reply_to = field[2][0] ? field[2] : NULL;
    m.subject = field[3];
    m.message_id = field[4];
    m.unsubscribe = field[5][0] ? field[5] : NULL;
    m.text = field[6];
    m.html = field[7];

    p = cr_mime(&m, &len);

    if (p != NULL) {
        must(strlen(p) == len);
        check_lines(p, len);
        check_headers(p);
    }

    free(p);
    free(text);

    return 0;
}
