/* What a replay found out, as text and as JSON. */
#include "replay_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "json.h"

struct percent percent_of(uint64_t part, uint64_t whole)
{
    struct percent percent = {""};

    if (whole != 0) {
        snprintf(percent.text, sizeof(percent.text), "%.2f %%",
                 100.0 * (double)part / (double)whole);
    }
    return percent;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* `label        1,234  remark` */
static __attribute__((format(printf, 3, 4))) void line(const char *label, uint64_t number,
                                                       const char *remark, ...)
{
    va_list list;

    printf("%-18s %15s", label, grouped(number).text);
    if (remark[0] != '\0') {
        fputs("  ", stdout);
        va_start(list, remark);
        vprintf(remark, list);
        va_end(list);
    }
    putchar('\n');
}

static void text_machine(const struct replay_report *report)
{
    const struct replay_config *config = &report->replay->config;

    printf("trace    %s (%s)\n", report->trace, report->trace_kind);
    printf("machine  %s, pages of %s, ", config->format->name,
           size_text(quire_format_page_bytes(config->format)).text);
    if (config->frames != 0) {
        printf("%s frame%s for pages, ", grouped(config->frames).text,
               config->frames == 1 ? "" : "s");
    } else {
        printf("%s of RAM, ", size_text(config->ram_bytes).text);
    }
    printf("%s of swap in %s\n", size_text(config->swap_bytes).text,
           config->swap_path != NULL ? config->swap_path : "memory");
    printf("         policy %s, ", config->policy->name);
    if (config->policy->tick != NULL) {
        printf("a tick every %s references, ", grouped(config->tick).text);
    }
    if (config->tlb_entries == 0) {
        puts("no TLB\n");
    } else if (config->tlb_ways == 0 || config->tlb_ways == config->tlb_entries) {
        printf("TLB of %" PRIu64 " entries, fully associative\n\n", config->tlb_entries);
    } else {
        printf("TLB of %" PRIu64 " entries, %" PRIu64 "-way\n\n", config->tlb_entries,
               config->tlb_ways);
    }
}

/* About how much so many pages are. */
static struct size_text text_of_pages(const struct replay_report *report, uint64_t pages)
{
    double kib = (double)(pages << report->replay->page_shift) / 1024;
    struct size_text text;

    snprintf(text.text, sizeof(text.text), kib < 1024 ? "%.0f KiB" : "%.1f MiB",
             kib < 1024 ? kib : kib / 1024);
    return text;
}

static void text_references(const struct replay_report *report)
{
    const struct replay_figures *f = &report->figures;
    const uint64_t *kind = report->replay->records;

    line("references", f->records, "%s fetches, %s loads, %s stores, %s both",
         grouped(kind[TRACE_FETCH]).text, grouped(kind[TRACE_LOAD]).text,
         grouped(kind[TRACE_STORE]).text, grouped(kind[TRACE_MODIFY]).text);
    line("page references", f->page_references, "to %s pages, %s", grouped(f->touched).text,
         text_of_pages(report, f->touched).text);
    line("TLB hits", f->tlb_hits, "%s", percent_of(f->tlb_hits, f->page_references).text);
    line("walks", f->walks, "%.2f steps each",
         f->walks != 0 ? (double)f->walk_steps / (double)f->walks : 0.0);
    line("faults", f->faults, "%s filled with zeros, %s from swap", grouped(f->zero_fills).text,
         grouped(f->swap_ins).text);
    line("write upgrades", f->upgrades, "pages that were there, and became writable");
    line("evictions", f->evictions, "%s written to swap, %s never stored to, %s still in swap",
         grouped(f->swap_outs).text, grouped(f->dropped_zero).text,
         grouped(f->dropped_in_swap).text);
    line("swap in", f->disk_reads, "pages, %s", text_of_pages(report, f->disk_reads).text);
    line("swap out", f->disk_writes, "pages, %s", text_of_pages(report, f->disk_writes).text);
}

static void text_memory(const struct replay_report *report)
{
    const struct replay_figures *f = &report->figures;

    putchar('\n');
    line("at the end", f->resident, "pages in frames, %s in swap only, %s swap slots used",
         grouped(f->swapped).text, grouped(f->swap_slots).text);
    line("page tables", f->table_bytes, "bytes, %s tables", grouped(f->tables).text);
    line("supplement", f->supplement_bytes, "bytes, %.1f for each page touched",
         (double)f->supplement_bytes / (double)(f->touched != 0 ? f->touched : 1));
    line("system records", f->record_bytes, "bytes%s",
         report->replay->config.frames != 0 ? "; one for each frame stands beside memory" : "");
    putchar('\n');
}

void replay_report_text(const struct replay_report *report)
{
    const struct replay_figures *f = &report->figures;

    text_machine(report);
    text_references(report);
    text_memory(report);
    line("per second", (uint64_t)((double)f->records / report->seconds), "references, in %.2f s",
         report->seconds);
    if (report->replay->config.verify) {
        line("verified", f->verified_loads, "loads and fetches, %s bytes: each was the byte stored",
             grouped(f->verified_bytes).text);
    } else {
        puts("verified                    no  (--no-verify)");
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void json_machine(struct json *json, const struct replay_config *config,
                         const struct replay_figures *f)
{
    json_open(json, "machine", '{');
    json_string(json, "format", config->format->name);
    json_number(json, "page_bytes", quire_format_page_bytes(config->format));
    json_number(json, "ram_bytes", f->ram_bytes);
    if (config->frames != 0) {
        json_number(json, "frames", config->frames);
    } else {
        json_null(json, "frames");
    }
    json_string(json, "policy", config->policy->name);
    json_number(json, "tick", config->policy->tick != NULL ? config->tick : 0);
    json_number(json, "tlb_entries", config->tlb_entries);
    json_number(json, "tlb_ways", config->tlb_ways != 0 ? config->tlb_ways : config->tlb_entries);
    json_number(json, "swap_bytes", config->swap_bytes);
    if (config->swap_path != NULL) {
        json_string(json, "swap_file", config->swap_path);
    } else {
        json_null(json, "swap_file");
    }
    json_close(json);
}

static void json_counts(struct json *json, const struct replay_figures *f)
{
    const struct {
        const char *key;
        uint64_t number;
    } counts[] = {
        {"page_references", f->page_references},
        {"faults", f->faults},
        {"zero_fills", f->zero_fills},
        {"swap_ins", f->swap_ins},
        {"file_reads", f->file_reads},
        {"write_upgrades", f->upgrades},
        {"tlb_hits", f->tlb_hits},
        {"walks", f->walks},
        {"walk_steps", f->walk_steps},
        {"evictions", f->evictions},
        {"dropped_zero", f->dropped_zero},
        {"dropped_in_swap", f->dropped_in_swap},
        {"dropped_in_file", f->dropped_in_file},
        {"swap_outs", f->swap_outs},
        {"disk_reads", f->disk_reads},
        {"disk_writes", f->disk_writes},
        {"pages_touched", f->touched},
        {"pages_resident", f->resident},
        {"pages_in_swap_only", f->swapped},
        {"swap_slots_used", f->swap_slots},
        {"tables", f->tables},
        {"table_bytes", f->table_bytes},
        {"supplement_bytes", f->supplement_bytes},
        {"system_record_bytes", f->record_bytes},
        {"verified_loads", f->verified_loads},
        {"verified_bytes", f->verified_bytes},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        json_number(json, counts[i].key, counts[i].number);
    }
}

void replay_report_json(const struct replay_report *report)
{
    const struct replay *replay = report->replay;
    const struct replay_figures *f = &report->figures;
    struct json json = json_to(stdout);

    json_open(&json, NULL, '{');
    json_string(&json, "trace", report->trace);
    json_string(&json, "trace_kind", report->trace_kind);
    json_machine(&json, &replay->config, f);
    json_number(&json, "references", f->records);
    json_number(&json, "fetches", replay->records[TRACE_FETCH]);
    json_number(&json, "loads", replay->records[TRACE_LOAD]);
    json_number(&json, "stores", replay->records[TRACE_STORE]);
    json_number(&json, "modifies", replay->records[TRACE_MODIFY]);
    json_counts(&json, f);
    json_bool(&json, "verified", replay->config.verify);
    json_real(&json, "seconds", report->seconds);
    json_number(&json, "references_per_second", (uint64_t)((double)f->records / report->seconds));
    json_close(&json);
}
