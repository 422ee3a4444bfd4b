/*
 * cr_score.h: the first model, a documented scorecard (doc/scorecard.md): a
 * logistic over a few features with signs from the field's knowledge.  It is
 * not calibrated: it ranks, and says so by its name.
 */

#ifndef CR_SCORE_H
#define CR_SCORE_H

#include "cr_features.h"


#define CR_SCORECARD  "scorecard-1"

/* Probability-like score in 0..1 that the session ends without an order.
 * contribution, where not NULL, gets CR_F_MAX logit contributions. */

float cr_score(const cr_features_t *x, float *contribution);

/* The likeliest reason for leaving, or CR_REASON_UNKNOWN under 0.5; *p gets
 * its posterior. */

cr_reason_e cr_reason(const cr_features_t *x, float *p);

#endif
