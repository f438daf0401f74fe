# quire run: the examples, what is printed, and every way in which it can end.
load helper

# run_text [OPTIONS]: a scenario on standard input.
run_text() {
    cat > "$tmp/text"
    status=0
    "$QUIRE" run "$@" - < "$tmp/text" > "$tmp/out" 2> "$tmp/err" || status=$?
}

@test "every example is as it expects" {
    examples=(examples/*.quire)
    [ ${#examples[@]} -ge 10 ]
    for example in "${examples[@]}"; do
        quire run "$example"
        went_well || complain "$example"
        grep -qE ': [0-9]+ commands, [1-9][0-9]* expectations, 0 unmet$' "$tmp/out" ||
            complain "$example expects nothing"
    done
}

@test "what some examples print is what is kept here, line by line" {
    for name in seed-000 seed-002 fork belady; do
        quire run "examples/$name.quire"
        prints < "tests/cli/golden/$name.txt"
    done
}

@test "several files are several scenarios" {
    quire run examples/fork.quire examples/belady.quire
    cat tests/cli/golden/fork.txt tests/cli/golden/belady.txt | prints
}

@test "commands, what they print, and a last line" {
    run_text << 'END'
# a comment
process A
map 0x10000 4K

  write 0x10000 7   # one more
read 0x10000
expect 7
say that is  all
END
    prints << 'END'
> process A
> map 0x10000 4K
> write 0x10000 7   # one more
> read 0x10000
A reads 0x00010000: 7
> expect 7

that is all
standard input: 5 commands, 1 expectations, 0 unmet
END
}

@test "--quiet says nothing as long as all is as expected" {
    run_text --quiet <<< 'process A'
    prints < /dev/null
    run_text -q << 'END'
process A
read 0
END
    [ "$status" -eq 1 ]
    [ ! -s "$tmp/out" ]
    [ "$(cat "$tmp/err")" = 'quire: standard input:2: did not expect this: fault: A: read at 0x00000000: nothing is mapped there' ]
}

@test "an expectation that does not hold: its line, what was expected, what came; the run goes on" {
    run_text --quiet << 'END'
process A
map 0x10000 4K
write 0x10000 7
read 0x10000
expect 8
expect counter faults > 1
read 0x10000
expect 7
END
    [ "$status" -eq 1 ]
    diff -u - "$tmp/err" << 'END'
quire: standard input:5: expected 8, got 7
quire: standard input:6: expected faults > 1, got 1
END
}

@test "a bad line ends the run: where it is, what is wrong, what was expected" {
    run_text --quiet << 'END'
process A
reed 0x10000
say never
END
    refused "standard input:2: no command 'reed' (help lists them)"
    run_text --quiet <<< 'read A 0'
    refused "standard input:1: read: there is no process 'A'"
    run_text --quiet << 'END'
process A
map 0x10000
END
    refused_like "standard input:2: map: expected a size .*, got nothing more \(map .*\)"
}

@test "the worst of several files is the status" {
    printf 'process A\nread 0\n' > "$tmp/unmet"
    printf 'nonsense\n' > "$tmp/bad"
    quire run -q examples/fork.quire "$tmp/unmet"
    [ "$status" -eq 1 ]
    quire run -q "$tmp/bad" "$tmp/unmet" examples/fork.quire
    [ "$status" -eq 2 ]
    [ "$(wc -l < "$tmp/err")" -eq 2 ]
}

@test "no file, a file that is not there, an empty one" {
    quire run
    refused 'run: expected FILE... or - (see quire run --help)'
    quire run "$tmp/nothing"
    refused "$tmp/nothing: cannot be opened: No such file or directory"
    : > "$tmp/empty"
    quire run "$tmp/empty"
    refused "$tmp/empty: is empty"
    quire run --loud examples/fork.quire
    refused 'run: no option --loud (see quire run --help)'
}

@test "bytes that are no text" {
    printf 'process A\0B\n' > "$tmp/zero"
    quire run -q "$tmp/zero"
    refused "$tmp/zero:1: a character that is not text (0x00)"
    head -c 4096 /dev/urandom > "$tmp/noise"
    quire run -q "$tmp/noise"
    [ "$status" -eq 2 ]
    [ "$(wc -l < "$tmp/err")" -eq 1 ]
}

@test "--json is JSON, whatever happens" {
    command -v python3 > /dev/null || skip 'no python3'
    quire run --json examples/seed-002.quire
    went_well
    python3 - "$tmp/out" << 'END'
import json, sys
run = json.load(open(sys.argv[1]))
assert run["scenario"] == "examples/seed-002.quire" and run["unmet"] == 0, run
assert run["expectations"] > 40
line = next(l for l in run["lines"] if l["command"] == "load libgfx")
assert line["output"] == "proc1 has libgfx at 0x00803000\n", line
END
    printf 'process A\nread 0\nnonsense\n' > "$tmp/bad"
    quire run --json "$tmp/bad"
    [ "$status" -eq 2 ]
    python3 - "$tmp/out" << 'END'
import json, sys
run = json.load(open(sys.argv[1]))
assert [l["line"] for l in run["lines"]] == [1, 2], run
END
}

@test "a program of this machine: ELF, in the formats it is for" {
    command -v gcc > /dev/null || skip 'no gcc'
    printf 'int data = 42;\nvoid _start(void) { for (;;) { } }\n' > "$tmp/p.c"
    gcc -m32 -nostdlib -static -no-pie -o "$tmp/p32" "$tmp/p.c" 2> /dev/null || skip 'no -m32'
    gcc -nostdlib -static -no-pie -o "$tmp/p64" "$tmp/p.c"
    cp "$tmp/p.c" "$tmp/not-elf"
    run_text << END
spawn A elf $tmp/p32
program P elf $tmp/p32
spawn B of P demand
fork A C
machine format=x86-64 layout=classic-64
spawn A elf $tmp/p64
show regions
END
    went_well
    grep -qE 'r-x A private' "$tmp/out"
    run_text -q <<< "spawn A elf $tmp/p64"
    refused_like "standard input:1: spawn: $tmp/p64: .*"
    run_text -q <<< "spawn A elf $tmp/not-elf"
    refused_like "standard input:1: spawn: $tmp/not-elf: not an ELF file"
}

@test "a file of this machine is read once, and is a copy" {
    printf 'as it is' > "$tmp/file"
    run_text -q << END
file F from $tmp/file
process A
map 0x10000 1p of F shared
read 0x10000 text:8
expect "as it is"
write 0x10000 "as it WAS"
sync F
stored F 0 text:8
expect "as it WA"
END
    went_well
    [ "$(cat "$tmp/file")" = 'as it is' ]
}

@test "formats: every built-in one, and one from a file" {
    for format in ptsim ostep14 ostep-linear ostep-multilevel i386 x86-64; do
        run_text << END
machine format=$format
process A
map 1p 2p
write 1p 42 u8
read 1p u8
expect 42
show tables
show walk 1p
show machine
END
        went_well || complain "$format"
    done
    run_text -q << 'END'
machine format=examples/formats/teacup.format
show machine
END
    went_well
}

@test "the registry: the same words as quire registry has" {
    run_text <<< 'registry 300 pages 5 ram 32M'
    went_well
    sed '1d; $d' "$tmp/out" > "$tmp/scenario"
    quire registry --spaces 300 --pages 5 --ram 32M
    diff -u "$tmp/out" "$tmp/scenario"
    run_text -q <<< 'registry ram 9M'
    refused "standard input:1: registry: ram: 9 MiB leave nothing beside the first 1 MiB and the kernel's 8 MiB"
}

@test "a slow disk, reading ahead, mapping around: what the machine says of itself" {
    run_text << 'END'
machine disk=slow ahead=on around=16
show machine
expect shows "disk slow: transfers end when they are waited for, in any order"
expect shows "ahead on"
expect shows "around 16 pages"
machine
show machine
expect lines 7
END
    went_well
}

@test "help lists every command, and explains each" {
    run_text <<< help
    went_well
    grep -v '^>' "$tmp/out" | sed '$d' > "$tmp/usages"
    [ "$(wc -l < "$tmp/usages")" -gt 50 ]
    sed -E 's/ *[[A-Z].*//; s/ N$//; s/^/help /' "$tmp/usages" > "$tmp/topics"
    run_text < "$tmp/topics"
    went_well
}

@test "explain: every command has something to tell, and tells of its own faults only" {
    run_text << 'END'
spawn p 5673
explain read p 0x801000
explain heap p 1p
expect shows "  Page fault: p wants to write page 0x803. The core asks what there is:"
explain switch p
expect lines 1
expect shows "  The machine has no part in that: no access, no event, figures as before."
explain unmap p 0x803000 1p
expect shows "  The TLB forgets 0x00803000-0x00803fff of p."
END
    went_well
    run_text --quiet <<< 'explain nonsense'
    refused "standard input:1: no command 'nonsense' (help lists them)"
}

@test "a page behind the end of a file is zeros, not another page of it" {
    run_text << 'END'
file F 1p
process A
map A 1M 1100p of F
read A 1M u8
expect page A 1M frame
expect page A 1M+1p zero
expect page A 1M+1024p zero
show page A 1M+1024p
expect shows "A: page 0x500: all zeros, and in no frame"
END
    went_well
}

@test "quit ends it, and a full disk is noticed" {
    run_text << 'END'
say one
quit
nonsense
END
    went_well
    status=0
    "$QUIRE" run examples/fork.quire > /dev/full 2> "$tmp/err" || status=$?
    : > "$tmp/out"
    refused 'standard output: cannot be written: No space left on device'
}
