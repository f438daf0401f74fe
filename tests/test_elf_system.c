/*
 * ELF files that others have made: this test itself, programs and libraries of the system. What
 * quire reads in their headers is what readelf prints; and what a process sees of them is what is
 * in the file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tests/support/crew.h"
#include "tests/support/elf_file.h"
#include "tests/support/unit.h"

static const char *self;

/* Those that are not here are left out. */
static const char *const others[] = {
    "/bin/true",
    "/bin/sh",
    "/sbin/ldconfig",
    "/lib64/ld-linux-x86-64.so.2",
    "/usr/lib32/libm.so.6",
    "/usr/lib/x86_64-linux-gnu/libm.so.6",
    "/usr/lib/i386-linux-gnu/libm.so.6",
    "/usr/i686-linux-gnu/lib/libm.so.6",
    "/usr/aarch64-linux-gnu/lib/libm.so.6",
    "/usr/riscv64-linux-gnu/lib/libm.so.6",
    "/usr/s390x-linux-gnu/lib/libm.so.6",
};

static const struct quire_elf_rules rules = {.page_bytes = 4096, .library = true};

/* ---- what readelf says ----------------------------------------------------------------------- */

struct told {
    char type[16];
    uint64_t entry;
    bool wants_loader;
    unsigned segments;
    struct quire_segment segment[QUIRE_IMAGE_SEGMENTS];
};

/* "LOAD  0x000000 0x0000000000400000 0x0000000000400000 0x00234 0x00234 R E 0x1000" */
static void take_segment(struct told *told, const char *line)
{
    struct quire_segment *s = &told->segment[told->segments++];
    int flags = 0;

    check(told->segments <= QUIRE_IMAGE_SEGMENTS);
    check(sscanf(line, " LOAD 0x%" SCNx64 " 0x%" SCNx64 " 0x%*x 0x%" SCNx64 " 0x%" SCNx64 " %n",
                 &s->offset, &s->va, &s->file_bytes, &s->bytes, &flags) == 4 &&
          flags != 0);
    s->prot = QUIRE_USER;
    for (const char *at = line + flags; *at != '0' && *at != 0; at++) {
        s->prot |= *at == 'R'   ? QUIRE_READ
                   : *at == 'W' ? QUIRE_WRITE
                   : *at == 'E' ? QUIRE_EXECUTE
                                : 0;
    }
}

static void ask_readelf(const char *path, struct told *told)
{
    char command[512], line[512];
    FILE *out;

    memset(told, 0, sizeof(*told));
    snprintf(command, sizeof(command), "LC_ALL=C readelf -lW '%s'", path);
    out = popen(command, "r");
    check(out != NULL);
    while (fgets(line, sizeof(line), out) != NULL) {
        sscanf(line, "Elf file type is %15s", told->type);
        sscanf(line, "Entry point 0x%" SCNx64, &told->entry);
        told->wants_loader = told->wants_loader || strncmp(line, "  INTERP ", 9) == 0;
        if (strncmp(line, "  LOAD ", 7) == 0) {
            take_segment(told, line);
        }
    }
    checkf(pclose(out) == 0, "%s", command);
}

static void compare(const char *path, const struct quire_image *image)
{
    struct told told;

    ask_readelf(path, &told);
    check(image->movable == (strcmp(told.type, "DYN") == 0));
    check(image->movable || strcmp(told.type, "EXEC") == 0);
    check(image->entry == told.entry && image->wants_loader == told.wants_loader);
    checkf(image->segments == told.segments, "%s: expected %u segments, got %u", path,
           told.segments, image->segments);
    for (unsigned i = 0; i < told.segments; i++) {
        const struct quire_segment *got = &image->segment[i], *want = &told.segment[i];
        checkf(got->va == want->va && got->bytes == want->bytes && got->offset == want->offset &&
                   got->file_bytes == want->file_bytes && got->prot == want->prot,
               "%s: segment %u", path, i);
    }
}

/* ---- reading them ---------------------------------------------------------------------------- */

/* NULL: it is not here. */
static unsigned char *read_file(const char *path, uint64_t *bytes)
{
    FILE *in = fopen(path, "rb");
    unsigned char *at = NULL;
    long size;

    if (in == NULL) {
        return NULL;
    }
    check(fseek(in, 0, SEEK_END) == 0 && (size = ftell(in)) > 0 && fseek(in, 0, SEEK_SET) == 0);
    at = malloc((size_t)size);
    check(at != NULL && fread(at, 1, (size_t)size, in) == (size_t)size);
    fclose(in);
    *bytes = (uint64_t)size;
    return at;
}

static enum quire_elf_reason parse(struct quire_image *image, const unsigned char *at,
                                   uint64_t bytes)
{
    struct quire_elf_memory memory = {at, bytes};
    struct quire_elf_source source = {quire_elf_read_memory, &memory, bytes};

    return quire_elf_parse(image, &source, &rules, NULL);
}

/* In a process of the layout that has room for it. */
static void run(const unsigned char *at, uint64_t bytes)
{
    static struct crew crew;
    bool wide = at[4] == 2; /* EI_CLASS */
    struct crew_setup setup = {wide ? &quire_format_x86_64 : &quire_format_i386,
                               wide ? &quire_layout_classic_64 : &quire_layout_classic_32, 8 << 20,
                               1 << 20, 0};
    struct quire_image *image;

    crew_open(&crew, &setup);
    image = crew_file(&crew, 0, at, bytes);
    check(parse(image, at, bytes) == QUIRE_ELF_SOUND);
    check(crew_spawn(&crew, 0, "program", 0, QUIRE_LOAD_DEMAND) == QUIRE_OK);
    check(crew.process[0].entry.at - crew.process[0].image_va.at == image->entry - image->va);
    crew_compare(&crew, 0, 0, crew.process[0].image_va.at);
    crew_close(&crew);
}

static unsigned read_and_run(const char *path)
{
    static struct quire_image image;
    uint64_t bytes = 0;
    unsigned char *at = read_file(path, &bytes);
    enum quire_elf_reason reason;

    if (at == NULL || bytes > 4 << 20) {
        free(at);
        return 0;
    }
    if (memcmp(at, "\177ELF", 4) != 0) { /* a linker script, a script */
        check(parse(&image, at, bytes) == QUIRE_ELF_MAGIC);
        free(at);
        return 0;
    }
    reason = parse(&image, at, bytes);
    checkf(reason == QUIRE_ELF_SOUND, "%s: %s", path, quire_elf_reason_text(reason));
    elf_check_image(&image, bytes, &rules);
    compare(path, &image);
    run(at, bytes);
    free(at);
    return 1;
}

static void test_others(void **state)
{
    unsigned files = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        files += read_and_run(others[i]);
    }
    printf("# %u files of the system\n", files);
    check(files != 0);
}

/* The test itself, which can be too large to run: it is only read. */
static void test_self(void **state)
{
    static struct quire_image image;
    uint64_t bytes = 0;
    unsigned char *at = read_file(self, &bytes);

    (void)state;
    check(at != NULL && parse(&image, at, bytes) == QUIRE_ELF_SOUND);
    elf_check_image(&image, bytes, &rules);
    compare(self, &image);
    check(image.entry != 0);
    free(at);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self),
        cmocka_unit_test(test_others),
    };

    self = argc > 0 ? argv[0] : "";
    return unit_run(tests);
}
