/*
 * Callgraph: how many instructions were executed, by function and call chain,
 * in each window of the guest's programs, on one vCPU.
 *
 * Each instruction adds 1 where it begins. What a block added is known when the
 * next one begins, and is its function's and its chain's: a block that an
 * exception ends early counts as far as it came.
 *
 * Frames: as those of callers.c, without classes; a cell is "node,function,
 * instructions", where function USER is all code of users.
 */
#include "calls.h"
#include "code.h"
#include "counters.h"
#include "frames.h"
#include "job.h"

#include <inttypes.h>
#include <stdio.h>

#define CELLS	(1u << 20)
#define FUNCTIONS	(1u << 18)	/* as many as code.c takes */
#define USER	FUNCTIONS
#define TEXT	64

struct cell {
	uint64_t times;
	uint32_t node, function;
	char used;
};

static struct cell *cells;			/* hash table by node and function */
static uint32_t *used, count;			/* the slots in use */
static struct cell *last[FUNCTIONS + 1];	/* each function's last one */
static struct cell nowhere, *now = &nowhere;
static uint64_t before;
static int full;

static const char *start(const char *code)
{
	cells = memory(CELLS * sizeof(*cells));
	used = memory(CELLS / 2 * sizeof(*used));
	if (!cells || !used || counters_make(1) < 0)
		return "no memory";
	return calls_start(code);
}

static struct cell *cell_of(uint32_t node, uint32_t function)
{
	uint32_t slot = ((uint64_t)function << 20 ^ node) * UINT64_C(0x9e3779b97f4a7c15) >> 44;

	while (cells[slot].used && (cells[slot].function != function || cells[slot].node != node))
		slot = (slot + 1) % CELLS;
	if (!cells[slot].used) {
		if (count == CELLS / 2) {
			full = 1;
			return &nowhere;
		}
		used[count++] = slot;
		cells[slot] = (struct cell){ 0, node, function, 1 };
	}
	return &cells[slot];
}

/* What was executed since the last block began is that block's. */
static void settle(void)
{
	uint64_t executed = counters_sum(0);

	now->times += executed - before;
	before = executed;
}

static void entered(unsigned int vcpu, void *of)
{
	uint32_t function = (uintptr_t)of, node = 0;

	(void)vcpu;
	settle();
	if (function != USER && !(code_function(function)->what & ENTRY))
		node = calls_here();
	if (!last[function] || last[function]->node != node)
		last[function] = cell_of(node, function);
	now = last[function];
}

static void translated(struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb), i;
	uint64_t begin = qemu_plugin_tb_vaddr(tb);
	uintptr_t function = begin & KERNEL ? code_number(begin) : USER;

	qemu_plugin_register_vcpu_tb_exec_cb(tb, entered, QEMU_PLUGIN_CB_NO_REGS, (void *)function);
	for (i = 0; i < insns; i++)
		counters_insn(0, qemu_plugin_tb_get_insn(tb, i));
	if (function != USER)
		calls_translated(tb);
}

static void ended(enum stage was)
{
	char text[TEXT];
	uint32_t i;

	settle();
	if (was == WINDOW)
		frame_begin("cells");
	for (i = 0; i < count; i++) {
		struct cell *cell = &cells[used[i]];

		if (was == WINDOW && cell->times) {
			snprintf(text, sizeof(text), "%" PRIx32 ",%" PRIx32 ",%" PRIx64, cell->node, cell->function,
				 cell->times);
			frame_item(text);
			calls_use(cell->node);
		}
		cell->times = 0;
	}
	if (was != WINDOW)
		return;
	frame_send();
	frame_begin("stage");
	frame_text("window");
	frame_number(0);
	frame_send();
}

static void finish(void)
{
	calls_finish();
	if (full) {
		frame_begin("full");
		frame_send();
	}
}

const struct job callgraph = { "callgraph", 1, start, translated, ended, finish };
