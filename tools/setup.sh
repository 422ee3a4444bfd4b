#!/bin/sh
#
# setup.sh [build|demo|walk|test|all]...     what is missing, from Debian
# setup.sh nginx-source DIR                  nginx's source, of the version
#                                            that is installed, into DIR
#
# Installs Debian packages with apt-get, as root or by sudo.  It asks nothing,
# starts no service, and does nothing where nothing is missing.

set -eu

build_why='compilers, nginx with its headers, and the libraries that are linked'
build_packages='gcc libc6-dev make pkg-config nginx nginx-dev libhiredis-dev
    libjansson-dev libpcre2-dev libssl-dev zlib1g-dev libcurl4-openssl-dev
    libicu-dev'

demo_why='Redis, and Python for the demo shop and its mail catcher'
demo_packages='redis-server python3 python3-aiosmtpd'

walk_why='a browser that walks through the demo unattended'
walk_packages='chromium chromium-driver python3-selenium fonts-dejavu-core'

test_why='prove, analysers, valgrind, what the bench compares with, EverShop'
test_packages='perl curl ca-certificates valgrind clang clang-tidy cppcheck
    libclang-rt-14-dev llvm-14 wrk libnginx-mod-http-lua postgresql git
    procps'


say() {
    echo "setup: $*"
}


installed() {
    test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" \
        = installed
}


missing() {
    for package in $*; do
        installed "$package" || printf '%s ' "$package"
    done
}


as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}


# Services that a package would start stay off: a policy-rc.d of ours for the
# time of the installation, unless the machine has one of its own.

policy=/usr/sbin/policy-rc.d
policy_ours=

hold_services() {
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy > /dev/null
        as_root chmod 755 $policy
        policy_ours=yes
    fi
}


release_services() {
    if [ -n "$policy_ours" ]; then
        as_root rm -f $policy
        policy_ours=
    fi
}


apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q \
        -o DPkg::Lock::Timeout=400 -o Acquire::Retries=3 "$@"
}


install_packages() {
    if ! command -v apt-get > /dev/null; then
        say "this is no Debian; please install the equivalents of: $*"
        exit 1
    fi

    if [ "$(id -u)" != 0 ] && ! sudo -n true 2> /dev/null; then
        say "packages are missing and I am neither root nor may I use sudo"
        say "please run:  apt-get install --no-install-recommends $*"
        exit 1
    fi

    trap release_services EXIT
    trap 'exit 1' HUP INT TERM
    hold_services

    log=$(mktemp)
    say "apt-get update, then apt-get install (a few minutes at most)"

    if apt update > "$log" 2>&1 \
       && apt install -y --no-install-recommends "$@" >> "$log" 2>&1
    then
        rm -f "$log"
    else
        tail -n 15 "$log"
        say "apt-get failed; the whole of its output is in $log"
        exit 1
    fi

    release_services
    say "done; no service was started"
}


nginx_source() {
    dir=$1
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    dir=$(cd "$dir" && pwd)

    # The machine's own Debian mirrors, asked for sources.
    apt-get indextargets --format \
        '$(ORIGIN) deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u \
        > "$dir/apt/sources.list"

    if [ ! -s "$dir/apt/sources.list" ]; then
        say "no Debian mirror among the machine's apt sources"
        return 1
    fi

    set -- -q -o Dir::Etc::sourcelist="$dir/apt/sources.list" \
        -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$dir/apt/lists" \
        -o Dir::Cache="$dir/apt/cache" -o APT::Sandbox::User=root

    version=$(dpkg-query -W -f '${source:Version}' nginx)
    (
        cd "$dir"
        apt-get "$@" update > apt/log 2>&1 \
            && apt-get "$@" --download-only source "nginx=$version" \
                >> apt/log 2>&1 \
            && tar xzf nginx_*.orig.tar.gz \
            || { tail -n 5 apt/log; exit 1; }
    )
    rm -rf "$dir/apt"
}


if [ "${1:-}" = nginx-source ]; then
    if [ $# -ne 2 ]; then
        echo "usage: setup.sh nginx-source DIR" >&2
        exit 2
    fi
    nginx_source "$2"
    exit
fi

groups=

for arg in "${@:-build}"; do
    case $arg in
        build) groups="$groups build" ;;
        demo)  groups="$groups build demo" ;;
        walk)  groups="$groups build demo walk" ;;
        test | all) groups="$groups build demo walk test" ;;
        *) echo "usage: setup.sh [build|demo|walk|test|all]..." >&2
           exit 2 ;;
    esac
done

want=
seen=

for group in $groups; do
    case " $seen " in *" $group "*) continue ;; esac
    seen="$seen $group"

    eval packages=\$${group}_packages why=\$${group}_why

    # A Node from elsewhere will do; Debian's nodejs only where there is none.
    if [ $group = test ] && ! command -v npm > /dev/null; then
        packages="$packages nodejs npm"
    fi

    lacking=$(missing $packages)

    if [ -n "$lacking" ]; then
        say "$group needs $why:"
        say "    $lacking"
        want="$want $lacking"
    fi
done

if [ -n "$want" ]; then
    install_packages $want
fi
