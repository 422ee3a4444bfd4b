/*
 * cr_json_int.h: what the scanner's two halves share: structure (cr_json.c) and
 * tokens (cr_json_token.c).  Nobody else includes it.
 */

#ifndef CR_JSON_INT_H
#define CR_JSON_INT_H

#include "cr_json.h"


/* States.  Those from S_STRING on are inside a token; S_SKIP and after it are
 * inside a container that lies too deep to be told. */

enum {
    S_START, S_BOM1, S_BOM2,
    S_VALUE, S_FIRST_VALUE, S_FIRST_KEY, S_KEY, S_COLON, S_AFTER,
    S_DONE, S_ERR,
    S_STRING, S_ESCAPE, S_HEX, S_WORD,
    S_MINUS, S_ZERO, S_INT, S_DOT, S_FRAC, S_E, S_ESIGN, S_EXP,
    S_SKIP, S_SKIP_STRING, S_SKIP_ESCAPE
};

#define F_KEY    1               /* the string at hand is a key */
#define F_CUT    2               /* the value did not fit */
#define F_HIGH   4               /* a high surrogate waits in unicode >> 16 */
#define F_EMPTY  8               /* the key has no byte so far */


/* Structure. */

void cr_json_tell(cr_json_t *j, size_t path_len, cr_json_e type,
    const char *p, size_t n, int cut);
void cr_json_tell_value(cr_json_t *j, cr_json_e type);
void cr_json_path_add(cr_json_t *j, char c);
void cr_json_value_end(cr_json_t *j);

/* Tokens.  cr_json_string takes as many bytes as there are and returns how
 * many; the others take one byte.  cr_json_number: CR_NONE where the number
 * ended in front of c. */

extern const char *const  cr_json_words[3];

void cr_json_put(cr_json_t *j, const char *p, size_t n);
size_t cr_json_string(cr_json_t *j, const char *p, size_t n);
int cr_json_escape(cr_json_t *j, char c);
int cr_json_hex(cr_json_t *j, char c);
int cr_json_number(cr_json_t *j, char c);
int cr_json_word(cr_json_t *j, char c);
int cr_json_skip(cr_json_t *j, char c);

#endif
