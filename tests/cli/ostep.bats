# quire translate --ostep: the questions of OSTEP's homework programs, answered in their own lines.
#
# The inputs here are small ones of our own. With QUIRE_OSTEP=DIR, a directory that holds the two
# programs (paging-multilevel-translate.py, paging-linear-translate.py), every answer is compared
# with theirs.
load helper

# A memory of 128 pages, as the multi-level program prints it: the directory is page 3; its entry 24
# leads to page 5, whose entry 8 leads to page 6, which holds 00 01 02 ...
setup_file() {
    make_multilevel > "$BATS_FILE_TMPDIR/multilevel"
}

multilevel() {
    cat "$BATS_FILE_TMPDIR/multilevel"
}

make_multilevel() {
    printf 'ARG seed 0\nARG allocated 64\nARG num 3\n\n'
    for page in $(seq 0 127); do
        printf 'page %3d:' "$page"
        for byte in $(seq 0 31); do
            case $page:$byte in
            3:24) printf 85 ;;
            5:8) printf 86 ;;
            3:* | 5:*) printf 7f ;;
            6:*) printf '%02x' "$byte" ;;
            *) printf 00 ;;
            esac
        done
        printf '\n'
    done
    printf '\nPDBR: 3  (decimal) [This means the page directory is held in this page]\n\n'
    for va in 611c 6200 0000; do
        printf 'Virtual Address %s: Translates To What Physical Address?\n' $va
    done
    printf '\n'
}

multilevel_answers() {
    cat << 'END'
Virtual Address 0x611c:
  --> pde index:0x18 [decimal 24] pde contents:0x85 (valid 1, pfn 0x05 [decimal 5])
    --> pte index:0x8 [decimal 8] pte contents:0x86 (valid 1, pfn 0x06 [decimal 6])
      --> Translates to Physical Address 0x0dc --> Value: 0x1c
Virtual Address 0x6200:
  --> pde index:0x18 [decimal 24] pde contents:0x85 (valid 1, pfn 0x05 [decimal 5])
    --> pte index:0x10 [decimal 16] pte contents:0x7f (valid 0, pfn 0x7f [decimal 127])
      --> Fault (page table entry not valid)
Virtual Address 0x0000:
  --> pde index:0x0 [decimal 0] pde contents:0x7f (valid 0, pfn 0x7f [decimal 127])
      --> Fault (page directory entry not valid)
END
}

linear() {
    cat << 'END'
ARG seed 0
ARG address space size 16k
ARG phys mem size 64k
ARG page size 4k
ARG verbose False
ARG addresses -1

Page Table (from entry 0 down to the max size)
  0x8000000c
  0x00000000
  0x00000000
  0x80000006

Virtual Address Trace
  VA 0x00003229 (decimal:    12841) --> PA or invalid address?
  VA 0x00001369 (decimal:     4969) --> PA or invalid address?

For each virtual address, write down the physical address it translates to
END
}

linear_answers() {
    cat << 'END'
  VA 0x00003229 (decimal:    12841) --> 00006229 (decimal    25129) [VPN 3]
  VA 0x00001369 (decimal:     4969) -->  Invalid (VPN 1 not valid)
END
}

@test "multi-level: questions from a file and from a pipe" {
    multilevel > "$tmp/questions"
    quire translate --ostep "$tmp/questions"
    multilevel_answers | prints
    quire translate --ostep - < "$tmp/questions"
    multilevel_answers | prints
}

@test "multi-level: what is solved already is solved again" {
    {
        multilevel | grep -v '^Virtual'
        multilevel_answers | sed 's/Value: .*/Value: wrong/'
    } > "$tmp/solved"
    quire translate --ostep "$tmp/solved"
    multilevel_answers | prints
}

@test "linear: plain, verbose, and solved" {
    linear > "$tmp/questions"
    quire translate --ostep "$tmp/questions"
    linear_answers | prints
    awk '/^  0x/ { $0 = sprintf("  [%8d]  %s", n++, $1) } { print }' "$tmp/questions" > "$tmp/verbose"
    grep -q '^  \[       3\]  0x80000006$' "$tmp/verbose"
    quire translate --ostep "$tmp/verbose"
    linear_answers | prints
    {
        grep -v '^  VA' "$tmp/questions"
        linear_answers
    } > "$tmp/solved"
    quire translate --ostep "$tmp/solved"
    linear_answers | prints
}

@test "linear: an address space of one page" {
    printf 'ARG address space size 4k\nARG page size 4k\n  0x80000007\n  VA 0x10 (decimal: 16)\n' \
        > "$tmp/one"
    quire translate --ostep "$tmp/one"
    prints <<< '  VA 0x00000010 (decimal:       16) --> 00007010 (decimal    28688) [VPN 0]'
}

@test "the pages of the multi-level program are a memory image" {
    multilevel > "$tmp/questions"
    quire translate --format ostep-multilevel --memory "$tmp/questions" 0x611c 0x6200 0
    prints << 'END'
0x611c -> 0x0dc
0x6200 -> fault: not present at level 2, entry 16 (entry 0x7f at 0x0b0)
0x0000 -> fault: not present at level 1, entry 0 (entry 0x7f at 0x060)
END
}

@test "damaged and wrong input" {
    ostep() {
        quire translate --ostep "$tmp/bad"
    }
    multilevel | grep -v '^page  77' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: line 82: page 78 where page 77 was expected"
    multilevel | head -n 100 > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: there is no virtual address in it; is the end missing?"
    multilevel | grep -v PDBR > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: expected a line 'PDBR: PAGE' with a page that is there"
    multilevel | sed 's/PDBR: 3/PDBR: 128/' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: expected a line 'PDBR: PAGE' with a page that is there"
    multilevel | sed 's/Address 0000/Address 8000/' > "$tmp/bad"
    quire translate --ostep "$tmp/bad"
    [ "$status" -eq 2 ]
    [ "$(cat "$tmp/err")" = "quire: translate: $tmp/bad: virtual address 0x8000 is wider than 15 bits" ]
    multilevel | sed 's/Address 611c:/Address 61zc:/' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: line 136: expected 'Virtual Address HEX:'"
    multilevel | sed 's/^page   4:00/page   4:/' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: line 9: a page of 31 bytes, others have 32"
    linear | grep -v '^  0x80000006' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: 3 entries in the page table, and the sizes ask for 4"
    linear | sed 's/page size 4k/page size 5k/' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: expected lines 'ARG address space size SIZE' and 'ARG page size SIZE', powers of two"
    linear | sed 's/page size 4k/page size lots/' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: line 4: expected a size such as 4k"
    linear | sed 's/VA 0x00003229/VA 0x00004000/' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: virtual address 16384 lies outside the address space of 16384 bytes"
    linear | awk '/^  0x/ { $0 = "  [       0]  " $1 } { print }' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: line 10: an entry of the page table is missing, or there twice"
    printf 'something else\n' > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: expected the output of paging-multilevel-translate.py or paging-linear-translate.py"
    : > "$tmp/bad"
    ostep
    refused "translate: $tmp/bad: is empty"
    quire translate --ostep "$tmp/none"
    refused "translate: $tmp/none: cannot be opened: No such file or directory"
    quire translate --ostep /dev/zero
    refused 'translate: /dev/zero: longer than 64 MiB, the most that is read'
}

# ---- against the programs themselves ----

# agrees PROGRAM ARGUMENTS...: our answers are the program's, for its questions and its solutions.
agrees() {
    local program=$QUIRE_OSTEP/$1
    shift
    python3 "$program" "$@" > "$tmp/questions"
    python3 "$program" "$@" -c > "$tmp/solved"
    grep -E '^(Virtual Address 0x|  VA 0x| +-->)' "$tmp/solved" > "$tmp/want"
    quire translate --ostep "$tmp/questions"
    prints < "$tmp/want"
    quire translate --ostep - < "$tmp/solved"
    prints < "$tmp/want"
}

needs_programs() {
    if [ -z "${QUIRE_OSTEP:-}" ] || ! command -v python3 > /dev/null; then
        skip 'QUIRE_OSTEP=DIR does not say where the programs are, or there is no python3'
    fi
}

@test "the multi-level program's own answers" {
    needs_programs
    for seed in $(seq 0 25); do
        agrees paging-multilevel-translate.py -s "$seed" -n 30
    done
    for allocated in 1 10 80; do
        agrees paging-multilevel-translate.py -s 3 -a $allocated -n 20
    done
}

@test "the linear program's own answers" {
    needs_programs
    for seed in $(seq 0 12); do
        agrees paging-linear-translate.py -s "$seed" -n 20
        agrees paging-linear-translate.py -s "$seed" -v
    done
    agrees paging-linear-translate.py -P 1k -a 1m -p 512m -v -n 20
    agrees paging-linear-translate.py -P 8 -a 32 -p 1024 -v -s 1
    agrees paging-linear-translate.py -P 8k -a 32k -p 1m -v -s 2
    agrees paging-linear-translate.py -P 4k -a 4k -p 64k -s 3 -u 100
    agrees paging-linear-translate.py -u 0 -s 3
    agrees paging-linear-translate.py -u 100 -s 3
    agrees paging-linear-translate.py -A 1,2,3,9000,16383
}
