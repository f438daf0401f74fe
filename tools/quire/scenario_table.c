/* The commands. docs/scenarios.md explains them at length, in the same order. */
#include <string.h>

#include "scenario_internal.h"

/* What `fail` takes, by the order of run_fail(). */
enum { FAIL_FRAME, FAIL_READ, FAIL_WRITE, FAIL_FLUSH, FAIL_NOTHING };

/* clang-format off */
const struct command scenario_commands[] = {
    {"machine", "[SETTING...]",
     "A new machine; all that was on the old one is gone. Settings: format= (i386), ram= (16M), "
     "swap= (as much as ram), tlb=ENTRIES,WAYS (64,4), policy= (clock), resident=PAGES (no "
     "limit), commit=strict or over (over), records=inside or beside; layout=seed, classic-32 or "
     "classic-64: where the parts of programs go (seed), kernel=SIZE: physical memory below this "
     "is the kernel's (as much as a layout has that was said, else nothing); disk=slow or fast "
     "(fast): do devices let faults wait? ahead=on or off (off): reading ahead; around=PAGES (1): "
     "pages in frames already that a fault maps, too. Without this "
     "command there is a machine with all defaults.", COMMAND_CHANGES, run_machine, 0},
    {"fail frame", "N [every M]",
     "The N-th frame that is asked for from now on is refused, and then every M-th.",
     COMMAND_CHANGES, run_fail, FAIL_FRAME},
    {"fail read", "N [every M]",
     "The N-th page read from a device, swap or file, from now on fails.",
     COMMAND_CHANGES, run_fail, FAIL_READ},
    {"fail write", "N [every M]",
     "The N-th page written to a device from now on fails.", COMMAND_CHANGES, run_fail, FAIL_WRITE},
    {"fail flush", "N [every M]",
     "The N-th flush of the TLB from now on is lost. An access that a stale entry would mislead "
     "fails, with status corrupt.", COMMAND_CHANGES, run_fail, FAIL_FLUSH},
    {"fail nothing", "",
     "Nothing is made to fail any more.", COMMAND_CHANGES, run_fail, FAIL_NOTHING},
    {"mark", "",
     "Counters count from here on.", COMMAND_CHANGES, run_mark, 0},

    {"program", "NAME [SIZE] [data BYTES] [elf PATH]",
     "A program that processes can be spawned of: SIZE bytes (of text, if it has data), or an "
     "executable file of this machine. Byte n of one that is just so large is n modulo 251.",
     COMMAND_CHANGES, run_program, OBJECT_PROGRAM},
    {"library", "NAME [SIZE] [data BYTES] [elf PATH] [kept]",
     "A library, in the kernel's list. kept: it stays in memory when nobody uses it any more.",
     COMMAND_CHANGES, run_library, OBJECT_LIBRARY},
    {"spawn", "NEW [SIZE] [data BYTES] [elf PATH] [of PROGRAM] [demand]",
     "A process with a stack and a program, which runs from now on. Its pages come in at once, "
     "or on demand.", COMMAND_CHANGES, run_spawn, 0},
    {"load", "[PROCESS] LIBRARY",
     "Maps a library where the process has room.", COMMAND_CHANGES, run_load, 0},
    {"unload", "[PROCESS] LIBRARY",
     "Takes it away.", COMMAND_CHANGES, run_unload, 0},
    {"heap", "[PROCESS] SIZE",
     "Maps so much heap where the process has room.", COMMAND_CHANGES, run_heap, 0},

    {"process", "NEW",
     "A process with an empty address space and no program; it runs from now on.",
     COMMAND_CHANGES, run_process, 0},
    {"fork", "[PROCESS] NEW",
     "A copy of the process, which shares its pages until one of the two writes (copy-on-write). "
     "The one that ran goes on running.", COMMAND_CHANGES, run_fork, 0},
    {"exit", "[PROCESS]",
     "Ends the process: its frames, slots and tables are free. (quit leaves the shell.)",
     COMMAND_CHANGES, run_exit, 0},
    {"switch", "PROCESS",
     "This process runs from now on. So does each that a command makes read or write.",
     COMMAND_CHANGES, run_switch, 0},

    {"file", "NAME [SIZE] [text VALUE] [from PATH]",
     "A file on a device of the simulated machine: of so many zeros, with a text in it, or with "
     "what a file of this machine holds (a copy).", COMMAND_CHANGES, run_file, OBJECT_FILE},
    {"memory", "NAME SIZE",
     "Memory that processes can share: zeros at first, paged to swap.",
     COMMAND_CHANGES, run_memory, OBJECT_MEMORY},
    {"drop", "OBJECT",
     "Forgets a file or memory that nobody maps.", COMMAND_CHANGES, run_drop, 0},
    {"sync", "OBJECT",
     "Writes the pages of a file that were written back to its device.",
     COMMAND_CHANGES, run_sync, 0},
    {"stored", "OBJECT OFFSET [WIDTH]",
     "Reads what the device holds, past all paging.", COMMAND_CHANGES, run_stored, 0},

    {"map",
     "[PROCESS] VA SIZE [RIGHTS] [of OBJECT] [at OFFSET] [shared] [grows LIMIT] [max MOST] "
     "[kernel]",
     "Adds a region: of zeros, or of an object from an offset on. Rights are rw if not said. "
     "Private, or shared: seen by all. grows: a stack, which may grow down to so many bytes. "
     "max: the most that protect may give. kernel: not for user accesses.",
     COMMAND_CHANGES, run_map, 0},
    {"unmap", "[PROCESS] VA SIZE",
     "Removes what is mapped there.", COMMAND_CHANGES, run_unmap, 0},
    {"protect", "[PROCESS] VA SIZE RIGHTS [kernel]",
     "Changes the rights of what is mapped there.", COMMAND_CHANGES, run_protect, 0},
    {"discard", "[PROCESS] VA SIZE",
     "Gives up the contents: the pages are as they were when they were mapped.",
     COMMAND_CHANGES, run_discard, 0},
    {"wire", "[PROCESS] VA [write] [kernel]",
     "Brings the page in, for reading or writing, and keeps it in its frame.",
     COMMAND_CHANGES, run_wire, 0},
    {"unwire", "[PROCESS] VA",
     "Undoes one wire.", COMMAND_CHANGES, run_wire, 1},
    {"working-set", "[PROCESS]",
     "Counts the pages accessed since this was last asked, by the MMU's accessed bits. The "
     "number is a value for expect.", COMMAND_CHANGES, run_working_set, 0},
    {"limit", "[PROCESS] NUMBER [policy POLICY]",
     "No more than so many pages of its own may be in frames at once: for another one of them has "
     "to go, chosen by this policy (the machine's if not said). 0: no limit any more.",
     COMMAND_CHANGES, run_limit, 0},
    {"advise", "[PROCESS] VA SIZE ADVICE",
     "Says how the pages will be used: normal, sequential or random. What is read ahead of a "
     "fault depends on it, on a machine with ahead=on.", COMMAND_CHANGES, run_advise, 0},
    {"prefetch", "[PROCESS] VA SIZE",
     "Brings in the pages there that have to be read from a device.",
     COMMAND_CHANGES, run_prefetch, 0},
    {"tick", "[N]",
     "The timer ticks, once or N times: for policies that count time in ticks.",
     COMMAND_CHANGES, run_tick, 0},

    {"registry", "[N] [pages M] [ram SIZE] [kernel BYTES]",
     "A kernel, on a machine of its own (64M), that sees the page tables of all processes in its "
     "own addresses (seed 001). With N, so many address spaces are made at once, each mapping 1 "
     "to M pages (3) that are far apart, and all is read back through their windows.",
     COMMAND_CHANGES, run_registry, 0},
    {"registry new", "",
     "One more address space there, without any page.", COMMAND_CHANGES, run_registry_new, 0},
    {"registry grow", "NUMBER",
     "This space maps one more page, far from its others: it needs a table, and its window a "
     "page.", COMMAND_CHANGES, run_registry_grow, 0},

    {"read", "[PROCESS] VA [WIDTH] [kernel]",
     "Loads a value: u8, u16, u32 (if not said), u64, bytes:N or text:N.",
     COMMAND_CHANGES, run_read, 0},
    {"write", "[PROCESS] VA VALUE [WIDTH] [kernel]",
     "Stores a number, u32 wide if not said, or a \"string\".", COMMAND_CHANGES, run_write, 0},
    {"fetch", "[PROCESS] VA [kernel]",
     "Fetches an instruction byte: an execute access.", COMMAND_CHANGES, run_fetch, 0},
    {"fill", "[PROCESS] VA SIZE BYTE [kernel]",
     "Stores the byte so many times.", COMMAND_CHANGES, run_fill, 0},
    {"touch", "[PROCESS] PAGES... [write] [kernel]",
     "A reference string: reads, or writes, one byte of each page. 7 is a page number, 3-9 are "
     "seven.", COMMAND_CHANGES, run_touch, 0},

    {"explain", "COMMAND...",
     "Does the command and tells all of it: TLB, the walk level by level, the fault, what the "
     "supplement says, eviction, transfers, the second try.", COMMAND_CHANGES, run_explain, 0},
    {"repeat", "N COMMAND...",
     "Does the command N times, or until it goes wrong.", COMMAND_CHANGES, run_repeat, 0},

    {"show machine", "",
     "How the machine is made.", COMMAND_LOOKS, run_show_machine, 0},
    {"show processes", "",
     "The processes and what they hold.", COMMAND_LOOKS, run_show_processes, 0},
    {"show objects", "",
     "Files and shared memory.", COMMAND_LOOKS, run_show_objects, 0},
    {"show phys", "",
     "Physical memory: who has which frames.", COMMAND_LOOKS, run_show_phys, 0},
    {"show virt", "[PROCESS]",
     "Virtual memory of a process: what is where.", COMMAND_LOOKS, run_show_virt, 0},
    {"show regions", "[PROCESS]",
     "Its regions, with rights and what they are made of.", COMMAND_LOOKS, run_show_regions, 0},
    {"show tables", "[PROCESS]",
     "Its page table: what is mapped to where.", COMMAND_LOOKS, run_show_tables, 0},
    {"show walk", "[PROCESS] VA",
     "The walk for an address, with every bit of every entry.", COMMAND_LOOKS, run_show_walk, 0},
    {"show supplement", "[PROCESS]",
     "Its supplemental page table: where its own pages are.",
     COMMAND_LOOKS, run_show_supplement, 0},
    {"show page", "[PROCESS] VA",
     "Where one page is.", COMMAND_LOOKS, run_show_page, 0},
    {"show frames", "",
     "The frames that hold pages, one by one.", COMMAND_LOOKS, run_show_frames, 0},
    {"show swap", "",
     "The swap slots in use.", COMMAND_LOOKS, run_show_swap, 0},
    {"show tlb", "",
     "What the TLB holds.", COMMAND_LOOKS, run_show_tlb, 0},
    {"show registry", "",
     "What all address spaces of the registry cost together.", COMMAND_LOOKS, run_show_registry,
     0},
    {"show window", "NUMBER",
     "Where the kernel sees the tables of this space of the registry, page by page.",
     COMMAND_LOOKS, run_show_window, 0},
    {"show counters", "",
     "What happened since the start, or the last mark, and how much there is now.",
     COMMAND_LOOKS, run_show_counters, 0},
    {"show steps", "",
     "The commands so far that changed something.", COMMAND_TELLS, run_show_steps, 0},

    {"expect fault", "[REASON]",
     "The last command was refused an access, for this reason.",
     COMMAND_EXPECTS, run_expect_fault, 0},
    {"expect failure", "[STATUS]",
     "The last command could not be done, with this status.",
     COMMAND_EXPECTS, run_expect_failure, 0},
    {"expect counter", "COUNTER OP NUMBER [of PROCESS]",
     "A counter is so large.", COMMAND_EXPECTS, run_expect_counter, 0},
    {"expect page", "[PROCESS] VA PLACE [NUMBER]",
     "The page is in a frame or swap slot (of that number), all zeros, or untouched.",
     COMMAND_EXPECTS, run_expect_page, 0},
    {"expect shows", "TEXT",
     "What was last printed has this line; blanks do not count.",
     COMMAND_EXPECTS, run_expect_shows, 0},
    {"expect lines", "NUMBER",
     "What was last printed has so many lines.", COMMAND_EXPECTS, run_expect_lines, 0},
    {"expect", "VALUE",
     "The last command gave this value.", COMMAND_EXPECTS, run_expect_value, 0},

    {"say", "[TEXT...]",
     "Prints the words.", COMMAND_TELLS, run_say, 0},
    {"help", "[TOPIC...]",
     "All commands, or one.", COMMAND_TELLS, run_help, 0},
    {"back", "[N]",
     "Takes back the last step, or the last N.", COMMAND_TELLS, run_back, 0},
    {"forward", "[N]",
     "Does again what was taken back.", COMMAND_TELLS, run_forward, 0},
    {"quit", "",
     "Ends the scenario, or the shell.", COMMAND_TELLS, run_quit, 0},
};
/* clang-format on */
const size_t scenario_commands_length = sizeof scenario_commands / sizeof scenario_commands[0];

/* How many words the name has, if the words begin with it; else 0. */
static unsigned begins_with(const struct word *words, unsigned count, const char *name)
{
    const char *blank = strchr(name, ' ');
    size_t length = blank != NULL ? (size_t)(blank - name) : strlen(name);

    if (count == 0 || words[0].quoted || words[0].length != length ||
        strncmp(words[0].text, name, length) != 0) {
        return 0;
    }
    if (blank == NULL) {
        return 1;
    }
    return count > 1 && word_is(&words[1], blank + 1) ? 2 : 0;
}

const struct command *command_find(const struct word *words, unsigned count, unsigned *length)
{
    const struct command *found = NULL;

    *length = 0;
    for (size_t i = 0; i < scenario_commands_length; i++) {
        unsigned n = begins_with(words, count, scenario_commands[i].name);

        if (n > *length) {
            found = &scenario_commands[i];
            *length = n;
        }
    }
    return found;
}
