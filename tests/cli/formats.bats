# quire formats: the list, the pictures, format files out and in.
load helper

@test "the built-in formats are listed" {
    quire formats
    mentions '^ptsim ' '^ostep14 ' '^ostep-linear ' '^ostep-multilevel ' '^i386 ' '^x86-64 '
    awk 'length > 100 { exit 1 }' "$tmp/out"
}

@test "one format drawn, to the letter" {
    quire formats ostep14
    prints << 'END'
ostep14: 14-bit teaching machine: two levels, 64-byte pages, 4-byte entries (seed 003)

virtual addresses of 14 bits (the rest zero), physical of 14; pages of 64 bytes
entries of 4 bytes, little-endian

virtual address
    13     10   9       6   5            0
  +-----------+-----------+----------------+
  | PDE index | PTE index | offset in page |
  +-----------+-----------+----------------+

 level  entry     address bits     entries   table bytes  one entry covers  an entry leads to
     1  PDE             13..10          16            64             1 KiB  a table
     2  PTE               9..6          16            64          64 bytes  a page

PDE, pointing to a table
    31         24   23 1   0
  +---------------+------+---+
  | address 13..6 | -    | V |
  +---------------+------+---+
  31..24  address 13..6   bits 13..6 of the address of the next table
       0  V               1: present

PTE, mapping a page of 64 bytes
    31         24   23 4   3   2   1   0
  +---------------+------+---+---+---+---+
  | address 13..6 | -    | X | W | R | V |
  +---------------+------+---+---+---+---+
  31..24  address 13..6   bits 13..6 of the address of the page
       3  X               1: may be executed
       2  W               1: may be written
       1  R               1: may be read
       0  V               1: present

an entry of any level that is not present
    31 1   0
  +------+---+
  | free | V |
  +------+---+
   31..1  free            free for the system's own use
       0  V               1: present
END
}

@test "no picture is wider than 100 columns, and each has every level" {
    for format in ptsim ostep14 ostep-linear ostep-multilevel i386 x86-64 \
        examples/formats/{teacup,sv32,sv39,sv48}.format ostep-linear:va_bits=30,page=4K; do
        quire formats "$format"
        mentions '^virtual address$' '^ +1 '
        awk 'length > 100 { print; exit 1 }' "$tmp/out"
        levels=$("$QUIRE" formats --text "$format" | grep -c '^level')
        [ "$(grep -cE '^ {5}[0-9]  ' "$tmp/out")" -eq "$levels" ]
    done
}

@test "x86-64: the bits of the manual" {
    quire formats x86-64
    mentions '^PML4E, PDPTE, PDE, pointing to a table$' '^PDPTE, mapping a page of 1 GiB$' \
        '^PDE, mapping a page of 2 MiB$' '^PTE, mapping a page of 4 KiB$' \
        '^      63  X               0: may be executed$' '^  29\.\.13  0               reserved: must be zero$' \
        '^       7  S               0: points to a table$' '^ +4  PTE +20\.\.12 +512 +4096 +4 KiB  a page$'
}

@test "Sv39: rights in pages, a pointer where there are none" {
    quire formats examples/formats/sv39.format
    mentions '^PTE2, PTE1, pointing to a table$' '^PTE2, mapping a page of 1 GiB$' \
        '^PTE1, mapping a page of 2 MiB$' '^PTE0, mapping a page of 4 KiB$' \
        '^    3\.\.1  S               0x0: points to a table$' \
        '^       2  W               1: may be written$' \
        '^  refused, as if it set a reserved bit: bits 2\.\.1 = 0x2  bits 3\.\.1 = 0x0$'
}

@test "the sizes of the linear machine are parameters" {
    quire formats ostep-linear:va_bits=20,page=1K
    mentions '^virtual addresses of 20 bits .*; pages of 1 KiB$' '^ +1  PTE +19\.\.10 +1024 '
    quire formats ostep-linear:page=64
    mentions '^ +1  PTE +13\.\.6 +256 '
    for parameters in page=1000 va_bits=12 va_bits=40 page=4 va_bits=99; do
        quire formats "ostep-linear:$parameters"
        refused "formats: --format ostep-linear:$parameters: the page must be a power of two, 8 to 1G, and addresses 1 to 26 bits wider than its offset"
    done
    for parameters in x page va_bits= va_bits=1K page=4Q pages=4K; do
        quire formats "ostep-linear:$parameters"
        refused "formats: --format ostep-linear:$parameters: expected ostep-linear:va_bits=BITS,page=SIZE"
    done
}

@test "a format written as text reads back as the same text" {
    for format in ptsim ostep14 ostep-linear ostep-multilevel i386 x86-64 \
        examples/formats/{teacup,sv32,sv39,sv48}.format; do
        "$QUIRE" formats --text "$format" > "$tmp/text"
        quire formats --text "$tmp/text"
        prints < "$tmp/text"
        quire formats --text - < "$tmp/text"
        prints < "$tmp/text"
    done
}

@test "JSON" {
    quire formats --json ptsim
    prints << 'END'
{
  "name": "ptsim",
  "title": "the ptsim assignment: one level, one-byte entries, 256-byte pages (seed 004)",
  "virtual_bits": 14,
  "physical_bits": 16,
  "page_bytes": 256,
  "entry_bytes": 1,
  "byte_order": "little",
  "sign_extended": false,
  "asid_bits": 0,
  "levels": [
    {
      "level": 1,
      "name": "entry",
      "shift": 8,
      "index_bits": 6,
      "table_bytes": 64,
      "entry_covers": "0x100",
      "may_be_leaf": true,
      "page": [
        {
          "high": 7,
          "low": 0,
          "name": "address 15..8",
          "meaning": "bits 15..8 of the address of the page"
        }
      ]
    }
  ],
  "not_present": [
    {
      "high": 7,
      "low": 0,
      "name": "V",
      "meaning": "0x0: not present"
    }
  ]
}
END
    quire formats --json i386 # two kinds of PDE, PTE, absent: every bit of each
    mentions '^      "pointer": \[$' '^          "meaning": "1: may be written"$'
    [ "$(awk -F '[ ,:]+' '/"high"/ { n += $3 + 1 } /"low"/ { n -= $3 } END { print n }' "$tmp/out")" \
        -eq $((4 * 32)) ]
    quire formats --json
    mentions '^\[$' '^    "name": "x86-64",$' '^\]$'
}

@test "wrong format files are named, with the line" {
    printf 'format f\nvirtual-bits 14\nphysical-bits many\n' > "$tmp/f"
    quire formats "$tmp/f"
    refused "formats: $tmp/f: line 3: physical-bits: expected a number from 0 to 64, found 'many'"
    head -n 20 examples/formats/i386.format > "$tmp/f"
    quire formats "$tmp/f"
    refused "formats: $tmp/f: the number of levels is not 1 to 6"
    head -c 20000 "$QUIRE" > "$tmp/f"
    quire formats "$tmp/f"
    refused_like "formats: $tmp/f: line 1: .*"
    : > "$tmp/f"
    quire formats "$tmp/f"
    refused "formats: $tmp/f: is empty"
    quire formats "$tmp/none"
    refused "formats: $tmp/none: cannot be opened: No such file or directory"
    quire formats "$tmp"
    refused "formats: $tmp: cannot be read: Is a directory"
    quire formats /dev/zero
    refused 'formats: /dev/zero: longer than 64 KiB, the most that is read'
}

@test "wrong arguments" {
    quire formats i386 x86-64
    refused "formats: one format at a time, and 'x86-64' is a second"
    quire formats --text
    refused 'formats: --text needs a format: quire formats --text i386'
    quire formats --text --json i386
    refused 'formats: --text and --json exclude each other'
    quire formats vax
    refused "formats: no format or file 'vax' (formats: ptsim, ostep14, ostep-linear, ostep-multilevel, i386, x86-64)"
}
