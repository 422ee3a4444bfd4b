#define _GNU_SOURCE

#include "cr_mime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cr_json.h"
#include "cr_policy_int.h"


#define LINE_LEN    76
#define WORD_LEN    75           /* of RFC 2047 */
#define HEADER_MAX  2000

/* "=_" never comes out of quoted-printable, so no body contains this. */

#define BOUNDARY  "=_cartrecover_alternative"

typedef struct {
    char    *p;
    size_t   len;
    size_t   size;
    int      failed;
} mime_t;

static const char  hex_digits[] = "0123456789ABCDEF";


static void
mime_put(mime_t *m, const char *s, size_t n)
{
    char    *p;
    size_t   size;

    if (m->failed) {
        return;
    }

    if (m->size - m->len <= n) {
        size = m->size * 2 + n + 4096;
        p = realloc(m->p, size);

        if (p == NULL) {
            m->failed = 1;
            return;
        }

        m->p = p;
        m->size = size;
    }

    memcpy(m->p + m->len, s, n);
    m->len += n;
    m->p[m->len] = '\0';
}


static void
mime_add(mime_t *m, const char *s)
{
    mime_put(m, s, strlen(s));
}


/* A line of a body in quoted-printable, without its end. */

static void
mime_line(mime_t *m, const char *s, size_t n)
{
    char    c, quoted[3];
    size_t  i, col, w;

    col = 0;

    for (i = 0; i < n; i++) {
        c = s[i];
        w = 1;

        if ((unsigned char) c < 0x20 || (unsigned char) c > 0x7e || c == '='
            || (c == ' ' && i + 1 == n)
            || (i == 0 && n >= 5 && memcmp(s, "From ", 5) == 0)
            || (i == 0 && c == '.'))
        {
            w = 3;
        }

        if (c == '\t' && i + 1 < n) {
            w = 1;
        }

        if (col + w > LINE_LEN - 1 && !(i + 1 == n
                                           && col + w <= LINE_LEN))
        {
            mime_put(m, "=\r\n", 3);
            col = 0;

            if (c == '.') {
                w = 3;
            }
        }

        if (w == 1) {
            mime_put(m, &c, 1);

        } else {
            quoted[0] = '=';
            quoted[1] = hex_digits[(unsigned char) c >> 4];
            quoted[2] = hex_digits[(unsigned char) c & 15];
            mime_put(m, quoted, 3);
        }

        col += w;
    }
}


/* Line ends of any kind become CRLF; the last line gets one too. */

static void
mime_body(mime_t *m, const char *s)
{
    size_t  n;

    while (*s) {
        n = strcspn(s, "\r\n");
        mime_line(m, s, n);
        mime_put(m, "\r\n", 2);
        s += n;

        if (s[0] == '\r' && s[1] == '\n') {
            s++;
        }

        if (*s) {
            s++;
        }
    }
}


static int
mime_clean(const char *s)
{
    for ( /* void */ ; *s; s++) {
        if ((unsigned char) *s < 0x20 || *s == 0x7f) {
            return 0;
        }
    }

    return 1;
}


static int
mime_ascii(const char *s)
{
    for ( /* void */ ; *s; s++) {
        if ((unsigned char) *s < 0x20 || (unsigned char) *s > 0x7e) {
            return 0;
        }
    }

    return 1;
}


/* RFC 2047 "Q" words, folded between words, never inside a character.  A byte
 * that is no UTF-8 becomes "?".  col: where the line stands. */

static void
mime_words(mime_t *m, const char *s, size_t n, size_t col)
{
    int     len, open, safe;
    char    word[12];
    size_t  i, w, k;

    static const char  plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789!*+-/";

    open = 0;

    for (i = 0; i < n; i += (size_t) len) {
        len = cr_utf8_len(s + i, n - i);
        safe = (len == 1 && strchr(plain, s[i]) != NULL);
        w = 0;

        if (safe) {
            word[w++] = s[i];

        } else if (len == 1 && s[i] == ' ') {
            word[w++] = '_';

        } else if (len == 0) {
            len = 1;
            memcpy(word, "=3F", 3);
            w = 3;

        } else {
            for (k = i; k < i + (size_t) len; k++) {
                word[w++] = '=';
                word[w++] = hex_digits[(unsigned char) s[k] >> 4];
                word[w++] = hex_digits[(unsigned char) s[k] & 15];
            }
        }

        if (open && col + w + 2 > WORD_LEN) {
            mime_add(m, "?=\r\n ");
            col = 1;
            open = 0;
        }

        if (!open) {
            mime_add(m, "=?UTF-8?Q?");
            col += 10;
            open = 1;
        }

        mime_put(m, word, w);
        col += w;
    }

    if (open) {
        mime_add(m, "?=");
    }
}


/* Printable ASCII as it is, folded at spaces; all else as encoded words. */

static void
mime_unstructured(mime_t *m, const char *name, const char *s)
{
    size_t       col, n;
    const char  *from;

    mime_add(m, name);
    mime_add(m, ": ");
    col = strlen(name) + 2;

    if (!mime_ascii(s) || strstr(s, "=?") || *s == '\0' || *s == ' ') {
        mime_words(m, s, strlen(s), col);
        mime_add(m, "\r\n");
        return;
    }

    for (from = s; *s; s += n) {
        n = strcspn(s + 1, " ") + 1;

        if (s > from && col + n > LINE_LEN && s[1] && s[1] != ' ') {
            mime_add(m, "\r\n");
            col = 0;
        }

        if (n > 900) {
            m->failed = 1;
        }

        mime_put(m, s, n);
        col += n;
    }

    mime_add(m, "\r\n");
}


/* A display name: atoms as they are, other ASCII quoted, the rest encoded. */

static void
mime_phrase(mime_t *m, const char *s, size_t n, size_t col)
{
    int     atoms, ascii;
    size_t  i;

    atoms = 1;
    ascii = 1;

    for (i = 0; i < n; i++) {
        ascii = ascii && (unsigned char) s[i] < 0x7f;
        atoms = atoms && s[i] != '"' && s[i] != '\\'
                && strchr("()<>@,;:.[]", s[i]) == NULL;
    }

    if (!ascii || memmem(s, n, "=?", 2)) {
        mime_words(m, s, n, col);
        return;
    }

    if (atoms) {
        mime_put(m, s, n);
        return;
    }

    mime_add(m, "\"");

    for (i = 0; i < n; i++) {
        if (s[i] == '"' || s[i] == '\\') {
            mime_add(m, "\\");
        }

        mime_put(m, s + i, 1);
    }

    mime_add(m, "\"");
}


/* "Name <a@b>" or "a@b"; a name in quotes loses them. */

static int
mime_mailbox(mime_t *m, const char *header, const char *s)
{
    char         name[256];
    size_t       i, n, k;
    const char  *open;

    if (s == NULL || !mime_clean(s) || !cr_policy_is_mailbox(s)
        || strlen(s) >= sizeof(name))
    {
        return CR_ERR;
    }

    mime_add(m, header);
    mime_add(m, ": ");
    open = strrchr(s, '<');

    if (open == NULL) {
        open = s;
        n = 0;

    } else {
        n = (size_t) (open - s);
    }

    while (n > 0 && s[n - 1] == ' ') {
        n--;
    }

    while (n > 0 && *s == ' ') {
        s++;
        n--;
    }

    if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
        for (i = 1, k = 0; i < n - 1; i++) {
            i += (s[i] == '\\' && i + 1 < n - 1);
            name[k++] = s[i];
        }

    } else {
        memcpy(name, s, n);
        k = n;
    }

    if (k > 0) {
        mime_phrase(m, name, k, strlen(header) + 2);
        mime_add(m, "\r\n ");
    }

    if (!mime_ascii(open)) {
        return CR_ERR;
    }

    if (*open != '<') {
        mime_add(m, "<");
        mime_add(m, open);
        mime_add(m, ">\r\n");

    } else {
        mime_add(m, open);
        mime_add(m, "\r\n");
    }

    return CR_OK;
}


/* No spaces, nothing that would end the angle brackets it stands in. */

static int
mime_token(const char *s)
{
    return s != NULL && *s && mime_ascii(s) && strpbrk(s, " <>,\"") == NULL
           && strlen(s) < 900;
}


static int
mime_date(mime_t *m, int64_t seconds)
{
    char       buf[64];
    time_t     t;
    struct tm  tm;

    static const char *const  days[] = {
        "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
    };

    static const char *const  months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
        "Nov", "Dec"
    };

    t = (time_t) seconds;

    if (gmtime_r(&t, &tm) == NULL || tm.tm_year < 0 || tm.tm_year > 8099) {
        return CR_ERR;
    }

    (void) snprintf(buf, sizeof(buf),
                    "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n",
                    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    mime_add(m, buf);

    return CR_OK;
}


static int
mime_unsubscribe(mime_t *m, const cr_mail_t *mail)
{
    if (mail->unsubscribe == NULL) {
        return CR_OK;
    }

    if (!mime_token(mail->unsubscribe)
        || (mail->unsubscribe_mailto && !mime_token(mail->unsubscribe_mailto)))
    {
        return CR_ERR;
    }

    mime_add(m, "List-Unsubscribe: <");
    mime_add(m, mail->unsubscribe);
    mime_add(m, ">");

    if (mail->unsubscribe_mailto) {
        mime_add(m, ",\r\n <mailto:");
        mime_add(m, mail->unsubscribe_mailto);
        mime_add(m, ">");
    }

    mime_add(m, "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");

    return CR_OK;
}


static int
mime_headers(mime_t *m, const cr_mail_t *mail)
{
    if (mail->subject == NULL || !mime_clean(mail->subject)
        || strlen(mail->subject) > HEADER_MAX
        || !mime_token(mail->message_id)
        || strchr(mail->message_id, '@') == NULL
        || (mail->feedback_id && (!mime_ascii(mail->feedback_id)
                                  || strlen(mail->feedback_id) > 900)))
    {
        return CR_ERR;
    }

    if (mime_date(m, mail->date_s) != CR_OK
        || mime_mailbox(m, "From", mail->from) != CR_OK
        || mime_mailbox(m, "To", mail->to) != CR_OK)
    {
        return CR_ERR;
    }

    if (mail->reply_to && mime_mailbox(m, "Reply-To", mail->reply_to) != CR_OK)
    {
        return CR_ERR;
    }

    mime_unstructured(m, "Subject", mail->subject);
    mime_add(m, "Message-ID: <");
    mime_add(m, mail->message_id);
    mime_add(m, ">\r\nAuto-Submitted: auto-generated\r\n");

    if (mime_unsubscribe(m, mail) != CR_OK) {
        return CR_ERR;
    }

    if (mail->feedback_id) {
        mime_add(m, "Feedback-ID: ");
        mime_add(m, mail->feedback_id);
        mime_add(m, "\r\n");
    }

    mime_add(m, "MIME-Version: 1.0\r\n"
             "Content-Type: multipart/alternative;\r\n"
             " boundary=\"" BOUNDARY "\"\r\n\r\n");

    return CR_OK;
}


static void
mime_part(mime_t *m, const char *type, const char *body)
{
    mime_add(m, "--" BOUNDARY "\r\nContent-Type: ");
    mime_add(m, type);
    mime_add(m, "; charset=UTF-8\r\n"
             "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    mime_body(m, body);
}


char *
cr_mime(const cr_mail_t *mail, size_t *len)
{
    mime_t  m;

    memset(&m, 0, sizeof(m));

    if (mail->text == NULL || mime_headers(&m, mail) != CR_OK) {
        free(m.p);
        return NULL;
    }

    mime_part(&m, "text/plain", mail->text);

    if (mail->html) {
        mime_part(&m, "text/html", mail->html);
    }

    mime_add(&m, "--" BOUNDARY "--\r\n");

    if (m.failed) {
        free(m.p);
        return NULL;
    }

    *len = m.len;

    return m.p;
}
