# The kernel's programs under QEMU, at several sizes of memory down to the smallest that quire boot
# takes: what they say, and how they end. After each the kernel itself finds that all frames and
# slots are free again, or panics.
load ../cli/helper

# boots OPTION...: the output of the last machine is in out, that of its programs in said.
boots() {
    status=0
    timeout -k 5 200 "$QUIRE" boot "$@" < "${input:-/dev/null}" > "$tmp/out" 2> "$tmp/err" || status=$?
    grep -v '^kernel: ' "$tmp/out" > "$tmp/said" || true
}

# ended STATUS: the last machine ended so, its programs said what is on standard input, and all
# memory came back.
ended() {
    diff -u - "$tmp/said" || complain "other output"
    [ "$status" -eq "$1" ] || complain "expected status $1"
    grep -qE '^kernel: all [0-9]+ frames and [0-9]+ slots are free again$' "$tmp/out" ||
        complain 'memory is lost'
}

@test "hello, in the smallest machine and in a large one" {
    for ram in 8448K 9M 64M 500M 3G; do
        boots --program 'hello' --ram $ram
        ended 0 <<< 'hello, world'
    done
}

@test "every policy that a real MMU can serve finds its victims" {
    for policy in clock-mmu fifo random clock-m nru aging wsclock sieve-mmu s3-fifo-mmu generational; do
        boots --program 'hog 1' --ram 8448K --policy $policy --append check
        ended 0 <<< 'hog: 1 MiB in 2080 frames: 3 rounds, every byte right'
        grep -q "policy $policy\$" "$tmp/out"
    done
}

@test "hog: three times as much as there is" {
    boots --program hog --ram 9M
    ended 0 <<< 'hog: 26 MiB in 2272 frames: 3 rounds, every byte right'
    boots --program 'hog 4' --ram 9M --swap 0
    [ "$status" -ne 0 ] && [ "$status" -ne 127 ] || complain 'there is no room for it'
    ! grep -q 'every byte right' "$tmp/said"
}

@test "sort: more numbers than fit" {
    boots --program 'sort 2' --ram 8448K
    ended 0 <<< 'sort: 2 MiB of numbers in 2080 frames: in order, none lost'
    boots --program 'sort 10' --ram 9M
    ended 0 <<< 'sort: 10 MiB of numbers in 2272 frames: in order, none lost'
}

@test "forks" {
    for ram in 8448K 16M; do
        boots --program forks --ram $ram --append check
        ended 0 <<'END'
forks: 3 deep, 3 children each: 40 processes, every page right
forks: 10 deep, 1 children each: 11 processes, every page right
forks: 8 processes became others
END
    done
}

@test "malloc" {
    for ram in 8448K 16M; do
        boots --program 'malloc 1000' --ram $ram
        ended 0 <<'END'
malloc: plain: 1000 steps, every byte right, all given back
malloc: checking: 250 steps, every byte right, all given back
malloc: written beyond its end: noticed
malloc: written before its beginning: noticed
malloc: double free: noticed
malloc: within a block: noticed
malloc: written after it was freed: noticed
END
    done
}

@test "seed 002: one library, two pictures" {
    for ram in 8448K 16M; do
        boots --program proc1 --layout seed --ram $ram
        ended 0 < tests/kernel/golden/proc1
    done
}

# killed EXPRESSION: somebody was, and the kernel said this about it.
killed() {
    grep -qE "^kernel: [a-z]+\[[0-9]+\] killed: $1\$" "$tmp/out" || complain "nobody was killed: $1"
}

# Some of the reasons, word by word; but where tables and programs are is the compiler's to say.
@test "hostile programs are killed or refused; the kernel and the others go on" {
    local x=0x[0-9a-f]{8} no='nothing is mapped there' here='in kernel 0x00000000-0x007fffff'
    local private='user access to a kernel region' constant='write to a read-only region'
    for layout in classic seed; do
        for ram in 8448K 16M; do
            boots --program hostile --ram $ram --layout $layout
            ended 0 < tests/kernel/golden/hostile
        done
        killed "read of 0x00000000 at $x: $private; PTE 0 at $x is $x \(not present\); $here"
        killed "write to 0x00001000 at $x: $private; PTE 1 at $x is $x \(supervisor only\); $here"
        killed "execution of 0x00180000 at 0x00180000: $private; PTE 384 at .*; $here"
        killed "write to 0x00801000 at $x: $constant; PTE 1 at .*; in image 0x00801000-$x"
        killed "read of 0x70000000 at $x: $no; PDE 448 at .*; between image $x-$x and (stack|nothing).*"
        killed "general protection at $x"
    done
    killed "write to 0x007ff[0-9a-f]{3} at $x: $private; PTE 1023 at .*; $here" # the stack's end
}

@test "a shell: lines from standard input, more than the kernel keeps" {
    for _ in $(seq 100); do
        echo hello
    done > "$tmp/lines"
    printf 'nonsense\nexit 7' >> "$tmp/lines"
    input=$tmp/lines boots
    [ "$status" -eq 7 ] || complain 'other status'
    [ "$(grep -c 'hello, world' "$tmp/said")" -eq 100 ]
    grep -q 'sh: nonsense: ' "$tmp/said"
}

@test "processes that end while their pages are on their way" {
    boots --program 'ends 10' --ram 8600K --append check
    ended 0 <<< 'ends: 0 failures'
}

# The disk: ten transfers a second. Swap in memory, which takes the processor's time alone, shows
# that the program can tell.
@test "others run while pages are on their way" {
    local disk=driver=raw,if=ide,cache=unsafe,throttling.iops-total=10
    truncate -s 64M "$tmp/disk"
    boots --program meanwhile --ram 9M --swap 0 --append swap=disk -- -drive "$disk,file=$tmp/disk"
    ended 0 <<< 'meanwhile: swapped, and others ran'
    boots --program meanwhile --ram 9M --swap ram:512K
    ended 1 <<< 'meanwhile: swapped, and nobody else ran'
}

# fails RULE...: hog on a machine whose disk fails as QEMU's blkdebug is told.
fails() {
    local disk=driver=raw,if=ide,cache=unsafe,werror=report,rerror=report,file.driver=blkdebug
    printf '%s\n' '[inject-error]' 'errno = "5"' 'once = "off"' "$@" > "$tmp/rules"
    truncate -s 64M "$tmp/disk"
    disk+=,file.config=$tmp/rules,file.image.driver=file,file.image.filename=$tmp/disk
    boots --program 'hog 8' --ram 9M --swap 0 --append swap=disk -- -drive "$disk"
}

@test "a disk with one sector that cannot be written: nothing is lost" {
    fails 'event = "pwritev"' 'sector = "8000"' # the 1,001st of 2,048 slots or so
    ended 0 <<< 'hog: 8 MiB in 2272 frames: 3 rounds, every byte right'
}

@test "a disk that cannot be written: the program that needs it is killed" {
    fails 'event = "pwritev"'
    ended 111 < /dev/null
    killed '.*: I/O error; .*'
}

@test "a disk with one sector that cannot be read: the program whose page was there is killed" {
    fails 'event = "none"' 'iotype = "read"' 'sector = "8000"'
    ended 111 < /dev/null
    killed 'read of 0x[0-9a-f]{8} at 0x[0-9a-f]{8}: I/O error; PTE .*; in heap .*'
}

# ---- kernels with a fault, to order ----

faulty() {
    boots --kernel "$(dirname "$QUIRE")/kernel/i386/quire-kernel-faulty" "$@"
}

# Most frames that are refused are pages' or tables' of a fault, which makes room and tries again.
@test "no memory for any one thing: it is refused, or its process ends; all comes back" {
    refusals=0
    for n in $(seq 1 2 130); do
        faulty --append "check refuse-frame=$n" --program scarce
        grep -q 'are free again$' "$tmp/out" || complain "frame $n: memory is lost"
        [ "$status" -ne 111 ] || continue # the first program itself
        grep -qE '^scarce: refused [012]$' "$tmp/said" || complain "frame $n"
        grep -q 'refused 0' "$tmp/said" || refusals=$((refusals + 1))
    done
    [ "$refusals" -gt 2 ]
}

@test "a page table that the machine would not survive is found before paging is on" {
    for n in 1 2 3; do
        faulty --append "break-table=$n" --program hello
        [ "$status" -eq 127 ]
        grep -q '^kernel: panic: the stack at ' "$tmp/out"
    done
}

# ---- the TLB ----

@test "tlb: no stale translation is ever used" {
    for ram in 8448K 10M; do
        boots --program tlb --ram $ram
        ended 0 <<'END'
tlb: unmap: right
tlb: protect: right
tlb: fork: right
tlb: evict: right
END
    done
    boots --program 'tlb evict' --policy fifo --ram 9M --swap ram:512K
    ended 0 <<< 'tlb: evict: right'
}

# skips PART STEP OPTION...: a kernel that leaves out the n-th flush, for each STEP-th n up to the last
# flush that there is. A stale translation is seen, or kills the program; or does no harm, as much
# else makes the processor forget.
skips() {
    local part=$1 step=$2 caught=0 skipped=0 n
    shift 2
    for n in $(seq 1 "$step" 2000); do
        faulty --append "skip-flush=$n" --program "tlb $part" --count "$@"
        grep -q '^kernel: a flush is left out$' "$tmp/out" || break
        skipped=$((skipped + 1))
        case $status in
        0) ;;
        1 | 111) caught=$((caught + 1)) ;;
        *) complain "flush $n" ;;
        esac
    done
    echo "$part: $caught of $skipped flushes left out were noticed"
    [ "$status" -eq 0 ] && [ "$caught" -gt 0 ] && [ "$caught" -lt "$skipped" ]
}

@test "tlb: a kernel that leaves out one flush is caught: unmap" {
    skips unmap 3
}

@test "tlb: a kernel that leaves out one flush is caught: protect" {
    skips protect 1
}

@test "tlb: a kernel that leaves out one flush is caught: fork" {
    skips fork 3
}

# fifo: other policies clear accessed bits, which makes the processor forget at the next moment.
@test "tlb: a kernel that leaves out one flush is caught: evict" {
    skips evict 20 --policy fifo --ram 9M --swap ram:512K
}
