/*
 * Coverage: how often each block of the kernel's code was entered, in each
 * window of the guest's programs, between them, and before init.
 *
 * In the ranges of `code` each instruction is counted by itself. Elsewhere a
 * block is a run of instructions that QEMU translates as one: where an exception
 * ends it early, the rest counts too.
 *
 * What a stage executed is the counter at its end less the counter at its
 * beginning. Nothing is ever reset, so that no increment is lost beside a mark.
 *
 * Frames: `stage` begins a stage's, with its name; `runs` has some of its runs
 * by address, each "gap,bytes,times" in hexadecimal, where the gap is counted
 * from the beginning of the run before. Runs may overlap: their times add up.
 * `full` says that there were too many blocks to tell them all.
 */
#include "counters.h"
#include "frames.h"
#include "job.h"
#include "ranges.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST	(1u << 18)	/* blocks; a boot with fork-heavy work has some 60,000 */
#define SLOTS	(MOST * 2)
#define RUN	64		/* bytes of a run's text, at most */

struct block {
	uint64_t address;
	uint64_t before;	/* its counter at the last mark */
	uint64_t times[2];	/* in this stage; in all stages outside of windows */
	uint64_t bytes;
};

static struct block *blocks;	/* by number, from 1 on */
static uint32_t *slots;		/* hash table: address and bytes → number, 0 for none */
static uint32_t *order;		/* numbers by address; those after `sorted` not yet in order */
static uint32_t count, sorted;
static int full;

static const char *start(const char *code)
{
	if (code && ranges_read(code) < 0)
		return "cannot read the ranges";
	blocks = memory((MOST + 1) * sizeof(*blocks));
	slots = memory(SLOTS * sizeof(*slots));
	order = memory(MOST * sizeof(*order));
	if (!blocks || !slots || !order || counters_make(MOST + 1) < 0)
		return "no memory";
	return NULL;
}

/* The number of these bytes at an address; a new one if they have none; 0 if there are too many. */
static uint32_t number_of(uint64_t address, uint64_t bytes)
{
	uint32_t slot = ((address ^ bytes << 48) * UINT64_C(0x9e3779b97f4a7c15)) >> 40;

	for (slot %= SLOTS; slots[slot]; slot = (slot + 1) % SLOTS)
		if (blocks[slots[slot]].address == address && blocks[slots[slot]].bytes == bytes)
			return slots[slot];
	if (count == MOST) {
		full = 1;
		return 0;
	}
	order[count] = count + 1;
	count++;
	slots[slot] = count;
	blocks[count].address = address;
	blocks[count].bytes = bytes;
	return count;
}

static void translated(struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, insns - 1);
	uint64_t begin = qemu_plugin_tb_vaddr(tb);
	uint64_t end = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
	uint32_t number;

	if (!ranges_touch(begin, end)) {
		number = number_of(begin, end - begin);
		if (number)
			counters_block(number, tb);
		return;
	}
	for (i = 0; i < insns; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		number = number_of(qemu_plugin_insn_vaddr(insn), qemu_plugin_insn_size(insn));
		if (number)
			counters_insn(number, insn);
	}
}

static int by_address(const void *a, const void *b)
{
	const struct block *one = &blocks[*(const uint32_t *)a], *other = &blocks[*(const uint32_t *)b];

	if (one->address != other->address)
		return one->address < other->address ? -1 : 1;
	return one->bytes < other->bytes ? -1 : one->bytes > other->bytes;
}

static void send_run(uint64_t *last, uint64_t begin, uint64_t end, uint64_t times)
{
	char text[RUN];

	if (!times)
		return;
	snprintf(text, sizeof(text), "%" PRIx64 ",%" PRIx64 ",%" PRIx64, begin - *last, end - begin, times);
	frame_item(text);
	*last = begin;
}

/* A stage's frames, of the times with this index, which are 0 afterwards. What adjoins and ran as often is one run. */
static void send_stage(const char *name, int which)
{
	uint64_t last = 0, begin = 0, end = 0, times = 0;
	uint32_t i;

	frame_begin("stage");
	frame_text(name);
	frame_send();
	frame_begin("runs");
	for (i = 0; i < count; i++) {
		struct block *block = &blocks[order[i]];
		uint64_t now = block->times[which];

		block->times[which] = 0;
		if (!now)
			continue;
		if (block->address != end || now != times) {
			send_run(&last, begin, end, times);
			begin = block->address;
			times = now;
		}
		end = block->address + block->bytes;
	}
	send_run(&last, begin, end, times);
	frame_send();
}

static void ended(enum stage was)
{
	uint32_t i;

	if (sorted != count)
		qsort(order, count, sizeof(*order), by_address);
	sorted = count;
	for (i = 1; i <= count; i++) {
		uint64_t sum = counters_sum(i);

		blocks[i].times[was == OUTSIDE] += sum - blocks[i].before;
		blocks[i].before = sum;
	}
	if (was != OUTSIDE)
		send_stage(was == WINDOW ? "window" : "boot", 0);
}

static void finish(void)
{
	send_stage("outside", 1);
	if (full) {
		frame_begin("full");
		frame_send();
	}
}

const struct job coverage = { "coverage", 0, start, translated, ended, finish };
