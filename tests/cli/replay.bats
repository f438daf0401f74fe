# quire replay: the report, the pictures, JSON, saved traces, and everything that can be wrong.
load helper

# A program that stores to 40 pages, twice, and loads them in between; with a loop of instructions and
# accesses that cross pages.
make_trace() {
    awk 'BEGIN {
        for (round = 0; round < 3; round++)
            for (page = 0; page < 40; page++) {
                printf "I  00401%03x,4\n", page * 4
                printf " %s 10%03xff0,8\n", round == 1 ? "L" : "S", page
                printf " %s 10%03xffe,4\n", round == 1 ? "L" : "M", page
            }
    }' > "$tmp/trace"
}

# value KEY: of the JSON in the last output
value() {
    sed -n "s/^ *\"$1\": \"\?\([^\",]*\)\"\?,\?$/\1/p" "$tmp/out"
}

is_json() {
    if command -v python3 > /dev/null; then
        python3 -m json.tool < "$tmp/out" > /dev/null
    elif command -v jq > /dev/null; then
        jq . < "$tmp/out" > /dev/null
    else
        skip 'neither python3 nor jq'
    fi
}

# No line but a command is longer than 100 characters, and no control character is there.
fits_the_page() {
    run ! env LC_ALL=C.UTF-8 grep -E '^.{101}' <(grep -v '^    ' "$tmp/out")
    run ! env LC_ALL=C grep -P '[\x00-\x1f\x7f]' "$tmp/out"
}

@test "the report tells what happened" {
    make_trace
    quire replay "$tmp/trace" --ram 128K
    mentions '^trace +.*/trace \(lackey text\)' \
        '^machine +i386, pages of 4 KiB, 128 KiB of RAM, 2 MiB of swap in memory' \
        '^ +policy clock, TLB of 64 entries, 4-way' \
        '^references +360  120 fetches, 80 loads, 80 stores, 80 both' \
        '^page references +480  to 42 pages, 168 KiB' '^TLB hits ' '^walks ' '^faults ' \
        '^evictions ' '^swap in ' '^swap out ' '^page tables ' '^supplement ' '^system records ' \
        '^per second ' '^verified +280  loads and fetches, [0-9,]+ bytes'
    fits_the_page
}

@test "fault counts are those that can be worked out by hand" {
    printf 'I  00001000,4\n L 00002000,4\n S 00003ffe,4\n M 00001800,2\nI  00002000,4\n' > "$tmp/t"
    # pages 1 2 3 4 1 2; fifo and lru with 3 frames miss all but none
    quire replay "$tmp/t" --frames 3 --policy fifo --json
    [ "$(value page_references)" = 6 ]
    [ "$(value faults)" = 6 ]
    quire replay "$tmp/t" --frames 4 --policy lru --json
    [ "$(value faults)" = 4 ]
    quire replay "$tmp/t" --frames 3 --policy lru --tlb 0 --json
    [ "$(value faults)" = 6 ]
    [ "$(value tlb_hits)" = 0 ]
    # every one of them but the first four has been in swap or was never stored to
    quire replay "$tmp/t" --frames 1 --json
    [ "$(value faults)" = 6 ]
    [ "$(value evictions)" = 5 ]
    [ "$(value zero_fills)" = 6 ]
    [ "$(value swap_outs)" = 3 ]
}

@test "JSON is JSON, and says the same as the text" {
    make_trace
    quire replay "$tmp/trace" --frames 10 --json --policy fifo
    is_json
    faults=$(value faults)
    [ "$(value page_references)" = 480 ]
    [ "$(value references)" = 360 ]
    [ "$(value verified)" = true ]
    [ "$(value policy)" = fifo ]
    [ "$(value frames)" = 10 ]
    quire replay "$tmp/trace" --frames 10 --policy fifo
    mentions "^faults +$faults "
    quire replay "$tmp/trace" --frames 10 --policy fifo --no-verify --json
    is_json
    [ "$(value faults)" = "$faults" ]
    [ "$(value verified)" = false ]
}

policies() {
    "$QUIRE" replay --policy help | sed 's/ .*//'
}

@test "the list of policies" {
    quire replay --policy help
    mentions '^fifo +nothing +first in' '^clock-mmu +accessed bit +' '^lru +every reference +least' \
        '^nru +accessed bit, ticks +' '^opt +every reference +Belady'
    [ "$(policies | sort | uniq -d)" = '' ]
    fits_the_page
}

@test "every policy, TLB and format" {
    make_trace
    for policy in $(policies); do
        for tlb in 0 1 8 64,4; do
            quire replay "$tmp/trace" --frames 12 --policy "$policy" --tlb $tlb --json
            [ "$status" -eq 0 ]
            [ "$(value policy)" = "$policy" ]
            [ -z "${faults:-}" ] || [ "$(value faults)" = "$faults" ]
            faults=$(value faults)
        done
        faults=
    done
    quire replay "$tmp/trace" --frames 12 --format x86-64
    mentions '^machine +x86-64'
    printf ' S 0123,2\n L 3ff0,16\n L 0123,2\n' > "$tmp/small"
    for format in ptsim ostep14 ostep-linear:va_bits=14,page=1K examples/formats/i386.format; do
        quire replay "$tmp/small" --frames 3 --format "$format"
        mentions '^verified +2 '
    done
}

@test "ticks, and dice" {
    make_trace
    quire replay "$tmp/trace" --frames 10 --policy aging
    mentions '^ +policy aging, a tick every 160 references, TLB'
    quire replay "$tmp/trace" --frames 10 --policy aging --tick 1K --json
    [ "$(value tick)" = 1024 ]
    quire replay "$tmp/trace" --ram 128K --policy nru --json
    [ "$(value tick)" = 512 ]
    quire replay "$tmp/trace" --frames 10 --policy clock --tick 7 --json
    [ "$(value tick)" = 0 ]
    # Pages 0 and 1 come in; only 0 is used after the tick, so 1 goes; without a tick it is 0.
    printf 'I  00000000,4\nI  00001000,4\nI  00000000,4\nI  00002000,4\nI  00000000,4\n' > "$tmp/t"
    quire replay "$tmp/t" --frames 2 --policy nru --tick 2 --json
    [ "$(value faults)" = 3 ]
    quire replay "$tmp/t" --frames 2 --policy nru --tick 0 --json
    [ "$(value faults)" = 4 ]
    for seed in 0 1 2 3 4 5 6 7; do
        quire replay "$tmp/trace" --frames 30 --policy random --seed $seed --json
        value faults
        quire replay "$tmp/trace" --frames 30 --policy random --seed $seed --json
        value faults
    done > "$tmp/faults"
    [ "$(uniq -u "$tmp/faults")" = '' ]
    [ "$(sort -u "$tmp/faults" | wc -l)" -gt 1 ]
}

@test "the optimum" {
    make_trace
    # Silberschatz's string of pages with 3 frames: 9 faults, lru has 12 and fifo 15.
    for page in 7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1; do
        printf ' L 0000%s000,4\n' $page
    done > "$tmp/t"
    for pair in opt:9 lru:12 fifo:15; do
        quire replay "$tmp/t" --frames 3 --policy "${pair%:*}" --json
        [ "$(value faults)" = "${pair#*:}" ]
    done
    quire replay "$tmp/t" --frames 3 --policy opt --limit 4 --json
    [ "$(value faults)" = 4 ]
    quire replay "$tmp/trace" --frames 13 --policy opt --json
    least=$(value faults)
    for policy in $(policies); do
        quire replay "$tmp/trace" --frames 13 --policy "$policy" --json
        [ "$(value faults)" -ge "$least" ]
    done
    quire replay "$tmp/trace" --save "$tmp/t.qtrace" --frames 13 --policy opt
    mentions '^faults +'"$least"' '
    quire replay "$tmp/t.qtrace" --frames 13 --policy opt --draw
    mentions '^faults +'"$least"' '
    for wrong in - <(cat "$tmp/trace"); do
        quire replay "$wrong" --frames 13 --policy opt < "$tmp/trace"
        refused_like "replay: --policy opt: expected a file, as the trace is read twice, and '.*' is none"
    done
    quire replay /nowhere/trace --frames 13 --policy opt
    refused_like '/nowhere/trace: No such file or directory.*'
    echo ' L 10000000,oops' >> "$tmp/trace"
    quire replay "$tmp/trace" --frames 13 --policy opt
    refused_like '.*/trace: line 361: .*'
}

@test "a trace from a pipe, with swap in a file" {
    make_trace
    status=0
    "$QUIRE" replay - --ram 128K --swap "$tmp/swap" --swap-size 1M < "$tmp/trace" > "$tmp/out" \
        2> "$tmp/err" || status=$?
    mentions '^trace +- \(lackey text\)' '1 MiB of swap in .*/swap'
    [ "$(wc -c < "$tmp/swap")" -eq 1048576 ]
    [ "$(tr -d '\0' < "$tmp/swap" | wc -c)" -gt 0 ]
}

@test "a saved trace is the same trace" {
    make_trace
    quire replay "$tmp/trace" --save "$tmp/t.qtrace"
    mentions 't\.qtrace: [0-9,]+ bytes'
    quire replay "$tmp/trace" --ram 128K --json
    faults=$(value faults)
    quire replay "$tmp/t.qtrace" --ram 128K --json
    [ "$(value faults)" = "$faults" ]
    [ "$(value trace_kind)" = 'quire trace' ]
    quire replay "$tmp/t.qtrace" --frames 20 --save "$tmp/u.qtrace" --quiet
    prints < /dev/null
    cmp "$tmp/t.qtrace" "$tmp/u.qtrace"
    quire replay "$tmp/t.qtrace" --limit 10 --save "$tmp/v.qtrace"
    quire replay "$tmp/v.qtrace" --frames 5 --json
    [ "$(value references)" = 10 ]
    quire replay "$tmp/trace" --limit 1K --frames 5 --json
    [ "$(value references)" = 360 ]
}

@test "what only saves says so in JSON, too" {
    make_trace
    quire replay "$tmp/trace" --save "$tmp/t.qtrace" --json
    prints << END
{
  "trace": "$tmp/trace",
  "saved": "$tmp/t.qtrace",
  "saved_bytes": $(wc -c < "$tmp/t.qtrace")
}
END
}

# Saves what comes through a pipe that does not end, and is stopped by this signal meanwhile.
stopped_by() {
    mkfifo "$tmp/pipe.$1"
    env --default-signal="$1" "$QUIRE" replay "$tmp/pipe.$1" --save "$tmp/saved.$1" &
    exec 9> "$tmp/pipe.$1"
    cat "$tmp/trace" >&9
    for _ in $(seq 100); do
        ! compgen -G "$tmp/saved.$1*" > /dev/null || break
        sleep 0.1
    done
    compgen -G "$tmp/saved.$1.tmp-*" # it had begun
    kill "-$1" $!
    status=0
    wait $! || status=$?
    exec 9>&-
    [ "$status" -eq $((128 + $(kill -l "$1"))) ]
    ! compgen -G "$tmp/saved.$1*"
}

@test "a signal leaves nothing behind of a trace that was to be saved" {
    make_trace
    ulimit -c 0 # QUIT and XCPU leave a core otherwise
    for signal in INT TERM HUP QUIT XCPU; do
        stopped_by "$signal"
    done
}

@test "the pictures" {
    make_trace
    export LC_ALL=C.UTF-8
    quire replay "$tmp/trace" --ram 128K --draw
    mentions "^The program's memory: 42 pages touched" '^  00401000 ' '^  10000000 ' \
        "^The machine's memory: 32 frames of 4 KiB" '^  00000000 R.*T.*█' '^Faults over time' \
        '▁|▂|▃|▄|▅|▆|▇|█' '^Every load was verified: [0-9,]+ bytes'
    fits_the_page
    quire replay "$tmp/trace" --ram 128K --draw --ascii
    mentions '^  00000000 R.*T.*#'
    fits_the_page
    run ! env LC_ALL=C grep -P '[^ -~]' "$tmp/out"
    cp "$tmp/out" "$tmp/ascii"
    LC_ALL=C quire replay "$tmp/trace" --ram 128K --draw
    diff <(grep -v '^per second' "$tmp/ascii") <(grep -v '^per second' "$tmp/out")
}

@test "the three commands to try next work as printed" {
    make_trace
    mkdir "$tmp/a b"
    cp "$tmp/trace" "$tmp/a b/it's"
    for arguments in '--ram 128K' '--ram 256K --policy lru --limit 300' '--frames 1' \
        '--frames 9 --policy aging --tick 77' '--frames 9 --policy opt --seed 3' \
        '--frames 20 --format x86-64' '--ram 40960 --swap-size 400K'; do
        # shellcheck disable=SC2086
        quire replay "$tmp/a b/it's" --draw $arguments
        [ "$status" -eq 0 ]
        sed -n '/^To try next/,$s/^    //p' "$tmp/out" > "$tmp/next"
        [ "$(wc -l < "$tmp/next")" -eq 3 ]
        while read -r line; do
            eval "$line" > "$tmp/out" || {
                echo "does not work: $line"
                return 1
            }
        done < "$tmp/next"
    done
}

@test "a real program, if its trace is here" {
    set -- examples/traces/*.qtrace
    [ -e "$1" ] || skip 'no trace'
    quire replay "$1" --ram 384K --draw
    mentions '^Every load was verified'
    fits_the_page
}

@test "colours are for terminals only, and not with NO_COLOR" {
    command -v script > /dev/null || skip 'no script(1)'
    make_trace
    command="$QUIRE replay $tmp/trace --ram 128K --draw"
    NO_COLOR='' TERM=xterm script -qec "$command" /dev/null < /dev/null > "$tmp/out"
    grep -q $'\e\[3' "$tmp/out"
    for variable in NO_COLOR=1 TERM=dumb; do
        env TERM=xterm "$variable" script -qec "$command" /dev/null < /dev/null > "$tmp/out"
        run ! grep -q $'\e' "$tmp/out"
    done
}

@test "what is said badly is one line" {
    make_trace
    quire replay
    refused 'replay: no trace: expected quire replay TRACE --ram SIZE (see quire replay --help)'
    quire replay "$tmp/trace"
    refused 'replay: how much memory? expected --ram SIZE or --frames N, such as --ram 1M'
    quire replay "$tmp/trace" --ram 1M --frames 10
    refused 'replay: --ram and --frames exclude each other: expected one of them'
    quire replay "$tmp/trace" "$tmp/trace" --ram 1M
    refused_like "replay: one trace at a time, and '.*' is a second"
    quire replay "$tmp/trace" --ram 1M --json --draw
    refused 'replay: --json and --draw exclude each other'
    quire replay "$tmp/trace" --ram 1M --policy fi
    refused 'replay: --policy fi: expected one of those that --policy help lists'
    quire replay "$tmp/trace" --ram 1M --policy random --seed x
    refused "replay: --seed: 'x' is not a number such as 4096 or 0x1000"
    quire replay "$tmp/trace" --ram 1M --policy nru --tick x
    refused "replay: --tick: 'x' is not a size such as 65536, 64K or 1G"
    for tlb in 64,5 x 64, ,4 64,0 9999999 4,4,4 -1; do
        quire replay "$tmp/trace" --ram 1M --tlb=$tlb
        refused "replay: --tlb $tlb: expected ENTRIES or ENTRIES,WAYS, at most 65536 and a multiple of the ways"
    done
    quire replay "$tmp/trace" --ram 1M --format nonsense
    refused_like "replay: no format or file 'nonsense' .*"
    quire replay "$tmp/trace" --ram 10000
    refused 'replay: --ram 10000: expected a multiple of the page, 4 KiB'
    quire replay "$tmp/trace" --ram much
    refused "replay: --ram: 'much' is not a size such as 65536, 64K or 1G"
    for wrong in '--ram 1' '--ram 15E' '--frames 0' '--frames 1T' '--frames 1 --limit 0' \
        '--ram 1M --swap-size 1' '--ram 1M --swap-size 15E'; do
        # shellcheck disable=SC2086
        quire replay "$tmp/trace" $wrong
        refused_like 'replay: --[a-z-]+: [0-9A-Z]+ is outside [0-9]+ - [0-9]+'
    done
    quire replay "$tmp/trace" --ram 8G
    refused 'replay: --ram 8 GiB: more than i386 can address, expected at most 4 GiB'
}

@test "traces that are none" {
    make_trace
    quire replay /nowhere/trace --ram 1M
    refused_like '/nowhere/trace: No such file or directory.*'
    quire replay "$tmp" --ram 1M
    refused_like ".*: .*"
    : > "$tmp/empty"
    quire replay "$tmp/empty" --ram 1M
    refused_like '.*/empty: is empty, expected a reference trace'
    echo 'What is this?' > "$tmp/wrong"
    quire replay "$tmp/wrong" --ram 1M
    refused_like '.*/wrong: not lackey text.*line 1.*'
    head -c 100000 /dev/urandom > "$tmp/noise"
    quire replay "$tmp/noise" --ram 1M
    refused_like '.*/noise: .*'
    (cat "$tmp/trace"; echo ' L 10000000,oops') > "$tmp/middle"
    for more in '' --json --draw --quiet; do
        # shellcheck disable=SC2086
        quire replay "$tmp/middle" --ram 1M $more
        refused_like '.*/middle: line 361: .*'
    done
    quire replay "$tmp/trace" --save "$tmp/t.qtrace"
    size=$(wc -c < "$tmp/t.qtrace")
    for left in 1 8 20 $((size / 2)) $((size - 1)); do
        head -c "$left" "$tmp/t.qtrace" > "$tmp/cut"
        quire replay "$tmp/cut" --ram 1M
        refused_like '.*/cut: .*'
    done
}

@test "an address that the format does not have" {
    printf 'I  00001000,4\n L 1fff0001b0,8\n' > "$tmp/t"
    quire replay "$tmp/t" --ram 1M
    refused 'replay: reference 2: address 0x1fff0001b0 is outside the 32-bit address space of i386 (a 64-bit program'"'"'s trace? try --format x86-64)'
    quire replay "$tmp/t" --ram 1M --format x86-64
    mentions '^references +2 '
    quire replay "$tmp/t" --frames 2 --format ptsim
    refused_like 'replay: reference 2: .* is outside the 14-bit address space of ptsim.*'
}

@test "a machine that is too small" {
    make_trace
    for ram in 4K 8K 12K 16K; do
        quire replay "$tmp/trace" --ram $ram
        refused_like 'replay: (reference 1: )?--ram [0-9]+ KiB: .*, expected more'
    done
    quire replay "$tmp/trace" --frames 4 --swap-size 8K
    refused_like 'replay: reference [0-9]+: swap is full, 8 KiB: expected more \(--swap-size\)'
    quire replay "$tmp/trace" --frames 300 --format ostep14
    refused_like 'replay: .*'
}

@test "no file is overwritten that is being read" {
    make_trace
    cp "$tmp/trace" "$tmp/before"
    ln "$tmp/trace" "$tmp/link"
    quire replay "$tmp/trace" --ram 128K --swap "$tmp/link"
    refused_like 'replay: --swap .*/link: expected another file than the trace'
    quire replay "$tmp/trace" --ram 128K --save "$tmp/trace"
    refused_like 'replay: --save .*/trace: expected another file than the trace'
    quire replay "$tmp/trace" --ram 128K --save "$tmp/new" --swap "$tmp/new"
    refused_like 'replay: --swap .*/new: expected another file than that of --save'
    cmp "$tmp/trace" "$tmp/before"
    quire replay "$tmp/trace" --ram 128K --swap /nowhere/swap
    refused_like 'replay: /nowhere/swap: the swap file cannot be made: No such file or directory'
    quire replay "$tmp/trace" --save /nowhere/trace
    refused_like '.*/nowhere/trace.*'
    [ ! -e "$tmp/new" ]
}
