# quire size: page tables of a mapping, computed.
load helper

@test "seed 003: 1,024 bytes against 192" {
    quire size --format ostep14 0-0x80 0xc0-0x140 0x3f80-0x4000
    prints << 'END'
ostep14: 6 pages of 64 bytes mapped, of 2^8

  linear                            1,024 bytes   2^8 entries of 4
  multi-level                         192 bytes
    level 1                             1 table  of 64 bytes
    level 2                             2 tables of 64 bytes
  inverted                            120 bytes   6 frames of memory x 20
  hashed                              208 bytes   6 pages x 24, 8 buckets x 8
END
}

@test "all formats at once; those that are too narrow say so" {
    quire size 0-0x80 0xc0-0x140 0x3f80-0x4000
    prints << 'END'
bytes of tables            pages                     linear    multi-level       inverted         hashed
ptsim                          3                         64             64             60            104
ostep14                        6                      1,024            192            120            208
ostep-linear                   2                         16             16             40             64
ostep-multilevel              12                      1,024             96            240            416
i386                           2                  4,194,304          8,192             40             64
x86-64                         2            549,755,813,888         16,384             40             64
END
    quire size 0x100000+1M
    mentions '^ptsim +0x100000\+1M is outside its 14-bit addresses$' '^i386 +256 +4,194,304 +8,192 '
}

@test "the three sizes of address space: 14, 32 and 64 bits" {
    quire size --format i386 0-4G
    mentions '^  linear +4,194,304 bytes   2\^20 entries of 4$' '^  multi-level +4,198,400 bytes$'
    quire size --format i386 --large 0-4G
    mentions '^  multi-level +4,096 bytes$' '^    level 2 +0 tables of 4 KiB$'
    cat > "$tmp/wide.format" << 'END'
format         wide
virtual-bits   64
physical-bits  52
entry-bytes    8
absent         bit 0 clear
level L1
    index 63..50
    table-address 51..12 = 51..12
    table-set 0
level L2
    index 49..37
    table-address 51..12 = 51..12
    table-set 0
level L3
    index 36..24
    table-address 51..12 = 51..12
    table-set 0
level L4
    index 23..12
    leaf-address 51..12 = 51..12
    leaf-set 0
END
    quire size --format "$tmp/wide.format" 0-16E
    mentions '^wide: 4,503,599,627,370,496 pages of 4 KiB mapped, of 2\^52$' \
        '^  linear +36,028,797,018,963,968 bytes   2\^52 entries of 8$' \
        '^    level 4 +1,099,511,627,776 tables of 32 KiB$'
    quire size --format "$tmp/wide.format" 0xfffffffffffff000-0x10000000000000000
    mentions '^wide: 1 page of 4 KiB mapped, of 2\^52$' '^  multi-level +294,912 bytes$'
}

@test "large pages where they fit" {
    quire size --format x86-64 0x400000+2M 0x7ffff7c00000+4M
    mentions '^  multi-level +32,768 bytes$' '^    level 4 +3 tables of 4 KiB$'
    quire size --format x86-64 --large 0x400000+2M 0x7ffff7c00000+4M
    mentions '^  multi-level +20,480 bytes$' '^    level 4 +0 tables of 4 KiB$'
    quire size --format x86-64 --large 0x400000+2M+4K
    refused "size: '0x400000+2M+4K' is not a range such as 0x1000-0x3000 or 0x1000+8K"
}

@test "ranges in any order, overlapping, not at pages; upper halves" {
    quire size --format i386 0x5000-0x6001 0x1000+4K 0x1fff-0x2001
    mentions '^i386: 4 pages of 4 KiB mapped'
    quire size --format x86-64 0xffff800000000000+1
    mentions '^x86-64: 1 page of 4 KiB mapped' '^  multi-level +16,384 bytes$'
}

@test "the inverted table is as large as memory" {
    quire size --format i386 --ram 64M 0+4K
    mentions '^  inverted +327,680 bytes   16,384 frames of memory x 20$'
}

@test "JSON" {
    quire size --json --format ostep14 --format ptsim 0-0x80 0xc0-0x140 0x3f80-0x4000
    prints << 'END'
[
  {
    "format": "ostep14",
    "page_bytes": 64,
    "pages": 6,
    "linear": 1024,
    "multilevel": 192,
    "tables": [
      1,
      2
    ],
    "frames": 6,
    "inverted": 120,
    "hashed": 208
  },
  {
    "format": "ptsim",
    "page_bytes": 256,
    "pages": 3,
    "linear": 64,
    "multilevel": 64,
    "tables": [
      1
    ],
    "frames": 3,
    "inverted": 60,
    "hashed": 104
  }
]
END
}

@test "the pages that a trace touches, with ranges or without" {
    printf 'I  00401ffe,4\n L 00500000,8\n S 00500008,8\n' > "$tmp/trace"
    quire size --format i386 --trace "$tmp/trace"
    mentions '^i386: 3 pages of 4 KiB mapped' '^  multi-level +8,192 bytes$'
    quire size --format i386 --trace - 0x401000+8K 0x800000+1 < "$tmp/trace"
    mentions '^i386: 4 pages of 4 KiB mapped' '^    level 2 +2 tables of 4 KiB$'
    quire size --trace "$tmp/trace"
    mentions "^ostep14 +$tmp/trace: 0x401fe0\+64 is outside its 14-bit addresses$" '^i386 +3 +4,194,304 +8,192 '
}

@test "wrong ranges and options" {
    quire size
    refused 'size: expected ranges such as 0x1000-0x3000 or 0x1000+8K, or --trace FILE'
    for range in 5 5- -5 5+ 5-5 6-5 5+0 0x-1 a-b 1--2 0-17E 0xffffffffffffffff+2 1+16E 5-6-7; do
        quire size "$range"
        refused "size: '$range' is not a range such as 0x1000-0x3000 or 0x1000+8K"
    done
    quire size --format i386 0x100000000+1
    refused 'size: 0x100000000+1 is outside the 32-bit addresses of i386'
    quire size --format x86-64 --format i386 0-4K 0x100000000+1
    refused 'size: 0x100000000+1 is outside the 32-bit addresses of i386'
    quire size --format x86-64 0-16E
    refused 'size: 0-16E is outside the 48-bit addresses of x86-64'
    quire size --format none 0+1
    refused "size: no format or file 'none' (formats: ptsim, ostep14, ostep-linear, ostep-multilevel, i386, x86-64)"
    quire size --ram none 0+1
    refused "size: --ram: 'none' is not a size such as 65536, 64K or 1G"
    quire size --ram 0 0+1
    refused 'size: --ram: 0 is outside 1 - 18446744073709551615'
}
