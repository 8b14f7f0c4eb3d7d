/*
 * The kernel's code, as kit has it from vmlinux. A file with a line each, all
 * numbers in hexadecimal:
 *
 *	f BEGIN END WHAT	a function, in the order of addresses; WHAT is some of the bits below
 *	c BEGIN END SIZE	the array of lock classes, each of SIZE bytes
 */
#ifndef KIT_PLUGIN_CODE_H
#define KIT_PLUGIN_CODE_H

#include <stdint.h>

enum {
	ENTRY = 1,	/* an entry from user mode, of an interrupt, or of an exception */
	SWITCHES = 2,	/* it runs on the stack of the task to go on with */
	ACQUIRES = 4,	/* lock_acquire of lockdep */
	NOTES = 8,	/* what it calls to note that a lock is held */
	LOOKS_UP = 16,	/* what that calls to find the lock's class */
	LEAVES = 32,	/* it leaves a task's stack for another's, and goes on as a function that SWITCHES */
};

struct function {
	uint64_t begin, end;
	unsigned int what;
};

struct classes {
	uint64_t begin, end, size;
};

/* -1 if the file cannot be read, or is not that. */
int code_read(const char *path);

/* The number of the function that has an address, in the file's order from 1 on; 0 for none. */
uint32_t code_number(uint64_t address);

/* A function by its number; that of 0 has no address. */
const struct function *code_function(uint32_t number);

const struct classes *code_classes(void);

#endif
