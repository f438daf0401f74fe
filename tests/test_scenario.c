/*
 * Scenarios: every way in which a line can be wrong; steps taken back and done again; telling a
 * story changes nothing; and the examples with every frame refused and every transfer failing.
 */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/quire/bytes.h"
#include "tools/quire/registry_run.h"
#include "tools/quire/scenario_internal.h"

#include "tests/support/unit.h"

/* ---- help ------------------------------------------------------------------------------------ */

static struct scenario *open_scenario(void)
{
    struct scenario *scenario = scenario_open(&scenario_no_limits);

    check(scenario != NULL);
    return scenario;
}

static void check_valid(struct scenario *scenario, const char *line)
{
    const char *what = NULL;

    checkf(scenario_valid(scenario, &what), "after '%s': %s", line, what);
}

/* Runs a line that is right. */
static void run(struct scenario *scenario, const char *line, FILE *out)
{
    struct problem problem;

    checkf(scenario_line(scenario, line, strlen(line), 1, out, &problem), "%s: %s", line,
           problem.text);
    check_valid(scenario, line);
}

static struct bytes read_file(const char *path)
{
    struct problem problem;
    struct bytes bytes;

    checkf(bytes_read(&bytes, path, BYTES_COPY, 1 << 20, &problem), "%s", problem.text);
    return bytes;
}

/* Calls `each` for every example. */
static void each_example(void (*each)(const char *path, const struct bytes *text))
{
    glob_t found;

    check(glob("examples/*.quire", 0, NULL, &found) == 0 && found.gl_pathc >= 10);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct bytes text = read_file(found.gl_pathv[i]);

        each(found.gl_pathv[i], &text);
        bytes_free(&text);
    }
    globfree(&found);
}

/* All that a machine is, in one number; but for the frames that hold the core's own records, which
 * have this program's addresses in them. */
struct digest {
    uint64_t sum;
};

static void fold(struct digest *digest, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < n; i++) {
        digest->sum = (digest->sum ^ b[i]) * UINT64_C(0x100000001b3);
    }
}

static void fold_number(struct digest *digest, uint64_t number)
{
    fold(digest, &number, sizeof number);
}

static void fold_leaf(void *context, const struct quire_leaf *leaf)
{
    fold_number(context, leaf->va.at);
    fold_number(context, leaf->pa.at);
    fold_number(context, leaf->attributes);
}

static void fold_process(struct digest *digest, const struct scenario_process *process)
{
    const struct quire_space *space = process->space;
    struct quire_visitor visitor = {fold_leaf, digest};
    struct quire_record record;

    fold(digest, process->name, sizeof process->name);
    fold_number(digest, space->id);
    for (const struct quire_region *r = space->regions; r != NULL; r = r->next) {
        fold_number(digest, r->va.at);
        fold_number(digest, r->bytes);
        fold_number(digest, r->prot);
    }
    quire_table_visit(&space->table, quire_va_at(0),
                      UINT64_C(1) << (space->table.format->va_bits - 1), &visitor);
    for (uint64_t vpn = 0; quire_supplement_next(
             &space->supplement, &vpn, UINT64_C(1) << space->supplement.vpn_bits, &record);
         vpn++) {
        fold_number(digest, vpn);
        fold_number(digest,
                    record.kind | (uint64_t)record.shared << 8 | (uint64_t)record.number << 16);
    }
}

static void fold_frames(struct digest *digest, struct machine *machine)
{
    uint64_t page = UINT64_C(1) << machine->frames.page_shift;

    for (uint32_t n = 0; n < machine->frames.total; n++) {
        const struct quire_page *p = quire_system_page(&machine->system, quire_pfn_of(n));

        fold_number(digest, quire_frames_count(&machine->frames, quire_pfn_of(n)));
        if (p != NULL) {
            fold_number(digest, p->vpn);
            fold_number(digest, p->slot.n);
            fold_number(digest, p->dirty);
            fold(digest, machine->ram + n * page, page);
        }
    }
}

static uint64_t state_of(struct scenario *scenario)
{
    struct machine *machine = &scenario->machine;
    struct digest digest = {UINT64_C(0xcbf29ce484222325)};

    if (scenario_machine(scenario) == NULL) {
        return 0;
    }
    for (unsigned i = 0; i < scenario->processes; i++) {
        if (scenario->process[i]->alive) {
            fold_process(&digest, scenario->process[i]);
        }
    }
    for (unsigned i = 0; i < scenario->objects; i++) {
        if (scenario->object[i]->alive && scenario->object[i]->bytes != NULL) {
            fold(&digest, scenario->object[i]->bytes, scenario->object[i]->room);
        }
    }
    fold_frames(&digest, machine);
    fold(&digest, &machine->count, sizeof machine->count);
    fold(&digest, machine->system.events, sizeof machine->system.events);
    fold(&digest, machine->system.drops, sizeof machine->system.drops);
    fold_number(&digest, machine->disk.reads);
    fold_number(&digest, machine->disk.writes);
    fold(&digest, &machine->faults, sizeof machine->faults);
    fold_number(&digest, machine->frames.allocs);
    fold(&digest, scenario->mark, sizeof scenario->mark);
    if (scenario->registry != NULL) {
        fold_number(&digest, scenario->registry->machine.frames.allocs);
        fold_number(&digest, scenario->registry->registry.spaces);
        fold(&digest, &scenario->registry->registry.count, sizeof(struct quire_registry_counts));
    }
    return digest.sum;
}

/* ---- the table of commands ------------------------------------------------------------------- */

/* What is said of a syntax in scenario_internal.h. */
static void check_syntax(const struct command *command)
{
    const char *syntax = command->syntax;
    uint32_t seen = 0;
    bool keywords = false, repeats = false;
    struct part part;

    while (part_next(&syntax, &part)) {
        checkf(!repeats || part.keyword[0] != '\0', "%s: an operand behind X...", command->name);
        checkf(!keywords || part.keyword[0] != '\0', "%s: an operand behind a small word",
               command->name);
        checkf(part.kind < OPERANDS || part.keyword[0] != '\0', "%s: an operand nobody knows",
               command->name);
        checkf(part.kind == OPERANDS || (seen >> part.kind & 1) == 0, "%s: %s stands there twice",
               command->name, operands[part.kind].name);
        seen |= part.kind < OPERANDS ? UINT32_C(1) << part.kind : 0;
        keywords = keywords || part.keyword[0] != '\0';
        repeats = repeats || part.repeats;
    }
}

/* Does a line of some example have the command, by itself or within another? */
static bool uses(const char *text, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
        bool begins = at == text || at[-1] == '\n' || at[-1] == ' ';

        if (begins && strchr(" \n", at[length]) != NULL) {
            return true;
        }
    }
    return false;
}

static struct {
    const char *name;
    unsigned examples;
} used;

static void count_use(const char *path, const struct bytes *text)
{
    (void)path;
    used.examples += uses((const char *)text->at, used.name);
}

static void test_every_command_is_in_an_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < scenario_commands_length; i++) {
        used.name = scenario_commands[i].name;
        used.examples = 0;
        each_example(count_use);
        checkf(used.examples > 0, "no example has %s", used.name);
    }
}

static void test_table(void **state)
{
    struct bytes manual = read_file("docs/scenarios.md");

    (void)state;
    for (size_t i = 0; i < scenario_commands_length; i++) {
        const struct command *command = &scenario_commands[i];
        char usage[200];

        check_syntax(command);
        check(command->help[0] != '\0' && command->run != NULL);
        snprintf(usage, sizeof usage, "`%s%s%s`", command->name,
                 command->syntax[0] != '\0' ? " " : "", command->syntax);
        checkf(strstr((const char *)manual.at, usage) != NULL, "docs/scenarios.md lacks %s", usage);
    }
    for (unsigned i = 0; counter_names[i] != NULL; i++) {
        checkf(strstr((const char *)manual.at, counter_names[i]) != NULL,
               "docs/scenarios.md lacks the counter %s", counter_names[i]);
    }
    for (unsigned i = 0; setting_name(i) != NULL; i++) {
        char setting[40];

        snprintf(setting, sizeof setting, "`%s=", setting_name(i));
        checkf(strstr((const char *)manual.at, setting) != NULL, "docs/scenarios.md lacks %s",
               setting);
    }
    bytes_free(&manual);
}

/* ---- lines that are wrong -------------------------------------------------------------------- */

static const struct {
    const char *line, *problem;
} wrong[] = {
    {"nonsense", "no command 'nonsense' (help lists them)"},
    {"show", "no command 'show' (help lists them)"},
    {"show nothing", "no command 'show' (help lists them)"},
    {"\"process\" B", "no command 'process' (help lists them)"},
    {"write 0x10000 \"abc", "expected a \" at the end of the string"},
    {"write 0x10000 \"abc\"d", "expected a blank after the string"},
    {"write 0x10000 a\"bc\"", "expected a blank before the string"},
    {"write 0x10000 \"\\q\"",
     "a backslash in a string: expected \\n, \\t, \\\", \\\\, \\0 or \\xHH"},
    {"write 0x10000 \"\\x4\"",
     "a backslash in a string: expected \\n, \\t, \\\", \\\\, \\0 or \\xHH"},
    {"write 0x10000 \"\\", "a backslash in a string: expected \\n, \\t, \\\", \\\\, \\0 or \\xHH"},
    {"read \x01", "a character that is not text (0x01)"},
    {"write 0x10000 \"\x02\"", "a character that is not text (0x02)"},
    {"read", "read: expected an address such as 0x8000 or 0x8000+4K, got nothing more (read "
             "[PROCESS] VA [WIDTH] [kernel])"},
    {"read nobody 0x10000", "read: there is no process 'nobody'"},
    {"read 0x10000 u7", "read: did not expect 'u7' (read [PROCESS] VA [WIDTH] [kernel])"},
    {"read 0x10000 bytes:0",
     "read: expected u8, u16, u32, u64, bytes:N or text:N (N at most 4096), "
     "got 'bytes:0' (read [PROCESS] VA [WIDTH] [kernel])"},
    {"read 0x10000 text:4097", "read: expected u8, u16, u32, u64, bytes:N or text:N (N at most "
                               "4096), got 'text:4097' (read [PROCESS] VA [WIDTH] [kernel])"},
    {"read 0x10000+", "read: expected an address such as 0x8000 or 0x8000+4K, got '0x10000+' (read "
                      "[PROCESS] VA [WIDTH] [kernel])"},
    {"read 0x10000 kernel kernel", "read: 'kernel' stands there twice"},
    {"read 0x10000 loudly", "read: did not expect 'loudly' (read [PROCESS] VA [WIDTH] [kernel])"},
    {"read 0xffffffffffffffff+1",
     "read: expected an address such as 0x8000 or 0x8000+4K, got '0xffffffffffffffff+1' (read "
     "[PROCESS] VA [WIDTH] [kernel])"},
    {"write 0x10000 256 u8",
     "write: 0x100 does not fit into 1 byte (u8, u16, u32 or u64 says how many)"},
    {"write 0x10000 0x100000000",
     "write: 0x100000000 does not fit into 4 bytes (u8, u16, u32 or u64 says how many)"},
    {"write 0x10000 \"\"", "write: a string has one byte or more, and no width"},
    {"write 0x10000 \"x\" u8", "write: a string has one byte or more, and no width"},
    {"write 0x10000 7 text:3", "write: a number is u8, u16, u32 or u64 wide"},
    {"fill 0x10000 4 256",
     "fill: expected a number from 0 to 255, got '256' (fill [PROCESS] VA SIZE "
     "BYTE [kernel])"},
    {"touch", "touch: expected a page number, or two with a - between, got nothing more (touch "
              "[PROCESS] PAGES... [write] [kernel])"},
    {"touch 1-",
     "touch: expected a page number, or two with a - between, got '1-' (touch [PROCESS] "
     "PAGES... [write] [kernel])"},
    {"map 0x20000 0",
     "map: expected a size such as 4096, 64K or 3p (pages), got '0' (map [PROCESS] "
     "VA SIZE [RIGHTS] [of OBJECT] [at OFFSET] [shared] [grows LIMIT] [max MOST] "
     "[kernel])"},
    {"map 0x20000 4K rq",
     "map: did not expect 'rq' (map [PROCESS] VA SIZE [RIGHTS] [of OBJECT] [at "
     "OFFSET] [shared] [grows LIMIT] [max MOST] [kernel])"},
    {"map 0x20000 4K of nothing", "map: there is no file or memory 'nothing'"},
    {"map 0x20000 4K of prog", "map: there is no file or memory 'prog'"},
    {"map 0x20000 4K shared", "map: shared and at need an object: of OBJECT"},
    {"map 0x20000 4K at 0", "map: shared and at need an object: of OBJECT"},
    {"process 9lives", "process: expected a new name: a letter, then letters, digits, _ . -, at "
                       "most 31, got '9lives' (process NEW)"},
    {"process a234567890123456789012345678901234",
     "process: expected a new name: a letter, then letters, digits, _ . -, at most 31, got "
     "'a234567890123456789012345678901234' (process NEW)"},
    {"file f", "file: expected one of a SIZE, text \"STRING\" and from PATH"},
    {"file f 4K text \"x\"", "file: expected one of a SIZE, text \"STRING\" and from PATH"},
    {"file f text 7", "file: expected one of a SIZE, text \"STRING\" and from PATH"},
    {"file f from /nowhere", "/nowhere: cannot be opened: No such file or directory"},
    {"file f from -", "-: no files are read here"},
    {"spawn p", "spawn: expected a SIZE, or elf PATH"},
    {"spawn p 4K of prog", "spawn: expected one of a SIZE, elf PATH and of PROGRAM"},
    {"spawn p of text", "spawn: there is no program 'text'"},
    {"spawn p elf examples/seed-004.ptsim", "spawn: examples/seed-004.ptsim: not an ELF file"},
    {"load prog", "load: there is no library 'prog'"},
    {"machine ram", "machine: expected format=, ram=, swap=, tlb=, policy=, resident=, commit=, "
                    "records=, layout= or kernel=, got 'ram'"},
    {"machine rum=4", "machine: expected format=, ram=, swap=, tlb=, policy=, resident=, commit=, "
                      "records=, layout= or kernel=, got 'rum=4'"},
    {"machine ram=much", "machine: ram: 'much' is not a size such as 64K or 16M"},
    {"machine ram=4097", "machine: the memory must be a whole number of pages"},
    {"machine ram=4K swap=16M",
     "machine: the machine's memory is too small for the records of its own "
     "frames and swap"},
    {"machine tlb=6,4", "machine: tlb: 6,4: expected ENTRIES or ENTRIES,WAYS, at most 65536 and a "
                        "multiple of the ways"},
    {"machine policy=best",
     "machine: policy: best: expected one of those that quire replay --policy help lists, but "
     "for opt"},
    {"machine resident=-1", "machine: resident: '-1' is not a number of pages (0: no limit)"},
    {"machine commit=maybe", "machine: commit: 'maybe' is neither strict nor over"},
    {"machine records=gone", "machine: records: 'gone' is neither inside nor beside"},
    {"machine layout=none", "machine: layout: 'none' is none of seed, classic-32 and classic-64"},
    {"machine format=i8086", "machine: format: no format or file 'i8086' (formats: ptsim, ostep14, "
                             "ostep-linear, ostep-multilevel, i386, x86-64)"},
    {"registry 0",
     "registry: expected a number, 1 or more, got '0' (registry [N] [pages M] [ram SIZE] "
     "[kernel BYTES])"},
    {"registry ram 9M",
     "registry: ram: 9 MiB leave nothing beside the first 1 MiB and the kernel's 8 MiB"},
    {"registry kernel 4097", "registry: kernel: expected whole pages of 4 KiB"},
    {"registry 3 pages 1025", "registry: pages: a space of i386 has 1024 tables at most"},
    {"registry 1000000000", "registry: more than is allowed here"},
    {"registry ram 1000G", "registry: more than is allowed here"},
    {"fail frame 0", "fail frame: expected a number, 1 or more, got '0' (fail frame N [every M])"},
    {"fail disk 1", "no command 'fail' (help lists them)"},
    {"expect counter nothing = 1", "expect counter: expected a counter (show counters lists them), "
                                   "got 'nothing' (expect counter COUNTER OP NUMBER [of PROCESS])"},
    {"expect counter faults == 1", "expect counter: expected = != < <= > or >=, got '==' (expect "
                                   "counter COUNTER OP NUMBER [of PROCESS])"},
    {"expect counter faults = 1 of A", "expect counter: faults is not counted for each process"},
    {"expect fault nicely",
     "expect fault: expected no-region, read, write, execute, user or stack, "
     "got 'nicely' (expect fault [REASON])"},
    {"expect", "expect: expected a number or a \"string\", got nothing more (expect VALUE)"},
    {"repeat 3", "repeat: expected a command, got nothing more (repeat N COMMAND...)"},
    {"repeat 3 nonsense", "no command 'nonsense' (help lists them)"},
    {"repeat 2 back", "back: not within another command"},
    {"explain explain read 0", "explain: not within another explain"},
    {"repeat 1 repeat 1 repeat 1 repeat 1 mark", "mark: too many commands within each other"},
    {"back 99", "back: expected at most 5, the steps that were made"},
    {"forward", "forward: expected at most 0, the steps that were taken back"},
    {"help nonsense", "help: there is no command 'nonsense'"},
};

static void count_unmet(void *context, unsigned long line, const char *text)
{
    (void)line;
    (void)text;
    ++*(unsigned *)context;
}

static void test_wrong_lines(void **state)
{
    struct scenario *scenario = open_scenario();
    uint64_t before;

    (void)state;
    run(scenario, "machine ram=256K records=beside", NULL);
    run(scenario, "process A", NULL);
    run(scenario, "map 0x10000 4p", NULL);
    run(scenario, "program prog 4K", NULL);
    run(scenario, "file text text \"text\"", NULL);
    before = state_of(scenario);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct problem problem = {""};

        checkf(!scenario_line(scenario, wrong[i].line, strlen(wrong[i].line), 1, NULL, &problem),
               "'%s' was accepted", wrong[i].line);
        checkf(strcmp(problem.text, wrong[i].problem) == 0, "'%s': expected\n%s\ngot\n%s",
               wrong[i].line, wrong[i].problem, problem.text);
        check_valid(scenario, wrong[i].line);
        checkf(state_of(scenario) == before && scenario_steps(scenario) == 5,
               "'%s' changed something", wrong[i].line);
    }
    scenario_close(scenario);
}

/* ---- expectations ---------------------------------------------------------------------------- */

/* Each pair: a line, and an expectation of it that does not hold (or an outcome that nobody
 * expects). */
static const struct {
    const char *line, *expect, *unmet;
} unmets[] = {
    {"read 0x10000 u8", "expect 8", "expected 8, got 7"},
    {"read 0x10000 u8", "expect \"\\x07\"", "expected \"\\x07\", got 7"},
    {"read 0x10000 text:1", "expect 7", "expected 7, got \"\\x07\""},
    {"read 0x10000 bytes:2", "expect \"\\x07\"", "expected \"\\x07\", got \"\\x07\\x00\""},
    {"write 0x10000 7", "expect 7", "expected 7, got no value: it went well"},
    {"write 0x10000 7", "expect fault", "expected a fault, got: it went well"},
    {"write 0x10000 7", "expect failure", "expected a failure, got: it went well"},
    {"read 0", "expect fault write",
     "expected a fault: write to a read-only region, got: fault: A: read at 0x00000000: nothing is "
     "mapped there"},
    {"read 0", "expect 7",
     "expected 7, got no value: fault: A: read at 0x00000000: nothing is mapped there"},
    {"map 0x10000 4K", "expect failure no-memory",
     "expected a failure: no-memory, got: already mapped: map: something is there already"},
    {"mark", "expect counter faults > 0", "expected faults > 0, got 0"},
    {"mark", "expect counter resident = 9 of A", "expected resident = 9, got 1"},
    {"mark", "expect page 0x10000 swap", "expected the page in: swap , got: in frame 0x4"},
    {"mark", "expect page 0x10000 frame 9", "expected the page in: frame 9, got: in frame 0x4"},
    {"show page 0x10000", "expect shows \"A: page\"",
     "expected a line 'A: page', and there is none"},
    {"show page 0x10000", "expect lines 2", "expected 2 lines, got 1"},
    {"exit B", "expect page B 0 untouched", "expect page: B does not run"},
    {"registry new", "mark",
     "did not expect this: registry new: there is no registry (registry makes one)"},
    {"show window 0", "mark",
     "did not expect this: show window: there is no registry (registry makes one)"},
    {"read 0", "mark",
     "did not expect this: fault: A: read at 0x00000000: nothing is mapped there"},
    {"read B 0", "mark", "did not expect this: read: B does not run"},
};

struct heard {
    unsigned times;
    char text[400];
};

static void hear(void *context, unsigned long line, const char *text)
{
    struct heard *heard = context;

    (void)line;
    heard->times++;
    snprintf(heard->text, sizeof heard->text, "%s", text);
}

static void test_unmet_expectations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unmets / sizeof unmets[0]; i++) {
        struct scenario *scenario = open_scenario();
        struct heard heard = {0, ""};

        scenario_on_unmet(scenario, hear, &heard);
        run(scenario, "machine ram=256K records=beside", NULL);
        run(scenario, "process B", NULL);
        run(scenario, "process A", NULL);
        run(scenario, "exit B", NULL);
        run(scenario, "map A 0x10000 4p", NULL);
        run(scenario, "write A 0x10000 7 u8", NULL);
        check(heard.times == 0);
        run(scenario, unmets[i].line, NULL);
        check(heard.times == 0);
        run(scenario, unmets[i].expect, NULL);
        checkf(heard.times == 1 && strcmp(heard.text, unmets[i].unmet) == 0,
               "%s; %s: expected\n%s\ngot (%u)\n%s", unmets[i].line, unmets[i].expect,
               unmets[i].unmet, heard.times, heard.text);
        scenario_close(scenario);
    }
}

/* ---- random lines ---------------------------------------------------------------------------- */

static const char *pick(struct prng *prng, const char *const *words, unsigned count)
{
    return words[prng_below(prng, count)];
}

static unsigned below(struct prng *prng, unsigned n)
{
    return (unsigned)prng_below(prng, n);
}

/* A line that is the language, and often goes well. */
static void random_line(struct prng *prng, char *line, size_t size)
{
    static const char *const names[] = {"A", "B", "C"};
    static const char *const rights[] = {"r", "rw", "rx", "-", "rwx"};
    static const char *const objects[] = {"F", "M"};
    static const char *const fails[] = {"frame", "read", "write", "nothing"};
    const char *name = pick(prng, names, 3), *other = pick(prng, names, 3);
    unsigned page = 16 + below(prng, 12), pages = 1 + below(prng, 6);

    switch (below(prng, 18)) {
    case 0: snprintf(line, size, "process %s", name); break;
    case 1: snprintf(line, size, "fork %s %s", name, other); break;
    case 2: snprintf(line, size, "exit %s", name); break;
    case 3:
    case 4: snprintf(line, size, "map %s %up %up", name, page, pages); break;
    case 5:
        snprintf(line, size, "map %s %up %up rw of %s at %up%s", name, page, pages,
                 pick(prng, objects, 2), below(prng, 3), below(prng, 2) ? " shared" : "");
        break;
    case 6: snprintf(line, size, "unmap %s %up %up", name, page, pages); break;
    case 7:
        snprintf(line, size, "protect %s %up %up %s", name, page, pages, pick(prng, rights, 5));
        break;
    case 8: snprintf(line, size, "discard %s %up %up", name, page, pages); break;
    case 9: snprintf(line, size, "sync %s", pick(prng, objects, 2)); break;
    case 10:
        snprintf(line, size, "fail %s", pick(prng, fails, 4));
        if (strcmp(line, "fail nothing") != 0) {
            snprintf(line + strlen(line), size - strlen(line), " %u", 1 + below(prng, 4));
        }
        break;
    case 11: snprintf(line, size, "mark"); break;
    case 12: snprintf(line, size, "explain touch %s %u write", name, page); break;
    case 13: snprintf(line, size, "write %s %up+100 %u", name, page, below(prng, 1000)); break;
    case 14: snprintf(line, size, "read %s %up+100", name, page); break;
    case 15: snprintf(line, size, "repeat 3 touch %s %u-%u", name, page, page + pages); break;
    default: snprintf(line, size, "touch %s %u-%u write", name, page, page + pages); break;
    }
}

enum { LINE_BYTES = 100, LINES = 60 };

static const char *const beginning[] = {
    "machine ram=128K swap=32K resident=6 policy=clock records=beside tlb=8,2",
    "file F 5p",
    "memory M 5p",
    "process A",
    "process B",
    "process C",
};
enum { BEGINNING = sizeof beginning / sizeof beginning[0] };

/* One history: its lines, what each printed, and the state after each. */
struct history {
    char line[LINES][LINE_BYTES];
    char *said[LINES];
    uint64_t state[LINES + 1]; /* [n]: after n lines */
};

static void run_and_note(struct scenario *scenario, struct history *history, unsigned n)
{
    size_t bytes = 0;
    FILE *out = open_memstream(&history->said[n], &bytes);

    check(out != NULL);
    run(scenario, history->line[n], out);
    fclose(out);
    history->state[n + 1] = state_of(scenario);
}

static void forget(struct history *history)
{
    for (unsigned n = 0; n < LINES; n++) {
        free(history->said[n]);
    }
}

/* Back by any number of steps is where the history was then; forward says the same as the first
 * time. */
static void test_back_and_forward(void **state)
{
    static struct history history;
    struct prng prng = prng_new(prng_seed());

    (void)state;
    for (unsigned round = 0; round < 3 * EFFORT; round++) {
        struct scenario *scenario = open_scenario();
        struct problem problem;

        memset(&history, 0, sizeof history);
        for (unsigned n = 0; n < LINES; n++) {
            if (n < BEGINNING) {
                snprintf(history.line[n], LINE_BYTES, "%s", beginning[n]);
            } else {
                random_line(&prng, history.line[n], LINE_BYTES);
            }
            run_and_note(scenario, &history, n);
        }
        for (unsigned i = 0; i < 10; i++) {
            unsigned n = below(&prng, LINES + 1);
            char *said = NULL, *expected = NULL;
            size_t bytes = 0, expected_bytes = 0;
            FILE *out = open_memstream(&said, &bytes);
            FILE *all = open_memstream(&expected, &expected_bytes);

            check(scenario_steps(scenario) == LINES && out != NULL && all != NULL);
            check(scenario_back(scenario, n, &problem));
            check(scenario_undone(scenario) == n && scenario_steps(scenario) == LINES - n);
            checkf(state_of(scenario) == history.state[LINES - n], "back %u is elsewhere", n);
            check_valid(scenario, "back");
            check(scenario_forward(scenario, n, out, &problem));
            checkf(state_of(scenario) == history.state[LINES], "forward %u is elsewhere", n);
            for (unsigned k = LINES - n; k < LINES; k++) {
                fputs(history.said[k], all);
            }
            fclose(out);
            fclose(all);
            checkf(strcmp(said, expected) == 0, "forward %u: expected\n%s\ngot\n%s", n, expected,
                   said);
            free(said);
            free(expected);
        }
        scenario_close(scenario);
        forget(&history);
    }
}

/* A new step after `back` ends what could be done again. */
static void test_new_step_after_back(void **state)
{
    struct scenario *scenario = open_scenario();
    struct problem problem;

    (void)state;
    run(scenario, "process A", NULL);
    run(scenario, "map 0x10000 1p", NULL);
    run(scenario, "write 0x10000 1", NULL);
    run(scenario, "back 2", NULL);
    check(scenario_undone(scenario) == 2);
    run(scenario, "show steps", NULL);
    check(scenario_undone(scenario) == 2);
    run(scenario, "map 0x20000 1p", NULL);
    check(scenario_undone(scenario) == 0 && scenario_steps(scenario) == 2);
    check(!scenario_forward(scenario, 1, NULL, &problem));
    run(scenario, "back 2", NULL);
    check(scenario_machine(scenario) == NULL);
    scenario_close(scenario);
}

/* ---- the examples ---------------------------------------------------------------------------- */

/* What a run of an example came to. */
struct came {
    unsigned unmet;
    uint64_t state;
    uint64_t frames, reads, writes; /* asked for on one machine, the most of all it makes */
};

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void note(struct came *came, const struct scenario *scenario)
{
    const struct machine *machine = scenario_machine(scenario);

    if (machine != NULL) {
        const uint64_t *events = machine->system.events;

        came->frames = most(came->frames, machine->frames.allocs);
        came->reads = most(came->reads, machine->disk.reads + events[QUIRE_EVENT_FILE_READ]);
        came->writes = most(came->writes, machine->disk.writes + events[QUIRE_EVENT_FILE_WRITE]);
    }
}

/* `plainly`: without explaining. */
static struct came run_example(const struct bytes *text, struct scenario_mishaps mishaps,
                               bool plainly)
{
    struct scenario *scenario = open_scenario();
    struct came came = {0};
    const char *at = (const char *)text->at;

    scenario_on_unmet(scenario, count_unmet, &came.unmet);
    scenario_inject(scenario, &mishaps);
    while (*at != '\0' && !scenario_over(scenario)) {
        size_t length = strcspn(at, "\n");
        size_t skip = plainly && strncmp(at, "explain ", 8) == 0 ? 8 : 0;
        uint64_t steps = scenario_steps(scenario);
        struct problem problem;

        checkf(scenario_line(scenario, at + skip, length - skip, 1, NULL, &problem), "%.*s: %s",
               (int)length, at, problem.text);
        if (scenario_steps(scenario) != steps) {
            check_valid(scenario, at);
            note(&came, scenario);
        }
        at += length + (at[length] == '\n');
    }
    scenario_end(scenario);
    came.state = state_of(scenario);
    scenario_close(scenario);
    return came;
}

static const struct scenario_mishaps no_mishaps = {.frame = {0}};

static void check_telling(const char *path, const struct bytes *text)
{
    struct came told = run_example(text, no_mishaps, false);
    struct came plain = run_example(text, no_mishaps, true);

    checkf(told.unmet == 0 && plain.unmet == 0, "%s: expectations do not hold", path);
    checkf(told.state == plain.state, "%s: explaining changes what happens", path);
}

static void test_explaining_changes_nothing(void **state)
{
    (void)state;
    each_example(check_telling);
}

/* The n-th frame refused, the n-th transfer failing, for every n: a line stays a line (the checks
 * in run_example), and the machine is sound after each. */
static void check_failures(const char *path, const struct bytes *text)
{
    struct came came = run_example(text, no_mishaps, false);
    uint64_t noticed = 0;
    unsigned step = EFFORT == 4 ? 1 : 7;

    for (uint64_t n = 1; n <= came.frames; n += step) {
        noticed += run_example(text, (struct scenario_mishaps){.frame = {n, 0}}, false).unmet != 0;
    }
    for (uint64_t n = 1; n <= came.reads; n += step) {
        noticed += run_example(text, (struct scenario_mishaps){.read = {n, 0}}, false).unmet != 0;
    }
    for (uint64_t n = 1; n <= came.writes; n += step) {
        noticed += run_example(text, (struct scenario_mishaps){.write = {n, 0}}, false).unmet != 0;
    }
    checkf(noticed != 0, "%s: nobody noticed any failure", path);
}

static void test_every_failure_in_every_example(void **state)
{
    (void)state;
    each_example(check_failures);
}

/* ---- the registry ---------------------------------------------------------------------------- */

static const char *const registry_lines[] = {
    "machine ram=256K records=beside",
    "registry ram 9320K kernel 8M",
    "registry new",
    "registry new",
    "registry grow 0",
    "registry grow 0",
    "registry grow 1",
    "registry grow 0",
    "show registry",
    "show window 1",
    "registry 3 pages 4 ram 10M",
};
enum { REGISTRY_LINES = sizeof registry_lines / sizeof registry_lines[0], REGISTRY_ALONE = 2 };

/* With the n-th frame refused; how many lines went wrong. What went wrong is done again, and
 * comes to the same as if nothing had. */
static unsigned registry_refused(uint64_t n, uint64_t *came)
{
    struct scenario *scenario = open_scenario();
    unsigned wrong_lines = 0;

    for (unsigned i = 0; i < REGISTRY_LINES; i++) {
        struct registry_run *run_there;
        uint32_t spaces;

        if (i == REGISTRY_ALONE) {
            char line[40];

            snprintf(line, sizeof line, "fail frame %" PRIu64, n);
            run(scenario, line, NULL);
        }
        run_there = scenario->registry;
        spaces = run_there != NULL ? run_there->registry.spaces : 0;
        run(scenario, registry_lines[i], NULL);
        if (scenario->outcome.kind != OUTCOME_OK) {
            check(scenario->outcome.status == QUIRE_NO_MEMORY);
            check(scenario->registry != run_there || run_there->registry.spaces == spaces);
            wrong_lines++;
            run(scenario, registry_lines[i], NULL);
            check(scenario->outcome.kind == OUTCOME_OK);
        }
    }
    run(scenario, "fail nothing", NULL);
    *came = scenario->registry->registry.count.moved << 32 | scenario->registry->registry.spaces;
    scenario_close(scenario);
    return wrong_lines;
}

static void test_registry_without_frames(void **state)
{
    uint64_t undisturbed, came;
    uint64_t n = 1;

    (void)state;
    check(registry_refused(UINT64_C(1) << 40, &undisturbed) == 0);
    while (registry_refused(n, &came) != 0) {
        checkf(came == undisturbed, "frame %" PRIu64 " refused: another registry", n);
        n++;
    }
    checkf(n > 20, "only %" PRIu64 " frames are asked for", n);
}

/* ---- PHYS and VIRT --------------------------------------------------------------------------- */

/* What the command prints, and what the core's own pictures say, which find it in another way. */
struct pictures {
    char *shown, *expected;
    size_t shown_bytes, expected_bytes;
    FILE *out;
};

static void pictures_open(struct pictures *pictures, struct scenario *scenario, const char *command)
{
    FILE *shown = open_memstream(&pictures->shown, &pictures->shown_bytes);

    check(shown != NULL);
    run(scenario, command, shown);
    fclose(shown);
    pictures->out = open_memstream(&pictures->expected, &pictures->expected_bytes);
    check(pictures->out != NULL);
}

static void pictures_add(struct pictures *pictures, const struct quire_range *range,
                         const char *free_name)
{
    fprintf(pictures->out, "0x%08" PRIx64 "-0x%08" PRIx64 "  %s\n", range->first, range->last,
            range->owner == QUIRE_OWNER_NONE ? free_name : quire_range_name(range));
}

static void pictures_close(struct pictures *pictures, const char *path)
{
    fclose(pictures->out);
    checkf(strcmp(pictures->shown, pictures->expected) == 0, "%s: expected\n%s\ngot\n%s", path,
           pictures->expected, pictures->shown);
    free(pictures->shown);
    free(pictures->expected);
}

static void compare_pictures(struct scenario *scenario, const char *path)
{
    struct quire_range physical = {.begun = false}, virtual = {.begun = false};
    struct pictures pictures;

    pictures_open(&pictures, scenario, "show phys");
    while (quire_usermode_physical(&scenario->usermode, &physical)) {
        pictures_add(&pictures, &physical, "no-man's land");
    }
    pictures_close(&pictures, path);
    if (scenario->running != NULL) {
        pictures_open(&pictures, scenario, "show virt");
        while (quire_process_virtual(&scenario->running->process, &virtual)) {
            pictures_add(&pictures, &virtual, "unreserved");
        }
        pictures_close(&pictures, path);
    }
}

static void test_pictures(void **state)
{
    static const char *const paths[] = {"examples/seed-002.quire", "examples/library-write.quire",
                                        "examples/programs.quire"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct bytes text = read_file(paths[i]);
        struct scenario *scenario = open_scenario();
        char *rest, *line = strtok_r((char *)text.at, "\n", &rest);

        for (; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
            run(scenario, line, NULL);
            if (scenario_machine(scenario) != NULL) {
                compare_pictures(scenario, paths[i]);
            }
        }
        scenario_close(scenario);
        bytes_free(&text);
    }
}

/* ---- completion ------------------------------------------------------------------------------ */

static const struct {
    const char *line, *words;
} completions[] = {
    {"", NULL}, /* every first word: checked below */
    {"pro", "process program protect"},
    {"show pa", "page"},
    {"show s", "steps supplement swap"},
    {"expect fa", "failure fault"},
    {"expect fault us", "user"},
    {"expect counter zero", "zero-fills"},
    {"read ", "A bytes: kernel text: u16 u32 u64 u8"},
    {"read A 0x10000 u", "u16 u32 u64 u8"},
    {"map 0 4K of ", "F"},
    {"load ", "A lib"},
    {"spawn X of ", "prog"},
    {"machine po", "policy="},
    {"machine policy=c", "policy=clock policy=clock-m policy=clock-mmu"},
    {"machine format=x", "format=x86-64"},
    {"explain rea", "read"},
    {"repeat 3 tou", "touch"},
    {"explain repeat 3 tou", "touch"},
    {"help sho", "show"},
    {"nonsense ", ""},
    {"write 0 \"", ""},
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_completion(void **state)
{
    struct scenario *scenario = open_scenario();

    (void)state;
    run(scenario, "process A", NULL);
    run(scenario, "file F 4K", NULL);
    run(scenario, "program prog 4K", NULL);
    run(scenario, "library lib 4K", NULL);
    for (size_t i = 0; i < sizeof completions / sizeof completions[0]; i++) {
        char words[100][64], all[100 * 65 + 1] = "";
        unsigned n = 0;

        while (n < 100 && scenario_complete(scenario, completions[i].line, n, words[n], 64)) {
            n++;
        }
        qsort(words, n, 64, by_text);
        for (unsigned k = 0; k < n; k++) {
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", k > 0 ? " " : "",
                     words[k]);
        }
        checkf(completions[i].words == NULL || strcmp(all, completions[i].words) == 0,
               "'%s': expected '%s', got '%s'", completions[i].line, completions[i].words, all);
        check(completions[i].words != NULL || (n > 30 && strstr(all, " show ") != NULL));
    }
    scenario_close(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_command_is_in_an_example),
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_unmet_expectations),
        cmocka_unit_test(test_back_and_forward),
        cmocka_unit_test(test_new_step_after_back),
        cmocka_unit_test(test_explaining_changes_nothing),
        cmocka_unit_test(test_every_failure_in_every_example),
        cmocka_unit_test(test_registry_without_frames),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_completion),
    };

    return unit_run(tests);
}
