/*
 * cr_restore.h: the two pages of our own that a link in a message opens.
 * Whole HTML documents without inline script or style, translated by locale
 * (conf/messages), written into the caller's buffer.
 */

#ifndef CR_RESTORE_H
#define CR_RESTORE_H

#include "cr_base.h"
#include "cr_cart.h"

#define CR_PAGE_MAX   16384

/* The restore page: lines, the profile's recipe and the cart as JSON for r.js,
 * whose head describes the recipe; product lines with the recipe's "link" for
 * browsers without scripts, and where the recipe has no "add".  prefix such as
 * "/_cr/", hash of r.js or "".  Terminated; the length or CR_FULL. */

int cr_restore_page(const cr_cart_t *c, const char *recipe, cr_str_t prefix,
    cr_str_t hash, cr_str_t locale, char *buf, size_t cap);

typedef enum {
    CR_PAGE_UNSUB_ASK, CR_PAGE_UNSUB_DONE, CR_PAGE_LINK_DEAD, CR_PAGE_LATER
} cr_page_e;

/* Unsubscribe question (a form that POSTs to the same URL), its thanks, "this
 * link has ended", "please try again in a minute". */

int cr_plain_page(cr_page_e page, cr_str_t locale, char *buf, size_t cap);

#endif
