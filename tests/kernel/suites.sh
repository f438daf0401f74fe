#!/usr/bin/env bash
# suites.sh QUIRE [PART/PARTS]: the core's own tests in the kernel, as a program that it runs; each
# suite in a process of its own. (TAP) Without a part: all there are, those included that take many
# minutes under QEMU.
set -uo pipefail
. "$(dirname "$0")/../checks/tap.sh"
quire=$1 part=${2:-}
kernel=$(dirname "$quire")/kernel/i386
long=' everything machine_random meetings pending seed_000_errors space_failures space_registry '
most=200 # bytes of a command; calls.h: COMMAND_BYTES

output=$(mktemp)
trap 'rm -f "$output"' EXIT

# run SUITE...: one machine for them all
run() {
    local name status=0 trouble
    timeout 1200 "$quire" boot --archive "$kernel/tests.tar" --ram 128M --swap 0 \
        --program "tests seed=${QUIRE_SEED:-1} $*" < /dev/null > "$output" 2>&1 || status=$?
    for name; do
        trouble=
        grep -qx "tests: $name: right" "$output" || trouble=$(tail -n 20 "$output")
        result "$trouble" "$name"
    done
    result "$([ $status -eq 0 ] || tail -n 5 "$output")" 'the machine ends well'
}

# One of `parts` suites is for this part.
wanted() {
    [ -z "$part" ] || { [[ $long != *" $1 "* ]] && [ $((count++ % ${part#*/} + 1)) -eq "${part%/*}" ]; }
}

names=
count=0
for name in $(sed 's/SUITE(\(.*\))/\1/' "$kernel/suites.h"); do
    wanted "$name" || continue
    if [ $((${#names} + ${#name})) -gt $most ]; then
        # shellcheck disable=SC2086
        run $names
        names=
    fi
    names+=" $name"
done
# shellcheck disable=SC2086
run $names
plan
