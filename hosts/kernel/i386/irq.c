/* The two interrupt controllers (8259A), and the timer (8254) on line 0. */
#include "i386.h"

/* Ports, DATA behind each; and what is written there. CASCADE: the master's line with the slave. */
enum { MASTER = 0x20, SLAVE = 0xa0, DATA = 1, CASCADE = 2 };
enum { ICW1_INIT = 0x11, ICW4_8086 = 0x01, OCW2_END = 0x20, OCW3_IN_SERVICE = 0x0b };

enum { TIMER_HZ = 1193182, TICK_HZ = 100, TIMER_PORT = 0x40, TIMER_CONTROL = 0x43 };

static void tick(void)
{
    disk_tick();
    kernel_tick();
}

/* Who is told. Lines that are nobody's are masked. */
static void (*const handlers[IRQS])(void) = {
    [0] = tick,
    [4] = kernel_input,
    [14] = disk_interrupt,
};

static void start_controller(uint16_t port, uint8_t vector, uint8_t cascade, uint8_t mask)
{
    out8(port, ICW1_INIT);
    out8(port + DATA, vector);
    out8(port + DATA, cascade);
    out8(port + DATA, ICW4_8086);
    out8(port + DATA, mask);
}

static void start_timer(void)
{
    const unsigned divisor = (TIMER_HZ + TICK_HZ / 2) / TICK_HZ;

    out8(TIMER_CONTROL, 0x34); /* counter 0, both bytes, mode 2: a pulse every `divisor` */
    out8(TIMER_PORT, divisor & 0xff);
    out8(TIMER_PORT, divisor >> 8);
}

void irq_init(void)
{
    unsigned mask = ~(1U << CASCADE);

    for (unsigned line = 0; line < IRQS; line++) {
        if (handlers[line] != NULL) {
            mask &= ~(1U << line);
        }
    }
    start_controller(MASTER, VECTOR_IRQ, 1 << CASCADE, mask & 0xff);
    start_controller(SLAVE, VECTOR_IRQ + 8, CASCADE, mask >> 8 & 0xff);
    start_timer();
}

static bool in_service(uint16_t port)
{
    out8(port, OCW3_IN_SERVICE);
    return (in8(port) & 1 << 7) != 0;
}

/* A request that was withdrawn too late comes as its controller's line 7, and is not in service
 * there: it wants no end, but the master's that passed it on. */
void irq(unsigned line)
{
    bool spurious = line % 8 == 7 && !in_service(line < 8 ? MASTER : SLAVE);

    if (line >= 8 && !spurious) {
        out8(SLAVE, OCW2_END);
    }
    if (line >= 8 || !spurious) {
        out8(MASTER, OCW2_END);
    }
    if (handlers[line] != NULL) {
        handlers[line]();
    }
}

/* sti allows interrupts only behind the next instruction: none slips in before hlt. */
void machine_idle(void)
{
    __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}
