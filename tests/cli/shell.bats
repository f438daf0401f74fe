# quire shell: through a pipe, and on a terminal (script, which util-linux has).
load helper

# type_in LINE...: the lines on standard input.
type_in() {
    status=0
    printf '%s\n' "$@" | "$QUIRE" shell > "$tmp/out" 2> "$tmp/err" || status=$?
}

# appears EXPRESSION [KEYS]: waits until the terminal shows it, typing KEYS again and again meanwhile.
appears() {
    for _ in $(seq 100); do
        ! grep -qaE -- "$1" "$tmp/out" || return 0
        [ -z "${2:-}" ] || printf '%b' "$2" >&7
        sleep 0.2
    done
    cat -v "$tmp/out"
    complain "does not appear: $1"
}

# on_terminal [KEYS EXPRESSION]...: types keys at a terminal, and waits for what they lead to before
# the next; the last is Ctrl-D. KEYS may be again:KEYS, to be typed until then. What was seen is in
# out. The exit status is the shell's own: script fails when it writes to a shell that has just
# left, so the keyboard stays open until then, and nothing is typed before the prompt shows. A Ctrl-C
# is for all that runs on the terminal: /bin/sh, which writes the status, would end of it.
on_terminal() {
    rm -f "$tmp/keys" "$tmp/status"
    mkfifo "$tmp/keys"
    : > "$tmp/out"
    SHELL=/bin/sh TERM=xterm timeout 60 \
        script -qfc "trap : INT; $QUIRE shell; echo \$? > $tmp/status" /dev/null \
        < "$tmp/keys" > "$tmp/out" 2> "$tmp/err" 3>&- &
    exec 7> "$tmp/keys"
    appears 'quire> '
    while [ $# -gt 0 ]; do
        if [[ $1 == again:* ]]; then
            appears "$2" "${1#again:}"
        else
            printf '%b' "$1" >&7
            appears "$2"
        fi
        shift 2
    done
    prompted
    printf '\004' >&7
    wait "$!" || true
    exec 7>&-
    status=$(cat "$tmp/status")
}

# Waits for a prompt (and what is being typed at it) at the end of what the terminal shows.
prompted() {
    for _ in $(seq 100); do
        ! tail -n 1 "$tmp/out" | grep -qa 'quire> ' || return 0
        sleep 0.2
    done
    cat -v "$tmp/out"
    complain 'no prompt at the end'
}

sees() {
    for expression in "$@"; do
        grep -qE -- "$expression" "$tmp/out" || {
            cat -v "$tmp/out"
            complain "does not see: $expression"
        }
    done
}

@test "a pipe: no prompt, answers, and yes or no" {
    type_in 'process A' 'map 0x10000 4p' 'write 0x10000 7' 'read 0x10000' 'expect 7' 'expect 8'
    prints << 'END'
A reads 0x00010000: 7
yes
no: expected 8, got 7
END
}

@test "what is wrong is said, and the shell goes on" {
    type_in nonsense 'process A' 'map A' 'read 0' 'show processes'
    [ "$status" -eq 0 ]
    diff -u - "$tmp/err" << 'END'
quire: no command 'nonsense' (help lists them)
quire: map: expected an address such as 0x8000 or 0x8000+4K, got 'A' (map [PROCESS] VA SIZE [RIGHTS] [of OBJECT] [at OFFSET] [shared] [grows LIMIT] [max MOST] [kernel])
END
    diff -u - "$tmp/out" << 'END'
fault: A: read at 0x00000000: nothing is mapped there
A (runs): 0 pages of its own resident, 0 in swap; 1 page tables, 1 supplement nodes
END
}

@test "back and forward" {
    type_in 'process A' 'map 0x10000 4p' 'write 0x10000 7' 'write 0x10000 8' back 'read 0x10000' \
        'expect 7' 'back 9' 'back 4' 'forward 4' 'show steps' 'back 5'
    [ "$status" -eq 0 ]
    diff -u - "$tmp/err" << 'END'
quire: back: expected at most 4, the steps that were made
quire: back: expected at most 4, the steps that were made
END
}

@test "hundreds of steps are taken back at once" {
    {
        echo 'process A'
        echo 'map 0x10000 80p'
        for i in $(seq 500); do
            echo "write 0x$((10 + i % 50))000 $i"
        done
        echo 'back 250'
        echo 'forward 250'
        echo 'read 0x10000'
    } > "$tmp/lines"
    "$QUIRE" shell < "$tmp/lines" > "$tmp/out" 2> "$tmp/err"
    diff -u - "$tmp/out" << 'END'
at step 252: write 0x10000 250
at step 502: write 0x10000 500
A reads 0x00010000: 0x1f4 (500)
END
}

@test "a scenario, and then the shell" {
    status=0
    echo 'read parent 0x10000 text:7' |
        "$QUIRE" shell examples/fork.quire > "$tmp/out" 2> "$tmp/err" || status=$?
    went_well
    [ "$(tail -n 1 "$tmp/out")" = 'parent reads 0x00010000: "\x00\x00\x00\x00ten"' ]
    quire shell "$tmp/nothing"
    refused "$tmp/nothing: cannot be opened: No such file or directory"
    echo nonsense > "$tmp/bad"
    quire shell "$tmp/bad"
    [ "$status" -eq 2 ]
    quire shell --loud
    refused 'shell: no option --loud (see quire shell --help)'
}

@test "quit, and the end of the input" {
    type_in 'say one' quit 'say two'
    prints <<< one
    quire shell < /dev/null
    prints < /dev/null
}

@test "a terminal: prompt, Ctrl-C, Ctrl-D" {
    command -v script > /dev/null || skip 'no script'
    on_terminal 'process A\r' 'process A' 'read 0x1' '> read 0x1' '\003' '\^C' \
        'show processes\r' 'A \(runs\)'
    [ "$status" -eq 0 ]
    run ! grep -q fault "$tmp/out"
}

@test "a terminal: Ctrl-C stops a command that would never end, and it is taken back" {
    command -v script > /dev/null || skip 'no script'
    on_terminal 'process A\r' 'process A' 'map 0x10000 4p\r' '4p' \
        'repeat 999999999999 touch 16-19\r' 'touch 16-19' \
        again:'\003' 'stopped, and taken back' 'show steps\r' '3 \(taken back\) repeat'
    [ "$status" -eq 0 ]
}

@test "a terminal: history and completion, where libedit is" {
    command -v script > /dev/null || skip 'no script'
    on_terminal 'help quit\r' 'Ends the'
    ! grep -q 'Without libedit' "$tmp/out" || skip 'built without libedit'
    on_terminal 'say one-and-only\r' '^one-and-only' '\033[A\r' 'say one-and-only.*' \
        'sho\tco\t\r' 'tlb-misses' 'pro\t' 'program  process  protect' '\025' '.'
    [ "$status" -eq 0 ]
    [ "$(grep -c '^one-and-only' "$tmp/out")" -eq 2 ]
}
