#!/usr/bin/env bash
# succeeds.sh COMMAND...: does it end with exit status 0? (TAP)
set -uo pipefail
. "$(dirname "$0")/tap.sh"

output=$("$@" 2>&1) && output= || output="exit status $?"$'\n'$output
result "$output" "$*"
plan
