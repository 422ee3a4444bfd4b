/*
 * cr_cart.h: the cart snapshot, its orders, and money.
 *
 * Plain fixed-size data: it lies in shared memory, is copied whole, and
 * travels as JSON (doc/protocol.md, "cart").  A cart with more lines than fit
 * keeps the first ones and says so in `cut`.
 */

#ifndef CR_CART_H
#define CR_CART_H

#include "cr_base.h"


#define CR_CART_LINES   12
#define CR_CART_JSON    4096     /* bytes of a snapshot's JSON, at most */

typedef struct {
    int64_t   price;             /* one piece; CR_AMOUNT_UNKNOWN */
    uint32_t  qty;
    char      ref[32];           /* what a restore needs: SKU, variant */
    char      name[52];          /* UTF-8, terminated, cut at a character */
    char      opt[44];           /* options for the restore, "k=v&k=v" */
} cr_line_t;                     /* every char[] here is NUL-terminated */

typedef struct {
    int64_t   total;             /* what the shopper would pay as last seen */
    int64_t   subtotal;
    int64_t   shipping;
    char      currency[4];       /* ISO 4217, upper case; "" = unknown */
    uint32_t  version;           /* rises with each change of lines */
    uint32_t  total_version;     /* the version that the total belongs to */
    uint32_t  updated_s;
    uint16_t  pieces;            /* sum of quantities, lines cut off included */
    uint8_t   nlines;
    uint8_t   cut;               /* more lines than fit */
    char      key[40];           /* the shop's cart id, "" where it has none */
    cr_line_t lines[CR_CART_LINES];
} cr_cart_t;                     /* <= 2 KB */

typedef struct {
    int64_t   total;
    uint32_t  at_s;
    char      currency[4];
    char      id[32];            /* "" where the shop shows none */
} cr_order_t;


/* Empties a cart: amounts unknown, no lines; the version is kept. */

void cr_cart_clear(cr_cart_t *c);

/* Puts qty pieces of ref into the cart (delta = 1) or sets the line to qty
 * (delta = 0; 0 removes it).  Unknown price: CR_AMOUNT_UNKNOWN; empty name or
 * opt keep what is there.  Bumps the version when something changed.
 * CR_OK, or CR_FULL when the line did not fit (cut is set, pieces counted). */

int cr_cart_line(cr_cart_t *c, cr_str_t ref, int64_t qty, int delta,
    int64_t price, cr_str_t name, cr_str_t opt);

/* Replaces lines and amounts by those of a full snapshot `from`; version and
 * total_version follow; known amounts are never replaced by unknown ones of
 * the same version.  Names, prices and options that `from` lacks are kept
 * from the old line with the same ref.  Returns 1 when lines changed. */

int cr_cart_replace(cr_cart_t *c, const cr_cart_t *from);

/* Takes over what `from` knows of amounts, currency and key, for the lines as
 * they are now; lines and version stay. */

void cr_cart_amounts(cr_cart_t *c, const cr_cart_t *from);

/* A hash of the lines (ref, qty) in any order; offers are bound to it. */

uint64_t cr_cart_fingerprint(const cr_cart_t *c);

/* Writes the JSON object of doc/protocol.md, terminated; returns its length
 * or CR_FULL.  Invalid UTF-8 is replaced by U+FFFD. */

int cr_cart_json(const cr_cart_t *c, char *buf, size_t cap);

/* Reads the same back (jansson, so it allocates; for worker, CLI and the
 * restore endpoint).  CR_ERR when it is no cart. */

int cr_cart_parse(cr_cart_t *c, const char *json, size_t len);


/* Digits after the point for an ISO 4217 code: JPY 0, KWD 3, default 2. */

int cr_money_exponent(const char *currency);

/* An amount in major units as shops write it -- "1,807.00", "1.129,90 EUR",
 * "$-150.00", "&#36;142.50", "111.9000", 65.4 -- to minor units.  The last
 * separator followed by a group that is not three digits is the decimal one;
 * three digits after a single separator are thousands unless exponent is 3.
 * CR_OK or CR_ERR (no digits, overflow). */

int cr_money_parse(cr_str_t s, int exponent, int64_t *minor);

/* A plain decimal as JSON has it, "-12.345": the point is always the decimal
 * one, what the currency cannot hold is rounded.  CR_OK or CR_ERR. */

int cr_money_decimal(cr_str_t s, int exponent, int64_t *minor);

/* Minor units to plain text "1129.90" (no symbol); returns the length. */

int cr_money_plain(int64_t minor, int exponent, char *buf, size_t cap);

/* An amount (not below 0) as a reader of locale ("de-AT"; an unknown one reads
 * English) writes it: "1.129,90 EUR", the currency by its sign where the locale
 * has one.  The same as ICU's, for en, de, fr, es and it.  Terminated; the
 * length, CR_FULL, or CR_ERR (negative, no currency). */

int cr_money_format(int64_t minor, const char *currency, cr_str_t locale,
    char *buf, size_t cap);

/* Copies at most cap - 1 bytes, terminates, never cuts a UTF-8 character. */

void cr_text_copy(char *dst, size_t cap, cr_str_t src);

/* A reference as a line keeps it: one that is longer than the field ends in
 * '~' and a hash, so that two of them never become one. */

void cr_ref_copy(char dst[32], cr_str_t src);

#endif
