"""nginx configurations: the origin and one front per variant."""

import os
import re
import subprocess

IDENTITY = ("plain", "plainB", "sub", "lua", "mod", "mod_redis")
GZIP = ("gz_plain", "gz_sub", "gz_ident", "gz_mod", "gz_mod_read")

HEAD_ONLY_TAG = '<script async src="/_cr/b.js?v=0f1e2d3c"></script>'

MAIN = """\
{load}{user}worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
worker_rlimit_nofile 4096;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type text/html;
    types {{ text/html html; }}
    client_body_temp_path {dir}/client;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    keepalive_requests 10000000;
    keepalive_timeout 600s;
{http}
}}
"""

ORIGIN = """\
    sendfile on;
    open_file_cache max=16;
    open_file_cache_valid 600s;
    server {{
        listen 127.0.0.1:{identity};
        root {run}/html;
        location / {{ rewrite ^ /page.html break; }}
    }}
    server {{
        listen 127.0.0.1:{gzip};
        root {run}/html;
        gzip_static always;
        location / {{ rewrite ^ /page.html break; }}
    }}
"""

FRONT = """\
    upstream origin {{
        server 127.0.0.1:{origin};
        keepalive 64;
        keepalive_requests 10000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    {encoding}
    proxy_buffer_size 16k;
    proxy_buffers {bufs};
    proxy_busy_buffers_size {busy};
    proxy_max_temp_file_size 0;
{http}
    server {{
        listen 127.0.0.1:{port};
        server_name bench.test;
{server}
        location / {{
            proxy_pass http://{to};
{location}
        }}
    }}
"""

SUB = """\
            sub_filter '</head>' '{tag}</head>';
            sub_filter_once on;
"""

GZIP_ON = """\
            gzip on;
            gzip_comp_level 1;
            gzip_proxied any;
            gzip_vary off;
"""

INNER = """\
    server {{
        listen 127.0.0.1:{inner};
        location / {{
            gunzip on;
            proxy_set_header Accept-Encoding gzip;
            proxy_pass http://origin;
        }}
    }}
    upstream inner {{ server 127.0.0.1:{inner}; keepalive 64; }}
"""

LUA_HTTP = """\
    lua_shared_dict sessions 16m;
    lua_package_path '/usr/share/lua/5.1/?.lua;;';
"""

LUA = """\
            access_by_lua_block {
                local d = ngx.shared.sessions
                local sid = ngx.var.cookie_cr_sid
                if not sid then
                    sid = string.format("%08x%08x", math.random(0, 2^31),
                                        math.random(0, 2^31))
                    ngx.header["Set-Cookie"] = "cr_sid=" .. sid .. "; Path=/"
                end
                d:add(sid, ngx.time())
                d:incr(sid .. ":n", 1, 0)
                local m = [[^/(?:p|c|cart|checkout|search)(?:/|$|\\?)]]
                if ngx.re.find(ngx.var.request_uri, m, "jo") then
                    d:set(sid .. ":e", ngx.var.request_uri)
                end
            }
            header_filter_by_lua_block {
                ngx.header.content_length = nil
            }
            body_filter_by_lua_block {
                if ngx.ctx.done then return end
                local chunk = ngx.arg[1]
                local at = string.find(chunk, "</head>", 1, true)
                if at then
                    ngx.ctx.done = true
                    ngx.arg[1] = string.sub(chunk, 1, at - 1)
                        .. '@TAG@' .. string.sub(chunk, at)
                end
            }
"""

MOD_HTTP = """\
    cartrecover_zone zone=bench:32m;
    cartrecover_secret @RUN@/secret;
@REDIS_LINE@
"""

MOD_SERVER = """\
        cartrecover on;
        cartrecover_shop @RUN@/shop.json;
        cartrecover_profile demo;
        cartrecover_consent assume;
        cartrecover_limit address=100000r/s address_burst=100000;
        location = /_cr/status { cartrecover_status json; }
"""


def modules_path(nginx):
    text = subprocess.run([nginx, "-V"], capture_output=True,
                          text=True).stderr
    found = re.search(r"--modules-path=(\S+)", text)
    return found.group(1) if found else "/usr/lib/nginx/modules"


def lua_modules(nginx):
    """The .so files of the Lua variant, or None where they are missing."""
    files = [modules_path(nginx) + "/" + name for name in
             ("ndk_http_module.so", "ngx_http_lua_module.so")]
    return files if all(os.path.exists(f) for f in files) else None


def snippet(text, ctx):
    """Fills the placeholders @RUN@ @PORT@ @REDIS@ @REDIS_LINE@ @TAG@; only
    mod_redis has a Redis."""
    redis = ctx["redis"] if ctx["name"] == "mod_redis" else None
    line = "    cartrecover_redis unix:%s node=bench;" % redis if redis else ""
    for name, value in (("@RUN@", ctx["run"]), ("@PORT@", str(ctx["port"])),
                        ("@REDIS_LINE@", line), ("@REDIS@", redis or ""),
                        ("@TAG@", ctx["tag"])):
        text = text.replace(name, value)
    return text


def busy(bufs):
    """Twice one buffer, and no less than proxy_buffer_size."""
    size = bufs.split()[1].lower()
    unit = {"k": 1024, "m": 1024 * 1024}.get(size[-1])
    each = int(size[:-1]) * unit if unit else int(size)
    return max(2 * each, 16384)


def variant(name, ctx):
    """The parts of one front that differ between the variants."""
    part = {"load": [], "http": "", "server": "", "location": "",
            "to": "origin", "origin": ctx["identity"],
            "encoding": 'proxy_set_header Accept-Encoding "";'}
    tag = ctx["tag"]
    if name == "sub":
        part["location"] = SUB.format(tag=tag)
    elif name == "lua":
        part["load"] = lua_modules(ctx["nginx"])
        part["http"] = LUA_HTTP
        part["location"] = LUA.replace("@TAG@", tag)
    elif "mod" in name:
        part["load"] = [ctx["so"]]
        part["http"] = snippet(ctx["http_snippet"] or MOD_HTTP, ctx)
        part["server"] = snippet(ctx["snippet"] or MOD_SERVER, ctx)
    elif name == "gz_sub":
        part["http"] = INNER.format(inner=ctx["inner"])
        part["location"] = SUB.format(tag=tag) + GZIP_ON
    elif name == "gz_ident":
        part["location"] = SUB.format(tag=tag) + GZIP_ON
    if name in ("gz_plain", "gz_mod", "gz_mod_read"):
        part["encoding"] = "proxy_set_header Accept-Encoding gzip;"
        part["origin"] = ctx["gzip"]
        if name == "gz_mod_read":
            part["location"] = "            gunzip on;\n"
    if name == "gz_sub":
        part["origin"] = ctx["gzip"]
        part["to"] = "inner"
    return part


def main_conf(directory, load, http):
    user = "user root root;\n" if os.geteuid() == 0 else ""
    lines = "".join("load_module %s;\n" % so for so in load)
    return MAIN.format(load=lines, user=user, dir=directory, http=http)


def front_conf(name, directory, ctx):
    part = variant(name, ctx)
    http = FRONT.format(origin=part["origin"], encoding=part["encoding"],
                        bufs=ctx["bufs"], busy=busy(ctx["bufs"]),
                        http=part["http"], port=ctx["port"],
                        server=part["server"], location=part["location"],
                        to=part["to"])
    return main_conf(directory, part["load"], http)


def origin_conf(directory, run, identity, gzip):
    return main_conf(directory, [],
                     ORIGIN.format(run=run, identity=identity, gzip=gzip))
