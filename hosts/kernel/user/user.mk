# User programs: a C library, programs, a shared library, and the archives that the kernel finds
# them in. Part of hosts/kernel/kernel.mk.

user := hosts/kernel/user
user_programs := $(patsubst $(user)/programs/%.c,%,$(wildcard $(user)/programs/*.c))

# No headers but ours and the compiler's.
user_flags = -std=c11 -g $(OPT) $(warnings) -ffreestanding -ffunction-sections -fdata-sections \
	$(kernel_arch) -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	-isystem $(user)/lib/include -Iinclude -Ihosts/kernel/common -I$(user)/programs -I. \
	$(if $(filter 1,$(DEBUG)),-DQUIRE_DEBUG) $(CFLAGS)
user_ld = $(kernel_ld) -Wl,-z,max-page-size=4096,--gc-sections

user_objects = $(patsubst %,$(KERNEL)/user/%.o,$(basename $(1)))

user_lib_o := $(call user_objects,$(wildcard $(user)/lib/*.c $(user)/lib/*.S))
user_support_o := $(call user_objects,$(wildcard $(user)/programs/support/*.c))

$(KERNEL)/user/%.o: %.c $(BUILD)/flags hosts/kernel/user/user.mk
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(user_flags) $(user_extra) $(user_more) -MMD -MP -c -o $@ $<

$(KERNEL)/user/%.o: %.S $(BUILD)/flags hosts/kernel/user/user.mk
	@mkdir -p $(@D)
	$(call say,AS)
	$(Q)$(CC) $(user_flags) -MMD -MP -c -o $@ $<

$(KERNEL)/libuser.a: $(user_lib_o)
$(KERNEL)/libprograms.a: $(user_support_o)

# Seed 002's programs, to the byte: where their data begin, and all of it.
$(KERNEL)/programs/proc1: user_layout := -Wl,--defsym=data_at=0x802000,--defsym=image_bytes=5673
$(KERNEL)/programs/proc2: user_layout := -Wl,--defsym=data_at=0x803000,--defsym=image_bytes=12420

user_libraries := $(KERNEL)/libprograms.a $(KERNEL)/libuser.a $(KERNEL)/libquire.a

$(KERNEL)/programs/%: $(KERNEL)/user/$(user)/programs/%.o $(user_libraries) $(user)/program.ld
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(user_ld) -s $(user_layout) -Wl,-T,$(user)/program.ld -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(user_libraries) -Wl,--end-group -lgcc

# A position-independent library, found by its symbols' hash table.
gfx_o := $(call user_objects,$(user)/libgfx/gfx.c)
$(gfx_o): user_extra := -fpic

$(KERNEL)/programs/libgfx: $(gfx_o) $(user)/libgfx/libgfx.ld
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(kernel_arch) -nostdlib -shared -s -Wl,--build-id=none,--hash-style=sysv \
		-Wl,-z,noexecstack,-z,norelro -Wl,-T,$(user)/libgfx/libgfx.ld -o $@ $(gfx_o)

# Files that are no programs, though they look like it: for hostile.
user_bad := 1 2 3 4 5 6 7 8

$(KERNEL)/programs/bad-%: $(user)/programs/bad/bad.S $(BUILD)/flags
	@mkdir -p $(@D) $(KERNEL)/user/bad
	$(call say,AS)
	$(Q)$(CC) $(kernel_arch) -DBAD=$* -c -o $(KERNEL)/user/bad/$*.o $<
	$(Q)objcopy -O binary -j .text $(KERNEL)/user/bad/$*.o $@

# The same bytes from the same programs, whenever and by whomever they are built.
archive = tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=644 \
	-C $(1) -cf $@ $(2)

user_files := $(user_programs) libgfx $(addprefix bad-,$(user_bad))

$(KERNEL)/archive.tar: $(addprefix $(KERNEL)/programs/,$(user_files))
	$(call say,TAR)
	$(Q)$(call archive,$(KERNEL)/programs,$(user_files))

# The core's own tests as one program, in an archive of its own: $(KERNEL)/tests.tar. Single tests
# that ask for a file are skipped there; whole suites are left out that
#   read files, or map one twice in all tests       elf_system heap_traces replay_counts
#                                                   space_races trace*
#   are of the command line, not of the core        format_file ptsim registry_run replay scenario*
#                                                   table_size tool_text
#   calculate in floating point                     policy policy_examples
#   limit their own memory, or the size of files    simulator disk
user_left_out := elf_system heap_traces replay_counts space_races trace trace_files trace_text \
	format_file ptsim registry_run replay scenario scenario_lines table_size tool_text \
	policy policy_examples simulator disk
user_suites := $(filter-out $(user_left_out),$(patsubst tests/test_%.c,%,$(test_src)))
user_suite_o := $(call user_objects,$(user_suites:%=tests/test_%.c) $(user)/tests/main.c \
	$(filter-out tests/support/model_policy.c tests/support/program.c tests/support/stage.c \
		tests/support/traces.c,$(support_src)) $(simulator_src) tools/quire/replay_opt.c)

$(filter $(KERNEL)/user/tests/test_%,$(user_suite_o)): user_extra = -Wno-missing-prototypes \
	-Dmain=suite_$(notdir $*)
$(user_suite_o): user_more := -I$(KERNEL) -Ihosts/simulator -DQUIRE_VERSION=\"$(VERSION)\"
$(KERNEL)/user/$(user)/tests/main.o: $(KERNEL)/suites.h

$(KERNEL)/suites.h: $(user)/user.mk $(BUILD)/sources
	@mkdir -p $(@D)
	@printf 'SUITE(%s)\n' $(user_suites) > $@

$(KERNEL)/suites/tests: $(user_suite_o) $(user_libraries) $(user)/program.ld
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(user_ld) -s -Wl,-T,$(user)/program.ld -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(user_libraries) -Wl,--end-group -lgcc

$(KERNEL)/tests.tar: $(KERNEL)/suites/tests
	$(call say,TAR)
	$(Q)$(call archive,$(KERNEL)/suites,tests)

-include $(shell find $(KERNEL)/user -name '*.d' 2>/dev/null)
