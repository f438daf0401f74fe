#!/usr/bin/env bash
# Every public header stands alone: with any compiler, as the only thing included, twice. (TAP)
set -euo pipefail
. "$(dirname "$0")/tap.sh"

for header in include/quire/*.h; do
    trouble=
    for compiler in gcc clang; do
        text=$(printf '#include "quire/%s"\n' "${header##*/}" "${header##*/}")
        trouble+=$("$compiler" -std=c11 -ffreestanding -nostdinc -isystem \
            "$($compiler -print-file-name=include)" -Wall -Wextra -Wpedantic -Werror -Iinclude \
            -fsyntax-only -x c - 2>&1 <<< "$text") || true
    done
    result "$trouble" "${header#include/} stands alone"
done
plan
