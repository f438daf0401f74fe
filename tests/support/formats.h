/*
 * The formats that tests run on: those that come with quire, and machines that never were, each odd
 * in one way; and an endless supply of random ones.
 */
#ifndef SUPPORT_FORMATS_H
#define SUPPORT_FORMATS_H

#include "quire/formats.h"
#include "tests/support/prng.h"

/* Every format there is, in no particular order. */
enum { TEST_FORMATS = 23 };
extern const struct quire_format *const test_formats[TEST_FORMATS];

/* 2 levels of 2 bits, 16-byte pages, 1-byte entries: present, write, user, accessed, 4-bit PFN.
 * No large leaves. */
extern const struct quire_format tiny2;

/* The same shape with 2-byte entries, every mark, 64-byte leaves, upper levels that restrict. */
extern const struct quire_format tiny2_large;

/* 3 levels of 2 bits, leaves at every level, reserved and ignored bits below large addresses. */
extern const struct quire_format tiny3;

/* 4 levels of 1 bit; only the lower two may be leaves. */
extern const struct quire_format tiny_low;

/* A large leaf's address in two parts, and wider than a small leaf's (like PSE-36). */
extern const struct quire_format tiny_split;

/* The other way round: large leaves reach less far than small ones. */
extern const struct quire_format tiny_narrow;

/* One frame number in the middle of all means absent. */
extern const struct quire_format tiny_marked;

/* Everything the other way round: present, write, user, accessed, dirty when clear; empty is all
 * ones; a set bit makes a table pointer. */
extern const struct quire_format tiny_inverted;

/* Big-endian 4-byte entries, `empty` with a meaning, soft bits in the middle. */
extern const struct quire_format tiny_big_endian;

/* An entry of all zeroes is absent, all others map: frame 0 can be neither page nor table. */
extern const struct quire_format tiny_zero;

/* A root of eight frames, last-level tables of a quarter of a frame; sign-extended addresses. */
extern const struct quire_format tiny_wide_root;

/* 6 levels of 1 bit, sign-extended. */
extern const struct quire_format tiny_six;

/* All 64 bits of address, virtual and physical. */
extern const struct quire_format full_64;

/* RISC-V: no bit tells a pointer from a leaf, but rights that are all withheld. In one byte: V, R,
 * W, X and 4 bits of PFN, 16-byte pages and 64-byte leaves; and what examples/formats has. */
extern const struct quire_format tiny_rights, sv32, sv39, sv48;

/* A random descriptor, sound by construction. Small enough to try every page. */
void random_format(struct prng *prng, struct quire_format *format);

#endif
