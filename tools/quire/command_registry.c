/* quire registry: the page tables of very many address spaces in a kernel's addresses. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "format_list.h"
#include "json.h"
#include "options.h"
#include "quire/formats.h"
#include "registry_show.h"

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

enum { STATUS_WRONG = 1 };

struct settings {
    struct format_described described;
    struct registry_config config;
    bool json, steps, crowd; /* crowd: an option was given that only speaks of that */
};

/* ---- the figures ----------------------------------------------------------------------------- */

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
        registry_show_crowd(&run, stdout);
    }
    registry_run_close(&run);
    return status;
}

/* ---- step by step ---------------------------------------------------------------------------- */

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
static bool grow_into_neighbour(struct registry_run *run, struct problem *problem)
{
    for (unsigned page = 0; page < 2; page++) {
        if (!registry_run_extend(run, 0, problem)) {
            return false;
        }
        puts(page == 0 ? "\nThe first maps a page: page B becomes a page table"
                       : "\nIt maps another, far away: no room beside its neighbour. It moves");
        registry_show_window(run, 0, stdout);
    }
    return true;
}

static bool show_steps(struct registry_run *run, struct problem *problem)
{
    registry_show_kernel(run, stdout);
    for (uint32_t id = 0; id < 2; id++) {
        if (!registry_run_create(run, problem)) {
            return false;
        }
        puts(id == 0 ? "\nA new page table" : "\nA process next to it");
        registry_show_window(run, id, stdout);
    }
    return grow_into_neighbour(run, problem);
}

static int run_steps(const struct settings *settings)
{
    static struct registry_run run;
    struct registry_config config = settings->config;
    struct problem problem;
    bool fine;

    config.ram_bytes = 2 * (REGISTRY_LOW_BYTES + config.own_bytes);
    config.spaces = 2;
    config.pages = 2;
    if (!registry_run_open(&run, &config, &problem)) {
        return fail("registry: %s", problem.text);
    }
    fine = show_steps(&run, &problem);
    if (fine) {
        print_errata();
    }
    registry_run_close(&run);
    return fine ? STATUS_OK : fail("registry: %s", problem.text);
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
            fine = number_option("registry: --spaces", value, 1, REGISTRY_SPACES_MOST,
                                 &config->spaces);
            break;
        case PAGES:
            fine =
                number_option("registry: --pages", value, 1, REGISTRY_PAGES_MOST, &config->pages);
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
