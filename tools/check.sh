#!/bin/bash
#
# check.sh: installs what is missing, builds, and runs the whole suite through
# prove: two tests at a time, those marked "check: alone" one by one behind
# them.  Exits with prove's status; its closing lines come last.

set -eu
cd "$(dirname "$0")/.."

tools/setup.sh test
echo "check: building"
make -j2 all units fuzz-replay build/cartrecoverd-kill

rules=build/testrules.yml
alone=$(grep -lsE '^# check: alone' t/*.t || true)

{
    echo '---'
    echo 'seq:'
    echo '  - par:'
    for test in t/*.t; do
        grep -qE '^# check: alone' "$test" || echo "    - $test"
    done
    [ -z "$alone" ] || echo '  - seq:'
    for test in $alone; do
        echo "    - $test"
    done
} > "$rules"

echo "check: testing"
export HARNESS_RULESFILE=$rules
exec timeout -k 30 "${CHECK_SECONDS:-1500}" \
    prove -It/lib -j2 --timer --failures t/*.t
