# What the command-line tests share. Every test runs from the top of the source tree; $QUIRE is the
# program under test, build/quire if not said.

bats_require_minimum_version 1.5.0
top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
: "${QUIRE:=$top/build/quire}"

setup() {
    cd "$top"
    tmp=$BATS_TEST_TMPDIR
}

# Runs quire and keeps what it says: standard output and error in files, byte for byte.
quire() {
    status=0
    "$QUIRE" "$@" > "$tmp/out" 2> "$tmp/err" || status=$?
}

# The last run printed exactly what stands on standard input, and nothing else, and went well.
prints() {
    cat > "$tmp/expected"
    diff -u "$tmp/expected" "$tmp/out" &&
        [ ! -s "$tmp/err" ] && [ "$status" -eq 0 ] || {
        echo "exit status $status; standard error:"
        cat "$tmp/err"
        return 1
    }
}

# The last run went well, and its output has a line that matches each of the expressions.
mentions() {
    [ "$status" -eq 0 ] && [ ! -s "$tmp/err" ] || {
        echo "exit status $status"
        cat "$tmp/err"
        return 1
    }
    for expression in "$@"; do
        grep -qE -- "$expression" "$tmp/out" || {
            echo "no line matches: $expression"
            cat "$tmp/out"
            return 1
        }
    done
}

# The last run was refused: exit status 2 and exactly this line on standard error. What stands on
# standard output is compared with $2, nothing if there is none.
refused() {
    printf '%s\n' "quire: $1" | diff -u - "$tmp/err" &&
        printf '%s' "${2:+$2$'\n'}" | diff -u - "$tmp/out" &&
        [ "$status" -eq 2 ] || {
        echo "exit status $status"
        return 1
    }
}

# The same, where the line holds words of the system (No such file or directory): an expression.
refused_like() {
    [ "$status" -eq 2 ] && [ "$(wc -l < "$tmp/err")" -eq 1 ] && [ ! -s "$tmp/out" ] &&
        grep -qE -- "^quire: $1$" "$tmp/err" || {
        echo "exit status $status, $(wc -l < "$tmp/err") lines of error, wanted: $1"
        cat "$tmp/err"
        return 1
    }
}
