/*
 * A JSON writer: one value, written as it comes, indented by two spaces.
 *
 *     struct json json = json_to(stdout);
 *     json_open(&json, NULL, '{');
 *     json_string(&json, "format", "i386");
 *     json_open(&json, "levels", '[');
 *     json_number(&json, NULL, 10);
 *     json_close(&json);
 *     json_close(&json);
 *
 * A key is NULL inside an array and at the top. Addresses are strings of hexadecimal digits: JSON
 * numbers lose what lies beyond 2^53 in many readers.
 */
#ifndef QUIRE_TOOLS_JSON_H
#define QUIRE_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 15 };

struct json {
    FILE *out;
    unsigned depth;
    char closing[JSON_DEPTH_MAX];
    bool empty; /* nothing was written yet inside the innermost brackets */
};

struct json json_to(FILE *out);

void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json);                               /* the innermost; at last: \n */

void json_string(struct json *json, const char *key, const char *text); /* bad UTF-8: U+FFFD */
void json_number(struct json *json, const char *key, uint64_t number);
void json_real(struct json *json, const char *key, double number); /* not finite: null */
void json_bool(struct json *json, const char *key, bool yes);
void json_null(struct json *json, const char *key);
void json_hex(struct json *json, const char *key, uint64_t number, unsigned digits);

#endif
