#!/bin/bash
#
# fresh.sh [--keep] [--dir DIR] [--only demo|check] [--run COMMAND]
#
# The proof that a newcomer needs nothing else: a bare Debian 12 made by
# debootstrap, a clone of HEAD in it, and README's two commands.  Mirrors,
# proxies and certificates are this machine's, read when it runs.  Needs root
# (namespaces, chroot); what it made goes away at the end unless --keep.
# --run does something else in there instead.

set -eu

keep=
dir=
only=
run=

while [ $# -gt 0 ]; do
    case $1 in
        --keep) keep=yes ;;
        --dir)  dir=$2; shift ;;
        --only) only=$2; shift ;;
        --run)  run=$2; shift ;;
        *) echo "usage: fresh.sh [--keep] [--dir DIR] [--only demo|check]" \
               "[--run COMMAND]" >&2
           exit 2 ;;
    esac
    shift
done

top=$(cd "$(dirname "$0")/.." && pwd)
suite=bookworm


say() {
    echo "fresh: $* ($(date +%T))"
}


die() {
    echo "fresh: $*" >&2
    exit 1
}


# README's commands as a reader would copy them.

readme_command() {
    local line

    line=$(grep -oE "^ {4}(sudo )?tools/$1\.sh *$" "$top/README.md" | head -1)
    [ -n "$line" ] || die "README.md does not show tools/$1.sh"
    line=${line#"${line%%[! ]*}"}
    echo "${line#sudo }"
}


sources() {
    apt-get indextargets --format \
        '$(ORIGIN) '"$1"' $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u
}


[ "$(id -u)" = 0 ] || die "needs root: sudo make fresh"

command -v debootstrap > /dev/null \
    || DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
        -o DPkg::Lock::Timeout=400 install --no-install-recommends debootstrap \
    || die "debootstrap cannot be installed"

if ! git -C "$top" diff --quiet HEAD; then
    say "note: what is not committed is not tested"
fi

mirror=$(sources '' | awk -v s=$suite '$2 == s && $3 == "main" { print $1 }' \
         | head -1)
[ -n "$mirror" ] || die "no $suite mirror among this machine's apt sources"

if [ -z "$dir" ]; then
    dir=$(mktemp -d "${TMPDIR:-/var/tmp}/cartrecover-fresh.XXXXXX")
fi

root=$dir/root
mkdir -p "$dir"

finish() {
    local status=$?

    if [ -n "$keep" ]; then
        say "kept: $dir"
    else
        rm -rf --one-file-system "$dir"
    fi

    exit $status
}

trap finish EXIT
trap 'exit 1' HUP INT TERM


if [ ! -f "$dir/made" ]; then
    say "debootstrap $suite"
    debootstrap --variant=minbase $suite "$root" "$mirror" \
        > "$dir/debootstrap.log" 2>&1 \
        || { tail -n 5 "$dir/debootstrap.log"; die "debootstrap failed"; }
    touch "$dir/made"
fi

# How this machine reaches its package registries.

sources deb > "$root/etc/apt/sources.list"
apt-config dump Acquire | grep -iE '::Proxy|::CaInfo|::Verify' \
    > "$root/etc/apt/apt.conf.d/90fresh" || true
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/hosts "$root/etc/hosts"

mkdir -p "$root/usr/local/share/ca-certificates"
cp -L /usr/local/share/ca-certificates/*.crt \
    "$root/usr/local/share/ca-certificates/" 2>/dev/null || true

settings=()

for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || settings+=("$name=${!name}")
done

if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    mkdir -p "$root/etc/ssl"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/machine.crt"
    settings+=(NODE_EXTRA_CA_CERTS=/etc/ssl/machine.crt)
fi

if command -v npm > /dev/null; then
    for name in registry proxy https-proxy noproxy; do
        value=$(cd / && npm config get $name 2>/dev/null || true)
        case $value in
            '' | null | undefined) ;;
            *) echo "$name=$value" ;;
        esac
    done > "$root/root/.npmrc"
fi

rm -rf "$root/srv/cartrecover"
git clone -q --no-hardlinks "$top" "$root/srv/cartrecover"
say "clone of $(git -C "$root/srv/cartrecover" rev-parse --short HEAD)"


# Own mounts and own process numbers: nothing that is started in there, and
# nothing that is mounted, outlives this command.

inside() {
    local seconds=$1
    shift

    timeout --foreground -k 2 "$seconds" unshare --mount --pid --fork --kill-child \
        bash -c '
            set -e
            root=$1; shift
            mount --make-rprivate /
            mount -t proc proc "$root/proc"
            mount -t sysfs -o ro sysfs "$root/sys"
            mount -t tmpfs -o mode=755 tmpfs "$root/dev"
            for node in null zero full random urandom tty; do
                touch "$root/dev/$node"
                mount --bind /dev/$node "$root/dev/$node"
            done
            mkdir "$root/dev/shm" "$root/dev/pts"
            mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
            mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
            ln -s pts/ptmx "$root/dev/ptmx"
            ln -s /proc/self/fd "$root/dev/fd"
            ln -s /proc/self/fd/0 "$root/dev/stdin"
            ln -s /proc/self/fd/1 "$root/dev/stdout"
            ln -s /proc/self/fd/2 "$root/dev/stderr"
            exec chroot "$root" "$@"
        ' fresh "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            "${settings[@]}" bash -c "cd /srv/cartrecover && $*"
}


step() {
    local name=$1 seconds=$2 start=$SECONDS
    shift 2

    say "$name: $*"

    if inside "$seconds" "$@"; then
        say "$name: passed after $((SECONDS - start)) s"
    else
        say "$name: FAILED after $((SECONDS - start)) s"
        failed="$failed $name"
    fi
}


if [ -n "$run" ]; then
    inside 3600 "$run"
    exit
fi

demo=$(readme_command demo)
check=$(readme_command check)
failed=

# The demo stays up until it is stopped: its shop must answer through nginx,
# and a visitor who agreed must get our tag in the page.
demo_probe='
    page=$(python3 -c "import urllib.request as u
print(u.urlopen(u.Request(\"http://127.0.0.1:8080/\",
    headers={\"Cookie\": \"demo_consent=all\"}), timeout=20).read().decode())")
    case $page in
        *"/_cr/b.js"*) echo "fresh: the shop answers, with the tag" ;;
        *) echo "fresh: no tag in the shop'"'"'s page"; exit 1 ;;
    esac'

if [ "${only:-demo}" = demo ]; then
    step demo 1800 "$demo && { $demo_probe
    } && tools/demo.sh stop"
fi

if [ "${only:-check}" = check ]; then
    step check 3600 "$check"
fi

if [ -n "$failed" ]; then
    die "failed:$failed"
fi

say "passed on a bare Debian 12: README's ${only:-two commands}"
