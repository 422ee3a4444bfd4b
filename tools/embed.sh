#!/bin/sh
#
# embed.sh OUT [NAME=FILE[+FILE...]]...
#
# Writes OUT, a C file with cr_assets[] of lib/cr_asset.h: each NAME holds the
# bytes of its FILEs joined.  Without names it embeds all that the programs
# carry with them.  "web/hash" is made here from every web/ asset: the version
# that a page asks for.  OUT is touched only when its content changes.

set -eu
LC_ALL=C
export LC_ALL

if [ $# -lt 1 ]; then
    echo "usage: embed.sh OUT [NAME=FILE[+FILE...]]..." >&2
    exit 2
fi

case $1 in
    /*) out=$1 ;;
    *)  out=$PWD/$1 ;;
esac
shift


# Names of the repository's own assets, one NAME=FILE a line.

own_assets() {
    for file in ngx_cartrecover_module/web/min/*.js \
                ngx_cartrecover_module/web/min/*.css; do
        [ -f "$file" ] && echo "web/${file##*/}=$file"
    done

    for dir in platforms messages consent; do
        for file in conf/"$dir"/*.json; do
            [ -f "$file" ] && echo "$dir/${file##*/}=$file"
        done
    done

    for file in lib/lua/*.lua; do
        [ -f "$file" ] || continue
        [ "$file" = lib/lua/common.lua ] && continue
        echo "lua/${file##*/}=lib/lua/common.lua+$file"
    done
}


# An array of the bytes on standard input; the closing NUL is not counted.

bytes() {
    od -An -v -tx1 | sed -e 's/ *$//' -e 's/ \(..\)/0x\1,/g' -e 's/^/    /'
    echo "    0x00"
}


if [ $# -eq 0 ]; then
    cd "$(dirname "$0")/.."
    set -f
    set -- $(set +f; own_assets)
    set +f
fi

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT HUP INT TERM

: > "$work/table"
: > "$work/web"

{
    echo '/* Made by tools/embed.sh; changes here are lost. */'
    echo
    echo '#include "cr_asset.h"'
} > "$work/c"

n=0

one() {
    size=$(wc -c < "$work/data")

    printf '\n\nstatic const unsigned char  a%d[] = {\n' "$n" >> "$work/c"
    bytes < "$work/data" >> "$work/c"
    echo '};' >> "$work/c"

    printf '    { "%s", a%d, %d },\n' "$1" "$n" "$size" >> "$work/table"
    n=$((n + 1))
}

for asset in "$@"; do
    name=${asset%%=*}
    files=${asset#*=}

    : > "$work/data"
    IFS=+
    for file in $files; do
        cat -- "$file" >> "$work/data"
    done
    unset IFS

    case $name in
        web/*)
            printf '%s\n' "$name" >> "$work/web"
            cat "$work/data" >> "$work/web" ;;
    esac

    one "$name"
done

sha256sum < "$work/web" | cut -c 1-8 | tr -d '\n' > "$work/data"
one web/hash

{
    printf '\n\nconst cr_asset_t  cr_assets[] = {\n'
    cat "$work/table"
    printf '    { NULL, NULL, 0 }\n};\n'
} >> "$work/c"

if ! cmp -s "$work/c" "$out"; then
    mv -f "$work/c" "$out"
fi
