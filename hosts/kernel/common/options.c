/* The command line: options, then "--", then the first program's command. */
#include <string.h>

#include "kernel.h"

/* The kernel below all programs, as in seed 002, and the rest as most systems have it. */
static const struct quire_layout classic = {
    .name = "classic",
    .kernel = {0},
    .kernel_bytes = KERNEL_BYTES,
    .users = {KERNEL_BYTES},
    .last = {0xfffeffff},
    .image = {0x801000},
    .stack = {0xfffec000},
    .stack_bytes = 0x4000,
    .stack_limit = 0x100000,
    .mappings = {0x40000000},
};

static const struct quire_policy_ops *const policies[] = {
    &quire_policy_clock_mmu,   &quire_policy_fifo,      &quire_policy_random,
    &quire_policy_clock_m,     &quire_policy_nru,       &quire_policy_aging,
    &quire_policy_wsclock,     &quire_policy_sieve_mmu, &quire_policy_s3_fifo_mmu,
    &quire_policy_generational};

struct options options = {.layout = &classic,
                          .policy = &quire_policy_clock_mmu,
                          .loading = QUIRE_LOAD_DEMAND,
                          .command = "sh"};

/* Seed 002's pictures come of all pages coming at once; load= behind it may say otherwise. */
static bool set_layout(const char *value)
{
    if (strcmp(value, "seed") == 0) {
        options.layout = &quire_layout_seed;
        options.loading = QUIRE_LOAD_EAGER;
        return true;
    }
    options.layout = &classic;
    return strcmp(value, classic.name) == 0;
}

static bool set_loading(const char *value)
{
    options.loading = strcmp(value, "eager") == 0 ? QUIRE_LOAD_EAGER : QUIRE_LOAD_DEMAND;
    return options.loading == QUIRE_LOAD_EAGER || strcmp(value, "demand") == 0;
}

static bool set_policy(const char *value)
{
    for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        if (strcmp(value, policies[i]->name) == 0) {
            options.policy = policies[i];
            return true;
        }
    }
    return false;
}

bool options_number(const char *text, uint32_t *value)
{
    *value = 0;
    for (; *text >= '0' && *text <= '9' && *value < 100000000; text++) {
        *value = *value * 10 + (uint32_t)(*text - '0');
    }
    return *text == '\0' && *value > 0;
}

static bool set_swap(const char *value)
{
    options.ram_slots = 0;
    options.no_swap = strcmp(value, "none") == 0;
    return options.no_swap || strcmp(value, "disk") == 0 ||
           (strncmp(value, "ram:", 4) == 0 && options_number(value + 4, &options.ram_slots));
}

static bool set_witness(const char *value)
{
    options.witness = true;
    return *value == '\0';
}

static bool set_check(const char *value)
{
    options.check = true;
    return *value == '\0';
}

static const struct {
    const char *name;
    bool (*set)(const char *value);
} settings[] = {
    {"layout=", set_layout}, {"load=", set_loading},   {"policy=", set_policy},
    {"swap=", set_swap},     {"witness", set_witness}, {"check", set_check},
};

/* This kernel has no faults to order; the one with ../faulty/faulty.c has, by the same name. */
__attribute__((weak)) bool faulty_option(const char *word)
{
    (void)word;
    return false;
}

static void set(const char *word)
{
    for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        size_t length = strlen(settings[i].name);

        if (strncmp(word, settings[i].name, length) == 0 && settings[i].set(word + length)) {
            return;
        }
    }
    if (!faulty_option(word)) {
        refuse("no option %s", word);
    }
}

void options_read(const char *command_line)
{
    static char word[64];
    const char *at = command_line;

    for (;;) {
        size_t length;

        at += strspn(at, " ");
        length = strcspn(at, " ");
        if (length == 0) {
            return;
        }
        if (length == 2 && strncmp(at, "--", 2) == 0) {
            at += 2;
            options.command = at + strspn(at, " ");
            if (strlen(options.command) >= COMMAND_BYTES) {
                refuse("a command has at most %u characters", COMMAND_BYTES - 1);
            }
            return;
        }
        if (length >= sizeof(word)) {
            refuse("an option is too long: %s", at);
        }
        memcpy(word, at, length);
        word[length] = '\0';
        set(word);
        at += length;
    }
}
