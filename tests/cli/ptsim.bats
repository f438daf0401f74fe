# quire ptsim: seed 004, byte for byte, and everything that can be wrong.
load helper

@test "the first example of the text" {
    quire ptsim np 1 2 np 2 1 kp 1 np 3 3 ppt 3
    prints << END
--- PROCESS 3 PAGE TABLE ---
00 -> 02
01 -> 03
02 -> 06
END
}

@test "the free map: used frames, free frames, four lines of sixteen" {
    quire ptsim pfm np 1 2 pfm np 2 15 kp 1 pfm
    prints << END
--- PAGE FREE MAP ---
#...............
................
................
................
--- PAGE FREE MAP ---
####............
................
................
................
--- PAGE FREE MAP ---
#...############
####............
................
................
END
}

@test "two processes store and load behind the same address" {
    quire ptsim np 1 2 np 2 3 sb 1 10 99 sb 2 10 100 lb 1 10 lb 2 10
    prints << END
Store proc 1: 10 => 522, value=99
Store proc 2: 10 => 1290, value=100
Load proc 1: 10 => 522, value=99
Load proc 2: 10 => 1290, value=100
END
}

@test "62 data pages are the largest process" {
    quire ptsim np 1 62 np 2 1
    prints <<< 'OOM: proc 2: page table'
    quire ptsim np 1 63
    prints <<< 'OOM: proc 1: data page'
    quire ptsim np 1 2147483647
    prints <<< 'OOM: proc 1: data page'
}

@test "a process that got no page table is not there; its number is free" {
    quire ptsim np 1 62 np 2 1 kp 1 np 2 1 ppt 2
    prints << END
OOM: proc 2: page table
--- PROCESS 2 PAGE TABLE ---
00 -> 02
END
    quire ptsim np 1 62 np 2 1 kp 2
    refused 'ptsim: command 3: kp: there is no process 2' 'OOM: proc 2: page table'
}

@test "frames taken before memory ran out are kept" {
    quire ptsim np 1 60 np 2 2 ppt 2 pfm
    prints << END
OOM: proc 2: data page
--- PROCESS 2 PAGE TABLE ---
00 -> 3f
--- PAGE FREE MAP ---
################
################
################
################
END
}

@test "a reused page-table frame is zeroed first" {
    quire ptsim np 1 3 kp 1 np 2 1 ppt 2
    prints << END
--- PROCESS 2 PAGE TABLE ---
00 -> 02
END
}

@test "page faults of loads and stores" {
    quire ptsim np 1 1 lb 1 256 sb 1 16383 7 sb 1 255 7 lb 1 255
    prints << END
PAGE FAULT: proc 1, load, vaddr 256
PAGE FAULT: proc 1, store, vaddr 16383
Store proc 1: 255 => 767, value=7
Load proc 1: 255 => 767, value=7
END
}

@test "ap adds pages behind those that are there" {
    quire ptsim np 0 1 np 63 1 ap 0 2 ppt 0 ap 63 0 ppt 63
    prints << END
--- PROCESS 0 PAGE TABLE ---
00 -> 02
01 -> 05
02 -> 06
--- PROCESS 63 PAGE TABLE ---
00 -> 04
END
}

@test "a process without pages has a page table" {
    quire ptsim np 7 0 ppt 7 kp 7 pfm
    prints << END
--- PROCESS 7 PAGE TABLE ---
--- PAGE FREE MAP ---
#...............
................
................
................
END
}

@test "commands from a file, from standard input, one or more a line" {
    printf 'np 1 2 np 2 1 # two of them\n\n# nothing\n  kp\t1\r\nnp 3 3 ppt 3' > "$tmp/commands"
    quire ptsim np 1 2 np 2 1 kp 1 np 3 3 ppt 3
    cp "$tmp/out" "$tmp/same"
    quire ptsim -f "$tmp/commands"
    prints < "$tmp/same"
    quire ptsim --file="$tmp/commands"
    prints < "$tmp/same"
    quire ptsim - < "$tmp/commands"
    prints < "$tmp/same"
}

@test "an answer comes as soon as its line was read" {
    mkfifo "$tmp/in" "$tmp/out.fifo"
    "$QUIRE" ptsim - < "$tmp/in" > "$tmp/out.fifo" &
    exec 7> "$tmp/in" 8< "$tmp/out.fifo"
    echo 'np 1 1 sb 1 0 5' >&7
    read -r -t 10 line <&8
    exec 7>&-
    wait
    [ "$line" = 'Store proc 1: 0 => 512, value=5' ]
}

@test "the example script" {
    quire ptsim -f examples/seed-004.ptsim
    mentions '^Load proc 3: 10 => 522, value=100$' '^PAGE FAULT: proc 2, load, vaddr 256$' \
        '^OOM: proc 2: data page$'
    [ "$(grep -c '^--- PAGE FREE MAP ---$' "$tmp/out")" -eq 3 ]
}

@test "wrong commands: what is wrong, status 2, and what was right before stays printed" {
    while IFS='|' read -r arguments message; do
        # shellcheck disable=SC2086
        quire ptsim $arguments
        refused "ptsim: command $message"
    done << 'END'
kp 1|1: kp: there is no process 1
np 1 1 kp 1 kp 1|3: kp: there is no process 1
ppt 0|1: ppt: there is no process 0
ap 5 1|1: ap: there is no process 5
sb 5 0 1|1: sb: there is no process 5
lb 5 0|1: lb: there is no process 5
np 1 1 np 1 1|2: np: process 1 runs already
np 64 1|1: np: process 64 is outside 0 - 63
kp -1|1: kp: process -1 is outside 0 - 63
np 1 -1|1: np: number of pages -1 is outside 0 - 2147483647
np 1 99999999999|1: np: number of pages 99999999999 is outside 0 - 2147483647
np 1 1 sb 1 16384 1|2: sb: address 16384 is outside 0 - 16383
np 1 1 lb 1 -1|2: lb: address -1 is outside 0 - 16383
np 1 1 sb 1 0 256|2: sb: byte 256 is outside 0 - 255
np 1 1 sb 1 0 -3|2: sb: byte -3 is outside 0 - 255
np|1: np: expected np PROCESS PAGES, and there is no process
np 1|1: np: expected np PROCESS PAGES, and there is no number of pages
np 1 1 sb 1 3|2: sb: expected sb PROCESS ADDRESS BYTE, and there is no byte
np one 1|1: np: 'one' is no process (expected np PROCESS PAGES)
np 1 pfm|1: np: 'pfm' is no number of pages (expected np PROCESS PAGES)
np 1 1x|1: np: '1x' is no number of pages (expected np PROCESS PAGES)
np 1 99999999999999999999|1: np: '99999999999999999999' is no number of pages (expected np PROCESS PAGES)
np 1 1 lb 1 x|2: lb: 'x' is no address (expected lb PROCESS ADDRESS)
xyz|1: no command 'xyz' (np ap kp ppt pfm sb lb)
-5|1: no command '-5' (np ap kp ppt pfm sb lb)
END
    quire ptsim np 1 1 sb 1 0 9 kp 2 lb 1 0
    refused 'ptsim: command 3: kp: there is no process 2' 'Store proc 1: 0 => 512, value=9'
}

@test "input that cannot be used" {
    quire ptsim
    refused 'ptsim: expected commands, -f FILE or - (see quire ptsim --help)'
    quire ptsim -f
    refused 'ptsim: -f needs a value: -f FILE'
    quire ptsim -f "$tmp/nothing"
    refused "$tmp/nothing: cannot be opened: No such file or directory"
    quire ptsim -f "$tmp"
    refused "$tmp: cannot be read: Is a directory"
    quire ptsim -f /dev/null
    refused '/dev/null: holds no commands'
    quire ptsim - < /dev/null
    refused 'standard input: holds no commands'
    quire ptsim -f /dev/zero
    refused '/dev/zero: line 1: not text, or longer than 65535 bytes'
    head -c 100000 /dev/zero | tr '\0' x > "$tmp/long"
    quire ptsim -f "$tmp/long"
    refused "$tmp/long: line 1: not text, or longer than 65535 bytes"
    printf 'np 1 1\nsb 1 0 8\nsb 1 0' > "$tmp/truncated"
    quire ptsim -f "$tmp/truncated"
    refused "$tmp/truncated: line 3: sb: expected sb PROCESS ADDRESS BYTE, and there is no byte" \
        'Store proc 1: 0 => 512, value=8'
    quire ptsim -f "$tmp/truncated" pfm
    refused "ptsim: commands come from $tmp/truncated; nothing can follow, and 'pfm' does"
}
