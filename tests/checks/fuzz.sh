#!/usr/bin/env bash
# fuzz.sh SECONDS FUZZER: a short run of one libFuzzer target from a fixed seed. (TAP)
# What it starts from is in tests/fuzz/corpus/NAME, if there is such a directory.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
seconds=$1
fuzzer=$2
name=${fuzzer##*/}
seeds=tests/fuzz/corpus/$name

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=$(dirname "$fuzzer")/found-$name-
arguments=(-seed=1 -max_total_time="$seconds" -timeout=20 -print_final_stats=1
    -artifact_prefix="$found" "$work")
[ ! -d "$seeds" ] || arguments+=("$seeds")

echo 1..1
"$fuzzer" "${arguments[@]}" > "$work.log" 2>&1
status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work.log")
if [ $status -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
    echo "ok 1 - $name: $runs inputs"
else
    echo "not ok 1 - $name: exit status $status after ${runs:-0} inputs"
    grep -v '^#[0-9]' "$work.log" | tail -n 50 | sed 's/^/# /'
    echo "# again: $fuzzer $found..."
fi
rm -f "$work.log"
