/* Writing JSON (RFC 8259). */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct json json_to(FILE *out)
{
    struct json json = {.out = out};
    return json;
}

/* Bytes of the UTF-8 sequence at `s`, or 0 if there is none (RFC 3629: no overlong forms, no
 * surrogates, nothing beyond U+10FFFF). */
static unsigned utf8_length(const unsigned char *s)
{
    unsigned length = s[0] < 0x80   ? 1
                      : s[0] < 0xc2 ? 0
                      : s[0] < 0xe0 ? 2
                      : s[0] < 0xf0 ? 3
                      : s[0] < 0xf5 ? 4
                                    : 0;

    for (unsigned i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90)) {
        return 0;
    }
    return length;
}

static void put_string(FILE *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    putc('"', out);
    while (*s != '\0') {
        unsigned length = utf8_length(s);
        if (length == 0) {
            fputs("\\ufffd", out);
            s++;
        } else if (*s < ' ' || *s == 0x7f) {
            fprintf(out, "\\u%04x", *s++);
        } else {
            if (*s == '"' || *s == '\\') {
                putc('\\', out);
            }
            s += fwrite(s, 1, length, out) == length ? length : strlen((const char *)s);
        }
    }
    putc('"', out);
}

static void new_line(struct json *json)
{
    fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
}

/* What stands before every value: a comma, a new line, the key. */
static void before_value(struct json *json, const char *key)
{
    if (json->depth > 0) {
        if (!json->empty) {
            putc(',', json->out);
        }
        new_line(json);
    }
    json->empty = false;
    if (key != NULL) {
        put_string(json->out, key);
        fputs(": ", json->out);
    }
}

void json_open(struct json *json, const char *key, char bracket)
{
    before_value(json, key);
    putc(bracket, json->out);
    if (json->depth < JSON_DEPTH_MAX) {
        json->closing[json->depth++] = bracket == '{' ? '}' : ']';
    }
    json->empty = true;
}

void json_close(struct json *json)
{
    json->depth--;
    if (!json->empty) {
        new_line(json);
    }
    putc(json->closing[json->depth], json->out);
    json->empty = false;
    if (json->depth == 0) {
        putc('\n', json->out);
    }
}

void json_string(struct json *json, const char *key, const char *text)
{
    before_value(json, key);
    put_string(json->out, text);
}

void json_number(struct json *json, const char *key, uint64_t number)
{
    before_value(json, key);
    fprintf(json->out, "%" PRIu64, number);
}

void json_real(struct json *json, const char *key, double number)
{
    before_value(json, key);
    if (isfinite(number)) {
        fprintf(json->out, "%.6g", number);
    } else {
        fputs("null", json->out);
    }
}

void json_bool(struct json *json, const char *key, bool yes)
{
    before_value(json, key);
    fputs(yes ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
    before_value(json, key);
    fputs("null", json->out);
}

void json_hex(struct json *json, const char *key, uint64_t number, unsigned digits)
{
    before_value(json, key);
    fprintf(json->out, "\"0x%0*" PRIx64 "\"", (int)digits, number);
}
