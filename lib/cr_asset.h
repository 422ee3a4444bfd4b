/*
 * cr_asset.h: files built into the program (build/gen/cr_assets.c, made by
 * tools/embed.sh): web scripts, platform profiles, Redis scripts, messages.
 */

#ifndef CR_ASSET_H
#define CR_ASSET_H

#include "cr_base.h"

typedef struct {
    const char           *name;  /* "web/b.js", "platforms/demo.json", ... */
    const unsigned char  *data;  /* terminated by a NUL that size leaves out */
    size_t                size;
} cr_asset_t;

extern const cr_asset_t  cr_assets[];    /* the last one has name == NULL */

/* NULL when there is none. */

const cr_asset_t *cr_asset(const char *name);

#endif
