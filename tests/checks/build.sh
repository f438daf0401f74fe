#!/usr/bin/env bash
# build.sh DIRECTORY [VARIABLE=VALUE | TARGET]...: does it build there, without a warning? (TAP)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
directory=$1
shift

echo 1..1
if output=$(make -k -s V=1 BUILD="$directory" WERROR=1 "$@" 2>&1); then
    echo "ok 1 - builds: $*"
else
    echo "not ok 1 - builds: $*"
    grep -v '^make' <<< "$output" | head -n 60 | sed 's/^/# /'
fi
