#!/bin/sh
# Minifies ngx_cartrecover_module/web: scripts with the pinned minifier, the
# style sheet by leaving out comments and white space.
#
#     build.sh           rewrites ngx_cartrecover_module/web/min
#     build.sh --check   fails when the committed files are not what it makes
#
# Wants npm and its registry; make itself wants neither.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
src=$root/ngx_cartrecover_module/web
work=$root/build/web-tools
out=$root/build/web

mkdir -p "$work" "$out"

command -v npm > /dev/null || {
    echo "make web: npm is missing (Debian: apt-get install npm)" >&2
    exit 1
}

if ! cmp -s "$root/tools/web/package-lock.json" "$work/package-lock.json" \
    || ! [ -x "$work/node_modules/.bin/terser" ]
then
    cp "$root/tools/web/package.json" "$root/tools/web/package-lock.json" \
        "$work"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --silent)
fi

# b.js is one expression: nginx writes the call behind it, so no semicolon and
# no optimiser that finds an arrow function without a call useless.

minify() {
    file=$1 compress=passes=3,unsafe_arrows=true$2
    shift 2
    "$work/node_modules/.bin/terser" "$src/$file" --ecma 2020 \
        --compress "$compress" --mangle --format ascii_only=true "$@"
}

minify b.js ,expression=true,side_effects=false \
    | sed '1s/^/(/; $s/;*$/)/' > "$out/b.js"
minify g.js "" --module > "$out/g.js"
minify r.js "" --module > "$out/r.js"

node -e '
    process.stdout.write(require("fs").readFileSync(process.argv[1], "utf8")
        .replace(/\/\*[^]*?\*\//g, "").replace(/\s+/g, " ")
        .replace(/ ?([{}:;,]) ?/g, "$1").replace(/;}/g, "}").trim() + "\n")
' "$src/m.css" > "$out/m.css"

status=0

for f in b.js g.js r.js m.css; do
    if [ "${1-}" = --check ]; then
        cmp "$out/$f" "$src/min/$f" || status=1
    else
        cmp -s "$out/$f" "$src/min/$f" || cp "$out/$f" "$src/min/$f"
        printf '%-6s %6d bytes, %5d by gzip -9\n' "$f" \
            "$(wc -c < "$out/$f")" "$(gzip -9 -n < "$out/$f" | wc -c)"
    fi
done

[ $status = 0 ] || echo "make web: commit what it makes" >&2

exit $status
