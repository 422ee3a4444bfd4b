/*
 * cr_mime.h: one multipart/alternative message as bytes, for the late intent
 * (libcurl's own MIME API never calls the read callback).  For worker and CLI.
 */

#ifndef CR_MIME_H
#define CR_MIME_H

#include "cr_base.h"


typedef struct {
    const char  *from;           /* "Name <a@b>"; the name in UTF-8 */
    const char  *to;
    const char  *reply_to;       /* or NULL */
    const char  *subject;        /* UTF-8 */
    const char  *message_id;     /* without <> */
    const char  *unsubscribe;    /* https URL */
    const char  *unsubscribe_mailto;   /* address or NULL */
    const char  *feedback_id;    /* or NULL */
    int64_t      date_s;
    const char  *text;           /* UTF-8 */
    const char  *html;
} cr_mail_t;

/* A fresh string with CRLF line ends, length in *len; NULL when a header
 * contains a control character or an address is missing.  7-bit clean:
 * quoted-printable bodies, RFC 2047 words, RFC 8058 headers. */

char *cr_mime(const cr_mail_t *m, size_t *len);

#endif
