# What the command-line tests share. Every test runs from the top of the source tree; $QUIRE is the
# program under test, build/quire if not said.

bats_require_minimum_version 1.5.0
top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
: "${QUIRE:=$top/build/quire}"

setup() {
    cd "$top" || exit
    tmp=$BATS_TEST_TMPDIR
}

# Runs quire and keeps what it says: standard output and error in files, byte for byte.
quire() {
    status=0
    "$QUIRE" "$@" > "$tmp/out" 2> "$tmp/err" || status=$?
}

# complain WORDS...: the last run was not what was wanted.
complain() {
    echo "$*; exit status $status; standard error:"
    cat "$tmp/err"
    return 1
}

went_well() {
    [ "$status" -eq 0 ] && [ ! -s "$tmp/err" ]
}

# The last run printed exactly what stands on standard input, and nothing else, and went well.
prints() {
    cat > "$tmp/expected"
    diff -u "$tmp/expected" "$tmp/out" || complain 'other output'
    went_well || complain 'did not go well'
}

# The last run went well, and its output has a line that matches each of the expressions.
mentions() {
    went_well || complain 'did not go well'
    for expression in "$@"; do
        if ! grep -qE -- "$expression" "$tmp/out"; then
            cat "$tmp/out"
            complain "no line matches: $expression"
        fi
    done
}

# refused LINE [OUTPUT]: the last run ended with status 2, exactly this line (after "quire: ") on
# standard error, and exactly this output, none if it is not given.
refused() {
    printf '%s\n' "quire: $1" | diff -u - "$tmp/err" || complain 'other error'
    printf '%s' "${2:+$2$'\n'}" | diff -u - "$tmp/out" || complain 'other output'
    [ "$status" -eq 2 ] || complain 'other status'
}

# The same where not every word is known: an expression for the line.
refused_like() {
    [ "$(wc -l < "$tmp/err")" -eq 1 ] || complain 'not one line of error'
    grep -qE -- "^quire: $1$" "$tmp/err" || complain "the error does not match: $1"
    [ ! -s "$tmp/out" ] || complain 'there is output'
    [ "$status" -eq 2 ] || complain 'other status'
}
