#!/usr/bin/env bash
# Records what a program asks of its heap, as docs/heap-trace.md says.
#
#   tools/heap-record/record.sh -o OUT.heap PROGRAM [ARGUMENT]...
#
# Needs a C compiler ($CC: another one than cc). QUIRE_HEAP_TRACE_MAX=N: at most N lines.
set -euo pipefail

die() {
    echo "record.sh: $*" >&2
    exit 2
}

[ "${1-}" = -o ] || die "no output, expected -o OUT.heap PROGRAM [ARGUMENT]..."
[ $# -ge 3 ] || die "no program, expected -o OUT.heap PROGRAM [ARGUMENT]..."
out=$(realpath -m "$2")
shift 2
[ -z "${QUIRE_HEAP_TRACE_MAX-}" ] || [[ $QUIRE_HEAP_TRACE_MAX =~ ^[1-9][0-9]{0,17}$ ]] ||
    die "QUIRE_HEAP_TRACE_MAX is $QUIRE_HEAP_TRACE_MAX, expected a number of lines"
program=$(type -P -- "$1") || die "$1 not found, expected a program"
shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CC:-cc}" -std=c11 -O2 -shared -fPIC -o "$work/heap_record.so" \
    "$(dirname "$0")/heap_record.c" || die "${CC:-cc} could not compile heap_record.c"

status=0
env QUIRE_HEAP_TRACE="$work/trace" LD_PRELOAD="$work/heap_record.so" "$program" "$@" || status=$?
[ $status -eq 0 ] || echo "record.sh: $program ended with status $status" >&2
[ -s "$work/trace" ] || die "$program recorded nothing, expected a dynamically linked program"
mv "$work/trace" "$out"
