/* What a registry's run came to, and its windows page by page. */
#include "registry_show.h"

#include <inttypes.h>

static void print_row(FILE *out, const char *what, uint64_t count, uint64_t spaces, const char *of)
{
    uint64_t hundredths = spaces != 0 ? (count * 100 + spaces / 2) / spaces : 0;

    fprintf(out, "%-22s %14s %8" PRIu64 ".%02" PRIu64 "  %s\n", what, grouped(count).text,
            hundredths / 100, hundredths % 100, of);
}

static void print_costs(const struct registry_run *run, const struct registry_totals *totals,
                        FILE *out)
{
    uint64_t spaces = run->registry.spaces;
    const struct quire_format *format = run->config.format;
    uint64_t page = quire_format_page_bytes(format);
    uint32_t reserved = (uint32_t)((run->page_map_bytes + page - 1) / page);

    fprintf(out, "%-22s %14s %11s\n", "", "in all", "per space");
    print_row(out, "page tables", totals->table_frames, spaces, "frames, the directory included");
    print_row(out, "kernel addresses", totals->addresses, spaces, "pages, room to grow included");
    print_row(out, "kernel page tables", run->kernel.tables - run->boot_tables, spaces,
              "frames, to map the windows");
    print_row(out, "trackers", run->registry.trackers.pcount * page, spaces,
              "bytes, in whole pages");
    print_row(out, "map of addresses", run->page_map_bytes, spaces, "bytes, however many spaces");
    fprintf(out, "\nkernel's own memory: %s of %s frames in use (%s for the map of addresses)\n",
            grouped(run->kernel_frames.total - run->kernel_frames.free).text,
            grouped(run->kernel_frames.total).text, grouped(reserved).text);
}

void registry_show_crowd(struct registry_run *run, FILE *out)
{
    const struct registry_totals totals = registry_run_totals(run);
    const struct quire_registry_counts *count = &run->registry.count;
    uint64_t page = quire_format_page_bytes(run->config.format);

    fprintf(out, "%s address spaces alive on %s: %s of memory, %s of kernel addresses\n\n",
            grouped(run->registry.spaces).text, run->config.format->name,
            size_text(run->config.ram_bytes).text, size_text(run->address_bytes).text);
    print_costs(run, &totals, out);
    fprintf(out,
            "\nwindows grew           %14s  times where they were "
            "(%s into addresses behind them)\n",
            grouped(count->grown).text, grouped(count->taken).text);
    fprintf(out, "windows were moved     %14s  times: %s pages remapped, %s bytes copied\n",
            grouped(count->moved).text, grouped(count->remapped).text,
            grouped(totals.copies * page).text);
    if (totals.fixed_pages != 0) {
        fprintf(out, "fixed windows          %14s  of %s pages would fill all kernel addresses\n",
                grouped(totals.fixed_spaces).text, grouped(totals.fixed_pages).text);
    }
    fprintf(out, "\nread through windows   %14s  entries, each as soon as it was written\n",
            grouped(run->read_back).text);
    fprintf(out, "verified in the end    %14s  entries and pages of %s spaces chosen at random\n",
            grouped(run->verified).text, grouped(run->witnesses).text);
}

/* ---- step by step ---------------------------------------------------------------------------- */

static void print_step(FILE *out, const char *what, const char *how)
{
    fprintf(out, "  %-38s %s\n", what, how);
}

static void print_page(const struct registry_run *run, const char *what, quire_va va, FILE *out)
{
    quire_pa pa = {0};
    struct quire_mmu mmu = quire_table_mmu(&run->kernel);
    char how[100];

    quire_translate(&mmu, va, &pa);
    snprintf(how, sizeof(how), "frame 0x%08" PRIx64 " at kernel address 0x%08" PRIx64, pa.at,
             va.at);
    print_step(out, what, how);
}

void registry_show_kernel(const struct registry_run *run, FILE *out)
{
    uint64_t page = quire_format_page_bytes(run->config.format);
    uint64_t own = run->config.own_bytes;
    char what[64], how[120];

    fputs("The initial kernel page table\n", out);
    snprintf(how, sizeof(how), "directory at 0x%08" PRIx64, run->kernel.root.at);
    print_step(out, "page_table_info at a known location", how);
    print_step(out, "identity-map all", "what is present maps itself; nothing else needs an entry");
    snprintf(how, sizeof(how), "%s pages: 0x%08x-0x%08x", grouped(REGISTRY_LOW_BYTES / page).text,
             0, REGISTRY_LOW_BYTES - 1);
    print_step(out, "first 1 MiB present, for the BIOS", how);
    snprintf(what, sizeof(what), "the kernel's %s present", size_text(own).text);
    snprintf(how, sizeof(how), "%s pages: 0x%08x-0x%08" PRIx64 ", %u page tables so far",
             grouped(own / page).text, REGISTRY_LOW_BYTES, REGISTRY_LOW_BYTES + own - 1,
             run->boot_tables);
    print_step(out, what, how);
    fputs("\nThe first pg_alloc_page\n", out);
    print_page(run, "a page for it", quire_tracker_va(run->registry.trackers), out);
    snprintf(how, sizeof(how), "%s of %zu bytes", grouped(page / sizeof(struct quire_tracker)).text,
             sizeof(struct quire_tracker));
    print_step(out, "trackers in it", how);
}

/* The document's letters, as far as they go. */
struct page_name {
    char text[12];
};

static struct page_name page_name(uint32_t i)
{
    struct page_name name;

    if (i < 26) {
        snprintf(name.text, sizeof(name.text), "%c", (char)('A' + i));
    } else {
        snprintf(name.text, sizeof(name.text), "%" PRIu32, i + 1);
    }
    return name;
}

bool registry_show_window(struct registry_run *run, uint32_t id, FILE *out)
{
    uint64_t page = quire_format_page_bytes(run->config.format);
    struct quire_tracker tracker;
    char what[64], how[100];
    quire_va va;

    if (quire_registry_tracker(&run->registry, id, &tracker) != QUIRE_OK) {
        return false;
    }
    va = quire_tracker_va(tracker);
    for (uint32_t i = 0; i < tracker.pcount; i++) {
        snprintf(what, sizeof(what), "page %s, %s%s", page_name(i).text,
                 i == 0 ? "the directory" : "a page table",
                 i != 0 && (tracker.pt_ptr & QUIRE_TRACKER_SPARE) != 0 ? " to come" : "");
        print_page(run, what, quire_va_at(va.at + i * page), out);
    }
    snprintf(what, sizeof(what), "link: tracker %" PRIu32, id);
    snprintf(how, sizeof(how), "{pt_ptr 0x%08" PRIx64 ", pcount %" PRIu32 "}", va.at,
             tracker.pcount);
    print_step(out, what, how);
    return true;
}
