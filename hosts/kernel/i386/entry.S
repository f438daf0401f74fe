/*
 * In from programs and devices, and back; from one kernel stack to another.
 *
 *   processor: (ss, esp,) eflags, cs, eip (, error)    entry: error or 0, vector    pushal
 *
 * make a struct machine_frame. The flags of a program stay in it: gates of the kernel switch off
 * interrupts, single steps (TF) and nested tasks (NT); cld does the rest. What a program has put
 * into its segment registers is lost: they are set on every entry, and are good for both.
 */
#include "i386.h"

/* Vectors for which the processor pushes an error code (SDM 6.13). */
        .set HAVE_ERROR, 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17

        .section .rodata
        .balign 4
        .globl entries
entries:

        .text
.macro entry vector
        .pushsection .rodata
        .long 1f
        .popsection
1:
    .if \vector >= 32
        pushl $0
    .elseif (HAVE_ERROR >> \vector & 1) == 0
        pushl $0
    .endif
        pushl $\vector
        jmp entry_common
.endm

        .set next, 0
.rept 48 /* EXCEPTIONS, IRQS */
        entry next
        .set next, next + 1
.endr
        entry VECTOR_CALL

entry_common:
        cld
        pushal
        movl $USER_DATA, %eax
        movl %eax, %ds
        movl %eax, %es
        xorl %eax, %eax
        movl %eax, %fs
        movl %eax, %gs
        pushl %esp
        call trap
        addl $4, %esp

        .globl entry_leave
entry_leave:
        testb $3, FRAME_CS(%esp)
        jz 1f
        call kernel_leave
1:      popal
        addl $8, %esp
        iret

/* void machine_switch(void **from, void *to) */
        .globl machine_switch
machine_switch:
        movl 4(%esp), %eax
        movl 8(%esp), %edx
        pushl %ebp
        pushl %ebx
        pushl %esi
        pushl %edi
        movl %esp, (%eax)
        movl %edx, %esp
        popl %edi
        popl %esi
        popl %ebx
        popl %ebp
        ret

/* bool machine_copy(void *to, const void *from, size_t bytes) */
        .globl machine_copy, copy_begin, copy_end, copy_failed
machine_copy:
        pushl %esi
        pushl %edi
        movl 12(%esp), %edi
        movl 16(%esp), %esi
        movl 20(%esp), %ecx
        movl %ecx, %edx
        shrl $2, %ecx
        andl $3, %edx
copy_begin:
        rep movsl
        movl %edx, %ecx
        rep movsb
copy_end:
        movl $1, %eax
1:      popl %edi
        popl %esi
        ret
copy_failed:
        xorl %eax, %eax
        jmp 1b

        .section .note.GNU-stack, "", @progbits
