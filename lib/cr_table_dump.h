/*
 * cr_table_dump.h: what the writer and the reader of a dump agree on.
 */

#ifndef CR_TABLE_DUMP_H
#define CR_TABLE_DUMP_H

#include <stddef.h>
#include <stdint.h>


#define CR_DUMP_MARK   0x5a445243u       /* "CRDZ" */
#define CR_DUMP_HEAD   12

enum {
    CR_DUMP_SESSION = 1, CR_DUMP_OWED, CR_DUMP_CART, CR_DUMP_CONTACT,
    CR_DUMP_FEATURES
};

uint32_t cr_dump_check(const uint8_t *p, size_t n);

#endif
