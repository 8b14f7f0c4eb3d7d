/* Following calls on x86-64: see calls.h. */
#include "calls.h"
#include "code.h"
#include "counters.h"
#include "frames.h"
#include "job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES	(1u << 20)
#define STACKS	(1u << 16)
#define PIECE	13		/* a stack is followed in pieces of 8 KiB, whatever its size */
#define TEXT	40		/* bytes of a node's text, at most */
#define LONGEST	15		/* bytes of an instruction */

struct node {
	uint32_t above, function;
	char used;
};

struct frame {
	uint64_t at;	/* of the return address */
	uint32_t node;
	int leaves;	/* the call left for another stack, and returns from one */
};

struct stack {
	uint64_t piece;
	struct stack *below;	/* where the call came from that began this piece */
	struct frame *frames;
	uint32_t depth, room;
};

static struct node *nodes;	/* from 1 on */
static uint32_t *slots;		/* hash table: above and function → node, 0 for none */
static uint32_t count;
static struct stack *stacks;	/* hash table by piece */
static struct stack *here;
static uint32_t stack_count;
static int full;

/*
 * What the instruction that began last is about to do. QEMU 7.2 hands what a
 * helper accesses later (iretq above all) to the call-back of a return before.
 */
static enum { NOTHING, CALL, RETURN } expected;

const char *calls_start(const char *code)
{
	if (!code || code_read(code) < 0)
		return "cannot read the kernel's functions";
	nodes = memory(NODES * sizeof(*nodes));
	slots = memory(2 * NODES * sizeof(*slots));
	stacks = memory(STACKS * sizeof(*stacks));
	if (!nodes || !slots || !stacks)
		return "no memory";
	here = stacks;
	return NULL;
}

static uint32_t node_of(uint32_t above, uint32_t function)
{
	uint32_t slot = ((uint64_t)above << 20 ^ function) * UINT64_C(0x9e3779b97f4a7c15) >> 43;

	for (; slots[slot]; slot = (slot + 1) % (2 * NODES))
		if (nodes[slots[slot]].above == above && nodes[slots[slot]].function == function)
			return slots[slot];
	if (count == NODES - 1) {
		full = 1;
		return 0;
	}
	slots[slot] = ++count;
	nodes[count] = (struct node){ above, function, 0 };
	return count;
}

static struct stack *stack_of(uint64_t address)
{
	uint64_t piece = address >> PIECE;
	uint32_t slot = piece * UINT64_C(0x9e3779b97f4a7c15) >> 48;

	for (; stacks[slot].piece && stacks[slot].piece != piece; slot = (slot + 1) % STACKS)
		;
	if (!stacks[slot].piece) {
		if (++stack_count > STACKS / 2)
			abort();
		stacks[slot].piece = piece;
	}
	return &stacks[slot];
}

/* Forgets what stood at an address and below: it was left without a return. */
static void pop(struct stack *stack, uint64_t at)
{
	while (stack->depth && stack->frames[stack->depth - 1].at <= at)
		stack->depth--;
}

uint32_t calls_here(void)
{
	return here->depth ? here->frames[here->depth - 1].node : 0;
}

uint32_t calls_function(uint32_t node)
{
	return nodes[node].function;
}

static void push(struct stack *stack, uint64_t at, uint32_t node, int leaves)
{
	if (stack->depth == stack->room) {
		stack->room = stack->room ? 2 * stack->room : 16;
		stack->frames = realloc(stack->frames, stack->room * sizeof(*stack->frames));
		if (!stack->frames)
			abort();
	}
	stack->frames[stack->depth++] = (struct frame){ at, node, leaves };
}

/* What is handed to `called`: the number of the function that calls, and what the call is. */
enum { FROM_ENTRY = 1, SWITCHED = 2, LEAVING = 4, BITS = 3 };

static void called(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t at, void *from)
{
	uint32_t function = (uintptr_t)from >> BITS;
	unsigned int what = (uintptr_t)from;
	struct stack *stack;
	uint32_t above;

	(void)vcpu;
	if (expected != CALL || !qemu_plugin_mem_is_store(info))
		return;		/* the load of where to call, for one */
	expected = NOTHING;
	stack = stack_of(at);
	if (stack == here || what & SWITCHED) {
		here = stack;
		pop(stack, at);
		above = calls_here();
	} else {
		above = calls_here();
		stack->depth = 0;
		stack->below = here;
		here = stack;
	}
	push(stack, at, node_of(what & FROM_ENTRY ? 0 : above, function), !!(what & LEAVING));
}

static void returned(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t at, void *unused)
{
	struct stack *stack;
	const struct frame *last;
	int ours;

	(void)vcpu;
	(void)info;
	(void)unused;
	if (expected != RETURN)
		return;
	expected = NOTHING;
	stack = stack_of(at);
	pop(stack, at - 1);
	last = stack->depth ? &stack->frames[stack->depth - 1] : NULL;
	/* A new task returns where it never called, on a stack on which another may have. */
	ours = last && last->at == at && (stack == here || last->leaves);
	here = stack;
	pop(stack, at);
	if (stack->depth)
		return;
	if (ours && stack->below)
		here = stack->below;
	stack->below = NULL;
}

static void begins(unsigned int vcpu, void *what)
{
	(void)vcpu;
	expected = (uintptr_t)what;
}

static void expect(struct qemu_plugin_insn *insn, uintptr_t what)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, begins, QEMU_PLUGIN_CB_NO_REGS, (void *)what);
}

/* The opcode behind the prefixes, and the byte after it; 0 for none. */
static unsigned int opcode(const struct qemu_plugin_insn *insn, unsigned char *after, int32_t *operand)
{
	unsigned char bytes[LONGEST + 5] = { 0 };
	size_t size = insn_bytes(insn, bytes, LONGEST), i = 0;
	uint32_t four = 0;
	int k;

	while (i + 1 < size && (bytes[i] == 0x66 || bytes[i] == 0xf2 || bytes[i] == 0xf3 || bytes[i] == 0x2e ||
				bytes[i] == 0x3e || bytes[i] == 0x64 || bytes[i] == 0x65 || (bytes[i] & 0xf0) == 0x40))
		i++;
	for (k = 4; k; k--)
		four = four << 8 | bytes[i + k];
	*after = bytes[i + 1];
	*operand = (int32_t)four;
	return bytes[i];
}

int calls_returns(const struct qemu_plugin_insn *insn)
{
	unsigned char after;
	int32_t operand;
	unsigned int code = opcode(insn, &after, &operand);

	return code == 0xc3 || code == 0xc2;
}

void calls_translated(struct qemu_plugin_tb *tb)
{
	/* Both end a block. */
	struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, qemu_plugin_tb_n_insns(tb) - 1);
	uint64_t at = qemu_plugin_insn_vaddr(insn);
	uint32_t function = code_number(at);
	unsigned int own = code_function(function)->what, to = 0, what = 0, code;
	unsigned char after;
	int32_t operand;

	if (calls_returns(insn)) {
		expect(insn, RETURN);
		qemu_plugin_register_vcpu_mem_cb(insn, returned, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
		return;
	}
	code = opcode(insn, &after, &operand);
	if (code == 0xe8)
		to = code_function(code_number(at + qemu_plugin_insn_size(insn) + operand))->what;
	else if (code != 0xff || (after >> 3 & 7) != 2)
		return;
	if (own & ENTRY)
		what |= FROM_ENTRY;
	if ((own | to) & SWITCHES)
		what |= SWITCHED;
	if (to & LEAVES)
		what |= LEAVING;
	expect(insn, CALL);
	qemu_plugin_register_vcpu_mem_cb(insn, called, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW,
					 (void *)((uintptr_t)function << BITS | what));
}

void calls_use(uint32_t node)
{
	for (; node && !nodes[node].used; node = nodes[node].above)
		nodes[node].used = 1;
}

void calls_finish(void)
{
	char text[TEXT];
	uint32_t i;

	frame_begin("nodes");
	for (i = 1; i <= count; i++) {
		if (!nodes[i].used)
			continue;
		snprintf(text, sizeof(text), "%" PRIx32 ",%" PRIx32 ",%" PRIx32, i, nodes[i].above, nodes[i].function);
		frame_item(text);
	}
	frame_send();
	if (full) {
		frame_begin("full");
		frame_send();
	}
}
