/*
 * cr_script.h: the Redis scripts of lib/lua, doc/protocol.md.  Each is one
 * atomic transition on one site's slot; common.lua stands in front of each.
 */

#ifndef CR_SCRIPT_H
#define CR_SCRIPT_H

#include "cr_base.h"

typedef enum {
    CR_LUA_PUT, CR_LUA_STOP, CR_LUA_INGEST, CR_LUA_CLAIM, CR_LUA_INTENT,
    CR_LUA_RESULT, CR_LUA_REAP, CR_LUA_DEFER, CR_LUA_MERGE, CR_LUA_ERASE,
    CR_LUA_GATE, CR_LUA_HEAL, CR_LUA_HOOK,
    CR_LUA_MAX
} cr_lua_e;

#define CR_SHA_HEX  40

/* The whole text, terminated (common.lua in front, as tools/embed.sh joins
 * them), and its SHA-1 in hex as EVALSHA wants it: computed by OpenSSL, once a
 * thread.  _digest does the same into the caller's buffer, each time anew. */

cr_str_t cr_script(cr_lua_e script);
const char *cr_script_sha(cr_lua_e script);
void cr_script_digest(cr_lua_e script, char out[CR_SHA_HEX + 1]);

#endif
