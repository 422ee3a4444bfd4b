/*
 * cr_profile.h: platform profiles.  A profile is JSON (conf/platforms, the
 * format is doc/profiles.md) compiled once into an immutable object: one PCRE2
 * alternation over "METHOD path?args" whose marks name a rule group.
 *
 * Compiling and freeing allocate; matching and observing do not.
 */

#ifndef CR_PROFILE_H
#define CR_PROFILE_H

#include "cr_base.h"
#include "cr_cart.h"
#include "cr_json.h"
#include "cr_word.h"


typedef struct cr_profile_s  cr_profile_t;

/* Compiles a profile.  NULL with *err filled when it is wrong. */

cr_profile_t *cr_profile_compile(const char *json, size_t len,
    cr_error_t *err);

/* The same with extra rules in front, from cartrecover_match EVENT REGEX:
 * the regex is matched against "METHOD path?args". */

typedef struct {
    cr_event_e   event;
    const char  *regex;          /* terminated */
} cr_profile_extra_t;

cr_profile_t *cr_profile_compile_extra(const char *json, size_t len,
    const cr_profile_extra_t *extra, int nextra, cr_error_t *err);

void cr_profile_free(cr_profile_t *p);

const char *cr_profile_name(const cr_profile_t *p);

/* A profile that ships inside the program, by name ("woocommerce", "demo"...);
 * NULL for an unknown one.  cr_profile_builtin_name(i): the i-th name, or
 * NULL. */

cr_str_t cr_profile_builtin(const char *name);
const char *cr_profile_builtin_name(int i);


/* ---- one request ---- */

/* Looks up a header of the request or response by lower-case name. */

typedef cr_str_t (*cr_header_pt)(void *data, cr_str_t name);

typedef enum {
    CR_PREFETCH_UNKNOWN,         /* the request's headers are asked */
    CR_PREFETCH_NO, CR_PREFETCH_YES
} cr_prefetch_e;

typedef struct {
    cr_str_t       method;
    cr_str_t       path;         /* as sent, percent-encoding kept */
    cr_str_t       args;         /* without '?' */
    cr_header_pt   header;       /* request headers; .p == NULL = absent */
    void          *data;
    cr_prefetch_e  prefetch;     /* what the caller knows of it */
} cr_request_t;

/* Whether a header, its name in lower case, says that nobody may ever see the
 * answer: a browser's or a router's guess at what may be wanted next. */

int cr_prefetch(cr_str_t name, cr_str_t value);

typedef struct {
    int16_t        group;        /* -1: nothing of interest */
    uint8_t        want_request; /* the body decides or holds fields */
    uint8_t        want_response;/* the answer's JSON decides or holds fields */
    uint8_t        page;         /* a GET that the profile counts as a page, */
    uint8_t        cart_page;    /* and one of cart or checkout */
    uint8_t        changes;      /* the request may change the cart */
    uint8_t        fetched;      /* a page that a script asks for: no view */
    cr_str_t       capture;      /* (?<id>...) of the pattern, in the uri */
} cr_match_t;

/* One PCRE2 match.  Returns 1 when something of interest, else 0.  Prefetches
 * (Purpose, Sec-Purpose, Next-Router-Prefetch) never match. */

int cr_profile_match(const cr_profile_t *p, const cr_request_t *r,
    cr_match_t *m);

/* The shop's own session: the value of the first of the profile's session
 * sources (cookie, header, capture) that the request has; .p == NULL without.
 * The value is only ever hashed.  cr_profile_session_set does the same for a
 * response's Set-Cookie line. */

cr_str_t cr_profile_session(const cr_profile_t *p, const cr_request_t *r,
    const cr_match_t *m, cr_str_t cookie_header);
cr_str_t cr_profile_session_set(const cr_profile_t *p, cr_str_t set_cookie);

/* How surely this exchange is the profile's platform: marks found in the
 * request and in its answer, 0 = none.  set_cookie and response_header may be
 * empty. */

int cr_profile_recognise(const cr_profile_t *p, const cr_request_t *r,
    cr_str_t cookie_header, cr_str_t set_cookie,
    cr_header_pt response_header, void *response_data);

/* Cookie header scan: the value of `name`, first valid one wins. */

cr_str_t cr_cookie_get(cr_str_t cookie_header, cr_str_t name);


/* ---- what one exchange means ---- */

#define CR_OBS_REF   32
#define CR_OBS_TEXTS  8          /* pieces of text a rule group may look for */
#define CR_OBS_FACTS 16
#define CR_OBS_PARTS 16         /* of a batch; later ones keep nothing */

typedef struct {                 /* a piece of text being looked for */
    uint8_t    step;
    uint8_t    k;
    uint8_t    n;
    uint8_t    flags;
    char       buf[60];
} cr_obs_text_t;

typedef struct {
    const cr_profile_t *profile;
    cr_match_t     match;
    cr_event_e     event;        /* valid after cr_obs_finish */
    uint64_t       rules;        /* candidate rules still alive, a bit each */

    /* facts; empty or CR_AMOUNT_UNKNOWN = not seen */
    char           email[256];   /* lower case, checked for shape */
    char           phone[24];    /* digits with leading + where given */
    int8_t         consent;      /* marketing box: 1 ticked, 0 not, -1 unseen */
    uint8_t        has_lines;    /* cart.lines are the whole cart */
    uint8_t        has_line;     /* one line, below */
    uint8_t        delta;        /* its quantity is a difference */
    char           ref[CR_OBS_REF];
    int64_t        qty;
    int64_t        price;
    char           opt[44];
    char           name[52];
    char           order_id[32];
    int64_t        order_total;
    char           country[3];
    cr_cart_t      cart;         /* amounts, currency, key and lines seen */

    uint16_t       status;
    uint8_t        response_json;
    uint8_t        response_head_done;
    cr_json_t      json;         /* the scanner of the response */
    uint8_t        scratch[512]; /* the engine's own */

    /* A caller that knows the shop's currency may set it after cr_obs_init:
     * it decides how many decimals an amount has where the answer does not
     * name a currency. */

    char           currency_hint[4];

    /* the engine's own */
    uint64_t       truth;        /* conditions that were seen to be true */
    uint64_t       known;        /* conditions that will not change */
    uint8_t        rank[CR_OBS_FACTS];
    uint8_t        body;         /* of the answer: unknown, JSON or other */
    uint8_t        parts;        /* what of it is still being read */
    uint8_t        lines_state;
    uint8_t        request_read;
    int8_t         sign;
    uint32_t       scanned;
    int64_t        line_qty;
    cr_line_t      line;         /* the line at hand */
    uint8_t        text_k[CR_OBS_TEXTS * 2];
    cr_obs_text_t  text[CR_OBS_TEXTS];
    uint8_t        rows;         /* lines found in HTML: where in the list, */
    uint8_t        row_begin;    /* and the progress through each literal */
    uint8_t        row_each;
    uint8_t        row_empty;
    uint8_t        row_field;
    cr_obs_text_t  row;
    uint8_t        money;        /* how amounts at hand are written */
    uint8_t        page;         /* the tag <body>: how far, */
    uint16_t       page_n;       /* and its bytes, in scratch */
    uint8_t        inside;       /* JSON in a page: how far, */
    uint8_t        inside_step;  /* the mark looked for, */
    uint8_t        inside_k;     /* and the progress through it */
    uint8_t        inside_gap;
    uint8_t        inside_n;
    char           inside_buf[8];
    uint8_t        part_at;      /* a batch: the part at hand, from 1, */
    uint8_t        fact_part[CR_OBS_FACTS];    /* where each fact stood, */
    uint16_t       part_ok;      /* the parts that were answered well, */
    uint16_t       part[CR_OBS_PARTS];  /* and those that conditions mean */
} cr_obs_t;                      /* about 6 KB; from the request's pool */

/* 1 where the status of the answer is all that its meaning hangs on and nothing
 * is to be read: *event is set, and no observation is needed. */

int cr_obs_status(const cr_profile_t *p, const cr_match_t *m, int status,
    cr_event_e *event);

/* Starts an observation of a matched request: query arguments are read. */

void cr_obs_init(cr_obs_t *o, const cr_profile_t *p, const cr_match_t *m,
    const cr_request_t *r);

/* The request body, whole or its first 16 KB: urlencoded, nested urlencoded,
 * JSON, GraphQL, text/plain server actions, small multipart text parts.  Only
 * what the profile names is kept.  Undecodable bodies change nothing. */

void cr_obs_request(cr_obs_t *o, cr_str_t content_type, const char *p,
    size_t n);

/* The answer's head: status and headers (cr_header_pt on the response; names
 * "location", "content-type", "x-action-redirect" ...).  Returns 1 when the
 * meaning is settled (commit before the header leaves), 0 when the body is
 * needed (feed it). */

int cr_obs_response_head(cr_obs_t *o, int status, cr_header_pt header,
    void *data);

/* The answer's body in pieces.  Any content type: the first byte that is no
 * white space tells JSON from the rest.  Returns 1 when settled. */

int cr_obs_response_feed(cr_obs_t *o, const char *p, size_t n);

/* The verdict: event, CR_EV_NONE where nothing happened.  Facts that belong to
 * a refused change are cleared.  Call once, before reading the facts. */

cr_event_e cr_obs_finish(cr_obs_t *o);


/* ---- restore ---- */

/* How the restore page puts lines back; see doc/profiles.md "restore".  The
 * JSON object of the profile, compact, terminated; "" where there is none. */

const char *cr_profile_restore(const cr_profile_t *p);

#endif
