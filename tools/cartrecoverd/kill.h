/*
 * kill.h: labelled points at which a test build (-DCR_KILL_POINTS) may kill
 * itself; nothing at all in a normal build.
 */

#ifndef CRD_KILL_H
#define CRD_KILL_H

#ifdef CR_KILL_POINTS

/* CR_KILL = "label:probability,..." ("*" = each label), CR_KILL_SEED, and
 * CR_KILL_LOG, a file that gets the label before the end. */

void crd_kill(const char *label);

#else

#define crd_kill(label)  ((void) 0)

#endif

#endif
