#!/usr/bin/env bash
# oracle.sh BUILD: the kernel on Bochs, whose MMU has nothing in common with QEMU's, and every mapping
# compared at the same stops (make oracle). Needs Debian's bochs, grub-pc-bin, grub-common, xorriso.
#
# What is not compared there: the disk (Bochs has none; swap is in memory), and the exit status (Bochs
# has none: the kernel's last lines say that all memory came back).
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
for tool in bochs grub-mkrescue xorriso; do
    command -v $tool > /dev/null || {
        echo "oracle: no $tool: install bochs grub-common grub-pc-bin xorriso" >&2
        exit 2
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# machine WORDS...: a CD that boots with that command line, and Bochs's settings for it
machine() {
    mkdir -p "$work/cd/boot/grub"
    cp "$build/kernel/i386/quire-kernel" "$build/kernel/i386/archive.tar" "$work/cd/boot/"
    cat > "$work/cd/boot/grub/grub.cfg" <<END
multiboot /boot/quire-kernel $*
module /boot/archive.tar
boot
END
    grub-mkrescue -o "$work/cd.iso" "$work/cd" > "$work/grub.log" 2>&1 || {
        cat "$work/grub.log" >&2
        exit 1
    }
    # Few instructions a second: what waits for a clock is over soon.
    cat > "$work/bochsrc" <<END
megs: 12
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/cd.iso, status=inserted
boot: cdrom
log: $work/log
magic_break: enabled=1
display_library: rfb, options="timeout=0"
cpu: count=1, ips=5000000
clock: sync=none
sound: driver=dummy
END
}

machine witness layout=seed -- proc1
"$build/tests/kernel/witness" --bochs --five-steps "$work/bochsrc"
machine witness swap=ram:512 -- forks
"$build/tests/kernel/witness" --bochs "$work/bochsrc"
machine witness swap=ram:512 -- hog 3
"$build/tests/kernel/witness" --bochs "$work/bochsrc"
