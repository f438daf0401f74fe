# The kernel: make kernel. Part of the Makefile at the top.
#
#   $(KERNEL)/quire-kernel        the kernel, multiboot, ELF for i386
#   $(KERNEL)/quire-kernel-faulty  the same, with faults to order (faulty/faulty.c)
#   $(KERNEL)/archive.tar         the user programs, for it to find (user/user.mk)
#
# The core is compiled as everywhere, but for the target.

KERNEL := $(BUILD)/kernel/i386

kernel_arch := -m32 -march=i686 -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -mgeneral-regs-only
kernel_flags := -std=c11 -g $(OPT) $(warnings) -ffreestanding -ffunction-sections \
	-fdata-sections $(kernel_arch) -Iinclude -Ihosts/kernel/common \
	-isystem hosts/kernel/user/lib/include $(if $(filter 1,$(DEBUG)),-DQUIRE_DEBUG) $(CFLAGS)
kernel_ld := $(CC) $(kernel_arch) -nostdlib -static -Wl,--build-id=none,--gc-sections \
	-Wl,-z,noexecstack

kernel_src := $(wildcard hosts/kernel/common/*.c hosts/kernel/i386/*.c)
kernel_asm := $(wildcard hosts/kernel/i386/*.S)
kernel_o   := $(patsubst %.c,$(KERNEL)/obj/%.o,$(kernel_src)) \
	$(patsubst %.S,$(KERNEL)/obj/%.o,$(kernel_asm))
kernel_core := $(patsubst %.c,$(KERNEL)/obj/%.o,$(core_src))
faulty_o   := $(KERNEL)/obj/hosts/kernel/faulty/faulty.o

$(KERNEL)/obj/%.o: %.c $(BUILD)/flags hosts/kernel/kernel.mk
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(kernel_flags) -MMD -MP -c -o $@ $<

$(KERNEL)/obj/%.o: %.S $(BUILD)/flags hosts/kernel/kernel.mk
	@mkdir -p $(@D)
	$(call say,AS)
	$(Q)$(CC) $(kernel_flags) -MMD -MP -c -o $@ $<

# What many machines lack, and a linker says less clearly.
$(kernel_o) $(kernel_core): | kernel-compiler
kernel-compiler:
	@[ -e "$$($(CC) -m32 -print-libgcc-file-name)" ] || { echo 'kernel: $(CC) has no libgcc for' \
		'-m32: on Debian, install lib32gcc-12-dev' >&2; exit 2; }
.PHONY: kernel-compiler

$(KERNEL)/libquire.a: $(kernel_core)

$(KERNEL)/quire-kernel: $(kernel_o)
$(KERNEL)/quire-kernel-faulty: $(kernel_o) $(faulty_o)
$(KERNEL)/quire-kernel-faulty: kernel_ld += -Wl,--wrap=machine_vitals
$(KERNEL)/quire-kernel $(KERNEL)/quire-kernel-faulty: hosts/kernel/i386/kernel.ld \
		$(KERNEL)/libuser.a $(KERNEL)/libquire.a
	$(call say,LD)
	$(Q)$(kernel_ld) -Wl,-T,hosts/kernel/i386/kernel.ld -o $@ $(filter %.o,$^) \
		$(KERNEL)/libuser.a $(KERNEL)/libquire.a -lgcc

include hosts/kernel/user/user.mk

kernel: $(KERNEL)/quire-kernel $(KERNEL)/quire-kernel-faulty $(KERNEL)/archive.tar ## the kernel for i386, and its programs
.PHONY: kernel

-include $(shell find $(KERNEL)/obj -name '*.d' 2>/dev/null)
