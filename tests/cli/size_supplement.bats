# quire size --supplement: the supplemental page table, built, against a hash table and an array.
load helper

perl=examples/traces/perl-words.qtrace

@test "one page more, one node more" {
    quire size --supplement --format i386 0x1000+4K 0x400000+8K
    prints << 'END'
i386: 3 pages of 4 KiB touched, of 2^20

  radix                            12,288 bytes        4,096.0 a page   3 of 2,048 records
    level 1                             1 node  of 4 KiB
    level 2                             2 nodes of 4 KiB
  hash                                128 bytes           42.7 a page   16 entries x 8
    growing                           128 bytes           42.7 a page   with the old one
  linear                        4,194,304 bytes    1,398,101.3 a page   2^20 records of 4
END
}

@test "a process that uses all of its addresses: seed 000's shape, 4 bytes a page" {
    quire size --supplement --format i386 0-4G
    mentions '^  radix +4,198,400 bytes +4\.0 a page   1,048,576 of 1,048,576 records$' \
        '^    level 1 +1 node  of 4 KiB$' '^    level 2 +1,024 nodes of 4 KiB$' \
        '^  hash +16,777,216 bytes +16\.0 a page   2,097,152 entries x 8$' \
        '^    growing +25,165,824 bytes +24\.0 a page ' '^  linear +4,194,304 bytes +4\.0 a page '
}

@test "all formats at once; those that are too narrow say so" {
    quire size --supplement 0x100000+1M
    prints << 'END'
supplement, bytes       pages         radix   a page          hash   a page              linear
ptsim             0x100000+1M is outside its 14-bit addresses
ostep14           0x100000+1M is outside its 14-bit addresses
ostep-linear      0x100000+1M is outside its 14-bit addresses
ostep-multilevel  0x100000+1M is outside its 15-bit addresses
i386                      256         8,192     32.0         4,096     16.0           4,194,304
x86-64                    256        16,384     64.0         6,144     24.0     274,877,906,944
END
}

@test "a real program's pages; replaying it takes as much" {
    quire size --supplement --format i386 --trace "$perl"
    mentions '^i386: 617 pages of 4 KiB touched, of 2\^20$' \
        '^  radix +24,576 bytes +39\.8 a page   617 of 5,120 records$' \
        '^  hash +8,192 bytes +13\.3 a page   1,024 entries x 8$'
    for format in i386 x86-64; do
        quire replay "$perl" --format "$format" --frames 700 --no-verify --json
        bytes=$(sed -n 's/^ *"supplement_bytes": \([0-9]*\),\?$/\1/p' "$tmp/out")
        quire size --supplement --json --format "$format" --trace "$perl"
        mentions "^ +\"radix\": $bytes,$" '^ +"pages": 617,$'
    done
}

@test "a trace from a pipe, with ranges; pages that an access crosses into" {
    quire size --supplement --format x86-64 --trace - 0x2000+8K \
        < <(printf 'I  00001ffe,4\n L 1ffeffe000,8\n')
    mentions '^x86-64: 4 pages of 4 KiB touched, of 2\^36$'
    printf ' L 00000ff8,8\n' > "$tmp/trace"
    quire size --supplement --format x86-64 --trace "$tmp/trace"
    mentions '^x86-64: 1 page of 4 KiB touched'
}

@test "both halves of a sign-extended address space" {
    quire size --supplement --format x86-64 0xffff800000000000+8K 0x7ffffffff000+1
    mentions '^x86-64: 3 pages ' '^  radix +28,672 bytes ' '^    level 2 +2 nodes of 4 KiB$'
}

@test "JSON" {
    quire size --supplement --json --format ostep14 --format i386 0-0x80 0xc0-0x140 0x3f80-0x4000
    prints << 'END'
[
  {
    "format": "ostep14",
    "page_bytes": 64,
    "pages": 6,
    "radix": 192,
    "nodes": [
      1,
      2
    ],
    "hash": 128,
    "hash_entries": 16,
    "hash_entry_bytes": 8,
    "hash_growing": 128,
    "linear": 1024
  },
  {
    "format": "i386",
    "page_bytes": 4096,
    "pages": 2,
    "radix": 8192,
    "nodes": [
      1,
      1
    ],
    "hash": 128,
    "hash_entries": 16,
    "hash_entry_bytes": 8,
    "hash_growing": 128,
    "linear": 4194304
  }
]
END
}

@test "what cannot be" {
    quire size --supplement
    refused 'size: expected ranges such as 0x1000-0x3000 or 0x1000+8K, or --trace FILE'
    quire size --supplement --large 0+1
    refused 'size: --supplement and --large exclude each other: a supplement has neither large pages nor frames to count'
    quire size --supplement 0+1 --ram 1M
    refused 'size: --supplement and --ram exclude each other: a supplement has neither large pages nor frames to count'
    quire size --supplement --format i386 --format x86-64 0x100000000+1
    refused 'size: 0x100000000+1 is outside the 32-bit addresses of i386'
    quire size --supplement --json 0+1T # x86-64 is the last of them: nothing is printed before
    refused 'size: x86-64: 268,435,456 pages take a supplement of more than 128 MiB'
    cat > "$tmp/fine.format" << 'END'
format         fine
virtual-bits   32
physical-bits  32
entry-bytes    8
absent         bit 0 clear
level L1
    index 31..18
    table-address 31..12 = 31..12
    table-set 0
level L2
    index 17..3
    leaf-address 31..3 = 31..3
    leaf-set 0
END
    quire size --supplement --format "$tmp/fine.format" 0+1
    refused 'size: fine: a supplement of at most 16 levels cannot have 2^29 pages'
}

@test "traces that are none" {
    quire size --supplement --trace "$tmp/none"
    refused "$tmp/none: No such file or directory, expected a readable trace"
    : > "$tmp/empty"
    quire size --supplement --trace "$tmp/empty"
    refused "$tmp/empty: is empty, expected a reference trace"
    printf ' L 10,4\nX 10,4\n' > "$tmp/trace"
    quire size --supplement --trace "$tmp/trace"
    refused_like "$tmp/trace: line 2: found .*"
    quire size --supplement --trace "$perl" --trace "$perl"
    refused "size: one trace at a time, and '$perl' is a second"
    printf ' L 1ffeffe000,8\n' > "$tmp/trace"
    quire size --supplement --format i386 --trace "$tmp/trace"
    refused "size: $tmp/trace: 0x1ffeffe000+4096 is outside the 32-bit addresses of i386"
    quire size --supplement --trace
    refused_like '.*--trace.*'
}

@test "docs/supplement.md shows what is printed" {
    sed -n '/^    \$ quire size/,/^$/s/^    //p' docs/supplement.md > "$tmp/shown"
    read -ra arguments < <(sed -n '1s/^\$ quire //p' "$tmp/shown")
    quire "${arguments[@]}"
    sed 1d "$tmp/shown" > "$tmp/output"
    prints < "$tmp/output"
}
