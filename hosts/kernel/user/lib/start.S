/*
 * Where a program begins: the stack pointer points to a pointer to the command. And jumps.
 */
        .text
        .globl  _start
        .type   _start, @function
_start:
        xorl    %ebp, %ebp
        movl    (%esp), %eax
        andl    $-16, %esp
        subl    $12, %esp
        pushl   %eax
        call    program_begin
        ud2
        .size   _start, . - _start

        .globl  setjmp
        .type   setjmp, @function
setjmp:
        movl    4(%esp), %eax
        movl    (%esp), %ecx
        leal    4(%esp), %edx
        movl    %ebx, 0(%eax)
        movl    %esi, 4(%eax)
        movl    %edi, 8(%eax)
        movl    %ebp, 12(%eax)
        movl    %edx, 16(%eax)
        movl    %ecx, 20(%eax)
        xorl    %eax, %eax
        ret
        .size   setjmp, . - setjmp

        .globl  longjmp
        .type   longjmp, @function
longjmp:
        movl    4(%esp), %edx
        movl    8(%esp), %eax
        testl   %eax, %eax
        jnz     1f
        incl    %eax
1:      movl    0(%edx), %ebx
        movl    4(%edx), %esi
        movl    8(%edx), %edi
        movl    12(%edx), %ebp
        movl    16(%edx), %esp
        jmp     *20(%edx)
        .size   longjmp, . - longjmp

        .section .note.GNU-stack, "", @progbits
