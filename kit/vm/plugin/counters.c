/* Counters, by each of QEMU's interfaces: see counters.h. */
#define _GNU_SOURCE
#include "counters.h"

#include <sys/mman.h>

void *memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

#if INTERFACE < 2

static uint64_t *counters;

int counters_make(size_t number)
{
	counters = memory(number * sizeof(*counters));
	return counters ? 0 : -1;
}

void counters_block(size_t number, struct qemu_plugin_tb *tb)
{
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &counters[number], 1);
}

void counters_insn(size_t number, struct qemu_plugin_insn *insn)
{
	qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &counters[number], 1);
}

uint64_t counters_sum(size_t number)
{
	return counters[number];
}

#else

static struct qemu_plugin_scoreboard *counters;

static qemu_plugin_u64 entry(size_t number)
{
	return (qemu_plugin_u64){ counters, number * sizeof(uint64_t) };
}

int counters_make(size_t number)
{
	counters = qemu_plugin_scoreboard_new(number * sizeof(uint64_t));
	return counters ? 0 : -1;
}

void counters_block(size_t number, struct qemu_plugin_tb *tb)
{
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64, entry(number), 1);
}

void counters_insn(size_t number, struct qemu_plugin_insn *insn)
{
	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_INLINE_ADD_U64, entry(number), 1);
}

uint64_t counters_sum(size_t number)
{
	return qemu_plugin_u64_sum(entry(number));
}

#endif
