/* The bits of an entry by their meaning. One table of roles holds the words. */
#include "entry_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* For a condition: what it means when it holds, and when it does not. */
static const struct role {
    const char *label;
    const char *holds, *fails;
} roles[ENTRY_ROLES] = {
    [ROLE_IGNORED] = {"-", "ignored", "ignored"},
    [ROLE_ADDRESS] = {"address", NULL, NULL},
    [ROLE_PRESENT] = {"V", "not present", "present"},
    [ROLE_KIND] = {"S", "points to a table", "maps a page"},
    [ROLE_READ] = {"R", "may be read", "may not be read"},
    [ROLE_WRITE] = {"W", "may be written", "may not be written"},
    [ROLE_EXECUTE] = {"X", "may be executed", "may not be executed"},
    [ROLE_USER] = {"U", "users may reach it", "supervisor only"},
    [ROLE_ACCESSED] = {"A", "accessed", "not accessed"},
    [ROLE_DIRTY] = {"D", "dirty: has been written", "not dirty"},
    [ROLE_GLOBAL] = {"G", "global: the same in every address space", "not global"},
    [ROLE_TYPE] = {"T", NULL, NULL},
    [ROLE_FIXED] = {"1", "must be set", "must be set"},
    [ROLE_RESERVED] = {"0", "reserved: must be zero", "reserved: must be zero"},
    [ROLE_SOFT] = {"free", "free for the system's own use", NULL},
};

static const char *const type_name[QUIRE_TYPES_OF_MEMORY] = {
    "normal memory", "write-through", "uncached, may be overridden", "uncached"};

static uint64_t field_mask(struct quire_field field)
{
    return quire_ones(field.bits) << field.pte_bit;
}

/* The condition behind a role that is one. */
static struct quire_bits condition_of(const struct quire_format *format, unsigned level,
                                      enum quire_pte_kind kind, enum entry_role role)
{
    const struct quire_attribute_bits *bits =
        kind == QUIRE_PTE_TABLE ? &format->table : &format->leaf;
    const struct quire_bits none = QUIRE_ALWAYS;

    switch (role) {
    case ROLE_PRESENT: return format->absent;
    case ROLE_KIND: return level < format->levels ? quire_level_of(format, level)->table : none;
    case ROLE_READ: return bits->read;
    case ROLE_WRITE: return bits->write;
    case ROLE_EXECUTE: return bits->execute;
    case ROLE_USER: return bits->user;
    case ROLE_ACCESSED: return bits->accessed;
    case ROLE_DIRTY: return bits->dirty;
    case ROLE_GLOBAL: return bits->global;
    default: return none;
    }
}

static uint64_t rights_mask(const struct quire_format *format)
{
    const struct quire_attribute_bits *leaf = &format->leaf;

    return leaf->read.mask | leaf->write.mask | leaf->execute.mask | leaf->user.mask;
}

/* The bits of an entry that play a role. */
static uint64_t role_mask(const struct quire_format *format, unsigned level,
                          enum quire_pte_kind kind, enum entry_role role)
{
    const struct quire_entry_layout *layout = quire_pte_layout(format, level, kind);

    if (kind == QUIRE_PTE_ABSENT && role != ROLE_PRESENT && role != ROLE_SOFT) {
        return 0;
    }
    switch (role) {
    case ROLE_KIND: /* a leaf may be told by its rights: then these bits are the rights */
        return condition_of(format, level, kind, role).mask &
               ~(kind == QUIRE_PTE_LEAF ? rights_mask(format) : 0);
    case ROLE_ADDRESS: return field_mask(layout->address[0]) | field_mask(layout->address[1]);
    case ROLE_TYPE: return kind == QUIRE_PTE_LEAF ? format->type_mask : 0;
    case ROLE_FIXED: return layout->set;
    case ROLE_RESERVED: return layout->reserved;
    case ROLE_SOFT: return kind == QUIRE_PTE_ABSENT ? field_mask(format->soft) : 0;
    default: return condition_of(format, level, kind, role).mask;
    }
}

/* What bit `bit` is: the first role that claims it. */
static struct entry_field field_of_bit(const struct quire_format *format, unsigned level,
                                       enum quire_pte_kind kind, unsigned bit)
{
    const struct quire_entry_layout *layout = quire_pte_layout(format, level, kind);
    struct entry_field field = {ROLE_IGNORED, (uint8_t)bit, (uint8_t)bit, 0};

    for (unsigned role = ROLE_ADDRESS; role < ENTRY_ROLES; role++) {
        if (role_mask(format, level, kind, role) >> bit & 1) {
            field.role = role;
            break;
        }
    }
    for (unsigned i = 0; i < QUIRE_ADDRESS_FIELDS && field.role == ROLE_ADDRESS; i++) {
        if (field_mask(layout->address[i]) >> bit & 1) {
            field.pa_bit = (uint8_t)(layout->address[i].pa_bit + bit - layout->address[i].pte_bit);
        }
    }
    return field;
}

unsigned entry_fields(const struct quire_format *format, unsigned level, enum quire_pte_kind kind,
                      struct entry_field *fields)
{
    unsigned count = 0;

    for (unsigned bit = 8U * format->pte_bytes; bit-- > 0;) {
        struct entry_field field = field_of_bit(format, level, kind, bit);
        struct entry_field *last = count > 0 ? &fields[count - 1] : NULL;
        bool joins = last != NULL && last->role == field.role &&
                     (field.role != ROLE_ADDRESS || field.pa_bit + 1 == last->pa_bit);

        if (joins) {
            last->low = field.low;
            last->pa_bit = field.pa_bit;
        } else {
            fields[count++] = field;
        }
    }
    return count;
}

uint64_t entry_field_value(const struct entry_field *field, uint64_t entry)
{
    return entry >> field->low & quire_ones(field->high - field->low + 1U);
}

struct field_text entry_field_bits(const struct entry_field *field)
{
    struct field_text result;

    snprintf(result.text, sizeof result.text, field->high == field->low ? "%u" : "%u..%u",
             field->high, field->low);
    return result;
}

static struct field_text text_of(const char *text)
{
    struct field_text result;

    snprintf(result.text, sizeof result.text, "%s", text);
    return result;
}

struct field_text entry_field_label(const struct entry_field *field)
{
    struct field_text result = text_of(roles[field->role].label);

    if (field->role == ROLE_ADDRESS) {
        snprintf(result.text, sizeof result.text, "address %u..%u",
                 field->pa_bit + field->high - field->low, field->pa_bit);
    }
    return result;
}

/* "1: may be written": the part of a condition that lies in this field, and what it then means. */
static struct field_text condition_meaning(const struct role *role, struct quire_bits condition,
                                           const struct entry_field *field)
{
    struct field_text result;
    uint64_t value = entry_field_value(field, condition.value);
    bool one_bit = (condition.mask & (condition.mask - 1)) == 0;

    if (field->role == ROLE_PRESENT && one_bit) {
        snprintf(result.text, sizeof result.text, "%d: %s", value == 0, role->fails);
    } else {
        snprintf(result.text, sizeof result.text, one_bit ? "%" PRIu64 ": %s" : "0x%" PRIx64 ": %s",
                 value, role->holds);
    }
    return result;
}

struct field_text entry_field_meaning(const struct quire_format *format, unsigned level,
                                      enum quire_pte_kind kind, const struct entry_field *field)
{
    const struct role *role = &roles[field->role];
    struct quire_bits condition = condition_of(format, level, kind, field->role);
    struct field_text result;

    if (condition.mask != 0) {
        return condition_meaning(role, condition, field);
    }
    if (field->role == ROLE_ADDRESS) {
        snprintf(result.text, sizeof result.text, "bits %u..%u of the address of the %s",
                 field->pa_bit + field->high - field->low, field->pa_bit,
                 kind == QUIRE_PTE_TABLE ? "next table" : "page");
        return result;
    }
    return text_of(role->holds != NULL ? role->holds : "memory type");
}

static const char *type_of(const struct quire_format *format, uint64_t entry)
{
    for (unsigned type = 0; type < QUIRE_TYPES_OF_MEMORY; type++) {
        if ((entry & format->type_mask) == format->type[type]) {
            return type_name[type];
        }
    }
    return "a type that the format does not name";
}

struct field_text entry_field_reading(const struct quire_format *format, unsigned level,
                                      enum quire_pte_kind kind, const struct entry_field *field,
                                      uint64_t entry)
{
    const struct role *role = &roles[field->role];
    struct quire_bits condition = condition_of(format, level, kind, field->role);
    struct field_text result;

    if (field->role == ROLE_ADDRESS) {
        return entry_field_meaning(format, level, kind, field);
    }
    if (field->role == ROLE_TYPE) {
        return text_of(type_of(format, entry));
    }
    result = text_of(quire_bits_hold(condition, entry) ? role->holds : role->fails);
    if (field->role == ROLE_RESERVED && entry_field_value(field, entry) != 0) {
        result = text_of("reserved: must be zero, and is not");
    }
    return result;
}

struct field_text attributes_text(unsigned attributes)
{
    static const char *const name[] = {"read",     "write", "execute", "user",
                                       "accessed", "dirty", "global"};
    struct field_text result = text_of("");

    for (unsigned i = 0; i < sizeof name / sizeof name[0]; i++) {
        if (attributes >> i & 1) {
            size_t length = strlen(result.text);
            snprintf(result.text + length, sizeof result.text - length, "%s%s",
                     length > 0 ? " " : "", name[i]);
        }
    }
    return result.text[0] != '\0' ? result : text_of("nothing");
}
