/*
 * Call chains, of a guest with one vCPU.
 *
 * A call pushes its return address, and a return pops it: the address of that
 * access tells the stack, which no interface before 4 gives as a register. So
 * what a switch of tasks leaves behind is there again when its stack is.
 *
 * A chain is a node of a tree: the function that called last, and the node of
 * those who called it. Node 0 is nobody. What an entry of the kernel (code.h)
 * calls has only the entry above it, whatever was interrupted.
 */
#ifndef KIT_PLUGIN_CALLS_H
#define KIT_PLUGIN_CALLS_H

#include "qemu.h"

/* What is wrong, or NULL. */
const char *calls_start(const char *code);

/* Follows the calls and returns of a block of the kernel. */
void calls_translated(struct qemu_plugin_tb *tb);

/* Whether an instruction returns. */
int calls_returns(const struct qemu_plugin_insn *insn);

/* The present chain; the function that called last in it. */
uint32_t calls_here(void);
uint32_t calls_function(uint32_t node);

/* Marks a node and those above it; calls_finish sends these: frames `nodes`, each "node,above,function". */
void calls_use(uint32_t node);
void calls_finish(void);

#endif
