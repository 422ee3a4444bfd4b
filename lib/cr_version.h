/*
 * cr_version.h: the product's version, in one place.
 */

#ifndef CR_VERSION_H
#define CR_VERSION_H

#define CR_VERSION  "0.1.0"

#endif
