/*
 * The serial line (16550A, COM1): 115,200 bit/s, 8 bits, no parity. The kernel's only way to say
 * anything; and the ways out of the machine, which come right behind the last word.
 *
 * Characters wait in the UART until machine_get(): whoever sends them then waits, too, as emulators
 * do. The next interrupt is only for what comes after there was nothing: what kernel_input()
 * leaves, the kernel must fetch itself when it has room. The UART's queue stays off: to switch it
 * on throws away what has come before there was a kernel.
 */
#include "i386.h"

enum { COM1 = 0x3f8, INTERRUPTS = COM1 + 1, FIFO = COM1 + 2, LINE = COM1 + 3 };
enum { MODEM = COM1 + 4, STATUS = COM1 + 5 };

enum { INTERRUPT_RECEIVED = 0x01, FIFO_OFF = 0, LINE_8N1 = 0x03, LINE_DIVISOR = 0x80 };
enum { MODEM_READY_INTERRUPTS = 0x0b }; /* DTR, RTS, OUT2 */
enum { STATUS_RECEIVED = 0x01, STATUS_ALL_SENT = 0x40 };

/* QEMU's -device isa-debug-exit,iobase=0xf4,iosize=4; Bochs' word to its port. */
enum { QEMU_EXIT = 0xf4, BOCHS_EXIT = 0x8900 };

void serial_init(void)
{
    out8(INTERRUPTS, 0);
    out8(LINE, LINE_DIVISOR);
    out8(COM1, 1); /* 115,200 / 1 */
    out8(COM1 + 1, 0);
    out8(LINE, LINE_8N1);
    out8(FIFO, FIFO_OFF);
    out8(MODEM, MODEM_READY_INTERRUPTS);
    out8(INTERRUPTS, INTERRUPT_RECEIVED);
}

void machine_put(char c)
{
    out8(COM1, (uint8_t)c);
    while ((in8(STATUS) & STATUS_ALL_SENT) == 0) {
    }
}

int machine_get(void)
{
    return in8(STATUS) & STATUS_RECEIVED ? in8(COM1) : -1;
}

_Noreturn void machine_exit(unsigned status)
{
    out32(QEMU_EXIT, status);
    for (const char *c = "Shutdown"; *c != '\0'; c++) {
        out8(BOCHS_EXIT, (uint8_t)*c);
    }
    for (;;) {
        __asm__ volatile("cli\n\thlt");
    }
}

void machine_mark(void)
{
    __asm__ volatile("xchgw %bx, %bx");
}
