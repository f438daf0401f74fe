# quire: build, run, test. `make help` lists what there is; CONTRIBUTING.md explains it.
#
# Everything that is made goes under $(BUILD). Sources are found by wildcard: a new file in one of
# the directories below needs no change here.

BUILD    ?= build
BITS     ?= 64# 64 or 32: what the machine that builds is asked for
OPT      ?= -O2
DEBUG    ?= 0# 1: the core checks its callers (QUIRE_DEBUG)
SANITIZE ?= 0# 1: address and undefined-behaviour sanitizers, and DEBUG; thread: ThreadSanitizer
THREADS  ?= 0# 1: the core's locks are POSIX mutexes (tests/threads)
FUZZ     ?= 0# 1: build for libFuzzer (clang), with SANITIZE
WERROR   ?= 0# 1: warnings are errors
CROSS    ?=# the front of a cross compiler's name: s390x-linux-gnu-
CMOCKA   ?=# where cmocka is unpacked, if not in the system
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 3600
PREFIX   ?= /usr/local
DESTDIR  ?=

VERSION := 0.1

# What `make run` shows.
DEMO = replay --draw --frames 64 $(firstword $(wildcard examples/traces/*.qtrace))

ifneq ($(CROSS),)
CC = $(CROSS)gcc
AR = $(CROSS)ar
endif

all: $(BUILD)/libquire.a $(BUILD)/quire ## the library and the command line
.PHONY: all

# ---- sources -----------------------------------------------------------------------------------

core_src      := $(wildcard src/*/*.c src/*/*/*.c)
simulator_src := $(wildcard hosts/simulator/*.c)
tools_src     := $(wildcard tools/quire/*.c)
support_src   := $(wildcard tests/support/*.c)
test_src      := $(wildcard tests/test_*.c)
bench_src     := $(wildcard bench/bench_*.c)
bench_support := $(filter-out $(bench_src),$(wildcard bench/*.c))
fuzz_src      := $(wildcard tests/fuzz/fuzz_*.c)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

core_o      := $(call objects,$(core_src))
simulator_o := $(call objects,$(simulator_src))
main_o      := $(call objects,tools/quire/main.c)
tools_o     := $(filter-out $(main_o),$(call objects,$(tools_src)))
support_o   := $(call objects,$(support_src))
port_o      := $(call objects,$(wildcard examples/port/*.c))

tests   := $(patsubst tests/%.c,$(BUILD)/tests/%,$(test_src))
benches := $(patsubst bench/%.c,$(BUILD)/bench/%,$(bench_src))
fuzzers := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzzers/%,$(fuzz_src))

# Later wins where one needs another: tools use the simulator, both use the core.
libraries := $(BUILD)/libquire-tools.a $(BUILD)/libquire-simulator.a $(BUILD)/libquire.a

# ---- flags -------------------------------------------------------------------------------------

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla \
	-Wimplicit-fallthrough -Wformat=2
ifeq ($(WERROR),1)
warnings += -Werror
endif

flags := -std=c11 -g $(OPT) $(warnings)
arch :=
ifeq ($(BITS),32)
# Debian's own multilib package excludes cross compilers; this is the one thing that it adds.
arch := -m32 -idirafter /usr/include/x86_64-linux-gnu
endif
ifeq ($(FUZZ),1)
override SANITIZE := 1
coverage := -fsanitize=fuzzer-no-link
endif
ifeq ($(SANITIZE),1)
sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
override DEBUG := 1
endif
ifeq ($(SANITIZE),thread)
sanitizers := -fsanitize=thread
override THREADS := 1
override DEBUG := 1
endif
ifeq ($(THREADS),1)
flags += -pthread -I. -DQUIRE_LOCK_HEADER='"tests/threads/pthread_lock.h"'
endif
ifeq ($(DEBUG),1)
flags += -DQUIRE_DEBUG
endif
flags += $(arch) $(sanitizers) $(coverage) $(CFLAGS)

# The core is freestanding; the rest is POSIX.
core_flags   := $(flags) -ffreestanding -Wconversion -Iinclude
hosted_flags  = $(flags) -D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 \
	-Iinclude -I. -Ihosts/simulator -DQUIRE_VERSION=\"$(VERSION)\" \
	$(found_flags) $(if $(CMOCKA),-isystem $(CMOCKA)/usr/include)
link = $(CC) $(arch) $(sanitizers) $(LDFLAGS)

cmocka = $(foreach d,$(if $(CMOCKA),$(wildcard $(CMOCKA)/usr/lib/*)),-L$d -Wl,-rpath,$d) -lcmocka

# Libraries that are used where they are: found by trying.
hash  := \#
probe  = $(shell printf '%s\n' '$(hash)include <$(1)>' 'int main(void) { return 0; }' | \
	$(CC) $(arch) -x c - -o /dev/null $(2) 2>/dev/null && echo 1)
ifneq ($(filter-out clean help format format-check,$(or $(MAKECMDGOALS),all)),)
ifeq ($(call probe,zstd.h,-lzstd),1)
found_flags += -DQUIRE_HAVE_ZSTD
found_libs  += -lzstd
endif
ifeq ($(call probe,histedit.h,-ledit),1)
found_flags += -DQUIRE_HAVE_LIBEDIT
found_libs  += -ledit
endif
endif

# `make V=1` shows whole commands.
ifneq ($(V),1)
Q   := @
say  = @printf '  %-4s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)'
endif

# ---- rules -------------------------------------------------------------------------------------

# A stamp changes when its text does, and what depends on it is made again: flags and lists of
# sources.
$(BUILD)/flags: text = $(CC) | $(core_flags) | $(hosted_flags) | $(link) $(found_libs)
$(BUILD)/sources: text = $(core_src) $(simulator_src) $(tools_src) $(support_src) $(bench_support)
$(BUILD)/flags $(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(text)' | cmp -s - $@ || printf '%s\n' '$(text)' > $@
.PHONY: FORCE

$(BUILD)/obj/src/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(core_flags) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(hosted_flags) -MMD -MP -c -o $@ $<

%.a: $(BUILD)/sources
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/libquire.a: $(core_o)
$(BUILD)/libquire-simulator.a: $(simulator_o)
$(BUILD)/libquire-tools.a: $(tools_o)

$(BUILD)/quire: $(main_o) $(libraries) $(BUILD)/flags
	$(call say,LD)
	$(Q)$(link) -o $@ $(main_o) $(libraries) $(found_libs)

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(support_o) $(libraries) $(BUILD)/sources
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(link) -o $@ $(filter %.o,$^) $(libraries) $(found_libs) $(cmocka)

$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(call objects,$(bench_support)) $(libraries) $(BUILD)/sources
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(link) -o $@ $(filter %.o,$^) $(libraries) $(found_libs)

$(BUILD)/fuzzers/%: $(BUILD)/obj/tests/fuzz/%.o $(support_o) $(libraries) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(link) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(libraries) $(found_libs)

# Programs with threads: with THREADS=1, in a directory of their own.
processors_o := $(call objects,tests/threads/processors.c)
$(BUILD)/threads/test_threads: $(call objects,tests/threads/test_threads.c)
$(BUILD)/threads/bench_threads: $(call objects,bench/threads/bench_threads.c $(bench_support))
$(BUILD)/threads/%: $(processors_o) $(support_o) $(libraries) $(BUILD)/sources
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(link) -pthread -o $@ $(filter %.o,$^) $(libraries) $(found_libs) $(cmocka)

# The kernel, and other MMUs as its witnesses.
$(BUILD)/tests/kernel/witness: $(call objects,$(wildcard tests/kernel/*.c))

# The small port of docs/porting.md: the core, and what a kernel adds to it.
$(BUILD)/port: $(port_o) $(BUILD)/libquire.a $(BUILD)/flags
	$(call say,LD)
	$(Q)$(link) -o $@ $(port_o) $(BUILD)/libquire.a

# Objects stay, so that the next make has less to do.
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

include hosts/kernel/kernel.mk

# ---- what to do --------------------------------------------------------------------------------

run: $(BUILD)/quire ## page a real program's memory on a simulated machine
	@$(BUILD)/quire $(DEMO)

port: $(BUILD)/port ## build and run the example of docs/porting.md
	@$(BUILD)/port

check-quick: all $(tests) ## the unit tests, as built here, and nothing else
	@tests/run $(tests)

test: ## every test there is; first installs what they need (Debian)
	@tests/install
	@BUILD=$(BUILD) tests/all

bench: $(benches) $(BUILD)/quire kernel ## measure, and print ratios
	@set -e; for b in $(benches); do $$b; done
	@$(MAKE) BUILD=$(BUILD)/locks THREADS=1 $(BUILD)/locks/threads/bench_threads
	@$(BUILD)/locks/threads/bench_threads
	@bench/kernel.sh $(BUILD)/quire

oracle: kernel $(BUILD)/tests/kernel/witness ## the kernel's mappings against Bochs's MMU (needs bochs, grub-pc-bin)
	@tests/kernel/oracle.sh $(BUILD)

fuzz: ## fuzz each target for FUZZ_SECONDS (needs clang)
	@$(MAKE) BUILD=$(BUILD)/fuzz CC=clang FUZZ=1 fuzzers
	@set -e; cd $(BUILD)/fuzz; for f in $(notdir $(fuzzers)); do \
		seeds=$(CURDIR)/tests/fuzz/corpus/$$f; [ -d $$seeds ] || seeds=; mkdir -p corpus/$$f; \
		fuzzers/$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=found-$$f- corpus/$$f $$seeds; done

soak: ## the random tests with fresh seeds, sanitized, for SOAK_SECONDS (an hour)
	@$(MAKE) BUILD=$(BUILD)/soak SANITIZE=1 OPT=-O1 tests
	@SOAK_SECONDS=$(SOAK_SECONDS) tests/soak $(BUILD)/soak/tests

size: ## code, data and stack of the core on five machines
	@BUILD=$(BUILD) tests/checks/core.sh size

sources = $(shell find include src hosts tools tests bench examples -name '*.[ch]' 2>/dev/null)
format: ## lay out all C files as .clang-format says
	clang-format -i $(sources)

format-check: ## does `make format` have anything to do?
	clang-format --dry-run -Werror $(sources)

install: all ## to $(DESTDIR)$(PREFIX)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib include/quire share/man/man1 \
		share/bash-completion/completions)
	install -m 755 $(BUILD)/quire $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/libquire.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/quire/*.h $(DESTDIR)$(PREFIX)/include/quire/
	install -m 644 docs/quire.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 tools/quire/completion.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/quire
	if [ -e $(KERNEL)/quire-kernel ] && [ -e $(KERNEL)/archive.tar ]; then \
		install -d $(DESTDIR)$(PREFIX)/share/quire/i386 && install -m 644 \
		$(KERNEL)/quire-kernel $(KERNEL)/archive.tar $(DESTDIR)$(PREFIX)/share/quire/i386/; fi

clean: ## remove all that was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

# Without a line of their own in the list: parts of the above.
tests: $(tests) $(BUILD)/port
kernel-tests: kernel $(KERNEL)/tests.tar $(BUILD)/tests/kernel/witness
threads: $(BUILD)/threads/test_threads
fuzzers: $(fuzzers)

.PHONY: run port check-quick test bench oracle kernel-tests fuzz soak size format format-check install clean help tests threads fuzzers
