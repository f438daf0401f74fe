/*
 * libFuzzer target: an ELF file of any bytes. What is accepted lies within the file, does not
 * overlap and keeps the rules; a process made of it sees, at both ends of each segment, what the
 * file has there or zeros; and when it is gone, everything is as before.
 *
 * The first byte chooses the rules, the rest is the file.
 */
#include <stddef.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/check.h"
#include "tests/support/crew.h"
#include "tests/support/elf_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crew crew;

static void open_machine(void)
{
    struct crew_setup setup = {&quire_format_x86_64, &quire_layout_classic_64, 4 << 20, 1 << 20, 0};

    if (crew.machine.ram == NULL) {
        crew_open(&crew, &setup);
    }
}

static struct quire_elf_rules rules_of(uint8_t byte)
{
    static const uint8_t bits[] = {0, 32, 64, 0};
    struct quire_elf_rules rules = {.page_bytes = 4096,
                                    .bits = bits[byte & 3],
                                    .order = (byte >> 2 & 3) % 3,
                                    .last = (byte & 16) != 0 ? UINT32_MAX : 0,
                                    .no_write_execute = (byte & 32) != 0,
                                    .no_loader = (byte & 64) != 0,
                                    .library = (byte & 128) != 0};
    return rules;
}

static void look(const struct quire_segment *segment, uint64_t index, const uint8_t *file)
{
    const struct quire_process *process = &crew.process[0];
    uint8_t want = index < segment->file_bytes ? file[segment->offset + index] : 0;
    uint64_t va = segment->va + index - process->image->va + process->image_va.at;
    uint8_t got = 0;
    struct machine_trap trap;

    if ((segment->prot & QUIRE_READ) != 0) {
        check(crew_access(&crew, 0, va, QUIRE_READ, &got, 1, &trap) == MACHINE_OK);
        checkf(got == want, "0x%llx: expected %02x, got %02x", (unsigned long long)va, want, got);
    }
}

static void spawn(const struct quire_image *parsed, const uint8_t *file, uint64_t bytes)
{
    struct quire_image *image = crew_file(&crew, 0, file, bytes);
    struct quire_device device = image->device;

    *image = *parsed;
    image->device = device;
    if (crew_spawn(&crew, 0, "fuzz", 0, QUIRE_LOAD_DEMAND) != QUIRE_OK) {
        return; /* crew_spawn() checks that nothing has changed */
    }
    for (unsigned i = 0; i < image->segments; i++) {
        const struct quire_segment *segment = &image->segment[i];
        look(segment, 0, file);
        look(segment, segment->file_bytes != 0 ? segment->file_bytes - 1 : 0, file);
        look(segment, segment->bytes - 1, file);
    }
    crew_exit(&crew, 0);
    check(crew.machine.frames.free == crew.frames_at_start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct quire_image image;
    struct quire_elf_memory memory;
    struct quire_elf_source source = {quire_elf_read_memory, &memory, size - 1};
    struct quire_elf_rules rules;
    unsigned header = 0;

    if (size < 2) {
        return 0;
    }
    rules = rules_of(data[0]);
    memory = (struct quire_elf_memory){data + 1, size - 1};
    open_machine();
    if (quire_elf_parse(&image, &source, &rules, &header) != QUIRE_ELF_SOUND) {
        check(image.segments == 0);
        return 0;
    }
    elf_check_image(&image, size - 1, &rules);
    spawn(&image, data + 1, size - 1);
    return 0;
}
