/*
 * The disk: the first drive of the first ATA channel, with programmed I/O (ATA/ATAPI-6: READ and
 * WRITE MULTIPLE, and the PIO protocols). The processor moves the data, a block of sectors at a
 * time, and is interrupted when the drive has the next block, or has taken the last. A page is one
 * block where the drive can.
 *
 *     queue() --> first at work, others behind it --> disk_interrupt() --> done
 *
 * Nothing waits for the drive without an end: a transfer that takes too long fails.
 */
#include "i386.h"

/* Ports. Reading STATUS takes back the interrupt, reading ALTERNATE does not. */
enum { DATA = 0x1f0, SECTORS = 0x1f2, LBA_LOW = 0x1f3, LBA_MID = 0x1f4, LBA_HIGH = 0x1f5 };
enum { DRIVE = 0x1f6, COMMAND = 0x1f7, STATUS = 0x1f7, CONTROL = 0x3f6, ALTERNATE = 0x3f6 };

enum { DRIVE_LBA = 0xe0, CONTROL_SILENT = 0x02, CONTROL_RESET = 0x04 };
enum { STATUS_ERROR = 0x01, STATUS_DATA = 0x08, STATUS_FAULT = 0x20, STATUS_BUSY = 0x80 };
enum { READ_SECTORS = 0x20, WRITE_SECTORS = 0x30, READ_MULTIPLE = 0xc4, WRITE_MULTIPLE = 0xc5 };
enum { SET_MULTIPLE = 0xc6, IDENTIFY = 0xec };

enum { SECTOR = 512, WORDS = SECTOR / 2, BLOCK_MOST = 8, TICKS_MOST = 3000 };
enum { POLLS = 30000000 }; /* at 1 us: the 30 s that a drive may take after a reset */

static struct {
    uint64_t bytes;
    unsigned block;               /* sectors for one interrupt; 1: without READ MULTIPLE */
    struct quire_transfer *first; /* at work; or NULL */
    struct quire_transfer *last;
    unsigned moved; /* sectors, of the first */
    unsigned ticks; /* since it began */
} disk;

/* Waits until the drive is not busy. Its status; busy if it was so for too long. */
static uint8_t settle(void)
{
    uint8_t status = STATUS_BUSY;

    for (unsigned i = 0; i < 4; i++) {
        in8(ALTERNATE); /* 400 ns, until the status is that of what was written last */
    }
    for (unsigned i = 0; i < POLLS && (status & STATUS_BUSY); i++) {
        status = in8(STATUS);
    }
    return status;
}

/* Gives a command for `sectors` from `lba` on; false: the drive is not ready for any. */
static bool command(uint8_t code, uint32_t lba, unsigned sectors)
{
    out8(DRIVE, (uint8_t)(DRIVE_LBA | lba >> 24));
    if (settle() & (STATUS_BUSY | STATUS_DATA)) {
        return false;
    }
    out8(SECTORS, (uint8_t)sectors);
    out8(LBA_LOW, (uint8_t)lba);
    out8(LBA_MID, (uint8_t)(lba >> 8));
    out8(LBA_HIGH, (uint8_t)(lba >> 16));
    out8(COMMAND, code);
    return true;
}

/* Blocks of as many sectors as the drive and a page allow; and interrupts from here on. */
static void set_up(unsigned block)
{
    bool agreed = block > 1 && command(SET_MULTIPLE, 0, block) &&
                  (settle() & (STATUS_BUSY | STATUS_ERROR)) == 0;

    disk.block = agreed ? block : 1;
    out8(CONTROL, 0);
}

/* The block that is next, between drive and frame. */
static void move_block(const struct quire_transfer *transfer)
{
    unsigned left = (unsigned)transfer->bytes / SECTOR - disk.moved;
    unsigned sectors = left < disk.block ? left : disk.block;
    unsigned char *frame = kernel_page(transfer);

    if (transfer->direction == QUIRE_TRANSFER_IN) {
        in32s(DATA, frame + disk.moved * SECTOR, sectors * SECTOR / 4);
    } else {
        out32s(DATA, frame + disk.moved * SECTOR, sectors * SECTOR / 4);
    }
    kernel_page_done(transfer, frame);
    disk.moved += sectors;
}

/* Sets the drive to work on the first of the queue. No interrupt asks for a write's first block. */
static bool start(void)
{
    struct quire_transfer *transfer = disk.first;
    bool in = transfer->direction == QUIRE_TRANSFER_IN;
    uint8_t code = in ? READ_SECTORS : WRITE_SECTORS;

    if (disk.block != 1) {
        code = in ? READ_MULTIPLE : WRITE_MULTIPLE;
    }
    disk.moved = 0;
    disk.ticks = 0;
    if (!command(code, (uint32_t)(transfer->offset / SECTOR), (unsigned)transfer->bytes / SECTOR)) {
        return false;
    }
    if (!in) {
        if ((settle() & (STATUS_BUSY | STATUS_DATA | STATUS_ERROR)) != STATUS_DATA) {
            return false;
        }
        move_block(transfer);
    }
    return true;
}

/* After an error: whatever the drive was about is none of the next transfer's business. */
static void restart(void)
{
    out8(CONTROL, CONTROL_RESET | CONTROL_SILENT);
    for (unsigned i = 0; i < 16; i++) {
        in8(ALTERNATE); /* 5 us */
    }
    out8(CONTROL, CONTROL_SILENT);
    settle();
    set_up(disk.block);
}

/* The first is over. The next is set to work before anybody hears of it, as what they do then may
 * be to ask for another transfer. */
static void finish(enum quire_status status)
{
    bool started;

    do {
        struct quire_transfer *over = disk.first;

        if (status != QUIRE_OK) {
            restart();
        }
        disk.first = over->next;
        started = disk.first == NULL || start();
        quire_transfer_done(over, status);
        status = QUIRE_IO_ERROR;
    } while (!started);
}

static enum quire_status queue(void *context, struct quire_transfer *transfer)
{
    (void)context;
    if (transfer->offset > disk.bytes || transfer->bytes > disk.bytes - transfer->offset) {
        return QUIRE_IO_ERROR;
    }
    transfer->next = NULL;
    if (disk.first != NULL) {
        disk.last->next = transfer;
        disk.last = transfer;
        return QUIRE_PENDING;
    }
    disk.first = disk.last = transfer;
    if (start()) {
        return QUIRE_PENDING;
    }
    restart();
    disk.first = NULL;
    return QUIRE_IO_ERROR;
}

void disk_interrupt(void)
{
    const struct quire_transfer *transfer = disk.first;
    uint8_t status = in8(STATUS);
    unsigned sectors;
    bool in;

    if (transfer == NULL || (status & STATUS_BUSY)) {
        return; /* not about this one */
    }
    if (status & (STATUS_ERROR | STATUS_FAULT)) {
        finish(QUIRE_IO_ERROR);
        return;
    }
    in = transfer->direction == QUIRE_TRANSFER_IN;
    sectors = (unsigned)transfer->bytes / SECTOR;
    if (disk.moved < sectors && (status & STATUS_DATA)) {
        move_block(transfer);
        if (!in) {
            return; /* until it has been taken */
        }
    }
    if (disk.moved == sectors) {
        finish(QUIRE_OK);
    }
}

void disk_tick(void)
{
    if (disk.first != NULL && ++disk.ticks > TICKS_MOST) {
        finish(QUIRE_IO_ERROR);
    }
}

/* What the drive says of itself (IDENTIFY DEVICE); false: there is none that does. */
static bool identify(uint16_t words[WORDS])
{
    uint8_t status = in8(STATUS);

    if (status == 0xff) {
        return false; /* nobody drives the bus */
    }
    out8(CONTROL, CONTROL_SILENT);
    if (!command(IDENTIFY, 0, 0)) {
        return false;
    }
    status = settle();
    if ((status & (STATUS_BUSY | STATUS_DATA | STATUS_ERROR)) != STATUS_DATA) {
        return false;
    }
    in32s(DATA, words, SECTOR / 4);
    return true;
}

void disk_init(void)
{
    uint16_t words[WORDS];
    unsigned most, block = BLOCK_MOST;

    if (!identify(words)) {
        return;
    }
    disk.bytes = (words[60] | (uint64_t)words[61] << 16) * SECTOR; /* 28-bit addresses: 128 GiB */
    most = words[47] & 0xff;
    while (block > most && block > 1) {
        block /= 2;
    }
    set_up(block);
}

struct quire_device machine_disk(void)
{
    return (struct quire_device){.transfer = queue};
}

uint64_t machine_disk_bytes(void)
{
    return disk.bytes;
}
