#!/usr/bin/env bash
# The promises of the core that are seen in its object code, for one machine or for a table of all.
#
#   core.sh DIRECTORY MACHINE    builds the core there, for that machine, and checks it (TAP)
#   core.sh size                 prints code, data and stack of it on every machine
#
# The call graph and the stack frames are the compiler's own account (-fcallgraph-info). It knows
# direct calls only: what a function pointer leads to (hooks of the host, policies, a format's own
# walker) is counted, but not followed.
set -euo pipefail
. "$(dirname "$0")/tap.sh"

frame_limit=1280 # bytes of stack, one function: a TLB batch (900) is meant to live on the stack
chain_limit=2560 # bytes of stack, any chain of direct calls
allowed='memcpy|memmove|memset|memcmp|__u?(div|mod|divmod)[dt]i[34]' # libgcc's 64-bit division

# machine -> the front of the compiler's name, extra flags
cross() {
    case $1 in
    x86-64 | i386) echo '' ;;
    aarch64 | riscv64 | s390x) echo "$1-linux-gnu-" ;;
    *) echo "core.sh: what machine is $1?" >&2 && exit 2 ;;
    esac
}

# AArch64: unless told not to, gcc reaches atomic instructions through its library.
machine_flags() {
    [ "$1" != aarch64 ] || echo -mno-outline-atomics
}

# build DIRECTORY MACHINE FLAGS: one relocatable object of it all, in DIRECTORY/core.o
build() {
    local directory=$1 machine=$2 prefix bits=64 ld=()
    prefix=$(cross "$machine")
    [ "$machine" != i386 ] || { bits=32 && ld=(-m elf_i386); }
    env -u MAKEFLAGS make -s V=1 BUILD="$directory" CC="${prefix}gcc" AR="${prefix}ar" BITS=$bits \
        CFLAGS="-fno-pic -fno-pie -fcallgraph-info=su,da $(machine_flags "$machine") $3" "$directory/libquire.a"
    find "$directory/obj/src" -name '*.o' -print0 | sort -z |
        xargs -0 "${prefix}ld" "${ld[@]}" -r -o "$directory/core.o"
}

# sections FILE: bytes of code and constants, of initialised data, of zeroed data. (readelf reads the
# files of all machines.)
sections() {
    readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] *//p' | awk '
        function number(hex,     i, n) {
            for (i = 1; i <= length(hex); i++) {
                n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
            }
            return n
        }
        $1 ~ /^\.(text|s?rodata)/    { text += number($5) }
        $1 ~ /^\.(s?data|tdata)/     { data += number($5) }
        $1 ~ /^\.(s?bss|tbss)/       { bss += number($5) }
        END { print text + 0, data + 0, bss + 0 }'
}

# call_graph DIRECTORY: facts from the compiler's account, one a line:
#   frame BYTES FUNCTION, dynamic FUNCTION, cycle FUNCTION CALLEE, chain BYTES FUNCTION > FUNCTION...
# shellcheck disable=SC2016 # the dollars are awk's
call_graph() {
    find "$1/obj/src" -name '*.ci' -print0 | sort -z | xargs -0 awk '
        # A function that is seen in one file only is named "file:function".
        /^node:/ && /bytes \(/ {
            split($0, quoted, "\""); name = quoted[2]; text = quoted[4]
            match(text, /[0-9]+ bytes \(/)
            frame[name] = substr(text, RSTART, RLENGTH) + 0
            if (text ~ /\(dynamic\)/) print "dynamic", name
            print "frame", frame[name], name
        }
        /^edge:/ {
            split($0, quoted, "\"")
            if (quoted[4] == "__indirect_call") indirect++
            else calls[quoted[2]] = calls[quoted[2]] " " quoted[4]
        }
        # The deepest chain from f; its path is left in path[f].
        function deepest(f,     callee, n, i, depth, best, via) {
            if (f in depth_of) return depth_of[f]
            active[f] = 1
            n = split(calls[f], callee, " ")
            for (i = 1; i <= n; i++) {
                if (callee[i] in active) { print "cycle", f, callee[i]; continue }
                if (!(callee[i] in frame)) continue
                depth = deepest(callee[i])
                if (depth > best) { best = depth; via = callee[i] }
            }
            delete active[f]
            path[f] = f (via == "" ? "" : " > " path[via])
            return depth_of[f] = frame[f] + best
        }
        END {
            for (f in frame) if (deepest(f) > most) { most = depth_of[f]; top = f }
            print "chain", most + 0, path[top]
            print "indirect", indirect + 0
        }'
}

check() {
    local directory=$1 graph prefix text data bss
    machine=$2
    [ "$machine" != s390x ] || chain_limit=3584 # its calling convention takes 160 bytes for each call
    prefix=$(cross "$machine")
    build "$directory" "$machine" '-Werror -fno-optimize-sibling-calls'
    graph=$(call_graph "$directory")
    read -r text data bss <<< "$(sections "$directory/core.o")"

    result "$([ "$text" -gt 0 ] || echo 'no code was found')" 'the core is there'
    result "$("${prefix}nm" -u "$directory/core.o" | awk '{ print $2 }' | grep -vxE "$allowed" || true)" \
        'calls nothing outside but memcpy, memmove, memset, memcmp and 64-bit division'
    result "$("${prefix}nm" -g --defined-only "$directory/core.o" | awk '{ print $3 }' |
        grep -v '^quire_' || true)" 'every public symbol begins with quire_'
    result "$([ "$data$bss" = 00 ] || "${prefix}nm" -S "$directory/core.o" |
        grep -i ' [bdcs] ' || echo ".data $data .bss $bss")" 'no variables: .data and .bss are empty'
    result "$(sed -n 's/^cycle \(.*\) \(.*\)/\1 calls \2/p' <<< "$graph")" \
        "no recursion ($(sed -n 's/^indirect //p' <<< "$graph") indirect calls not followed)"
    result "$(awk -v limit=$frame_limit '$1 == "dynamic" { print $2 ": no fixed size" }
        $1 == "frame" && $2 > limit { print $3 ": " $2 " bytes" }' <<< "$graph")" \
        "no stack frame over $frame_limit bytes"
    result "$(awk -v limit=$chain_limit '$1 == "chain" && $2 > limit' <<< "$graph")" \
        "no chain of direct calls over $chain_limit bytes of stack ($(
            sed -n 's/^chain \([0-9]*\) .*/\1/p' <<< "$graph"))"
    plan
}

print_sizes() {
    local directory text data bss
    printf '%-8s %8s %6s %6s %7s  %s\n' machine code data bss stack 'deepest chain of direct calls'
    for machine in x86-64 i386 aarch64 riscv64 s390x; do
        if ! command -v "$(cross $machine)gcc" > /dev/null; then
            printf '%-8s no %sgcc here\n' $machine "$(cross $machine)"
            continue
        fi
        directory=${BUILD:-build}/size/$machine
        build "$directory" $machine ''
        read -r text data bss <<< "$(sections "$directory/core.o")"
        printf '%-8s %8d %6d %6d %s\n' $machine "$text" "$data" "$bss" "$(call_graph "$directory" |
            awk '$1 == "chain" { printf "%7d  ", $2; $1 = $2 = ""; sub(/^ */, ""); print }')"
    done
}

if [ "$1" = size ]; then
    print_sizes
else
    check "$1" "$2"
fi
