/* quire registry: the page tables of very many address spaces in a kernel's addresses. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "format_list.h"
#include "json.h"
#include "options.h"
#include "quire/formats.h"
#include "registry_run.h"

const char command_registry_help[] =
    "usage: quire registry [--spaces N] [--pages N] [--ram SIZE] [--kernel SIZE] [--format F]\n"
    "                      [--seed N] [--json]\n"
    "       quire registry --steps [--format F]\n"
    "\n"
    "A kernel sees the page tables of every process in its own addresses. With a fixed window for\n"
    "each (a directory and all the tables there could be: 4 MiB + 4 KiB) 1,023 processes fill 4 "
    "GiB\n"
    "of them. Here windows start with two pages, grow, and are moved by remapping when they would\n"
    "collide with their neighbour. Makes so many address spaces on a simulated machine, grows "
    "them\n"
    "in turn, reads every entry back through its window, and says what it all costs.\n"
    "\n"
    "  --spaces N     address spaces, all alive at once (100000)\n"
    "  --pages N      each maps 1 to N pages, all far apart: a page table for each (3)\n"
    "  --ram SIZE     the machine's memory (4G)\n"
    "  --kernel SIZE  of it, the kernel's own, behind the first MiB: its page tables, trackers "
    "and\n"
    "                 the map of its addresses (8M)\n"
    "  --format F     a built-in format (quire formats) or a format file (i386)\n"
    "  --seed N       another crowd (1)\n"
    "  --json         the figures for programs\n"
    "  --steps        how paging is set up, step by step: kernel table, tracker, first processes\n"
    "\n"
    "Exit status: 0, the kernel read what it should; 1, it did not; 2, it could not be done.\n"
    "\n"
    "Example:  quire registry --spaces 2000 --ram 64M\n"
    "          quire registry --steps\n";

enum { STATUS_WRONG = 1, SPACES_MOST = 1 << 28, PAGES_MOST = 1 << 20 };

struct settings {
    struct format_described described;
    struct registry_config config;
    bool json, steps, crowd; /* crowd: an option was given that only speaks of that */
};

/* ---- the figures ----------------------------------------------------------------------------- */

static void print_row(const char *what, uint64_t count, uint64_t spaces, const char *of)
{
    uint64_t hundredths = spaces != 0 ? (count * 100 + spaces / 2) / spaces : 0;

    printf("%-22s %14s %8" PRIu64 ".%02" PRIu64 "  %s\n", what, grouped(count).text,
           hundredths / 100, hundredths % 100, of);
}

static void print_costs(const struct registry_run *run, const struct registry_totals *totals)
{
    uint64_t spaces = run->registry.spaces;
    const struct quire_format *format = run->config.format;
    uint64_t page = quire_format_page_bytes(format);
    uint32_t reserved = (uint32_t)((run->page_map_bytes + page - 1) / page);

    printf("%-22s %14s %11s\n", "", "in all", "per space");
    print_row("page tables", totals->table_frames, spaces, "frames, the directory included");
    print_row("kernel addresses", totals->addresses, spaces, "pages, room to grow included");
    print_row("kernel page tables", run->kernel.tables - run->boot_tables, spaces,
              "frames, to map the windows");
    print_row("trackers", run->registry.trackers.pcount * page, spaces, "bytes, in whole pages");
    print_row("map of addresses", run->page_map_bytes, spaces, "bytes, however many spaces");
    printf("\nkernel's own memory: %s of %s frames in use (%s for the map of addresses)\n",
           grouped(run->kernel_frames.total - run->kernel_frames.free).text,
           grouped(run->kernel_frames.total).text, grouped(reserved).text);
}

static void print_crowd(struct registry_run *run)
{
    const struct registry_totals totals = registry_run_totals(run);
    const struct quire_registry_counts *count = &run->registry.count;
    uint64_t page = quire_format_page_bytes(run->config.format);

    printf("%s address spaces alive on %s: %s of memory, %s of kernel addresses\n\n",
           grouped(run->registry.spaces).text, run->config.format->name,
           size_text(run->config.ram_bytes).text, size_text(run->address_bytes).text);
    print_costs(run, &totals);
    printf("\nwindows grew           %14s  times where they were (%s into addresses behind them)\n",
           grouped(count->grown).text, grouped(count->taken).text);
    printf("windows were moved     %14s  times: %s pages remapped, %s bytes copied\n",
           grouped(count->moved).text, grouped(count->remapped).text,
           grouped(totals.copies * page).text);
    if (totals.fixed_pages != 0) {
        printf("fixed windows          %14s  of %s pages would fill all kernel addresses\n",
               grouped(totals.fixed_spaces).text, grouped(totals.fixed_pages).text);
    }
    printf("\nread through windows   %14s  entries, each as soon as it was written\n",
           grouped(run->read_back).text);
    printf("verified in the end    %14s  entries and pages of %s spaces chosen at random\n",
           grouped(run->verified).text, grouped(run->witnesses).text);
}

static void json_crowd(struct registry_run *run)
{
    const struct registry_totals totals = registry_run_totals(run);
    const struct quire_registry_counts *count = &run->registry.count;
    uint64_t page = quire_format_page_bytes(run->config.format);
    struct json json = json_to(stdout);

    json_open(&json, NULL, '{');
    json_string(&json, "format", run->config.format->name);
    json_number(&json, "ram_bytes", run->config.ram_bytes);
    json_number(&json, "kernel_address_bytes", run->address_bytes);
    json_number(&json, "kernel_own_bytes", run->config.own_bytes);
    json_number(&json, "kernel_frames_used", run->kernel_frames.total - run->kernel_frames.free);
    json_number(&json, "page_bytes", page);
    json_number(&json, "spaces", run->registry.spaces);
    json_number(&json, "data_pages", run->data_pages);
    json_number(&json, "table_frames", totals.table_frames);
    json_number(&json, "window_addresses", totals.addresses);
    json_number(&json, "kernel_tables", run->kernel.tables - run->boot_tables);
    json_number(&json, "tracker_pages", run->registry.trackers.pcount);
    json_number(&json, "tracker_bytes", sizeof(struct quire_tracker));
    json_number(&json, "address_map_bytes", run->page_map_bytes);
    json_number(&json, "grown", count->grown);
    json_number(&json, "grown_into_free", count->taken);
    json_number(&json, "moved", count->moved);
    json_number(&json, "remapped", count->remapped);
    json_number(&json, "bytes_copied", totals.copies * page);
    if (totals.fixed_pages != 0) {
        json_number(&json, "fixed_window_pages", totals.fixed_pages);
        json_number(&json, "fixed_window_spaces", totals.fixed_spaces);
    }
    json_number(&json, "read_back", run->read_back);
    json_number(&json, "witnesses", run->witnesses);
    json_number(&json, "verified", run->verified);
    json_close(&json);
}

static int run_crowd(const struct settings *settings)
{
    static struct registry_run run; /* large, and must not move */
    struct problem problem;
    int status = STATUS_OK;

    if (!registry_run_open(&run, &settings->config, &problem)) {
        return fail("registry: %s", problem.text);
    }
    if (!registry_run_grow(&run, &problem) || !registry_run_verify(&run, &problem)) {
        status = fail("registry: %s", problem.text);
        status = run.wrong ? STATUS_WRONG : status;
    } else if (settings->json) {
        json_crowd(&run);
    } else {
        print_crowd(&run);
    }
    registry_run_close(&run);
    return status;
}

/* ---- step by step ---------------------------------------------------------------------------- */

static void print_step(const char *what, const char *how)
{
    printf("  %-38s %s\n", what, how);
}

static void print_kernel_table(const struct registry_run *run)
{
    uint64_t page = quire_format_page_bytes(run->config.format);
    uint64_t own = run->config.own_bytes;
    char what[64], how[120];

    puts("The initial kernel page table");
    snprintf(how, sizeof(how), "directory at 0x%08" PRIx64, run->kernel.root.at);
    print_step("page_table_info at a known location", how);
    print_step("identity-map all", "what is present maps itself; nothing else needs an entry");
    snprintf(how, sizeof(how), "%s pages: 0x%08x-0x%08x", grouped(REGISTRY_LOW_BYTES / page).text,
             0, REGISTRY_LOW_BYTES - 1);
    print_step("first 1 MiB present, for the BIOS", how);
    snprintf(what, sizeof(what), "the kernel's %s present", size_text(own).text);
    snprintf(how, sizeof(how), "%s pages: 0x%08x-0x%08" PRIx64 ", %u page tables so far",
             grouped(own / page).text, REGISTRY_LOW_BYTES, REGISTRY_LOW_BYTES + own - 1,
             run->boot_tables);
    print_step(what, how);
}

static void print_page(const struct registry_run *run, const char *what, quire_va va)
{
    quire_pa pa = {0};
    struct quire_mmu mmu = quire_table_mmu(&run->kernel);
    char how[100];

    quire_translate(&mmu, va, &pa);
    snprintf(how, sizeof(how), "frame 0x%08" PRIx64 " at kernel address 0x%08" PRIx64, pa.at,
             va.at);
    print_step(what, how);
}

/* The window of a space, page by page, and its tracker. */
static void print_window(struct registry_run *run, uint32_t id)
{
    uint64_t page = quire_format_page_bytes(run->config.format);
    struct quire_tracker tracker;
    char what[64], how[100];
    quire_va va;

    if (quire_registry_tracker(&run->registry, id, &tracker) != QUIRE_OK) {
        return;
    }
    va = quire_tracker_va(tracker);
    for (uint32_t i = 0; i < tracker.pcount; i++) {
        snprintf(what, sizeof(what), "page %c, %s%s", (char)('A' + i),
                 i == 0 ? "the directory" : "a page table",
                 i != 0 && (tracker.pt_ptr & QUIRE_TRACKER_SPARE) != 0 ? " to come" : "");
        print_page(run, what, quire_va_at(va.at + i * page));
    }
    snprintf(what, sizeof(what), "link: tracker %" PRIu32, id);
    snprintf(how, sizeof(how), "{pt_ptr 0x%08" PRIx64 ", pcount %" PRIu32 "}", va.at,
             tracker.pcount);
    print_step(what, how);
}

/* What the document's text says wrong. */
static void print_errata(void)
{
    uint64_t page = quire_format_page_bytes(&quire_format_i386);
    uint64_t window = (1 + 1024) * page, addresses = UINT64_C(1) << 32;

    printf("\nErrata of the document\n"
           "  It says 1024 processes: %s of addresses hold %s windows of %s bytes.\n"
           "  pt_alloc_page and pg_alloc_page are one name.\n"
           "  A window that collides need not be \"copied elsewhere\": it is remapped.\n",
           size_text(addresses).text, grouped(addresses / window).text, grouped(window).text);
}

/* Process 0 maps a page in each of two regions: the second needs room that process 1 has. */
static enum quire_status grow_into_neighbour(struct registry_run *run)
{
    struct quire_registry_view view, neighbour;
    enum quire_status status = quire_registry_create(&run->registry, 0, &neighbour);

    if (status == QUIRE_OK) {
        puts("\nA process next to it");
        print_window(run, neighbour.id);
        status = quire_registry_open(&run->registry, 0, 0, &view);
    }
    for (uint32_t page = 0; page < 2 && status == QUIRE_OK; page++) {
        status = registry_run_add_page(run, &view, page);
        if (status == QUIRE_OK) {
            puts(page == 0 ? "\nThe first maps a page: page B becomes a page table"
                           : "\nIt maps another, far away: no room beside its neighbour. It moves");
            print_window(run, view.id);
        }
    }
    return status;
}

static enum quire_status show_steps(struct registry_run *run)
{
    uint64_t page = quire_format_page_bytes(run->config.format);
    struct quire_registry_view view;
    enum quire_status status;
    char how[100];

    print_kernel_table(run);
    puts("\nThe first pg_alloc_page");
    print_page(run, "a page for it", quire_tracker_va(run->registry.trackers));
    snprintf(how, sizeof(how), "%s of %zu bytes", grouped(page / sizeof(struct quire_tracker)).text,
             sizeof(struct quire_tracker));
    print_step("trackers in it", how);
    status = quire_registry_create(&run->registry, 0, &view);
    if (status == QUIRE_OK) {
        puts("\nA new page table");
        print_window(run, view.id);
        status = grow_into_neighbour(run);
    }
    return status;
}

static int run_steps(const struct settings *settings)
{
    static struct registry_run run;
    struct registry_config config = settings->config;
    struct problem problem;
    enum quire_status status;

    config.ram_bytes = 2 * (REGISTRY_LOW_BYTES + config.own_bytes);
    config.spaces = 2;
    config.pages = 2;
    if (!registry_run_open(&run, &config, &problem)) {
        return fail("registry: %s", problem.text);
    }
    status = show_steps(&run);
    if (status == QUIRE_OK) {
        print_errata();
    }
    registry_run_close(&run);
    return status == QUIRE_OK ? STATUS_OK : fail("registry: %s", quire_status_text(status));
}

/* ---- what was asked for ---------------------------------------------------------------------- */

static bool choose_format(struct settings *settings, const char *name)
{
    struct problem problem;

    if (format_choose(name, &settings->described, &settings->config.format, &problem)) {
        return true;
    }
    fail("registry: %s", problem.text);
    return false;
}

static bool read_arguments(struct settings *settings, int argc, char **argv)
{
    static const struct option_spec options[] = {
        {"spaces", 0, "N"},    {"pages", 0, "N"},  {"ram", 0, "SIZE"},
        {"kernel", 0, "SIZE"}, {"seed", 0, "N"},   {"format", 0, "F"},
        {"json", 0, NULL},     {"steps", 0, NULL}, {0}};
    enum { SPACES, PAGES, RAM, KERNEL, SEED, FORMAT, JSON, STEPS };
    struct registry_config *config = &settings->config;
    struct arguments arguments = arguments_of(argc, argv);
    const char *value;
    int found;

    while ((found = arguments_next(&arguments, options, &value)) != ARGUMENTS_END) {
        bool fine = true;
        switch (found) {
        case SPACES:
            fine = number_option("registry: --spaces", value, 1, SPACES_MOST, &config->spaces);
            break;
        case PAGES:
            fine = number_option("registry: --pages", value, 1, PAGES_MOST, &config->pages);
            break;
        case RAM:
            fine = size_option("registry: --ram", value, 1, UINT64_MAX, &config->ram_bytes);
            break;
        case KERNEL:
            fine = size_option("registry: --kernel", value, 1, UINT32_MAX, &config->own_bytes);
            break;
        case SEED:
            fine = number_option("registry: --seed", value, 0, UINT64_MAX, &config->seed);
            break;
        case FORMAT: fine = choose_format(settings, value); break;
        case JSON: settings->json = true; break;
        case STEPS: settings->steps = true; break;
        case ARGUMENTS_OPERAND: fail("registry: '%s': expected options only", value); return false;
        default: fine = false; break;
        }
        if (!fine) {
            return false;
        }
        settings->crowd |= found != FORMAT && found != STEPS;
    }
    if (settings->steps && settings->crowd) {
        fail("registry: --steps: expected no other option but --format");
        return false;
    }
    return true;
}

int command_registry(int argc, char **argv)
{
    static struct settings settings = {.config = {.format = &quire_format_i386,
                                                  .ram_bytes = UINT64_C(4) << 30,
                                                  .own_bytes = 8 << 20,
                                                  .spaces = 100000,
                                                  .pages = 3,
                                                  .seed = 1}};

    if (!read_arguments(&settings, argc, argv)) {
        return STATUS_BAD;
    }
    return settings.steps ? run_steps(&settings) : run_crowd(&settings);
}
