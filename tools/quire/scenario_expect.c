/* Expectations: what makes a scenario a test. */
#include <inttypes.h>
#include <string.h>

#include "explain.h"
#include "scenario_internal.h"

static const char *outcome_text(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_OK ? "it went well" : outcome->what;
}

/* ---- values ---------------------------------------------------------------------------------- */

struct value_text {
    char text[120];
};

/* As it could stand in a scenario. */
static struct value_text number_text(uint64_t number)
{
    struct value_text text;

    snprintf(text.text, sizeof text.text, number > 9 ? "0x%" PRIx64 " (%" PRIu64 ")" : "%" PRIu64,
             number, number);
    return text;
}

static struct value_text string_text(const void *string, size_t length)
{
    const unsigned char *s = string;
    struct value_text text = {"\""};
    size_t to = 1;

    for (size_t i = 0; i < length && to < sizeof text.text - 8; i++) {
        to += (size_t)snprintf(text.text + to, sizeof text.text - to, "%s", byte_text(s[i]).text);
    }
    snprintf(text.text + to, sizeof text.text - to, "\"");
    return text;
}

static struct value_text got_text(const struct outcome *outcome)
{
    uint64_t number = 0;

    for (size_t i = 0; i < outcome->length && i < sizeof number; i++) {
        number |= (uint64_t)outcome->data[i] << 8 * i;
    }
    return outcome->is_text ? string_text(outcome->data, outcome->length) : number_text(number);
}

static bool same_value(const struct outcome *outcome, const struct value *value)
{
    if (value->word->quoted) {
        return outcome->is_text && outcome->length == value->word->length &&
               memcmp(outcome->data, value->word->text, outcome->length) == 0;
    }
    return !outcome->is_text &&
           strcmp(got_text(outcome).text, number_text(value->number).text) == 0;
}

bool run_expect_value(struct call *call)
{
    const struct outcome *outcome = &call->scenario->outcome;
    const struct value *value = &call->value[OPERAND_VALUE];
    struct value_text wanted = value->word->quoted
                                   ? string_text(value->word->text, value->word->length)
                                   : number_text(value->number);

    if (!outcome->has_value) {
        return expectation(call, false, "expected %s, got no value: %s", wanted.text,
                           outcome_text(outcome));
    }
    return expectation(call, same_value(outcome, value), "expected %s, got %s", wanted.text,
                       got_text(outcome).text);
}

/* ---- outcomes -------------------------------------------------------------------------------- */

bool run_expect_fault(struct call *call)
{
    struct scenario *scenario = call->scenario;
    const struct value *reason = &call->value[OPERAND_REASON];
    bool any = !call_has(call, OPERAND_REASON);
    bool holds = scenario->outcome.kind == OUTCOME_FAULT &&
                 (any || scenario->outcome.refusal == (enum quire_refusal)reason->number);

    scenario->owed = false;
    return expectation(call, holds, "expected a fault%s%s, got: %s", any ? "" : ": ",
                       any ? "" : quire_refusal_text((enum quire_refusal)reason->number),
                       outcome_text(&scenario->outcome));
}

bool run_expect_failure(struct call *call)
{
    struct scenario *scenario = call->scenario;
    const struct value *status = &call->value[OPERAND_STATUS];
    bool any = !call_has(call, OPERAND_STATUS);
    bool holds = scenario->outcome.kind == OUTCOME_FAILED &&
                 (any || scenario->outcome.status == (enum quire_status)status->number);

    scenario->owed = false;
    return expectation(
        call, holds, "expected a failure%s%s, got: %s%s%s", any ? "" : ": ",
        any ? "" : status->word->text,
        scenario->outcome.kind == OUTCOME_FAILED ? quire_status_text(scenario->outcome.status) : "",
        scenario->outcome.kind == OUTCOME_FAILED ? ": " : "", outcome_text(&scenario->outcome));
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* By the order of the operand's choices: = != < <= > >= */
static bool compares(uint64_t op, uint64_t left, uint64_t right)
{
    switch (op) {
    case 0: return left == right;
    case 1: return left != right;
    case 2: return left < right;
    case 3: return left <= right;
    case 4: return left > right;
    default: return left >= right;
    }
}

bool run_expect_counter(struct call *call)
{
    const struct value *counter = &call->value[OPERAND_COUNTER];
    const struct scenario_process *process =
        call_has(call, OPERAND_PROCESS) ? call->value[OPERAND_PROCESS].process : NULL;
    uint64_t wanted = call->value[OPERAND_NUMBER].number;
    uint64_t value;

    if (!counter_value(call->scenario, (unsigned)counter->number, process, &value)) {
        return problem_set(call->problem, "expect counter: %s is not counted for each process",
                           counter->word->text);
    }
    return expectation(call, compares(call->value[OPERAND_OP].number, value, wanted),
                       "expected %s %s %" PRIu64 ", got %" PRIu64, counter->word->text,
                       call->value[OPERAND_OP].word->text, wanted, value);
}

bool run_expect_page(struct call *call)
{
    static const uint8_t kinds[] = {QUIRE_RECORD_FRAME, QUIRE_RECORD_SWAP, QUIRE_RECORD_ZERO,
                                    QUIRE_RECORD_UNTOUCHED};
    const struct value *place = &call->value[OPERAND_PLACE];
    const struct quire_space *space = call_process(call)->space;
    quire_va va = quire_va_at(call->value[OPERAND_VA].number);
    struct quire_record record = quire_space_record(space, va);
    bool holds =
        record.kind == kinds[place->number] &&
        (!call_has(call, OPERAND_NUMBER) || record.number == call->value[OPERAND_NUMBER].number);

    return expectation(call, holds, "expected the page in: %s %s, got: %s", place->word->text,
                       call_has(call, OPERAND_NUMBER) ? call->value[OPERAND_NUMBER].word->text : "",
                       place_of(call->scenario, space, va).text);
}

/* ---- what was printed ------------------------------------------------------------------------ */

/* Do two texts hold the same words? Ends at the end of a line. */
static bool same_words(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (*a == '\0' || *a == '\n' || *b == '\0' || *b == '\n') {
            return (*a == '\0' || *a == '\n') && (*b == '\0' || *b == '\n');
        }
        while (*a == *b && *a != '\0' && *a != '\n' && *a != ' ') {
            a++;
            b++;
        }
        if (strchr(" \n", *a) == NULL || strchr(" \n", *b) == NULL) {
            return false; /* strchr() finds the end of a string, too */
        }
    }
}

static const char *said_by(const struct scenario *scenario)
{
    return scenario->said != NULL ? scenario->said : "";
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end != NULL && end[1] != '\0' ? end + 1 : NULL;
}

bool run_expect_shows(struct call *call)
{
    const char *wanted = call->value[OPERAND_TEXT].word->text;
    const char *line = said_by(call->scenario);
    bool holds = false;

    for (; line != NULL && !holds; line = next_line(line)) {
        holds = same_words(line, wanted);
    }
    return expectation(call, holds, "expected a line '%s', and there is none", wanted);
}

bool run_expect_lines(struct call *call)
{
    const char *line = said_by(call->scenario);
    uint64_t lines = 0, wanted = call->value[OPERAND_NUMBER].number;

    for (line = *line != '\0' ? line : NULL; line != NULL; line = next_line(line)) {
        lines++;
    }
    return expectation(call, lines == wanted, "expected %" PRIu64 " lines, got %" PRIu64, wanted,
                       lines);
}
