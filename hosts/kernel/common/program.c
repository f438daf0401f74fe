/*
 * Programs: the files of the archive that was loaded with the kernel (POSIX tar, the ustar format).
 * Each is an image, whose pages are read from there when they are wanted.
 */
#include <string.h>

#include "kernel.h"

enum { BLOCK = 512 };

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], rest[249];
};

struct quire_usermode usermode;
static struct program *programs;
static unsigned count;

static size_t octal(const char *text, size_t length)
{
    size_t value = 0;

    for (size_t i = 0; i < length && text[i] >= '0' && text[i] <= '7'; i++) {
        value = value << 3 | (size_t)(text[i] - '0');
    }
    return value;
}

/* The next plain file at or behind *offset, which then is behind it. */
static const struct tar_header *next_file(const struct boot *boot, size_t *offset, size_t *bytes)
{
    while (boot->archive_bytes >= BLOCK && *offset <= boot->archive_bytes - BLOCK) {
        const struct tar_header *header =
            (const void *)((const unsigned char *)boot->archive + *offset);

        if (memcmp(header->magic, "ustar", 5) != 0) {
            return NULL;
        }
        *bytes = octal(header->size, sizeof(header->size));
        if (*bytes > boot->archive_bytes - BLOCK - *offset) {
            refuse("the archive ends inside %.100s", header->name);
        }
        *offset += BLOCK + (*bytes + BLOCK - 1) / BLOCK * BLOCK;
        if (header->type == '0' || header->type == '\0') {
            return header;
        }
    }
    return NULL;
}

/* One page of a file, and zeros behind its end. Nobody writes to images: regions are private. */
static enum quire_status file_transfer(void *context, struct quire_transfer *transfer)
{
    const struct program *file = context;
    void *frame;
    size_t bytes;

    if (transfer->direction == QUIRE_TRANSFER_OUT || transfer->offset >= file->bytes) {
        return QUIRE_IO_ERROR;
    }
    bytes = file->bytes - (size_t)transfer->offset;
    if (bytes > transfer->bytes) {
        bytes = (size_t)transfer->bytes;
    }
    frame = kernel_page(transfer);
    memcpy(frame, file->at + (size_t)transfer->offset, bytes);
    memset((unsigned char *)frame + bytes, 0, (size_t)transfer->bytes - bytes);
    kernel_page_done(transfer, frame);
    return QUIRE_OK;
}

static void add(struct program *program, const struct tar_header *header, size_t bytes)
{
    struct quire_elf_memory memory = {header + 1, bytes};
    const struct quire_elf_source source = {quire_elf_read_memory, &memory, bytes};
    struct quire_elf_rules rules = {.page_bytes = page_bytes(),
                                    .last = options.layout->last.at,
                                    .machine = machine_elf,
                                    .bits = 8 * sizeof(void *),
                                    .order = QUIRE_ELF_LITTLE,
                                    .no_loader = true};

    memcpy(program->name, header->name, sizeof(program->name) - 1);
    program->at = memory.at;
    program->bytes = bytes;
    program->image.name = program->name;
    program->image.device = (struct quire_device){file_transfer, program};
    program->reason = quire_elf_parse(&program->image, &source, &rules, NULL);
    rules.library = true;
    if (quire_elf_parse(&program->image, &source, &rules, NULL) == QUIRE_ELF_SOUND &&
        program->image.movable) {
        quire_library_add(&usermode, &program->library, &program->image, false);
    }
}

void program_start(const struct boot *boot)
{
    const struct tar_header *header;
    enum quire_status status =
        quire_usermode_init(&usermode, &paging, machine_format, options.layout);
    size_t bytes;

    if (status != QUIRE_OK) {
        kernel_panic("layout %s: %s", options.layout->name, quire_status_text(status));
    }
    usermode.kernel = &kernel_table;
    for (size_t offset = 0; next_file(boot, &offset, &bytes) != NULL;) {
        count++;
    }
    programs = memory_take(count * sizeof(*programs));
    if (programs == NULL) {
        kernel_panic("no room for records of %u programs", count);
    }
    count = 0;
    for (size_t offset = 0; (header = next_file(boot, &offset, &bytes)) != NULL;) {
        add(&programs[count++], header, bytes);
    }
}

struct program *program_find(const char *command)
{
    size_t length = strcspn(command, " ");

    for (unsigned i = 0; i < count; i++) {
        if (strlen(programs[i].name) == length && strncmp(programs[i].name, command, length) == 0) {
            return &programs[i];
        }
    }
    return NULL;
}
