# quire translate: lines byte for byte, explanations, JSON, images of both kinds, and wrong input.
load helper

seed() {
    quire translate --format ostep14 --memory examples/seed-003.txt --root 0x1980 "$@"
}

@test "the table of seed 003" {
    seed 0x0000 0x0123 0x0140 0x0080 0x0400 0x3F00 0x3F80 0x3FFF 0x3fc0
    prints << END
0x0000 -> 0x0280
0x0123 -> 0x1663
0x0140 -> fault: not present at level 2, entry 5 (entry 0x3b000006 at 0x1914)
0x0080 -> fault: not present at level 2, entry 2 (entry 0x00000000 at 0x1908)
0x0400 -> fault: not present at level 1, entry 1 (entry 0x00000000 at 0x1984)
0x3f00 -> fault: not present at level 2, entry 12 (entry 0x00000000 at 0x1970)
0x3f80 -> 0x0dc0
0x3fff -> 0x0b7f
0x3fc0 -> 0x0b40
END
}

@test "rights are those of the table" {
    seed --access r 0x0000 0x0100 0x3f80
    prints << END
0x0000 -> 0x0280
0x0100 -> 0x1640
0x3f80 -> 0x0dc0
END
    seed --access w 0 0x0100
    prints << END
0x0000 -> fault: not writable at level 2, entry 0 (entry 0x0a00000b at 0x1900)
0x0100 -> 0x1640
END
    seed --access=x --user 0 0x0100
    prints << END
0x0000 -> 0x0280
0x0100 -> fault: not executable at level 2, entry 4 (entry 0x59000007 at 0x1910)
END
    seed --access rw 0
    prints <<< '0x0000 -> fault: not writable at level 2, entry 0 (entry 0x0a00000b at 0x1900)'
}

@test "addresses that are too wide, tables that are nowhere" {
    seed 0x4000 16383
    prints << END
0x4000 -> fault: address outside the address space
0x3fff -> 0x0b7f
END
    head -c 256 /dev/zero | tr '\0' '\377' > "$tmp/image"
    quire translate --format i386 --memory "$tmp/image" --root 0x1000 0
    prints <<< '0x00000000 -> fault: table not reachable in physical memory (root at 0x0000001000)'
    printf '\001\120\0\0' > "$tmp/image"
    quire translate --format i386 --memory "$tmp/image" --root 0 0x123 0x400000
    prints << END
0x00000123 -> fault: table not reachable in physical memory at level 1, entry 0 (entry 0x00005001 at 0x0000000000)
0x00400000 -> fault: table not reachable in physical memory (root at 0x0000000000)
END
}

@test "addresses from standard input" {
    printf '0x3f80 0\n# a comment 7\n  0x400 # another\n16383' > "$tmp/addresses"
    seed - 0x3fc0 < "$tmp/addresses"
    prints << END
0x3f80 -> 0x0dc0
0x0000 -> 0x0280
0x0400 -> fault: not present at level 1, entry 1 (entry 0x00000000 at 0x1984)
0x3fff -> 0x0b7f
0x3fc0 -> 0x0b40
END
    seed - < /dev/null
    prints < /dev/null
}

@test "every step explained" {
    seed --explain 0x3f80 0x0400
    prints << END
0x3f80 = 1111 1110 000000
  level 1 (PDE): bits 13..10 = 1111 = 15
  level 2 (PTE): bits 9..6 = 1110 = 14
  offset: bits 5..0 = 000000 = 0

level 1: entry 15 of the table at 0x1980; the PDE at 0x19bc holds 0x65000001
    31..24 = 0x65 (101)   bits 13..6 of the address of the next table
         0 = 1            present
    so: the table at 0x1940; allowed so far: read write execute user

level 2: entry 14 of the table at 0x1940; the PTE at 0x1978 holds 0x37000007
    31..24 = 0x37 (55)    bits 13..6 of the address of the page
         3 = 0            may not be executed
         2 = 1            may be written
         1 = 1            may be read
         0 = 1            present
    so: the page at 0x0dc0; allowed so far: read write user

0x3f80 -> 0x0dc0
0x0400 = 0001 0000 000000
  level 1 (PDE): bits 13..10 = 0001 = 1
  level 2 (PTE): bits 9..6 = 0000 = 0
  offset: bits 5..0 = 000000 = 0

level 1: entry 1 of the table at 0x1980; the PDE at 0x1984 holds 0x00000000
         0 = 0            not present

0x0400 -> fault: not present at level 1, entry 1 (entry 0x00000000 at 0x1984)
END
}

@test "reserved bits, large pages and canonical addresses explained" {
    # A PML4 at 0, of which entry 0 leads to a PDPT at 0x1000: a 1 GiB page, one with a reserved bit.
    printf '\007\020\0\0\0\0\0\0' > "$tmp/image"
    head -c 4088 /dev/zero >> "$tmp/image"
    printf '\207\0\0\300\0\0\0\200\207\040\0\300\0\0\0\0' >> "$tmp/image"
    quire translate --format x86-64 --memory "$tmp/image" --root 0 --explain 0x12345678 0x40000000 \
        0x800000000000
    mentions '^  level 4 \(PTE\): bits 20\.\.12 = 101000101 = 325$' \
        '^        63 = 1 +may not be executed$' \
        '^         7 = 1 +maps a page$' \
        '^    so: the page at 0x00000c0000000; allowed so far: read write user$' \
        '^0x000012345678 -> 0x00000d2345678$' \
        '^    29\.\.13 = 1 +reserved: must be zero, and is not$' \
        '^0x000040000000 -> fault: reserved bit set at level 2, entry 1 ' \
        '^  bits 63..48 must be copies of the bit below them$' \
        '^0x800000000000 -> fault: address outside the address space$'
}

@test "JSON" {
    seed --json 0x3f80 0x0400 0x4000
    prints << END
{
  "format": "ostep14",
  "root": "0x1980",
  "translations": [
    {
      "va": "0x3f80",
      "pa": "0x0dc0",
      "page_bytes": 64,
      "attributes": "read write user"
    },
    {
      "va": "0x0400",
      "fault": "not present",
      "level": 1,
      "index": 1,
      "entry_at": "0x1984",
      "entry": "0x00000000"
    },
    {
      "va": "0x4000",
      "fault": "address outside the address space",
      "level": 0
    }
  ]
}
END
    seed --json --explain 0x0400
    mentions '"steps": \[$' '^          "table": "0x1980",$' '^          "entry": "0x00000000",$'
}

@test "an image of raw bytes, in a file, from a pipe, and elsewhere in memory" {
    # ptsim: page 0 is in frame 2, page 1 in frame 255.
    printf '\002\377' > "$tmp/raw"
    head -c 62 /dev/zero >> "$tmp/raw"
    quire translate --format ptsim --memory "$tmp/raw" --root 0 0 0x101 0x200
    prints << END
0x0000 -> 0x0200
0x0101 -> 0xff01
0x0200 -> fault: not present at level 1, entry 2 (entry 0x00 at 0x0002)
END
    cp "$tmp/out" "$tmp/same"
    quire translate --format ptsim --memory - --root 0 0 0x101 0x200 < "$tmp/raw"
    prints < "$tmp/same"
    quire translate --format ptsim --memory "$tmp/raw" --base 0x4000 --root 0x4000 0x101
    prints <<< '0x0101 -> 0xff01'
}

@test "an image as text: pages ascend, blanks and comments are free, others are zero" {
    printf '# a comment\npage 1: 0201 # more\n\n  page   2:0 3 f f\nPDBR: 1\n' > "$tmp/text"
    quire translate --format ptsim --memory "$tmp/text" --root 0 0x200 0x300 0x400 0x500
    prints << END
0x0200 -> 0x0200
0x0300 -> 0x0100
0x0400 -> 0x0300
0x0500 -> 0xff00
END
}

@test "the root can come from the text" {
    {
        echo 'page 16: 8584 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f 7f7f'
        echo 'PDBR: 16  (decimal)'
    } > "$tmp/text"
    quire translate --format ostep-multilevel --memory "$tmp/text" 0x7c00
    prints <<< '0x7c00 -> fault: not present at level 1, entry 31 (entry 0x7f at 0x21f)'
}

@test "a format of one's own" {
    quire translate --format examples/formats/teacup.format --memory examples/formats/teacup.txt \
        --root 0x100 0x12345 0x14abc 0xfffffffffff80000
    prints << END
0x12345 -> 0x07745
0x14abc -> 0x55abc
0xfffffffffff80000 -> fault: not present at level 1, entry 8 (entry 0x0001 at 0x00110)
END
    quire translate --format examples/formats/teacup.format --memory examples/formats/teacup.txt \
        --root 0x100 --access w --user 0x14abc 0x22345
    prints << END
0x14abc -> fault: not writable at level 2, entry 4 (entry 0x550a at 0x00208)
0x22345 -> fault: supervisor only at level 1, entry 2 (entry 0x0024 at 0x00104)
END
}

# Puts an entry of 8 bytes at a table's index: entry TABLE INDEX VALUE
entry() {
    printf "$(printf '%016x' "$3" | sed 's/../& /g' | tr ' ' '\n' | tac | sed '/./s/^/\\x/' | tr -d '\n')" |
        dd of="$tmp/image" bs=8 seek=$(($1 * 512 + $2)) conv=notrunc status=none
}

@test "Sv39: pages of three sizes, and entries that are neither page nor pointer" {
    truncate -s 12288 "$tmp/image"
    entry 0 0 0x20000401   # V, to the table at 0x80001000
    entry 0 2 0x200000ef   # 1 GiB at 0x80000000: D A G X W R V
    entry 1 0 0x20000801   # V, to the table at 0x80002000
    entry 1 1 0x200800d7   # 2 MiB at 0x80200000: D A U W R V
    entry 1 2 0x20080457   # the same, 4 KiB further: misaligned
    entry 2 16 0x2008005b  # 4 KiB at 0x80200000: A U X R V
    entry 2 17 0x20080045  # writable, not readable
    entry 2 18 0x20000c01  # a pointer at the last level
    quire translate --format examples/formats/sv39.format --memory "$tmp/image" --base 0x80000000 \
        --root 0x80000000 0x10abc 0x23cdef 0x80200123 0x11000 0x12000 0x400000 0x4000000000
    prints << END
0x0000010abc -> 0x00000080200abc
0x000023cdef -> 0x0000008023cdef
0x0080200123 -> 0x00000080200123
0x0000011000 -> fault: reserved bit set at level 3, entry 17 (entry 0x0000000020080045 at 0x00000080002088)
0x0000012000 -> fault: reserved bit set at level 3, entry 18 (entry 0x0000000020000c01 at 0x00000080002090)
0x0000400000 -> fault: reserved bit set at level 2, entry 2 (entry 0x0000000020080457 at 0x00000080001010)
0x4000000000 -> fault: address outside the address space
END
    quire translate --format examples/formats/sv39.format --memory "$tmp/image" --base 0x80000000 \
        --root 0x80000000 --access w --user 0x10abc 0x23cdef 0x80200123
    prints << END
0x0000010abc -> fault: not writable at level 3, entry 16 (entry 0x000000002008005b at 0x00000080002080)
0x000023cdef -> 0x0000008023cdef
0x0080200123 -> fault: supervisor only at level 1, entry 2 (entry 0x00000000200000ef at 0x00000080000010)
END
    quire translate --format examples/formats/sv39.format --memory "$tmp/image" --base 0x80000000 \
        --root 0x80000000 --explain 0x11000
    mentions '^      3\.\.1 = 0 +points to a table$' '^         2 = 1 +may be written$' \
        '^         1 = 0 +may not be read$' '^    a PTE0 that maps a page must not combine rights like this$'
}

@test "options that are missing, wrong or too many" {
    quire translate
    refused 'translate: expected --format F and --memory IMAGE (see quire translate --help)'
    quire translate --format ostep14 0
    refused 'translate: expected --format F and --memory IMAGE (see quire translate --help)'
    quire translate --format ostep14 --memory examples/seed-003.txt 0
    refused 'translate: expected --root PA, where the level-1 table is'
    seed
    refused 'translate: expected virtual addresses, or - to read them'
    seed 0x3f80 12x
    refused "translate: '12x' is not an address such as 0x3f80"
    seed 0x10000000000000000
    refused "translate: '0x10000000000000000' is not an address such as 0x3f80"
    seed - -
    refused 'translate: standard input can be one thing only, and - stands there 2 times'
    quire translate --format ostep14 --memory - --root 0 -
    refused 'translate: standard input can be one thing only, and - stands there 2 times'
    quire translate --format ostep14 --memory examples/seed-003.txt --root 12g 0
    refused "translate: --root: '12g' is not a number such as 4096 or 0x1000"
    quire translate --format ostep14 --memory examples/seed-003.txt --root 0x1981 0
    refused 'translate: the root 0x1981 is not a multiple of 64, as the root of ostep14 has to be'
    seed --base x 0
    refused "translate: --base: 'x' is not a number such as 4096 or 0x1000"
    seed --access rq 0
    refused "translate: --access 'rq' is not made of r, w and x"
    quire translate --format sparc --memory examples/seed-003.txt --root 0 0
    refused "translate: no format or file 'sparc' (formats: ptsim, ostep14, ostep-linear, ostep-multilevel, i386, x86-64)"
    quire translate --ostep - --explain
    refused 'translate: --ostep stands alone: its input says everything else'
}

@test "a wrong address on standard input: the ones before it are answered" {
    printf '0x3f80\nfoo\n0\n' > "$tmp/addresses"
    seed - < "$tmp/addresses"
    refused "translate: standard input: 'foo' is not an address such as 0x3f80" '0x3f80 -> 0x0dc0'
}

@test "images that cannot be used" {
    image() {
        quire translate --format ostep14 --memory "$1" --root 0 0
    }
    image "$tmp/nothing"
    refused "translate: $tmp/nothing: cannot be opened: No such file or directory"
    image "$tmp"
    refused "translate: $tmp: cannot be read: Is a directory"
    : > "$tmp/empty"
    image "$tmp/empty"
    refused "translate: $tmp/empty: is empty"
    printf 'page 1: 00112\n' > "$tmp/odd"
    image "$tmp/odd"
    refused "translate: $tmp/odd: line 1: expected two hexadecimal digits for each byte of the page"
    printf 'page 1: 0011\npage 2: 001122\n' > "$tmp/uneven"
    image "$tmp/uneven"
    refused "translate: $tmp/uneven: line 2: a page of 3 bytes, others have 2"
    printf 'page 1: 0011\npage 1: 0022\n' > "$tmp/twice"
    image "$tmp/twice"
    refused "translate: $tmp/twice: line 2: page 1 where page 2 or a later one was expected"
    printf 'page 1: 0011\nspage 2: 0022\n' > "$tmp/stray"
    image "$tmp/stray"
    refused "translate: $tmp/stray: line 2: expected 'page NUMBER:' and hexadecimal digits"
    printf 'page 4000000000: 0011\n' > "$tmp/far"
    image "$tmp/far"
    refused "translate: $tmp/far: line 1: the page lies beyond 64 MiB, the most that a text image can hold"
    quire translate --format ostep14 --memory examples/seed-003.txt --base 0xfffffffffffffff0 --root 0 0
    refused 'translate: examples/seed-003.txt: does not fit into 64-bit addresses from --base on'
}

@test "an image without end" {
    quire translate --format ostep14 --memory /dev/zero --root 0 0
    refused_like 'translate: /dev/zero: (longer than 256 MiB, the most that is read|too large for the memory of this machine)'
}
