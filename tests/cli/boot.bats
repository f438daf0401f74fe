# quire boot: what it does when it is called in vain, and how a machine ends. The kernel's programs
# are in tests/kernel/. $KERNEL: where a kernel was built, if not next to quire.
load helper

setup() {
    cd "$top" || exit
    tmp=$BATS_TEST_TMPDIR
    : "${KERNEL:=$(dirname "$QUIRE")/kernel/i386}"
    files=(--kernel "$KERNEL/quire-kernel" --archive "$KERNEL/archive.tar")
}

# No process of ours and no file is left.
nothing_left() {
    local left
    left=$(find "$tmp/swap" -mindepth 1)
    [ -z "$left" ] || complain "left: $left"
    ! pgrep -f "quire-test-mark-$$" || complain 'QEMU still runs'
}

@test "boot: options that cannot be" {
    quire boot arm
    refused "boot: no machine 'arm': there is i386"
    quire boot --ram 8M
    refused 'boot: --ram: 8M is outside 8650752 - 3221225472'
    quire boot --ram 4G
    refused 'boot: --ram: 4G is outside 8650752 - 3221225472'
    quire boot --ram much
    refused "boot: --ram: 'much' is not a size such as 65536, 64K or 1G"
    quire boot --swap 1000
    refused 'boot: --swap: 1000 is not a multiple of 4096'
    quire boot --swap ram:x
    refused "boot: --swap: 'x' is not a size such as 65536, 64K or 1G"
    quire boot --layout flat
    refused 'boot: --layout flat: expected seed or classic'
    quire boot --load never
    refused 'boot: --load never: expected eager or demand'
    quire boot --policy lru
    refused_like 'boot: --policy lru: expected one that sees no more than an MMU does: fifo .*'
    quire boot --policy opt
    refused_like 'boot: --policy opt: expected one .*'
    quire boot --program ''
    refused 'boot: --program: expected a name and arguments, 255 bytes at most'
    quire boot --program "$(head -c 256 /dev/zero | tr '\0' x)"
    refused 'boot: --program: expected a name and arguments, 255 bytes at most'
    quire boot --append "$(head -c 2000 /dev/zero | tr '\0' x)" "${files[@]}"
    refused 'boot: --append: expected less text'
    quire boot --kernel /nowhere/kernel
    refused 'boot: --kernel /nowhere/kernel: No such file or directory'
    quire boot --kernel "$KERNEL/quire-kernel" --archive /nowhere/archive
    refused 'boot: --archive /nowhere/archive: No such file or directory'
}

@test "boot: files that are something else" {
    for file in /dev/null "$tmp" "$QUIRE" "$KERNEL/programs/hello" "$KERNEL/archive.tar"; do
        quire boot --kernel "$file"
        refused "boot: --kernel $file: expected a multiboot kernel"
    done
    for file in /dev/null "$tmp" "$QUIRE"; do
        quire boot --kernel "$KERNEL/quire-kernel" --archive "$file"
        refused "boot: --archive $file: expected a tar archive"
    done
    head -c 100000 "$KERNEL/archive.tar" > "$tmp/part.tar"
    quire boot --kernel "$KERNEL/quire-kernel" --archive "$tmp/part.tar" < /dev/null
    [ "$status" -eq 2 ]
    grep -qE '^kernel: the archive ends inside [a-z0-9]+$' "$tmp/out"
}

# The kernel's file must not come to stand where standard input or output was.
@test "boot: standard files that are closed" {
    "$QUIRE" boot "${files[@]}" --program hello <&- > "$tmp/out"
    grep -qx 'hello, world' "$tmp/out"
    status=0
    "$QUIRE" boot "${files[@]}" --program hello <&- >&- 2> "$tmp/err" || status=$?
    [ "$status" -eq 2 ]
    grep -q '^quire: standard output: cannot be written' "$tmp/err"
    "$QUIRE" boot "${files[@]}" --program hello > "$tmp/out" 2>&-
    grep -qx 'hello, world' "$tmp/out"
}

@test "boot: without a kernel it says how to build one" {
    cp "$QUIRE" "$tmp/quire"
    QUIRE=$tmp/quire quire boot
    refused "boot: no kernel at $tmp/kernel/i386: make kernel builds it"
}

@test "boot: without QEMU it says which package has it" {
    mkdir "$tmp/empty" "$tmp/swap"
    status=0
    PATH=$tmp/empty TMPDIR=$tmp/swap "$QUIRE" boot "${files[@]}" > "$tmp/out" 2> "$tmp/err" ||
        status=$?
    refused "boot: no qemu-system-i386 in PATH: it is in Debian's package qemu-system-x86"
    nothing_left
}

@test "boot: QEMU's own complaint is passed on" {
    quire boot "${files[@]}" -- -nonsense
    [ "$status" -eq 1 ]
    grep -q -- '-nonsense: invalid option' "$tmp/err"
    grep -qx 'quire: boot: QEMU has not started the machine' "$tmp/err"
}

@test "boot: the program's status is the machine's" {
    for end in 0 1 42 99; do
        echo "exit $end" | timeout 60 "$QUIRE" boot "${files[@]}" > "$tmp/out" 2> "$tmp/err" &&
            status=0 || status=$?
        [ "$status" -eq $end ] || complain "expected $end"
        [ ! -s "$tmp/err" ] || complain 'an error'
    done
}

@test "boot: a program that there is not is the kernel's to refuse" {
    quire boot "${files[@]}" --program nonsense < /dev/null
    [ "$status" -eq 2 ]
    grep -qx 'kernel: cannot start nonsense: no such program' "$tmp/out"
    grep -qx 'quire: boot: the kernel has refused; the console says why' "$tmp/err"
    quire boot "${files[@]}" --append nonsense < /dev/null
    [ "$status" -eq 2 ]
    grep -qx 'kernel: no option nonsense' "$tmp/out"
}

@test "boot: the longest command line that it takes is not too long for the kernel" {
    longest=$(printf '%1023s' '')
    quire boot "${files[@]}" --append "$longest"
    while [ $status -eq 2 ] && [ ! -s "$tmp/out" ]; do
        longest=${longest%?}
        quire boot "${files[@]}" --program hello --append "$longest" < /dev/null
    done
    [ $status -eq 0 ] || complain "${#longest} bytes more"
    [ ${#longest} -gt 900 ]
}

# says EXPRESSION: waits until the machine has said it.
says() {
    for _ in $(seq 200); do
        ! grep -qs -- "$1" "$tmp/out" || return 0
        sleep 0.05
    done
    return 1
}

@test "boot: Ctrl-C ends the machine, and nothing is left" {
    mkdir "$tmp/swap"
    for signal in INT TERM HUP; do
        mkfifo "$tmp/keys"
        TMPDIR=$tmp/swap "$QUIRE" boot "${files[@]}" -- -name "quire-test-mark-$$" < "$tmp/keys" \
            > "$tmp/out" 2> "$tmp/err" &
        boot=$!
        exec 4> "$tmp/keys"
        says '^\$ ' || complain 'no prompt'
        # Shells start background jobs with SIGINT ignored; quire boot takes it nevertheless.
        kill -$signal $boot
        status=0
        wait $boot || status=$?
        exec 4>&-
        [ "$status" -eq $((128 + $(kill -l $signal))) ] || complain "SIG$signal"
        [ ! -s "$tmp/err" ] || complain 'an error'
        nothing_left
        rm "$tmp/keys"
    done
}

@test "boot: on a terminal it takes keys, and leaves the terminal as it was" {
    cat > "$tmp/session" <<END
stty -a > $tmp/before
$QUIRE boot ${files[@]} > $tmp/out 2> $tmp/err
echo \$? > $tmp/status
stty -a > $tmp/after
END
    {
        says '^\$ '
        printf 'hellx\177o\n'
        says '^hello, world'
        printf 'exit 3\n'
        for _ in $(seq 200); do
            [ ! -e "$tmp/after" ] || break
            sleep 0.05
        done
    } | timeout 60 script -qc "bash $tmp/session" /dev/null > /dev/null
    [ "$(cat "$tmp/status")" = 3 ]
    grep -q '^hello, world' "$tmp/out"
    diff "$tmp/before" "$tmp/after"
}
