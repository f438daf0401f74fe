# quire registry: page tables of many address spaces, in the kernel's addresses.
load helper

@test "seed 001, step by step" {
    quire registry --steps
    prints << 'END'
The initial kernel page table
  page_table_info at a known location    directory at 0x00528000
  identity-map all                       what is present maps itself; nothing else needs an entry
  first 1 MiB present, for the BIOS      256 pages: 0x00000000-0x000fffff
  the kernel's 8 MiB present             2,048 pages: 0x00100000-0x008fffff, 4 page tables so far

The first pg_alloc_page
  a page for it                          frame 0x0052c000 at kernel address 0x00900000
  trackers in it                         512 of 8 bytes

A new page table
  page A, the directory                  frame 0x00900000 at kernel address 0x00902000
  page B, a page table to come           frame 0x00901000 at kernel address 0x00903000
  link: tracker 0                        {pt_ptr 0x00902000, pcount 2}

A process next to it
  page A, the directory                  frame 0x00902000 at kernel address 0x00904000
  page B, a page table to come           frame 0x00903000 at kernel address 0x00905000
  link: tracker 1                        {pt_ptr 0x00904000, pcount 2}

The first maps a page: page B becomes a page table
  page A, the directory                  frame 0x00900000 at kernel address 0x00902000
  page B, a page table                   frame 0x00901000 at kernel address 0x00903000
  link: tracker 0                        {pt_ptr 0x00902000, pcount 2}

It maps another, far away: no room beside its neighbour. It moves
  page A, the directory                  frame 0x00900000 at kernel address 0x00908000
  page B, a page table                   frame 0x00901000 at kernel address 0x00909000
  page C, a page table                   frame 0x00906000 at kernel address 0x0090a000
  link: tracker 0                        {pt_ptr 0x00908000, pcount 3}

Errata of the document
  It says 1024 processes: 4 GiB of addresses hold 1,023 windows of 4,198,400 bytes.
  pt_alloc_page and pg_alloc_page are one name.
  A window that collides need not be "copied elsewhere": it is remapped.
END
}

@test "a crowd, and what it costs" {
    quire registry --spaces 2000 --ram 64M
    prints << 'END'
2,000 address spaces alive on i386: 64 MiB of memory, 4 GiB of kernel addresses

                               in all   per space
page tables                     5,987        2.99  frames, the directory included
kernel addresses                6,632        3.32  pages, room to grow included
kernel page tables                  7        0.00  frames, to map the windows
trackers                       16,384        8.19  bytes, in whole pages
map of addresses            4,357,064     2178.53  bytes, however many spaces

kernel's own memory: 1,079 of 2,048 frames in use (1,064 for the map of addresses)

windows grew                      676  times where they were (1 into addresses behind them)
windows were moved              1,314  times: 2,628 pages remapped, 0 bytes copied
fixed windows                   1,023  of 1,025 pages would fill all kernel addresses

read through windows            3,987  entries, each as soon as it was written
verified in the end             2,068  entries and pages of 1,031 spaces chosen at random
END
}

@test "100,000 address spaces, 4 GiB of memory, 4 GiB of kernel addresses" {
    quire registry
    if grep -q 'not enough memory here' "$tmp/err"; then
        refused 'registry: --ram 4 GiB: there is not enough memory here to simulate so much'
        skip 'this build cannot have 4 GiB'
    fi
    mentions '^100,000 address spaces alive on i386: 4 GiB of memory, 4 GiB of kernel addresses$' \
        '^page tables +299,908 +3\.00 ' '^trackers +802,816 +8\.03 ' \
        '^windows were moved +[1-9][0-9,]+  times: [1-9][0-9,]+ pages remapped, 0 bytes copied$' \
        '^fixed windows +1,023  of 1,025 pages' '^read through windows +199,908  entries'
}

@test "JSON says the same, and another seed makes another crowd" {
    quire registry --spaces 700 --pages 9 --ram 64M --json
    python3 - "$tmp/out" << 'END'
import json, sys
said = json.load(open(sys.argv[1]))
assert said["spaces"] == 700 and said["format"] == "i386" and said["tracker_bytes"] == 8, said
assert said["table_frames"] == said["spaces"] + said["data_pages"], said
assert said["read_back"] == said["data_pages"] == said["verified"], said
assert said["bytes_copied"] == 0 and said["moved"] > 0 and said["grown"] > 0, said
assert said["window_addresses"] >= said["table_frames"] + said["tracker_pages"], said
assert said["tracker_pages"] == 2 and said["fixed_window_spaces"] == 1023, said
assert said["kernel_frames_used"] == -(-said["address_map_bytes"] // 4096) + 4 + \
    said["kernel_tables"] + said["tracker_pages"], said
END
    went_well
    cp "$tmp/out" "$tmp/first"
    quire registry --spaces 700 --pages 9 --ram 64M --json --seed 1
    cmp "$tmp/out" "$tmp/first"
    quire registry --spaces 700 --pages 9 --ram 64M --json --seed 2
    if cmp -s "$tmp/out" "$tmp/first"; then
        complain 'another seed, the same crowd'
    fi
}

@test "other formats: any number of levels, one's own" {
    quire registry --spaces 300 --pages 5 --ram 64M --format x86-64
    mentions '^300 address spaces alive on x86-64: 64 MiB of memory, 4 GiB of kernel addresses$' \
        '0 bytes copied$'
    if grep '^fixed' "$tmp/out"; then
        complain 'four levels have no window of fixed size'
    fi
    "$QUIRE" formats --text i386 | sed 's/^format .*/format mine/' > "$tmp/mine"
    quire registry --spaces 300 --ram 64M --format "$tmp/mine"
    mentions '^300 address spaces alive on mine: ' '^fixed windows +1,023 '
}

@test "what does not fit is said, with how far it went" {
    quire registry --spaces 2000 --ram 16M
    refused_like 'registry: --ram: 16 MiB are full, with [0-9]+ address spaces and [0-9]+ pages'
    quire registry --spaces 400 --ram 64M --kernel 4280K --pages 9
    refused_like 'registry: --kernel: 4280 KiB are full, with [0-9,]+ address spaces and [0-9,]+ pages'
    quire registry --ram 64M --kernel 1M
    refused 'registry: --kernel: 1 MiB are too small for the kernel'\''s first records'
    quire registry --ram 9M
    refused 'registry: --ram: 9 MiB leave nothing beside the first 1 MiB and the kernel'\''s 8 MiB'
    quire registry --format ostep14
    refused 'registry: 1 MiB and 8 MiB for the kernel leave no addresses for windows: ostep14 has 16 KiB'
    quire registry --pages 1025
    refused 'registry: --pages: a space of i386 has 1024 tables at most'
}

@test "wrong arguments" {
    quire registry 100
    refused "registry: '100': expected options only"
    quire registry --spaces 0
    refused 'registry: --spaces: 0 is outside 1 - 268435456'
    quire registry --spaces many
    refused "registry: --spaces: 'many' is not a number such as 4096 or 0x1000"
    quire registry --pages 0
    refused 'registry: --pages: 0 is outside 1 - 1048576'
    quire registry --ram lots
    refused "registry: --ram: 'lots' is not a size such as 65536, 64K or 1G"
    quire registry --ram 67108865
    refused 'registry: --ram 67108865 bytes: the memory must be a whole number of pages'
    quire registry --kernel 8388609
    refused 'registry: --kernel: expected whole pages of 4 KiB'
    quire registry --kernel 4G
    refused 'registry: --kernel: 4G is outside 1 - 4294967295'
    quire registry --seed -1
    refused "registry: --seed: '-1' is not a number such as 4096 or 0x1000"
    quire registry --format none
    refused "registry: no format or file 'none' (formats: ptsim, ostep14, ostep-linear, ostep-multilevel, i386, x86-64)"
    quire registry --steps --json
    refused 'registry: --steps: expected no other option but --format'
    quire registry --steps --spaces 5
    refused 'registry: --steps: expected no other option but --format'
    quire registry --format
    refused 'registry: --format needs a value: --format F'
}
