#include "cr_asset.h"

#include <string.h>


const cr_asset_t *
cr_asset(const char *name)
{
    const cr_asset_t  *a;

    for (a = cr_assets; a->name != NULL; a++) {
        if (strcmp(a->name, name) == 0) {
            return a;
        }
    }

    return NULL;
}
