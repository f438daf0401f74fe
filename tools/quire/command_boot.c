/* quire boot: the kernel on a real processor's MMU, as QEMU has it. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "hosts/kernel/common/calls.h"
#include "options.h"
#include "replay_policy.h"

const char command_boot_help[] =
    "usage: quire boot [i386] [OPTIONS] [-- QEMU-ARGUMENT...]\n"
    "\n"
    "Boots quire's kernel in QEMU (qemu-system-i386) and runs a program there, in ring 3, paged "
    "by\n"
    "the MMU and swapped to a disk. What the machine prints goes to standard output; what is "
    "typed\n"
    "goes to the machine, line by line, Ctrl-D is the end. Ctrl-C switches the machine off.\n"
    "\n"
    "  --program 'NAME ARGUMENTS'  the first program, whose end is the machine's (sh, a shell)\n"
    "  --ram SIZE       the machine's memory (16M)\n"
    "  --swap SIZE      a disk for swap, gone afterwards (64M); 0: none; ram:SIZE: in memory of\n"
    "                   the machine's own\n"
    "  --layout L       seed: one page of stack below the program; classic: a stack that grows,\n"
    "                   at the top (classic)\n"
    "  --load L         eager: programs whole, when they start; demand: each page when it is\n"
    "                   touched (demand; with --layout seed eager)\n"
    "  --policy P       which page goes (clock-mmu)\n"
    "  --witness        at the stops that programs have, print what should be mapped where, and\n"
    "                   wait for Enter\n"
    "  --count          the clock counts instructions: every run is the same (with --swap ram:)\n"
    "  --append WORDS   more for the kernel's command line\n"
    "  --kernel FILE, --archive FILE   others than those that were built\n"
    "\n"
    "Exit status: the program's, 0 to 99; 111, it was killed; 127, panic; 1, the machine failed;\n"
    "2, it could not be tried, or the kernel refused; 130, Ctrl-C.\n"
    "\n"
    "Example:  quire boot --program 'hog 24' --ram 9M\n"
    "          quire boot --program proc1 --layout seed\n"
    "          quire boot --program forks -- -s -S       and gdb: target remote :1234\n";

enum { ARGUMENTS = 48, OWN_ARGUMENTS = 24, PAGE = 4096 };

/* The kernel's 8 MiB, 128 KiB that the firmware keeps, and 32 frames: below that programs that fork
 * often do little else than swap. And what a PC can have below its devices. */
static const uint64_t ram_least = 8448 << 10, ram_most = UINT64_C(3) << 30;
static const uint64_t swap_most = UINT64_C(64) << 30;

struct path {
    char text[32];
};

struct settings {
    const char *program, *layout, *load, *policy, *append, *kernel, *archive;
    uint64_t ram, swap;
    bool swap_in_ram, witness, count;

    struct path kernel_path, archive_path;
    char words[1024]; /* the kernel's command line */
    char memory[32], disk[96];
    const char *user[ARGUMENTS]; /* what he has for QEMU */
    unsigned more;
    const char *argv[OWN_ARGUMENTS + ARGUMENTS + 1];
    unsigned argc;
};

/* ---- what was asked for ---------------------------------------------------------------------- */

static bool swap_parse(struct settings *settings, const char *text)
{
    static const char in_ram[] = "ram:";

    settings->swap_in_ram = strncmp(text, in_ram, strlen(in_ram)) == 0;
    text += settings->swap_in_ram ? strlen(in_ram) : 0;
    if (!size_option("boot: --swap", text, 0, swap_most, &settings->swap)) {
        return false;
    }
    if (settings->swap % PAGE != 0) {
        fail("boot: --swap: %s is not a multiple of %d", text, PAGE);
        return false;
    }
    return true;
}

static bool choice_parse(const char *option, const char *one, const char *other, const char *text,
                         const char **choice)
{
    if (strcmp(text, one) != 0 && strcmp(text, other) != 0) {
        fail("boot: %s %s: expected %s or %s", option, text, one, other);
        return false;
    }
    *choice = text;
    return true;
}

/* Can it do with the bits that an MMU sets? */
static bool fits_mmu(const struct quire_policy_ops *ops)
{
    return ops != NULL && !ops->wants_references;
}

static bool policy_parse(struct settings *settings, const char *name)
{
    char names[300];
    size_t length = 0;

    if (fits_mmu(replay_policy_find(name))) {
        settings->policy = name;
        return true;
    }
    for (const struct replay_policy *at = replay_policies; at->ops != NULL; at++) {
        if (fits_mmu(at->ops)) {
            length += (size_t)snprintf(names + length, sizeof names - length, " %s", at->ops->name);
        }
    }
    fail("boot: --policy %s: expected one that sees no more than an MMU does:%s", name, names);
    return false;
}

static bool program_parse(struct settings *settings, const char *text)
{
    if (text[0] == '\0' || strlen(text) >= COMMAND_BYTES) {
        fail("boot: --program: expected a name and arguments, %d bytes at most", COMMAND_BYTES - 1);
        return false;
    }
    settings->program = text;
    return true;
}

/* A machine's name; behind "--", what QEMU gets. */
static bool operand_parse(struct settings *settings, const struct arguments *arguments,
                          const char *text)
{
    if (!arguments->operands_only) {
        if (strcmp(text, "i386") == 0) {
            return true;
        }
        fail("boot: no machine '%s': there is i386", text);
        return false;
    }
    if (settings->more == ARGUMENTS) {
        fail("boot: expected at most %d arguments for QEMU", ARGUMENTS);
        return false;
    }
    settings->user[settings->more++] = text;
    return true;
}

static bool read_arguments(struct settings *settings, int argc, char **argv)
{
    static const struct option_spec options[] = {{"program", 0, "'NAME ARGUMENTS'"},
                                                 {"ram", 0, "SIZE"},
                                                 {"swap", 0, "SIZE"},
                                                 {"layout", 0, "L"},
                                                 {"policy", 0, "P"},
                                                 {"append", 0, "WORDS"},
                                                 {"kernel", 0, "FILE"},
                                                 {"archive", 0, "FILE"},
                                                 {"load", 0, "L"},
                                                 {"witness", 0, NULL},
                                                 {"count", 0, NULL},
                                                 {0}};
    enum { PROGRAM, RAM, SWAP, LAYOUT, POLICY, APPEND, KERNEL, ARCHIVE, LOAD, WITNESS, COUNT };
    struct arguments arguments = arguments_of(argc, argv);
    const char *value;
    int found;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        bool fine = true;
        switch (found) {
        case PROGRAM: fine = program_parse(settings, value); break;
        case RAM:
            fine = size_option("boot: --ram", value, ram_least, ram_most, &settings->ram);
            break;
        case SWAP: fine = swap_parse(settings, value); break;
        case LAYOUT:
            fine = choice_parse("--layout", "seed", "classic", value, &settings->layout);
            break;
        case LOAD: fine = choice_parse("--load", "eager", "demand", value, &settings->load); break;
        case POLICY: fine = policy_parse(settings, value); break;
        case APPEND: settings->append = value; break;
        case KERNEL: settings->kernel = value; break;
        case ARCHIVE: settings->archive = value; break;
        case WITNESS: settings->witness = true; break;
        case COUNT: settings->count = true; break;
        case ARGUMENTS_OPERAND: fine = operand_parse(settings, &arguments, value); break;
        default: fine = false; break;
        }
        if (!fine) {
            return false;
        }
    }
    return true;
}

/* ---- the kernel and its programs ------------------------------------------------------------- */

/* QEMU gets files as open descriptors: their names may hold anything, and the disk has none. */
static struct path path_of(int file)
{
    struct path path;

    snprintf(path.text, sizeof path.text, "/dev/fd/%d", file);
    return path;
}

/* Where `make kernel` puts it, next to this program, or where `make install` does. */
static int open_built(const char *name)
{
    static const char *const places[] = {"kernel/i386", "../share/quire/i386"};
    char self[2048], path[sizeof self + 64];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    int file = -1;

    while (length > 0 && self[length - 1] != '/') {
        length--;
    }
    self[length > 0 ? length - 1 : 0] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0] && file < 0; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", self, places[i], name);
        file = open(path, O_RDONLY);
    }
    if (file < 0) {
        fail("boot: no kernel at %s/%s: make kernel builds it", self, places[0]);
    }
    return file;
}

/* Multiboot Specification 3.1: the header, its magic number first, is in the first 8 KiB, at a
 * multiple of 4. */
static bool is_kernel(int file)
{
    char head[8192];
    ssize_t bytes = pread(file, head, sizeof head, 0);
    ssize_t at = 0;

    while (at + 4 <= bytes && memcmp(head + at, "\x02\xb0\xad\x1b", 4) != 0) {
        at += 4;
    }
    return at + 4 <= bytes;
}

/* POSIX, "ustar Interchange Format": the magic of the first file's header. */
static bool is_archive(int file)
{
    char magic[5];

    return pread(file, magic, sizeof magic, 257) == (ssize_t)sizeof magic &&
           memcmp(magic, "ustar", sizeof magic) == 0;
}

/* What QEMU would not say clearly that it is not. */
static const struct file_kind {
    const char *option, *built, *what;
    bool (*fits)(int file);
} kernel_kind = {"--kernel", "quire-kernel", "multiboot kernel", is_kernel},
  archive_kind = {"--archive", "archive.tar", "tar archive", is_archive};

/* The file of that name; NULL: what was built. */
static bool find_file(struct path *path, const char *name, const struct file_kind *kind)
{
    int file = name == NULL ? open_built(kind->built) : open(name, O_RDONLY);

    if (file < 0) {
        if (name != NULL) {
            fail("boot: %s %s: %s", kind->option, name, strerror(errno));
        }
        return false;
    }
    if (!kind->fits(file)) {
        fail("boot: %s %s: expected a %s", kind->option, name != NULL ? name : kind->built,
             kind->what);
        return false;
    }
    *path = path_of(file);
    return true;
}

/* ---- QEMU's command line --------------------------------------------------------------------- */

/* Its own words for the kernel: docs/kernel.md, Options. */
static bool write_words(struct settings *settings)
{
    char swap[32] = "";
    int length;

    if (settings->swap == 0) {
        strcpy(swap, " swap=none");
    } else if (settings->swap_in_ram) {
        snprintf(swap, sizeof swap, " swap=ram:%" PRIu64, settings->swap / PAGE);
    }
    length =
        snprintf(settings->words, sizeof settings->words, "layout=%s%s%s policy=%s%s%s%s%s -- %s",
                 settings->layout, settings->load != NULL ? " load=" : "",
                 settings->load != NULL ? settings->load : "", settings->policy, swap,
                 settings->witness ? " witness" : "", settings->append[0] != '\0' ? " " : "",
                 settings->append, settings->program);
    if ((size_t)length >= sizeof settings->words) {
        fail("boot: --append: expected less text");
        return false;
    }
    return true;
}

static bool write_disk(struct settings *settings)
{
    int file = boot_disk(settings->swap);

    if (file < 0) {
        fail("boot: no file for the swap disk: %s", strerror(errno));
        return false;
    }
    snprintf(settings->disk, sizeof settings->disk,
             "file=%s,format=raw,if=ide,index=0,cache=unsafe,werror=report", path_of(file).text);
    return true;
}

static void add(struct settings *settings, const char *name, const char *value)
{
    settings->argv[settings->argc++] = name;
    if (value != NULL) {
        settings->argv[settings->argc++] = value;
    }
}

/* The user's own arguments stand behind ours: with QEMU the later one wins. */
static bool write_command(struct settings *settings)
{
    snprintf(settings->memory, sizeof settings->memory, "%" PRIu64 "K", settings->ram >> 10);
    if (!write_words(settings)) {
        return false;
    }
    add(settings, "qemu-system-i386", "-nodefaults");
    add(settings, "-no-reboot", NULL);
    add(settings, "-display", "none");
    add(settings, "-serial", "stdio");
    add(settings, "-device", "isa-debug-exit,iobase=0xf4,iosize=4");
    add(settings, "-m", settings->memory);
    add(settings, "-kernel", settings->kernel_path.text);
    add(settings, "-initrd", settings->archive_path.text);
    add(settings, "-append", settings->words);
    if (settings->count) {
        add(settings, "-icount", "shift=0,sleep=off");
    }
    if (settings->swap != 0 && !settings->swap_in_ram) {
        if (!write_disk(settings)) {
            return false;
        }
        add(settings, "-drive", settings->disk);
    }
    for (unsigned i = 0; i < settings->more; i++) {
        add(settings, settings->user[i], NULL);
    }
    return true;
}

int command_boot(int argc, char **argv)
{
    static struct settings settings = {.program = "sh",
                                       .layout = "classic",
                                       .policy = "clock-mmu",
                                       .append = "",
                                       .ram = 16 << 20,
                                       .swap = 64 << 20};

    if (!read_arguments(&settings, argc, argv) ||
        !find_file(&settings.kernel_path, settings.kernel, &kernel_kind) ||
        !find_file(&settings.archive_path, settings.archive, &archive_kind) ||
        !write_command(&settings)) {
        return STATUS_BAD;
    }
    return boot_run(settings.argv);
}
