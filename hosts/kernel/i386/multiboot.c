/* From what a multiboot loader tells (Multiboot Specification 0.6.96, 3.3) to struct boot; and the
 * order in which the machine is made ready. */
#include <string.h>

#include "i386.h"

enum { LOADER_MAGIC = 0x2badb002, COMMAND_LINE_BYTES = 1024, RAM = 1 };

/* Flags. */
enum { HAS_MEMORY = 1 << 0, HAS_COMMAND_LINE = 1 << 2, HAS_MODULES = 1 << 3, HAS_MAP = 1 << 6 };
enum { HAS_LOADER = 1 << 9 };

struct multiboot_info {
    uint32_t flags;
    uint32_t low_kib, high_kib; /* from 0, and from 1 MiB, on */
    uint32_t boot_device;
    uint32_t command_line;
    uint32_t modules, module_list;
    uint32_t symbols[4];
    uint32_t map_bytes, map;
    uint32_t drives[2], config;
    uint32_t loader;
};

struct multiboot_module {
    uint32_t first, end, string, reserved;
};

struct multiboot_range {
    uint32_t bytes; /* of what follows */
    uint64_t first, length;
    uint32_t type;
} __attribute__((packed));

static struct boot boot_info;
static char command_line[COMMAND_LINE_BYTES];

static const void *at(uint32_t address)
{
    return (const void *)(uintptr_t)address;
}

/* More ranges than there is room for are left unused. */
static void add_range(uint64_t first, uint64_t bytes)
{
    if (boot_info.ranges < BOOT_RANGES) {
        boot_info.range[boot_info.ranges++] = (struct boot_range){first, bytes};
    }
}

static void read_map(const struct multiboot_info *info)
{
    for (uint32_t next = info->map; next < info->map + info->map_bytes;) {
        const struct multiboot_range *range = at(next);

        if (range->type == RAM) {
            add_range(range->first, range->length);
        }
        next += range->bytes + sizeof(range->bytes);
    }
}

static void read_memory(const struct multiboot_info *info)
{
    if (info->flags & HAS_MAP) {
        read_map(info);
    } else if (info->flags & HAS_MEMORY) {
        add_range(0, (uint64_t)info->low_kib << 10);
        add_range(1 << 20, (uint64_t)info->high_kib << 10);
    }
}

static void read_module(const struct multiboot_info *info)
{
    boot_info.own_end = (uintptr_t)kernel_end;
    if ((info->flags & HAS_MODULES) && info->modules != 0) {
        const struct multiboot_module *module = at(info->module_list);

        boot_info.archive = at(module->first);
        boot_info.archive_bytes = module->end - module->first;
        if (module->end > boot_info.own_end) {
            boot_info.own_end = module->end;
        }
    }
}

/*
 * Behind the kernel's own name, which QEMU, as the specification has it, puts first, and GRUB 2
 * does not. The name may be a path, and have blanks in it, but options have no slashes: so it ends
 * at the first blank behind the last slash before " -- ".
 */
static const char *without_name(const char *line)
{
    const char *end = strstr(line, " -- "), *name = line;

    for (const char *c = line; *c != '\0' && c != end; c++) {
        if (*c == '/') {
            name = c;
        }
    }
    name += strcspn(name, " ");
    return name + strspn(name, " ");
}

static bool is_grub(const struct multiboot_info *info)
{
    return (info->flags & HAS_LOADER) && strncmp(at(info->loader), "GRUB", 4) == 0;
}

static void read_command_line(const struct multiboot_info *info)
{
    const char *line = info->flags & HAS_COMMAND_LINE ? at(info->command_line) : "";

    if (!is_grub(info)) {
        line = without_name(line);
    }
    if (strlen(line) >= COMMAND_LINE_BYTES) {
        kernel_panic("the command line has more than %u bytes", COMMAND_LINE_BYTES - 1);
    }
    boot_info.command_line = strcpy(command_line, line);
}

/* Called by boot.S, on the stack there. */
void machine_start(uint32_t magic, const void *info)
{
    serial_init();
    segments_init();
    irq_init();
    if (magic != LOADER_MAGIC) {
        kernel_panic("started by something that is no multiboot loader: magic number %08x",
                     (unsigned)magic);
    }
    read_memory(info);
    read_module(info);
    read_command_line(info);
    disk_init();
    kernel_start(&boot_info);
}
