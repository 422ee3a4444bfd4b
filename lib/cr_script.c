#include "cr_script.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "cr_asset.h"


static const char *const  cr_script_names[CR_LUA_MAX] = {
    [CR_LUA_PUT] = "lua/put.lua",
    [CR_LUA_STOP] = "lua/stop.lua",
    [CR_LUA_INGEST] = "lua/ingest.lua",
    [CR_LUA_CLAIM] = "lua/claim.lua",
    [CR_LUA_INTENT] = "lua/intent.lua",
    [CR_LUA_RESULT] = "lua/result.lua",
    [CR_LUA_REAP] = "lua/reap.lua",
    [CR_LUA_DEFER] = "lua/defer.lua",
    [CR_LUA_MERGE] = "lua/merge.lua",
    [CR_LUA_ERASE] = "lua/erase.lua",
    [CR_LUA_GATE] = "lua/gate.lua",
    [CR_LUA_HEAL] = "lua/heal.lua",
    [CR_LUA_HOOK] = "lua/hook.lua",
};


cr_str_t
cr_script(cr_lua_e script)
{
    cr_str_t           s;
    const cr_asset_t  *a;

    a = cr_asset(cr_script_names[script]);

    s.p = a ? (const char *) a->data : "";
    s.n = a ? a->size : 0;

    return s;
}


void
cr_script_digest(cr_lua_e script, char out[CR_SHA_HEX + 1])
{
    unsigned       i, n;
    cr_str_t       s;
    unsigned char  md[EVP_MAX_MD_SIZE];

    s = cr_script(script);
    n = 0;

    if (EVP_Digest(s.p, s.n, md, &n, EVP_sha1(), NULL) != 1) {
        n = 0;
    }

    for (i = 0; i < n && i < CR_SHA_HEX / 2; i++) {
        snprintf(out + 2 * i, 3, "%02x", md[i]);
    }

    out[2 * i] = '\0';
}


const char *
cr_script_sha(cr_lua_e script)
{
    /* a memo of constants, each thread its own: filled once, at start */

    static _Thread_local char  sha[CR_LUA_MAX][CR_SHA_HEX + 1];

    if (sha[script][0] == '\0') {
        cr_script_digest(script, sha[script]);
    }

    return sha[script];
}
