#!/usr/bin/env bash
#
# demo.sh: the whole chain on this machine: a shop, nginx with the module in
# front of it, Redis, the worker, and a mail server whose mail is a web page.
# doc/demo.md says what to try.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DEMO=$ROOT/tools/demo
BUILD=${CR_BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
PYTHON=${PYTHON:-/usr/bin/python3}
PATH=$PATH:/usr/sbin:/sbin
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8

# Exit status where a thing that the machine lacks is the reason: evershop.sh.
UNAVAILABLE=77

usage() {
    cat <<'END'
usage: tools/demo.sh [start|stop|status] [options]
  start             builds what is missing and starts everything (the default)
  stop              ends what start started
  status            says what runs; exit status 0 all, 3 not
  --walk            unattended: starts a demo of its own on free ports, walks
                    through it with headless Chromium, ends it
  --shop NAME       tarnwick, the demo's own (default), or evershop, a real
                    EverShop from npm with a private PostgreSQL
  --port PORT       the shop through nginx (8080; evershop 8090)
  --mail-port PORT  the mail page (8081; evershop 8091)
  --bind ADDRESS    where both listen (127.0.0.1)
  --dir DIR         where everything lives
  --no-build        uses build/ as it is
END
}

say() { printf 'demo: %s\n' "$*"; }

die() {
    local status=1
    if [ "$1" = -s ]; then status=$2; shift 2; fi
    printf 'demo: %s\n' "$*" >&2
    exit "$status"
}


# ---- command line ------------------------------------------------------------

COMMAND=start SHOP=tarnwick PORT='' MAIL_PORT='' BIND=127.0.0.1 RUN=''
WALK='' MAKE=yes

value() { [ $# -ge 2 ] || die "$1 needs a value"; }

port_number() {
    if ! [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || [ "$2" -gt 65535 ]; then
        die "$1 $2: not a port"
    fi
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            start | stop | status) COMMAND=$1 ;;
            --walk) WALK=yes ;;
            --no-build) MAKE='' ;;
            --shop) value "$@"; SHOP=$2; shift ;;
            --port) value "$@"; port_number "$@"; PORT=$2; shift ;;
            --mail-port) value "$@"; port_number "$@"; MAIL_PORT=$2; shift ;;
            --bind) value "$@"; BIND=$2; shift ;;
            --dir) value "$@"; RUN=$2; shift ;;
            -h | --help | help) usage; exit 0 ;;
            *) usage >&2; exit 2 ;;
        esac
        shift
    done
    case $SHOP in
        tarnwick | demo) SHOP=tarnwick ;;
        evershop) ;;
        *) die "unknown shop $SHOP (tarnwick, evershop)" ;;
    esac
    [[ $BIND =~ ^[0-9.]+$ ]] || die "--bind $BIND: give an IPv4 address"
    [ -z "$WALK" ] || [ "$SHOP" = tarnwick ] \
        || die "--walk goes through the demo's own shop"
}

settle_paths() {
    local state
    if [ -n "$WALK" ]; then
        RUN=${RUN:-$(mktemp -d "${TMPDIR:-/tmp}/cartrecover-walk.XXXXXX")}
        PORT=${PORT:-$(free_port)} MAIL_PORT=${MAIL_PORT:-$(free_port)}
    fi
    if [ -z "$RUN" ]; then
        if [ -n "${XDG_STATE_HOME:-${HOME:-}}" ]; then
            state=${XDG_STATE_HOME:-$HOME/.local/state}
        else
            state=/var/tmp
        fi
        RUN=$state/cartrecover-demo
        [ "$SHOP" = tarnwick ] || RUN=$RUN-$SHOP
    fi
    case $SHOP in
        tarnwick) PORT=${PORT:-8080} MAIL_PORT=${MAIL_PORT:-8081} ;;
        evershop) PORT=${PORT:-8090} MAIL_PORT=${MAIL_PORT:-8091} ;;
    esac
    mkdir -p "$RUN"
    RUN=$(cd "$RUN" && pwd)
    [ ${#RUN} -le 80 ] \
        || die "$RUN: too long for the path of a unix socket, use --dir"
}


# ---- ports and processes -----------------------------------------------------

# Free ports lie below the range that the system gives to outgoing connections.
free_port() {
    "$PYTHON" -c '
import random, socket
while True:
    port = random.randrange(12000, 32000)
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break'
}

listening() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

local_address() {
    if [ "$BIND" = 0.0.0.0 ]; then echo 127.0.0.1; else echo "$BIND"; fi
}

need_free() {
    listening "$(local_address)" "$1" || return 0
    die "port $1 is taken by another program; choose one with $2 PORT," \
        "or end that program (ss -ltnp | grep :$1)"
}

# Field 22 of the process's stat; nothing for one that is gone or a zombie.
start_time() {
    local stat fields
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    read -ra fields <<<"${stat##*) }"
    [ "${fields[0]}" = Z ] || echo "${fields[19]}"
}

# spawn NAME COMMAND...: in its own session; the pid file tells it apart from
# a later process of the same number.
spawn() {
    local name=$1 pid
    shift
    setsid "$@" >>"$RUN/$name.log" 2>&1 </dev/null 9>&- &
    pid=$!
    echo "$pid $(start_time $pid)" >"$RUN/$name.pid"
}

alive() {
    local pid began
    read -r pid began 2>/dev/null <"$RUN/$1.pid" || return 1
    [ -n "$began" ] && [ "$(start_time "$pid")" = "$began" ]
}

pid_of() { local pid; read -r pid _ <"$RUN/$1.pid" && echo "$pid"; }

end_process() {
    local name=$1 signal=${2:-TERM} tries=0 pid
    if alive "$name"; then
        pid=$(pid_of "$name")
        kill "-$signal" "$pid" 2>/dev/null || true
        while alive "$name" && [ $tries -lt 150 ]; do
            sleep 0.1
            tries=$((tries + 1))
        done
        if alive "$name"; then
            say "$name does not end; killing it"
            kill -KILL "$pid" 2>/dev/null || true
        fi
    fi
    rm -f "$RUN/$name.pid"
}

# wait_for NAME SECONDS COMMAND...: the log's end where it does not come up
wait_for() {
    local name=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ] || ! alive "$name"; then
            tail -n 15 "$RUN/$name.log" >&2
            die "$name did not come up; its log is $RUN/$name.log"
        fi
        sleep 0.1
    done
}

PROCESSES='redis catcher shop nginx worker'

all_alive() {
    local name
    for name in $PROCESSES; do alive "$name" || return 1; done
}

stop_all() {
    local name
    for name in worker nginx; do end_process "$name"; done
    if [ -f "$RUN/postgres.pid" ]; then evershop_stop; fi
    for name in shop catcher redis; do end_process "$name"; done
}


# ---- what the processes read -------------------------------------------------

# fill TEMPLATE [NAME=VALUE]...: @NAME@ becomes VALUE
fill() {
    local text pair
    text=$(cat "$1")
    shift
    for pair in "$@"; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
    printf '%s\n' "$text"
}

shown_url() {
    local host=$BIND
    if [ "$BIND" = 0.0.0.0 ]; then
        host=$(hostname -I 2>/dev/null | cut -d' ' -f1)
        host=${host:-127.0.0.1}
    fi
    echo "http://$host:$1"
}

write_files() {
    local profile=demo site=tarnwick name=Tarnwick currency=EUR consent
    consent='cartrecover_consent $cr_tier;'
    if [ "$SHOP" = evershop ]; then
        profile=evershop site=evershop name='EverShop demo' currency=USD
        consent='cartrecover_consent assume;'
    fi
    URL=$(shown_url "$PORT") MAIL_URL=$(shown_url "$MAIL_PORT")
    SHOP_PORT=$(free_port) SMTP_PORT=$(free_port)
    rm -rf "$RUN/redis" "$RUN/state" "$RUN"/*.log
    mkdir -p "$RUN/nginx" "$RUN/redis" "$RUN/state" "$RUN/www/_demo"
    if [ ! -s "$RUN/secret" ]; then
        (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' \
            >"$RUN/secret")
    fi
    fill "$DEMO/nginx.conf" "ROOT=$ROOT" "RUN=$RUN" "BUILD=$BUILD" \
        "BIND=$BIND" "PORT=$PORT" "SHOP_PORT=$SHOP_PORT" \
        "PROFILE=$profile" "CONSENT=$consent" \
        "USER=$([ "$(id -u)" != 0 ] || echo 'user root root;')" \
        >"$RUN/nginx.conf"
    fill "$DEMO/policy.json" "SITE=$site" "NAME=$name" "URL=$URL" \
        "CURRENCY=$currency" "PROFILE=$profile" >"$RUN/policy.json"
    fill "$DEMO/worker.conf" "RUN=$RUN" "ROOT=$ROOT" \
        "SMTP_PORT=$SMTP_PORT" >"$RUN/worker.conf"
    cp "$DEMO/panel.html" "$RUN/www/_demo/panel"
    cp "$DEMO/panel.js" "$DEMO/demo.css" "$RUN/www/_demo/"
    printf '{"mail": "%s/"}\n' "$MAIL_URL" >"$RUN/www/_demo/links.json"
    printf '%s\n' "URL=$URL" "MAIL_URL=$MAIL_URL" "PORT=$PORT" \
        "MAIL_PORT=$MAIL_PORT" "BIND=$BIND" >"$RUN/urls"
}


# ---- start -------------------------------------------------------------------

build() {
    local group=demo
    [ -n "$MAKE" ] || return 0
    [ -z "$WALK" ] || group=walk
    say "looking for Debian packages that are missing"
    "$ROOT/tools/setup.sh" "$group"
    say "building (make)"
    make -C "$ROOT" --no-print-directory -s B="${CR_BUILD:-build}" all \
        >"$RUN/make.log" 2>&1 || {
        tail -n 20 "$RUN/make.log" >&2
        die "the build failed; all of its output is in $RUN/make.log"
    }
}

check_files() {
    local out
    out=$("$BUILD/cartrecover" check "$RUN/policy.json" 2>&1) \
        || die "the policy is wrong: $out"
    out=$(nginx -t -p "$RUN/nginx" -c "$RUN/nginx.conf" 2>&1) \
        || die "nginx refuses its configuration: $out"
}

redis_answers() { redis-cli -s "$RUN/redis/redis.sock" ping | grep -q PONG; }

start_redis() {
    say "starting Redis (on a socket of its own)"
    spawn redis redis-server --port 0 --unixsocket "$RUN/redis/redis.sock" \
        --unixsocketperm 700 --dir "$RUN/redis" --appendonly yes \
        --appendfsync everysec --save '' --daemonize no
    wait_for redis 20 redis_answers
}

start_catcher() {
    say "starting the mail catcher"
    spawn catcher "$PYTHON" "$DEMO/catcher.py" --smtp-port "$SMTP_PORT" \
        --bind "$BIND" --port "$MAIL_PORT" --link "$URL"
    wait_for catcher 20 listening "$(local_address)" "$MAIL_PORT"
}

start_shop() {
    if [ "$SHOP" = evershop ]; then
        evershop_start
    else
        say "starting the shop"
        spawn shop "$PYTHON" "$DEMO/shop.py" --port "$SHOP_PORT" --url "$URL"
    fi
    wait_for shop 120 listening 127.0.0.1 "$SHOP_PORT"
}

start_nginx() {
    say "starting nginx with the module"
    spawn nginx nginx -p "$RUN/nginx" -c "$RUN/nginx.conf"
    wait_for nginx 20 listening "$(local_address)" "$PORT"
}

start_worker() {
    say "starting the worker"
    spawn worker "$BUILD/cartrecoverd" -c "$RUN/worker.conf"
    wait_for worker 20 worker_ready
}

worker_ready() { grep -q '"event":"start"' "$RUN/worker.log"; }

start() {
    if all_alive; then
        say "this demo is running already"
        tell
        return
    fi
    stop_all
    need_free "$PORT" --port
    need_free "$MAIL_PORT" --mail-port
    [ "$PORT" != "$MAIL_PORT" ] || die "the shop and the mail need two ports"
    build
    write_files
    trap 'trap - EXIT; stop_all' EXIT
    trap 'exit 130' INT TERM HUP
    check_files
    start_redis
    start_catcher
    start_shop
    start_nginx
    start_worker
    trap - EXIT INT TERM HUP
    [ -n "$WALK" ] || tell
}

tell() {
    local URL MAIL_URL PORT MAIL_PORT BIND
    # shellcheck disable=SC1091
    . "$RUN/urls"
    cat <<END

  The shop    $URL/
  The panel   $URL/_demo/panel     what nginx sees of your browser
  The mail    $MAIL_URL/

END
    if [ "$SHOP" = evershop ]; then
        evershop_hints
    else
        cat <<'END'
  Three things to try:
   1. Accept the cookies, put something in the cart, go to the checkout, give
      an address and tick the box. Then close the tab: one mail comes within
      half a minute. Its link brings the cart back in any browser.
   2. Press "New shopper" in the panel and do the same without the tick, or
      in the holdout (the panel's switch): nothing comes.
   3. Leave once more with the tick, come back by the mail's link, and order.
      Nothing comes after an order. 4000 0000 0000 0002 is a card that is
      declined: watch the reason in the panel.

END
    fi
    if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && [ "$BIND" = 127.0.0.1 ]
    then
        echo "  This machine shows no browser. From yours:"
        echo "    ssh -L $PORT:127.0.0.1:$PORT -L $MAIL_PORT:127.0.0.1:$MAIL_PORT" \
            "$(id -un)@$(hostname)"
        echo
    fi
    echo "  Logs are in $RUN; tools/demo.sh stop$(again) ends it all."
}

again() {
    [ "$SHOP" = tarnwick ] || printf ' --shop %s' "$SHOP"
}

status() {
    local name rc=0
    for name in $PROCESSES; do
        if alive "$name"; then
            say "$name runs, pid $(pid_of "$name")"
        else
            say "$name does not run"
            rc=3
        fi
    done
    return $rc
}


# ---- the walk ----------------------------------------------------------------

walk() {
    local rc=0
    start
    trap 'trap - EXIT; stop_all' EXIT
    trap 'exit 130' INT TERM HUP
    say "walking (two minutes or so)"
    "$PYTHON" "$DEMO/walk.py" --url "$URL" --mail-url "$MAIL_URL" \
        --dir "$RUN/walk" || rc=$?
    stop_all >&2
    trap - EXIT INT TERM HUP
    if [ $rc = 0 ]; then
        rm -rf "$RUN"
    else
        say "what went wrong is in the logs in $RUN" >&2
    fi
    return $rc
}


main() {
    parse "$@"
    [ "$COMMAND" = start ] || MAKE=''
    [ -x "$PYTHON" ] || "$ROOT/tools/setup.sh" demo
    settle_paths
    . "$DEMO/evershop/evershop.sh"
    exec 9>"$RUN/lock"
    flock -w 600 9 || die "another demo.sh is busy with $RUN"
    if [ "$COMMAND" = stop ]; then
        stop_all
        say "stopped"
    elif [ "$COMMAND" = status ]; then
        status
    elif [ -n "$WALK" ]; then
        walk
    else
        start
    fi
}

main "$@"
