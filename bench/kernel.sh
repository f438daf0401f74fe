#!/usr/bin/env bash
# kernel.sh QUIRE: what the kernel's work costs in instructions of an i386, by QEMU's count: the same
# in every run. Swap is in memory: the copying counts, waiting for a disk does not.
set -euo pipefail
if ! command -v qemu-system-i386 > /dev/null; then
    echo 'the kernel: not measured, as there is no qemu-system-i386 (Debian: qemu-system-x86)'
    exit 0
fi
output=$("$1" boot --count --ram 32M --swap ram:8M --program cost < /dev/null)
echo 'the kernel (i386), instructions'
sed -n 's/^cost //p' <<< "$output" | while read -r name count; do
    printf '  %-36s %10d\n' "${name//-/ }" "$count"
done
