/* Where the loader jumps to (Multiboot Specification 0.6.96, 3.1 and 3.2): protected mode, paging
 * and interrupts off, the magic number in eax, the address of struct multiboot_info in ebx. */
#include "i386.h"

        .set MAGIC, 0x1badb002
        .set FLAGS, 3   /* modules at pages; tell how much memory there is */

        .section .multiboot, "a"
        .balign 4
        .long MAGIC, FLAGS, -(MAGIC + FLAGS)

        .text
        .globl boot
boot:
        cld
        movl $boot_stack + BOOT_STACK_BYTES, %esp
        pushl $0
        popfl
        pushl %ebx
        pushl %eax
        call machine_start

        .bss
        .balign 4096
        .globl boot_stack
boot_stack:
        .skip BOOT_STACK_BYTES

        .section .note.GNU-stack, "", @progbits
