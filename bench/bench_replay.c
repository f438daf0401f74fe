/*
 * Replaying a trace against plainly parsing it: what TLB, page tables, policy and faults cost for
 * each reference. The goal is at least half the parser's speed without verification. Then all
 * policies.
 *
 * The trace is that of traces.h, as text; else one that is made up: a program that runs loops over
 * a few hundred pages.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/formats.h"
#include "tools/quire/replay.h"
#include "tools/quire/replay_policy.h"
#include "traces.h"

enum { BATCH = 1024, MADE_UP_LINES = 2000000 };

static char *text;
static size_t text_bytes;
static struct future future; /* of the text */

struct job {
    const struct quire_policy_ops *policy; /* NULL: parse only */
    uint64_t frames;
    uint64_t tlb_entries, tlb_ways;
    bool verify;
};

static void out_of_luck(const char *what, const char *why)
{
    fprintf(stderr, "quire: benchmark: %s: %s\n", what, why);
    exit(1);
}

/* ---- the trace ----------------------------------------------------------------------------- */

/* Reads whatever format it is in, and writes it as plain text: that is what is measured. */
static void text_of(const char *path)
{
    static const char *const kind[] = {
        [TRACE_FETCH] = "I ", [TRACE_LOAD] = " L", [TRACE_STORE] = " S", [TRACE_MODIFY] = " M"};
    static struct trace_record batch[BATCH];
    struct trace *trace = trace_open(path);
    FILE *out = open_memstream(&text, &text_bytes);
    size_t n;

    while ((n = trace_read(trace, batch, BATCH)) != 0) {
        for (size_t i = 0; i < n; i++) {
            fprintf(out, "%s %08llx,%u\n", kind[batch[i].kind],
                    (unsigned long long)batch[i].address, (unsigned)batch[i].size);
        }
    }
    if (trace_error(trace) != NULL) {
        out_of_luck("trace", trace_error(trace));
    }
    trace_close(trace);
    fclose(out);
}

/* Loops of some instructions, each with its data; now and then another loop. */
static void make_up(void)
{
    FILE *out = open_memstream(&text, &text_bytes);
    uint64_t state = 1;
    uint64_t code = 0x401000, data = 0x1000000;

    for (unsigned i = 0; i < MADE_UP_LINES; i++) {
        uint64_t dice = bench_random(&state);

        if (dice % 512 == 0) {
            uint64_t near = (dice >> 32) % 64 * (dice >> 40) % 64;
            code = 0x401000 + near * 0x40;
            data = 0x1000000 + near * 0x400;
        }
        if (dice % 10 < 7) {
            fprintf(out, "I  %08llx,4\n", (unsigned long long)(code + i % 16 * 4));
        } else {
            fprintf(out, " %c %08llx,8\n", dice % 10 == 9 ? 'S' : 'L',
                    (unsigned long long)(data + (dice >> 20) % 0x2000));
        }
    }
    fclose(out);
}

/* For the optimal policy; reading the trace for it is not measured. */
static void read_future(void)
{
    static struct trace_record batch[BATCH];
    struct trace *trace = trace_open_memory(text, text_bytes, "benchmark");
    bool fine = future_open(&future, quire_format_page_shift(&quire_format_x86_64));
    size_t n;

    while (fine && (n = trace_read(trace, batch, BATCH)) != 0) {
        fine = future_add(&future, batch, n);
    }
    if (!fine) {
        out_of_luck("replay", "not enough memory");
    }
    trace_close(trace);
}

/* ---- what is measured ---------------------------------------------------------------------- */

static uint64_t run(void *context)
{
    static struct trace_record batch[BATCH];
    static struct replay replay;
    const struct job *job = context;
    struct replay_config config = {.format = &quire_format_x86_64,
                                   .policy = job->policy,
                                   .frames = job->frames,
                                   .tlb_entries = job->tlb_entries,
                                   .tlb_ways = job->tlb_ways,
                                   .verify = job->verify,
                                   .future = &future};
    struct trace *trace = trace_open_memory(text, text_bytes, "benchmark");
    struct problem problem;
    uint64_t count = 0;
    size_t n;

    config.tick = replay_default_tick(&config);
    if (job->policy != NULL && !replay_open(&replay, &config, &problem)) {
        out_of_luck("replay", problem.text);
    }
    while ((n = trace_read(trace, batch, BATCH)) != 0) {
        if (job->policy != NULL && !replay_run(&replay, batch, n)) {
            out_of_luck("replay", replay.problem.text);
        }
        bench_keep(batch[n - 1].address);
        count += n;
    }
    if (trace_error(trace) != NULL) {
        out_of_luck("trace", trace_error(trace));
    }
    trace_close(trace);
    if (job->policy != NULL) {
        replay_close(&replay);
    }
    return count;
}

static void group(const char *title, uint64_t frames)
{
    struct job jobs[] = {
        {.policy = NULL},
        {&quire_policy_fifo, frames, 64, 4, false},
        {&quire_policy_clock, frames, 64, 4, false},
        {&quire_policy_lru, frames, 64, 4, false},
        {&quire_policy_clock, frames, 0, 0, false},
        {&quire_policy_clock, frames, 64, 4, true},
    };
    const struct bench_case cases[] = {
        {"parse only", run, NULL, &jobs[0]},
        {"replay, fifo", run, NULL, &jobs[1]},
        {"replay, clock", run, NULL, &jobs[2]},
        {"replay, lru", run, NULL, &jobs[3]},
        {"replay, clock, no TLB", run, NULL, &jobs[4]},
        {"replay, clock, verified", run, NULL, &jobs[5]},
    };

    bench_group(title, BENCH_MILLION, "reference", cases, BENCH_CASES(cases));
}

/* Those that read accessed bits, or the others. */
static void group_of_policies(const char *title, uint64_t frames, bool accessed)
{
    struct job jobs[BENCH_CASES_MAX] = {{.policy = NULL}};
    struct bench_case cases[BENCH_CASES_MAX] = {{"parse only", run, NULL, &jobs[0]}};
    size_t count = 1;

    for (const struct replay_policy *p = replay_policies; p->ops != NULL; p++) {
        if (p->ops->wants_accessed == accessed && count < BENCH_CASES_MAX) {
            jobs[count] = (struct job){p->ops, frames, 64, 4, false};
            cases[count] = (struct bench_case){p->ops->name, run, NULL, &jobs[count]};
            count++;
        }
    }
    bench_group(title, BENCH_MILLION, "reference", cases, count);
}

int main(void)
{
    const char *path = bench_trace();
    char title[200];

    if (path != NULL) {
        text_of(path);
    } else {
        make_up();
    }
    snprintf(title, sizeof(title), "replay of %s, 116 frames",
             path != NULL ? path : "a made-up trace");
    group(title, 116);
    snprintf(title, sizeof(title), "replay of %s, 58 frames",
             path != NULL ? path : "a made-up trace");
    group(title, 58);
    read_future();
    group_of_policies("the same with 116 frames, policies that do without marks", 116, false);
    group_of_policies("the same with 116 frames, policies that read accessed bits", 116, true);
    future_close(&future);
    free(text);
    return 0;
}
