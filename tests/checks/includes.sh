#!/usr/bin/env bash
# Who may include whom: tools -> hosts -> src, never back; the core needs a compiler and no C
# library. (TAP)
set -euo pipefail
. "$(dirname "$0")/tap.sh"

# What comes with a freestanding compiler (C11 4p6).
freestanding='float|iso646|limits|stdalign|stdarg|stdbool|stddef|stdint|stdnoreturn'

# included DIRECTORY...: "file:line: name" of all that is included; <name> or "path from the top"
# (A header that the builder names, as QUIRE_LOCK_HEADER, is his.)
included() {
    grep -rnE '^ *# *include *[<"]' --include='*.[ch]' "$@" 2> /dev/null | while IFS=: read -r file line text; do
        name=$(sed -nE 's/^[^<"]*([<"][^>"]*)[>"].*/\1/p' <<< "$text")
        if [ "${name:0:1}" = '"' ]; then
            name=${name:1}
            for place in "$(dirname "$file")" include . hosts/simulator; do
                [ ! -e "$place/$name" ] || break
            done
            name=$(realpath -m --relative-to=. "$place/$name")
        fi
        echo "$file:$line: $name"
    done
}

# only ALLOWED DIRECTORY...: what the directories include besides
only() {
    local allowed=$1
    shift
    included "$@" | grep -vE ": ($allowed)" || true
}

result "$([ -n "$(included src)" ] || echo 'nothing was found')" 'the core includes something'
result "$(only 'include/' include | grep -vE ": <($freestanding)\.h$" || true)" \
    'include/ needs include/ and the compiler'
result "$(only 'include/|src/' src | grep -vE ": <($freestanding)\.h$" || true)" \
    'src/ needs include/, src/ and the compiler'
for below in paging:src/paging memory:src/memory space:src/space heap:'src/(heap|memory/bitset.h)' \
    port:'src/(port|paging)' process:src/process; do
    result "$(only "include/|src/bytes.h|${below#*:}|<" "src/${below%%:*}")" \
        "src/${below%%:*} needs no other part's inside, but perhaps that of one below"
done
result "$(only 'include/|hosts/|<' hosts)" \
    'hosts/ uses the core by include/, and neither tools/ nor the inside of src/'
result "$(only 'include/|hosts/|tools/|<' tools)" \
    'tools/ uses include/ and hosts/, not the inside of src/'
plan
