/*
 * Callers: how often each lock class was acquired, by call chain, in each
 * window of the guest's programs, in a kernel with lockdep.
 *
 * Every acquisition goes through lock_acquire, which has __lock_acquire note it
 * with interrupts off. That reads the class from the lock, or looks it up: of
 * the pointers into the array of classes that it reads, the last is the lock's.
 *
 * Frames: `stage` ends a window, and `cells` are before it, each "node,class,
 * times" in hexadecimal: the chain (calls.h) that ends in lock_acquire, and the
 * class's place in the array; the stage has the number of acquisitions whose
 * class was not seen. At the end `class` has a class's place and its words.
 */
#include "calls.h"
#include "code.h"
#include "counters.h"
#include "frames.h"
#include "job.h"
#include "ram.h"

#include <inttypes.h>
#include <stdio.h>

/* Where the kernel's image is mapped, on x86-64; kit boots it where it was linked. */
#define IMAGE	UINT64_C(0xffffffff80000000)

#define CELLS	(1u << 18)
#define CLASSES	(1u << 14)	/* the kernel has 8,192 at most */
#define TEXT	64
#define WORDS	128	/* of a class that are told; it has 35 to 100 */

struct cell {
	uint64_t times;
	uint32_t node, class;
};

static struct cell cells[CELLS];		/* hash table by node and class */
static uint32_t used[CELLS / 2], count;		/* the slots in use */
static unsigned char told[CLASSES];
static uint64_t seen;				/* the last pointer to a class */
static uint64_t untold;
static int full;

static const char *start(const char *code)
{
	const char *wrong = calls_start(code);
	const struct classes *classes = code_classes();

	if (!wrong && (!classes->size || (classes->end - classes->begin) / classes->size > CLASSES))
		wrong = "there are no lock classes";
	return wrong;
}

static void begins(unsigned int vcpu, void *unused)
{
	(void)vcpu;
	(void)unused;
	seen = 0;
}

static void loaded(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t at, void *unused)
{
	struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, at);
	const struct classes *classes = code_classes();
	uint64_t value;

	(void)vcpu;
	(void)unused;
	if (qemu_plugin_mem_is_store(info) || qemu_plugin_mem_size_shift(info) != 3 || !where || qemu_plugin_hwaddr_is_io(where))
		return;
	if (!ram_read(qemu_plugin_hwaddr_phys_addr(where), &value, sizeof(value)) && value >= classes->begin &&
	    value < classes->end)
		seen = value;
}

static void add(uint32_t node, uint32_t class)
{
	uint32_t slot = (node ^ (uint64_t)class << 32) * UINT64_C(0x9e3779b97f4a7c15) >> 46;

	while (cells[slot].times && (cells[slot].class != class || cells[slot].node != node))
		slot = (slot + 1) % CELLS;
	if (!cells[slot].times) {
		if (count == CELLS / 2) {
			full = 1;
			return;
		}
		used[count++] = slot;
		cells[slot].class = class;
		cells[slot].node = node;
	}
	cells[slot].times++;
}

static void noted(unsigned int vcpu, void *unused)
{
	uint32_t node = calls_here();

	(void)vcpu;
	(void)unused;
	if (!(code_function(calls_function(node))->what & ACQUIRES))
		return;		/* a lock that is held was noted anew */
	if (seen)
		add(node, (seen - code_classes()->begin) / code_classes()->size);
	else
		untold++;
}

static void translated(struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb), i;

	calls_translated(tb);
	for (i = 0; i < insns; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t at = qemu_plugin_insn_vaddr(insn);
		const struct function *function = code_function(code_number(at));

		if (!(function->what & (NOTES | LOOKS_UP)))
			continue;
		qemu_plugin_register_vcpu_mem_cb(insn, loaded, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
		if (function->what & NOTES && at == function->begin)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begins, QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (function->what & NOTES && calls_returns(insn))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, noted, QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void ended(enum stage was)
{
	char text[TEXT];
	uint32_t i;

	if (was == WINDOW)
		frame_begin("cells");
	for (i = 0; i < count; i++) {
		struct cell *cell = &cells[used[i]];

		if (was == WINDOW) {
			snprintf(text, sizeof(text), "%" PRIx32 ",%" PRIx32 ",%" PRIx64, cell->node, cell->class,
				 cell->times);
			frame_item(text);
			calls_use(cell->node);
			told[cell->class] = 1;
		}
	}
	for (i = 0; i < count; i++)
		cells[used[i]].times = 0;
	count = 0;
	if (was == WINDOW) {
		frame_send();
		frame_begin("stage");
		frame_text("window");
		frame_number(untold);
		frame_send();
	}
	untold = 0;
}

static void send_class(uint32_t class)
{
	const struct classes *classes = code_classes();
	uint64_t at = classes->begin + class * classes->size, words[WORDS];
	size_t size = classes->size < sizeof(words) ? classes->size : sizeof(words), i;

	if (ram_read(at - IMAGE, words, size) < 0)
		return;
	frame_begin("class");
	frame_number(class);
	for (i = 0; i < size / sizeof(words[0]); i++)
		frame_number(words[i]);
	frame_send();
}

static void finish(void)
{
	uint32_t class;

	calls_finish();
	for (class = 0; class < CLASSES; class++)
		if (told[class])
			send_class(class);
	if (full) {
		frame_begin("full");
		frame_send();
	}
}

const struct job callers = { "callers", 0, start, translated, ended, finish };
