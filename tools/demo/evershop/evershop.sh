# shellcheck shell=bash
# evershop.sh: a real EverShop for tools/demo.sh, which sources this file.
#
# The program is installed and built once a user, under CACHE; database and
# processes belong to the run directory.

EVERSHOP=$DEMO/evershop

evershop_paths() {
    CACHE=${CARTRECOVER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}}
    CACHE=$CACHE/cartrecover-evershop
    APP=$CACHE/app
    PG=$RUN/pg
    mkdir -p "$CACHE" "$PG"
}

# Newest PostgreSQL of the machine; empty where there is none.
postgres_bin() {
    find /usr/lib/postgresql -maxdepth 3 -name postgres -path '*/bin/*' \
        -printf '%h\n' 2>/dev/null | sort -V | tail -n 1
}

evershop_need() {
    if [ -z "$(postgres_bin)" ] || ! command -v npm >/dev/null; then
        "$ROOT/tools/setup.sh" test || true
    fi
    PGBIN=$(postgres_bin)
    [ -n "$PGBIN" ] || die -s "$UNAVAILABLE" "EverShop needs PostgreSQL"
    command -v npm >/dev/null || die -s "$UNAVAILABLE" "EverShop needs npm"
}

# Older Node (Debian 12 has 18) makes way for one from the npm registry,
# with an npm that fits it.
evershop_node() {
    local arch=x64 major
    [ "$(uname -m)" != aarch64 ] || arch=arm64
    PATH=$CACHE/node/node_modules/.bin:$PATH
    PATH=$CACHE/node/node_modules/node-linux-$arch/bin:$PATH
    major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
    [ "$major" -lt 20 ] || return 0
    say "taking Node 22 from the npm registry"
    mkdir -p "$CACHE/node"
    npm_install "$CACHE/node" "node-linux-$arch@22.23.3" npm@10.9.4
    hash -r
}

# npm_install DIRECTORY [PACKAGE...]: exit status 77 where the registry is
# what fails
npm_install() {
    local directory=$1 log=$CACHE/npm.log
    shift
    (cd "$directory" && npm install --no-audit --no-fund --no-package-lock \
        --loglevel=error "$@") >"$log" 2>&1 </dev/null && return 0
    tail -n 12 "$log" >&2
    if grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|E40[134]' \
        "$log"
    then
        die -s "$UNAVAILABLE" "the npm registry cannot be used; see $log"
    fi
    die "npm failed; see $log"
}

# The address stands in every page, and its scripts call it: it must be the
# one that leads through nginx.
evershop_config() {
    printf '{"shop": {"homeUrl": "%s", "language": "en", "currency": "USD"},' \
        "$URL"
    printf ' "system": {"file_storage": "local"}}'
}

# One at a time installs; the rest wait and find it done.
evershop_install() {
    local wanted
    exec 7>"$CACHE/lock"
    flock 7
    evershop_node
    wanted=$(sha256sum "$EVERSHOP/package.json")
    mkdir -p "$APP"
    cp "$EVERSHOP/loopback.cjs" "$APP/"
    if [ "$(cat "$CACHE/built" 2>/dev/null)" != "$wanted" ]; then
        rm -rf "$CACHE/built" "$APP/node_modules" "$APP/.evershop"
        cp "$EVERSHOP/package.json" "$APP/"
        mkdir -p "$APP/config" "$APP/media" "$APP/public" "$APP/themes" \
            "$APP/extensions"
        say "installing EverShop from the npm registry (about a minute)"
        npm_install "$APP"
        say "building EverShop's pages (half a minute)"
        (cd "$APP" && NODE_ENV=production NODE_CONFIG=$(evershop_config) \
            node_modules/.bin/evershop build) \
            >"$CACHE/build.log" 2>&1 </dev/null || {
            tail -n 20 "$CACHE/build.log" >&2
            die "EverShop's build failed; see $CACHE/build.log"
        }
        echo "$wanted" >"$CACHE/built"
    fi
    exec 7>&-
}

sql() {
    local database=$1
    shift
    "$PGBIN/psql" -XAtq -v ON_ERROR_STOP=1 -h "$PG/run" -U postgres \
        -d "$database" "$@"
}

# PostgreSQL will not be root, and whom it becomes may have no way into the
# run directory: it gets the data directory as an open file.
postgres_start() {
    local as=() user=postgres
    say "starting PostgreSQL (on a socket of its own)"
    mkdir -p "$PG/data" "$PG/run"
    if [ "$(id -u)" = 0 ]; then
        id -u postgres >/dev/null 2>&1 || user=nobody
        as=(setpriv "--reuid=$user" "--regid=$(id -g $user)" --clear-groups)
        chown "$user" "$PG" "$PG/data" "$PG/run"
    fi
    chmod 700 "$PG" "$PG/data" "$PG/run"
    exec 8<"$PG/data"
    if [ ! -s "$PG/data/PG_VERSION" ]; then
        (cd / && "${as[@]}" "$PGBIN/initdb" -D /proc/self/fd/8 -U postgres \
            --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync) \
            >"$RUN/initdb.log" 2>&1 9>&- || {
            tail -n 10 "$RUN/initdb.log" >&2
            die "PostgreSQL's initdb failed; see $RUN/initdb.log"
        }
    fi
    rm -f "$PG/data/postmaster.pid" "$PG"/run/.s.PGSQL.*
    spawn postgres env -C / "${as[@]}" "$PGBIN/postgres" \
        -D /proc/self/fd/8 -k ../run -c listen_addresses= \
        -c max_connections=100 -c fsync=off -c full_page_writes=off \
        -c synchronous_commit=off
    exec 8<&-
    wait_for postgres 40 sql postgres -c 'select 1'
}

evershop_serve() {
    # shellcheck disable=SC2016
    spawn shop env -C "$APP" -u PGHOST -u PGDATABASE -u PGUSER \
        NODE_ENV=production PORT="$SHOP_PORT" \
        DB_HOST="$PG/run" DB_PORT=5432 DB_NAME=evershop DB_USER=postgres \
        DB_PASSWORD= DB_SSLMODE=disable \
        NODE_CONFIG="$(evershop_config)" \
        NODE_OPTIONS="--require=\"$APP/loopback.cjs\"" "$@"
}

evershop_up() { listening 127.0.0.1 "$SHOP_PORT"; }

# Its own demo data, then ours; its addresses are written by events that must
# have come to rest before.
evershop_seed() {
    local end
    [ "$(cat "$PG/seeded" 2>/dev/null)" != yes ] || return 0
    say "filling EverShop's database"
    sql postgres -c 'set client_min_messages = warning' \
        -c 'drop database if exists evershop with (force)' \
        -c 'create database evershop'
    evershop_serve node_modules/.bin/evershop start
    wait_for shop 120 evershop_up
    mv "$RUN/shop.pid" "$RUN/first.pid"
    evershop_serve node_modules/.bin/evershop seed --all
    end=$((SECONDS + 120))
    while alive shop; do
        [ $SECONDS -lt $end ] || die "EverShop's seed does not end"
        sleep 0.2
    done
    until [ "$(sql evershop -c "select not exists (select from event)
        and exists (select from product)
        and (select count(*) from product)
          = (select count(*) from url_rewrite where entity_type = 'product')
        " 2>/dev/null)" = t ]; do
        [ $SECONDS -lt $end ] || die "EverShop's events do not settle"
        sleep 0.3
    done
    sql evershop -f "$EVERSHOP/seed.sql"
    mv "$RUN/first.pid" "$RUN/shop.pid"
    end_tree shop
    ! evershop_up || die "port $SHOP_PORT is still taken"
    echo yes >"$PG/seeded"
}

# EverShop's start command has children, and spawn gave them all one process
# group: it is gone when nobody of it is left.
end_tree() {
    local pid tries=0
    if alive "$1"; then
        pid=$(pid_of "$1")
        kill -TERM -- "-$pid" 2>/dev/null || true
        while kill -0 -- "-$pid" 2>/dev/null; do
            [ $tries -lt 100 ] || kill -KILL -- "-$pid" 2>/dev/null || true
            [ $tries -lt 150 ] || break
            sleep 0.1
            tries=$((tries + 1))
        done
    fi
    rm -f "$RUN/$1.pid"
}

evershop_start() {
    evershop_paths
    evershop_need
    evershop_install
    postgres_start
    evershop_seed
    say "starting EverShop"
    evershop_serve node_modules/.bin/evershop start
}

evershop_stop() {
    end_tree shop
    if [ -f "$RUN/first.pid" ]; then end_tree first; fi
    end_process postgres INT
}

evershop_hints() {
    cat <<'END'
  A real EverShop, unchanged. Put something in the cart and go through its
  checkout (cash on delivery); the panel shows what nginx makes of it.
  EverShop asks for no marketing consent, so nobody gets mail here unless a
  page of the shop posts an address with consent to /_cr/c.

END
}
