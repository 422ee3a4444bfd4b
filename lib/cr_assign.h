/*
 * cr_assign.h: the holdout.  One assignment per person for every surface: a
 * keyed hash of (site, id, epoch), kept with its epoch wherever the person is
 * known again, so a new share moves nobody.
 */

#ifndef CR_ASSIGN_H
#define CR_ASSIGN_H

#include "cr_base.h"
#include "cr_word.h"

/* SipHash-2-4 of n bytes (Aumasson, Bernstein 2012). */

uint64_t cr_siphash(const uint8_t key[16], const void *p, size_t n);

/* Uniform in [0, 1) from the key, the site, the id and a salt. */

double cr_assign_draw(const uint8_t key[16], cr_str_t site, const cr_id_t *id,
    uint32_t salt);

/* CR_ARM_HOLDOUT for a draw under pct/100, else CR_ARM_TREAT. */

cr_arm_e cr_assign_arm(const uint8_t key[16], cr_str_t site,
    const cr_id_t *id, uint32_t epoch, double pct);

#endif
