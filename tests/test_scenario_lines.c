/*
 * Lines of scenarios that cannot be: each says what is wrong, and does nothing; and expectations
 * that do not hold.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/stage.h"
#include "tests/support/unit.h"

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
                    "records=, layout=, kernel=, disk=, ahead= or around=, got 'ram'"},
    {"machine rum=4", "machine: expected format=, ram=, swap=, tlb=, policy=, resident=, commit=, "
                      "records=, layout=, kernel=, disk=, ahead= or around=, got 'rum=4'"},
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
    {"machine disk=sluggish", "machine: disk: 'sluggish' is neither slow nor fast"},
    {"machine ahead=1", "machine: ahead: '1' is neither on nor off"},
    {"machine around=3", "machine: around: '3' is not a power of two from 1 (none) to 32768"},
    {"machine around=65536",
     "machine: around: '65536' is not a power of two from 1 (none) to 32768"},
    {"machine layout=none", "machine: layout: 'none' is none of seed, classic-32 and classic-64"},
    {"machine format=i8086", "machine: format: no format or file 'i8086' (formats: ptsim, ostep14, "
                             "ostep-linear, ostep-multilevel, i386, x86-64)"},
    {"limit A 4 policy best", "limit: expected a policy that quire replay --policy help lists, but "
                              "opt, got 'best' (limit [PROCESS] NUMBER [policy POLICY])"},
    {"limit A 4 policy opt", "limit: expected a policy that quire replay --policy help lists, but "
                             "opt, got 'opt' (limit [PROCESS] NUMBER [policy POLICY])"},
    {"limit A 4294967296", "limit: expected a number of pages"},
    {"advise A 0x10000 4K often", "advise: expected normal, sequential or random, got 'often' "
                                  "(advise [PROCESS] VA SIZE ADVICE)"},
    {"tick 0", "tick: expected a number, 1 or more, got '0' (tick [N])"},
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

static void test_wrong_lines(void **state)
{
    struct scenario *scenario = stage_open();
    uint64_t before;

    (void)state;
    stage_run(scenario, "machine ram=256K records=beside", NULL);
    stage_run(scenario, "process A", NULL);
    stage_run(scenario, "map 0x10000 4p", NULL);
    stage_run(scenario, "program prog 4K", NULL);
    stage_run(scenario, "file text text \"text\"", NULL);
    before = stage_state(scenario);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct problem problem = {""};

        checkf(!scenario_line(scenario, wrong[i].line, strlen(wrong[i].line), 1, NULL, &problem),
               "'%s' was accepted", wrong[i].line);
        checkf(strcmp(problem.text, wrong[i].problem) == 0, "'%s': expected\n%s\ngot\n%s",
               wrong[i].line, wrong[i].problem, problem.text);
        stage_check(scenario, wrong[i].line);
        checkf(stage_state(scenario) == before && scenario_steps(scenario) == 5,
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
        struct scenario *scenario = stage_open();
        struct heard heard = {0, ""};

        scenario_on_unmet(scenario, hear, &heard);
        stage_run(scenario, "machine ram=256K records=beside", NULL);
        stage_run(scenario, "process B", NULL);
        stage_run(scenario, "process A", NULL);
        stage_run(scenario, "exit B", NULL);
        stage_run(scenario, "map A 0x10000 4p", NULL);
        stage_run(scenario, "write A 0x10000 7 u8", NULL);
        check(heard.times == 0);
        stage_run(scenario, unmets[i].line, NULL);
        check(heard.times == 0);
        stage_run(scenario, unmets[i].expect, NULL);
        checkf(heard.times == 1 && strcmp(heard.text, unmets[i].unmet) == 0,
               "%s; %s: expected\n%s\ngot (%u)\n%s", unmets[i].line, unmets[i].expect,
               unmets[i].unmet, heard.times, heard.text);
        scenario_close(scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_unmet_expectations),
    };

    return unit_run(tests);
}
