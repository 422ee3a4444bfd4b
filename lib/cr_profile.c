#include "cr_asset.h"
#include "cr_profile_int.h"

#include <stdio.h>
#include <string.h>


#define PREFIX  "platforms/"
#define SUFFIX  ".json"


const char *
cr_profile_name(const cr_profile_t *p)
{
    return p->name;
}


const char *
cr_profile_restore(const cr_profile_t *p)
{
    return p->restore ? p->restore : "";
}


cr_str_t
cr_profile_builtin(const char *name)
{
    char               path[96];
    cr_str_t           s;
    const cr_asset_t  *a;

    s.p = NULL;
    s.n = 0;

    if ((size_t) snprintf(path, sizeof(path), PREFIX "%s" SUFFIX, name)
        >= sizeof(path))
    {
        return s;
    }

    a = cr_asset(path);

    if (a != NULL) {
        s.p = (const char *) a->data;
        s.n = a->size;
    }

    return s;
}


const char *
cr_profile_builtin_name(int i)
{
    size_t  n;

    static const char *const  names[] = {
        "demo", "evershop", "generic", "medusa", "opencart4", "vendure",
        "woocommerce", "opencart3", "prestashop",
        "magento", "shopware", "shopify",
        "bigcommerce"
    };

    n = sizeof(names) / sizeof(names[0]);

    return (i < 0 || (size_t) i >= n) ? NULL : names[i];
}
