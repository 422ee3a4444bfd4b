/*
 * cr_json.h: a streaming JSON scanner.  Bytes are pushed in as they pass, in
 * pieces of any size; each scalar is handed to a callback with its path.
 * Nothing is kept but a path and one value, so a 250 KB answer costs the same
 * memory as a small one.  No recursion, no malloc.
 *
 * It is lenient about what follows the first complete value and strict about
 * everything in it that could make two readers disagree; after CR_ERR no more
 * callbacks come.
 */

#ifndef CR_JSON_H
#define CR_JSON_H

#include "cr_base.h"


#define CR_JSON_DEPTH   32       /* deeper values are skipped, not an error */
#define CR_JSON_PATH    192      /* bytes of the longest path that is told */
#define CR_JSON_VALUE   512      /* longer strings are cut; cut = 1 */

typedef enum {
    CR_JSON_STRING, CR_JSON_NUMBER, CR_JSON_TRUE, CR_JSON_FALSE, CR_JSON_NULL,
    CR_JSON_OPEN,                /* { or [ begins; value is that byte */
    CR_JSON_CLOSE                /* } or ] ends */
} cr_json_e;

/* path: keys joined by '.', array elements as "[]": "cart.items[].qty".  The
 * root is "".  index: position in the innermost array, else -1.  Strings are
 * unescaped to UTF-8 (lone surrogates become U+FFFD, bytes that are no UTF-8
 * become '?').  In a key, '.', '[' and '\\' are told with a '\\' in front, and
 * an empty key as a single '\\': two different values never share a path. */

typedef void (*cr_json_pt)(void *data, cr_str_t path, int index,
    cr_json_e type, cr_str_t value, int cut);

/* Optional: the strings whole, in unescaped pieces as they come; end = 1 with
 * the last one, which may be empty. */

typedef void (*cr_json_piece_pt)(void *data, cr_str_t path, const char *p,
    size_t n, int end);

typedef struct {
    cr_json_pt   handler;
    void        *data;
    cr_json_piece_pt  piece;     /* set it after cr_json_init; NULL = none */
    uint8_t      state;          /* the rest is the scanner's own */
    uint8_t      depth;
    uint8_t      skip;
    uint8_t      flags;
    uint32_t     unicode;
    uint32_t     line;           /* 1-based line of the byte at hand */
    uint16_t     path_len;
    uint16_t     value_len;
    uint16_t     path_at[CR_JSON_DEPTH];
    int32_t      index[CR_JSON_DEPTH];
    uint8_t      kind[CR_JSON_DEPTH];
    char         path[CR_JSON_PATH];
    char         value[CR_JSON_VALUE];
} cr_json_t;


void cr_json_init(cr_json_t *j, cr_json_pt handler, void *data);

/* CR_OK: more may come.  1: the root value is complete.  CR_ERR: no JSON. */

int cr_json_feed(cr_json_t *j, const char *p, size_t n);

/* No more bytes will come: a bare number at the root is complete now.  1 when
 * a whole value was seen, else CR_ERR. */

int cr_json_end(cr_json_t *j);

/* The line (1..) on which the value at `path` stands in text, for messages
 * about configuration; array elements by index: "$.sequence[2].after".
 * 0 when it is not there. */

int cr_json_line(const char *text, size_t len, const char *path);

/* Writes s as a JSON string with its quotes; '<', '>' and '&' become \u00XX so
 * that it may stand inside HTML.  Returns bytes written or CR_FULL. */

int cr_json_quote(char *buf, size_t cap, cr_str_t s);

/* Bytes of the UTF-8 character at p, 1 to 4; 0 when it is none. */

int cr_utf8_len(const char *p, size_t n);

#endif
