/*
 * A job of the plugin: what is watched, and what is written about it.
 *
 * The loader (loader.c) reads the arguments, looks for the marks of the guest's
 * programs in the code of users (marks.c), and hands each block of the kernel's
 * code that QEMU translates to the job. A new job is a file with one of these,
 * and its row in loader.c.
 */
#ifndef KIT_PLUGIN_JOB_H
#define KIT_PLUGIN_JOB_H

#include "qemu.h"

/* What the guest is doing, as its marks say. */
enum stage { BOOTING, OUTSIDE, WINDOW };

struct job {
	const char *name;
	/* Whether it is handed the code of users, too. */
	int users;
	/* Before the guest runs; what is wrong refuses the boot. `code`: the file of that argument, or NULL. */
	const char *(*start)(const char *code);
	/* A block of the kernel was translated. The loader's lock is held. */
	void (*translated)(struct qemu_plugin_tb *tb);
	/* A mark ends the stage that was, with the lock held; the guest's end does, too. */
	void (*ended)(enum stage was);
	/* QEMU ends: write what is left. */
	void (*finish)(void);
};

extern const struct job coverage, callers, callgraph;

/* All architectures of kit have the kernel in the upper half of addresses. */
#define KERNEL	(UINT64_C(1) << 63)

/* The instruction's first bytes, at most `size`; returns how many. */
size_t insn_bytes(const struct qemu_plugin_insn *insn, void *to, size_t size);

#endif
