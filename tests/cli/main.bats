# The program around the commands: help, version, unknown things, output that cannot be written.
load helper

@test "without arguments, and with --help, the commands are listed" {
    quire
    cp "$tmp/out" "$tmp/first"
    mentions '^usage: quire COMMAND' '^  formats ' '^  translate ' '^  size ' '^  ptsim '
    quire --help
    prints < "$tmp/first"
}

@test "the version is one line" {
    quire --version
    mentions '^quire [0-9]+\.[0-9]+'
    [ "$(wc -l < "$tmp/out")" -eq 1 ]
}

@test "every command has help, with an example that works" {
    for command in $("$QUIRE" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p'); do
        quire "$command" --help
        mentions "^usage: quire $command"
        grep -E '^(Example: |         ) +quire ' "$tmp/out" | sed 's/^Example: *//' |
            grep -vE 'quire (replay|boot)' > "$tmp/examples" || true
        while read -r name arguments; do
            [ "$name" = quire ]
            # shellcheck disable=SC2086
            quire $arguments
            [ "$status" -eq 0 ] || {
                echo "does not work: quire $arguments"
                cat "$tmp/err"
                return 1
            }
        done < "$tmp/examples"
    done
}

@test "an unknown command or option is one line and status 2" {
    quire nonsense
    refused "no command 'nonsense' (quire --help lists the commands)"
    quire --nonsense
    refused "no option '--nonsense' (quire --help lists the commands)"
    quire size --nonsense
    refused 'size: no option --nonsense (see quire size --help)'
    quire size -x
    refused 'size: no option -x (see quire size --help)'
    quire formats --json=yes
    refused 'formats: --json takes no value'
    quire size --format
    refused 'size: --format needs a value: --format F'
    quire ''
    refused "no command '' (quire --help lists the commands)"
}

@test "a message stays one line, whatever was typed" {
    quire $'two\nlines\e[31m'
    refused "no command 'two?lines?[31m' (quire --help lists the commands)"
    quire formats "$(head -c 5000 /dev/zero | tr '\0' x)"
    [ "$status" -eq 2 ]
    [ "$(wc -l < "$tmp/err")" -eq 1 ]
    [ "$(wc -c < "$tmp/err")" -lt 700 ]
}

@test "a full disk is noticed" {
    for arguments in --help 'formats x86-64' 'formats --text i386' 'ptsim pfm' 'size 0+4K' \
        'size --json --format i386 0+4K' \
        'translate --format ostep14 --memory examples/seed-003.txt --root 0x1980 0'; do
        status=0
        # shellcheck disable=SC2086
        "$QUIRE" $arguments > /dev/full 2> "$tmp/err" || status=$?
        : > "$tmp/out"
        refused 'standard output: cannot be written: No space left on device'
    done
}

@test "a file that must not grow is noticed" {
    trace=examples/traces/perl-words.qtrace
    status=0
    (
        ulimit -f 64
        exec "$QUIRE" replay $trace --save "$tmp/saved"
    ) > "$tmp/out" 2> "$tmp/err" || status=$?
    refused "$tmp/saved: File too large after 65536 bytes, expected to write a trace"
    [ ! -e "$tmp/saved" ]
    status=0
    (
        ulimit -f 64
        exec "$QUIRE" replay $trace --frames 20 --swap "$tmp/swap"
    ) > "$tmp/out" 2> "$tmp/err" || status=$?
    refused_like 'replay: .*swap.*File too large.*'
}

@test "a reader that went away is noticed" {
    yes 0x3f80 | head -n 50000 > "$tmp/many"
    {
        status=0
        "$QUIRE" translate --format ostep14 --memory examples/seed-003.txt --root 0x1980 - \
            < "$tmp/many" 2> "$tmp/err" || status=$?
        echo $status > "$tmp/status"
    } | head -n 1 > "$tmp/first"
    status=$(cat "$tmp/status")
    : > "$tmp/out"
    [ "$(cat "$tmp/first")" = '0x3f80 -> 0x0dc0' ]
    refused_like 'standard output: cannot be written.*'
}
