/*
 * log.h: one JSON object a line to standard error.  Nothing personal goes in:
 * sites, journeys, words and numbers only.
 */

#ifndef CRD_LOG_H
#define CRD_LOG_H

#include "cr_base.h"

enum { CRD_ERROR, CRD_WARN, CRD_INFO, CRD_DEBUG };

void crd_log_level(int level);

/* event, then pairs of name and value (terminated strings), NULL at the end.
 * A value of digits is written as a number. */

void crd_log(int level, const char *event, ...)
    __attribute__((sentinel));

/* An integer as text in one of a few rotating buffers. */

const char *crd_num(int64_t n);

#endif
