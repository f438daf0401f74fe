/*
 * ELF files: sound ones of both classes and byte orders are read as they were written; each kind of
 * damage is refused with its reason; files cut short anywhere, or with any byte changed, never get
 * past the rules.
 */
#include <elf.h>
#include <string.h>

#include "tests/support/elf_file.h"
#include "tests/support/unit.h"

static const struct quire_elf_rules any = {.page_bytes = 4096};

static unsigned char file[ELF_FILE_BYTES];
static struct quire_image image;

static enum quire_elf_reason parse(uint64_t bytes, const struct quire_elf_rules *rules,
                                   unsigned *header)
{
    struct quire_elf_memory memory = {file, bytes};
    struct quire_elf_source source = {quire_elf_read_memory, &memory, bytes};
    enum quire_elf_reason reason = quire_elf_parse(&image, &source, rules, header);

    if (reason == QUIRE_ELF_SOUND) {
        elf_check_image(&image, bytes, rules);
    } else {
        check(image.segments == 0);
    }
    return reason;
}

static void expect(const struct elf_plan *plan, const struct quire_elf_rules *rules,
                   enum quire_elf_reason want, const char *what)
{
    enum quire_elf_reason got;

    elf_write(plan, file);
    got = parse(plan->bytes, rules, NULL);
    checkf(got == want, "%u bits, %s endian, %s: expected \"%s\", got \"%s\"", plan->bits,
           plan->big_endian ? "big" : "little", what, quire_elf_reason_text(want),
           quire_elf_reason_text(got));
}

/* Calls it for all four kinds of file. */
static void for_each_kind(void (*test)(struct elf_plan plan))
{
    for (unsigned kind = 0; kind < 4; kind++) {
        test(elf_plan(kind & 1 ? 64 : 32, (kind & 2) != 0));
    }
}

/* ---- sound files ----------------------------------------------------------------------------- */

static void expect_segment(unsigned i, const struct elf_entry *entry, unsigned prot)
{
    const struct quire_segment *s = &image.segment[i];

    check(s->va == entry->va && s->bytes == entry->bytes && s->offset == entry->offset);
    check(s->file_bytes == entry->file_bytes && s->prot == (prot | QUIRE_USER));
}

static void read_sound(struct elf_plan plan)
{
    expect(&plan, &any, QUIRE_ELF_SOUND, "as planned");
    check(image.segments == 3 && !image.movable && !image.wants_loader);
    check(image.entry == 0x401010 && image.va == 0x400000 && image.bytes == 0x7000);
    check(image.size == 0x404800 + 0x2000 - 0x400000 && image.align == 4096);
    expect_segment(0, &plan.entry_of[ELF_PLAN_HEADERS], QUIRE_READ);
    expect_segment(1, &plan.entry_of[ELF_PLAN_TEXT], QUIRE_READ | QUIRE_EXECUTE);
    expect_segment(2, &plan.entry_of[ELF_PLAN_DATA], QUIRE_READ | QUIRE_WRITE);
}

/* What looks odd and is allowed. */
static void read_odd(struct elf_plan plan)
{
    struct elf_entry *data = &plan.entry_of[ELF_PLAN_DATA];
    struct elf_plan odd = plan;

    odd.type = ET_DYN;
    odd.entry_of[ELF_PLAN_TEXT].align = 0x200000;
    expect(&odd, &any, QUIRE_ELF_SOUND, "movable, of large alignment");
    check(image.movable && image.align == 0x200000);

    odd = plan;
    odd.entry_of[ELF_PLAN_NOTE].type = PT_INTERP;
    expect(&odd, &any, QUIRE_ELF_SOUND, "wants a loader");
    check(image.wants_loader);

    odd = plan;
    odd.entry_of[ELF_PLAN_DATA] = (struct elf_entry){PT_LOAD, PF_R | PF_W, 1, 0x404800, 0, 16, 0};
    expect(&odd, &any, QUIRE_ELF_SOUND, "all bss, alignment 0");
    odd.entry_of[ELF_PLAN_DATA].offset = UINT32_MAX; /* it has nothing there */
    expect(&odd, &any, QUIRE_ELF_SOUND, "all bss, with an offset outside");
    odd.entry_of[ELF_PLAN_DATA].bytes = 0;
    expect(&odd, &any, QUIRE_ELF_SOUND, "an empty segment");
    check(image.segments == 2);

    odd = plan;
    odd.entry_of[ELF_PLAN_TEXT].flags |= PF_W;
    expect(&odd, &any, QUIRE_ELF_SOUND, "writable text, if the rules do not forbid it");
    odd = plan;
    odd.entry = 0;
    expect(&odd, &(struct quire_elf_rules){.page_bytes = 4096, .library = true}, QUIRE_ELF_SOUND,
           "a library without entry");
    for (unsigned i = ELF_PLAN_HEADERS; i <= ELF_PLAN_DATA; i++) {
        odd.entry_of[i].va -= odd.entry_of[i].type == PT_LOAD ? 0x400000 : 0;
        odd.entry_of[i].flags |= PF_X;
    }
    expect(&odd, &any, QUIRE_ELF_ENTRY, "no entry, and something executable at 0");
    odd = plan;
    odd.entries_at = plan.bytes - 5ULL * plan.entry_bytes;
    expect(&odd, &any, QUIRE_ELF_SOUND, "program headers at the very end");
    odd = plan;
    odd.entry = 0x402800 - 1;
    expect(&odd, &any, QUIRE_ELF_SOUND, "entry at the last byte");
    odd = plan;
    odd.entry_of[ELF_PLAN_DATA].va = 0xfffff800;
    odd.entry_of[ELF_PLAN_DATA].bytes = 0x800;
    expect(&odd, &any, QUIRE_ELF_SOUND, "up to the last address of 32 bits");
    check(data->bytes == 0x2000);
}

static void test_sound(void **state)
{
    (void)state;
    for_each_kind(read_sound);
    for_each_kind(read_odd);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* One field of a plan is given another value. */
struct damage {
    const char *what;
    size_t at, bytes; /* of the field in the plan */
    uint64_t value;
    enum quire_elf_reason reason;
    int header;    /* the program header that is wrong; -1: none */
    unsigned bits; /* 32 or 64: only there */
};

#define FIELD(name) offsetof(struct elf_plan, name), sizeof(((struct elf_plan *)0)->name)
#define OF(entry, name) FIELD(entry_of[ELF_PLAN_##entry].name)

static const struct damage damages[] = {
    {"magic", FIELD(magic[0]), 0x7e, QUIRE_ELF_MAGIC, -1, 0},
    {"magic", FIELD(magic[3]), 'G', QUIRE_ELF_MAGIC, -1, 0},
    {"class 0", FIELD(class), 0, QUIRE_ELF_CLASS, -1, 0},
    {"class 3", FIELD(class), 3, QUIRE_ELF_CLASS, -1, 0},
    {"byte order 0", FIELD(order), 0, QUIRE_ELF_ORDER, -1, 0},
    {"byte order 3", FIELD(order), 3, QUIRE_ELF_ORDER, -1, 0},
    {"version of ident", FIELD(ident_version), 0, QUIRE_ELF_VERSION, -1, 0},
    {"version", FIELD(version), 2, QUIRE_ELF_VERSION, -1, 0},
    {"object file", FIELD(type), ET_REL, QUIRE_ELF_TYPE, -1, 0},
    {"core file", FIELD(type), ET_CORE, QUIRE_ELF_TYPE, -1, 0},
    {"header bytes", FIELD(header_bytes), 50, QUIRE_ELF_HEADER_SIZE, -1, 0},
    {"entry bytes", FIELD(entry_bytes), 55, QUIRE_ELF_HEADER_SIZE, -1, 0},
    {"no entries", FIELD(entries), 0, QUIRE_ELF_NO_SEGMENTS, -1, 0},
    {"countless entries", FIELD(entries), 0xffff, QUIRE_ELF_MANY_SEGMENTS, -1, 0},
    {"entries too many for the file", FIELD(entries), 400, QUIRE_ELF_HEADERS_OUTSIDE, -1, 0},
    {"entries behind the end", FIELD(entries_at), 0x2b01, QUIRE_ELF_HEADERS_OUTSIDE, -1, 0},
    {"entries across the end", FIELD(entries_at), 0x2a80, QUIRE_ELF_HEADERS_OUTSIDE, -1, 0},
    {"entries that wrap", FIELD(entries_at), UINT64_MAX, QUIRE_ELF_HEADERS_OUTSIDE, -1, 0},
    {"text beyond the file", OF(TEXT, offset), 0x2000, QUIRE_ELF_OUTSIDE, 2, 0},
    {"text behind the file", OF(TEXT, offset), 0x3000, QUIRE_ELF_OUTSIDE, 2, 0},
    {"offset that wraps", OF(TEXT, offset), UINT64_MAX - 0xfff, QUIRE_ELF_OUTSIDE, 2, 0},
    {"text larger in the file", OF(TEXT, bytes), 0x17ff, QUIRE_ELF_FILE_LARGER, 2, 0},
    {"text of no size in memory", OF(TEXT, bytes), 0, QUIRE_ELF_FILE_LARGER, 2, 0},
    {"data beyond 4 GiB", OF(DATA, va), 0xfffff800, QUIRE_ELF_WRAPS, 4, 32},
    {"data beyond 2^64", OF(DATA, va), UINT64_MAX - 0x17ff, QUIRE_ELF_WRAPS, 4, 64},
    {"data up to 2^64", OF(DATA, va), UINT64_MAX - 0x27ff, QUIRE_ELF_WRAPS, 4, 64},
    {"data of 2^63 bytes", OF(DATA, bytes), UINT64_C(1) << 63, QUIRE_ELF_TOO_LARGE, 4, 64},
    {"data just too large", OF(DATA, bytes), QUIRE_IMAGE_BYTES + 1, QUIRE_ELF_TOO_LARGE, 4, 64},
    {"alignment 3", OF(TEXT, align), 3, QUIRE_ELF_ALIGN, 2, 0},
    {"alignment 0x1001", OF(DATA, align), 0x1001, QUIRE_ELF_ALIGN, 4, 0},
    {"text one byte off", OF(TEXT, va), 0x401001, QUIRE_ELF_MISALIGNED, 2, 0},
    {"data half a page off", OF(DATA, offset), 0x2000, QUIRE_ELF_MISALIGNED, 4, 0},
    {"text below the headers", OF(TEXT, va), 0x3ff000, QUIRE_ELF_UNSORTED, 2, 0},
    {"data below the text", OF(DATA, va), 0x400800, QUIRE_ELF_UNSORTED, 4, 0},
    {"text on the headers' page", OF(TEXT, va), 0x400000, QUIRE_ELF_OVERLAP, 2, 0},
    {"data in the text", OF(DATA, va), 0x401800, QUIRE_ELF_OVERLAP, 4, 0},
    {"data on the text's last page", OF(DATA, va), 0x402800, QUIRE_ELF_OVERLAP, 4, 0},
    {"text into the data", OF(TEXT, bytes), 0x3001, QUIRE_ELF_OVERLAP, 4, 0},
    {"entry nowhere", FIELD(entry), 0, QUIRE_ELF_ENTRY, -1, 0},
    {"entry in the data", FIELD(entry), 0x404800, QUIRE_ELF_ENTRY, -1, 0},
    {"entry in the headers", FIELD(entry), 0x400040, QUIRE_ELF_ENTRY, -1, 0},
    {"entry behind the text", FIELD(entry), 0x402800, QUIRE_ELF_ENTRY, -1, 0},
    {"text that cannot be executed", OF(TEXT, flags), PF_R, QUIRE_ELF_ENTRY, -1, 0},
};

static void damage(struct elf_plan *plan, const struct damage *d)
{
    unsigned char *field = (unsigned char *)plan + d->at;

    if (d->bytes == 1) {
        *field = (unsigned char)d->value;
    } else if (d->bytes == 2) {
        memcpy(field, &(uint16_t){(uint16_t)d->value}, 2);
    } else if (d->bytes == 4) {
        memcpy(field, &(uint32_t){(uint32_t)d->value}, 4);
    } else {
        memcpy(field, &d->value, 8);
    }
}

static void refuse_damage(struct elf_plan sound)
{
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const struct damage *d = &damages[i];
        struct elf_plan plan = sound;
        unsigned header = 99;

        if (d->bits != 0 && d->bits != sound.bits) {
            continue;
        }
        damage(&plan, d);
        expect(&plan, &any, d->reason, d->what);
        check(parse(plan.bytes, &any, &header) == d->reason);
        checkf((int)header == (d->header < 0 ? 99 : d->header), "%s: header %u", d->what, header);
    }
}

static void test_damage(void **state)
{
    (void)state;
    for_each_kind(refuse_damage);
}

/* Seventeen segments, each on a page of its own. */
static void refuse_many(struct elf_plan plan)
{
    for (unsigned count = QUIRE_IMAGE_SEGMENTS; count <= QUIRE_IMAGE_SEGMENTS + 1; count++) {
        for (unsigned i = 0; i < count; i++) {
            plan.entry_of[i] =
                (struct elf_entry){PT_LOAD, PF_R | PF_X, 0, 0x400000 + i * 0x1000U, 16, 16, 0x1000};
        }
        plan.entries = (uint16_t)count;
        plan.entry = 0x400000;
        expect(&plan, &any,
               count > QUIRE_IMAGE_SEGMENTS ? QUIRE_ELF_MANY_SEGMENTS : QUIRE_ELF_SOUND,
               "many segments");
    }
    check(image.segments == 0);
}

static void keep_rules(struct elf_plan plan)
{
    struct quire_elf_rules rules = any;

    rules.bits = (uint8_t)plan.bits;
    rules.machine = plan.machine;
    rules.order = plan.big_endian ? QUIRE_ELF_BIG : QUIRE_ELF_LITTLE;
    rules.last = 0x4067ff;
    rules.no_write_execute = true;
    rules.no_loader = true;
    expect(&plan, &rules, QUIRE_ELF_SOUND, "all rules");

    rules.last--;
    expect(&plan, &rules, QUIRE_ELF_TOO_HIGH, "one byte too high");
    rules.last = 0;
    rules.bits = (uint8_t)(96 - plan.bits);
    expect(&plan, &rules, QUIRE_ELF_CLASS, "the other class");
    rules.bits = 0;
    rules.machine++;
    expect(&plan, &rules, QUIRE_ELF_MACHINE, "another machine");
    rules.machine = 0;
    rules.order = plan.big_endian ? QUIRE_ELF_LITTLE : QUIRE_ELF_BIG;
    expect(&plan, &rules, QUIRE_ELF_ORDER, "the other order");
    rules.order = QUIRE_ELF_ANY_ORDER;
    plan.entry_of[ELF_PLAN_TEXT].flags |= PF_W;
    expect(&plan, &rules, QUIRE_ELF_WRITE_EXECUTE, "writable text");
    plan.entry_of[ELF_PLAN_NOTE].type = PT_INTERP;
    plan.entry_of[ELF_PLAN_TEXT].flags = PF_R | PF_X;
    expect(&plan, &rules, QUIRE_ELF_LOADER, "a loader");

    rules = any;
    rules.page_bytes = 0x10000;
    plan.entry_of[ELF_PLAN_NOTE].type = PT_NOTE;
    expect(&plan, &rules, QUIRE_ELF_OVERLAP, "pages of 64 KiB");
}

static void test_rules(void **state)
{
    (void)state;
    for_each_kind(refuse_many);
    for_each_kind(keep_rules);
}

/* ---- anything at all ------------------------------------------------------------------------- */

/* The data is at the very end, so no beginning of the file is enough. */
static void cut(struct elf_plan plan)
{
    elf_write(&plan, file);
    for (uint64_t bytes = 0; bytes < plan.bytes; bytes++) {
        enum quire_elf_reason reason = parse(bytes, &any, NULL);
        enum quire_elf_reason want = bytes < plan.header_bytes ? QUIRE_ELF_SHORT
                                     : bytes < plan.entries_at + 5ULL * plan.entry_bytes
                                         ? QUIRE_ELF_HEADERS_OUTSIDE
                                         : QUIRE_ELF_OUTSIDE;
        checkf(reason == want, "%llu bytes: expected \"%s\", got \"%s\"", (unsigned long long)bytes,
               quire_elf_reason_text(want), quire_elf_reason_text(reason));
    }
    check(parse(plan.bytes, &any, NULL) == QUIRE_ELF_SOUND);
}

static void test_cut_short(void **state)
{
    (void)state;
    for_each_kind(cut);
}

/* Every byte of the headers, in every value: parse() checks what is accepted. */
static void change_bytes(struct elf_plan plan)
{
    uint64_t end = plan.entries_at + 5ULL * plan.entry_bytes;
    unsigned accepted = 0;

    elf_write(&plan, file);
    for (uint64_t at = 0; at < end; at++) {
        unsigned char was = file[at];

        for (unsigned value = 0; value < 256; value++) {
            file[at] = (unsigned char)value;
            accepted += parse(plan.bytes, &any, NULL) == QUIRE_ELF_SOUND;
        }
        file[at] = was;
    }
    check(accepted >= end && accepted < end * 256);
}

static void test_changed_bytes(void **state)
{
    (void)state;
    for_each_kind(change_bytes);
}

struct failing {
    struct quire_elf_memory memory;
    unsigned in;
};

static enum quire_status read_or_fail(void *context, uint64_t offset, void *to, uint32_t bytes)
{
    struct failing *failing = context;

    return --failing->in == 0 ? QUIRE_IO_ERROR
                              : quire_elf_read_memory(&failing->memory, offset, to, bytes);
}

/* The header, and five program headers: the n-th of six reads fails. */
static void fail_to_read(struct elf_plan plan)
{
    elf_write(&plan, file);
    for (unsigned n = 1; n <= 7; n++) {
        struct failing failing = {{file, plan.bytes}, n};
        struct quire_elf_source source = {read_or_fail, &failing, plan.bytes};
        enum quire_elf_reason reason = quire_elf_parse(&image, &source, &any, NULL);

        check(reason == (n <= 6 ? QUIRE_ELF_UNREADABLE : QUIRE_ELF_SOUND));
    }
}

static void test_unreadable(void **state)
{
    struct quire_elf_memory memory = {file, 100};
    unsigned char to[8];

    (void)state;
    for_each_kind(fail_to_read);
    check(quire_elf_read_memory(&memory, 92, to, 8) == QUIRE_OK);
    check(quire_elf_read_memory(&memory, 93, to, 8) == QUIRE_OUT_OF_RANGE);
    check(quire_elf_read_memory(&memory, UINT64_MAX, to, 8) == QUIRE_OUT_OF_RANGE);
}

static void test_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < QUIRE_ELF_REASONS; i++) {
        check(quire_elf_reason_text(i) != NULL);
        for (unsigned j = 0; j < i; j++) {
            check(strcmp(quire_elf_reason_text(i), quire_elf_reason_text(j)) != 0);
        }
    }
    check(strcmp(quire_elf_reason_text(QUIRE_ELF_REASONS), "unknown reason") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),         cmocka_unit_test(test_damage),
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_changed_bytes), cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_texts),
    };

    return unit_run(tests);
}
