/* Jumps out of functions (C11 7.13): ebx, esi, edi, ebp, esp, eip. */
#ifndef USER_SETJMP_H
#define USER_SETJMP_H

typedef unsigned long jmp_buf[6];

int setjmp(jmp_buf where) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf where, int value);

#endif
