# The kernel: make kernel. Part of the Makefile at the top.
#
#   $(KERNEL)/quire-kernel        the kernel, multiboot, ELF for i386
#   $(KERNEL)/quire-kernel-skips  the same with one fault: it can leave out a flush of the TLB
#   $(KERNEL)/archive.tar         the user programs, for it to find (user/user.mk)
#
# The core is compiled as everywhere, but for the target.

KERNEL := $(BUILD)/kernel/i386

kernel_arch := -m32 -march=i686 -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -mgeneral-regs-only
kernel_flags := -std=c11 -g $(OPT) $(warnings) -ffreestanding $(kernel_arch) -Iinclude \
	-Ihosts/kernel/common $(if $(filter 1,$(DEBUG)),-DQUIRE_DEBUG) $(CFLAGS)
kernel_ld := $(CC) $(kernel_arch) -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack

kernel_src := $(wildcard hosts/kernel/common/*.c hosts/kernel/i386/*.c)
kernel_asm := $(wildcard hosts/kernel/i386/*.S)
kernel_o   := $(patsubst %.c,$(KERNEL)/obj/%.o,$(kernel_src)) \
	$(patsubst %.S,$(KERNEL)/obj/%.o,$(kernel_asm))
kernel_core := $(patsubst %.c,$(KERNEL)/obj/%.o,$(core_src))
flush_o     := $(KERNEL)/obj/hosts/kernel/common/flush.o
skips_o     := $(KERNEL)/obj/hosts/kernel/skips/flush_skips.o

$(KERNEL)/obj/%.o: %.c $(BUILD)/flags hosts/kernel/kernel.mk
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(kernel_flags) -MMD -MP -c -o $@ $<

$(KERNEL)/obj/%.o: %.S $(BUILD)/flags hosts/kernel/kernel.mk
	@mkdir -p $(@D)
	$(call say,AS)
	$(Q)$(CC) $(kernel_flags) -MMD -MP -c -o $@ $<

$(KERNEL)/libquire.a: $(kernel_core)

$(KERNEL)/quire-kernel: $(kernel_o)
$(KERNEL)/quire-kernel-skips: $(filter-out $(flush_o),$(kernel_o)) $(skips_o)
$(KERNEL)/quire-kernel $(KERNEL)/quire-kernel-skips: hosts/kernel/i386/kernel.ld $(KERNEL)/libquire.a
	$(call say,LD)
	$(Q)$(kernel_ld) -Wl,-T,hosts/kernel/i386/kernel.ld -o $@ $(filter %.o,$^) $(KERNEL)/libquire.a -lgcc

include hosts/kernel/user/user.mk

kernel: $(KERNEL)/quire-kernel $(KERNEL)/quire-kernel-skips $(KERNEL)/archive.tar ## the kernel for i386, and its programs
.PHONY: kernel

-include $(shell find $(KERNEL)/obj -name '*.d' 2>/dev/null)
