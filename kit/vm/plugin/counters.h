/*
 * Counters of executions, incremented inside of the code that QEMU makes.
 *
 * From interface 2 on each vCPU has its own, and nothing is lost. Before that
 * all share one, and an increment is lost where two vCPUs come to the same code
 * at once: the sum is then at least 1, and at most what was executed.
 */
#ifndef KIT_PLUGIN_COUNTERS_H
#define KIT_PLUGIN_COUNTERS_H

#include "qemu.h"

/* `number` counters from 0 on; -1 if there is no memory for them. */
int counters_make(size_t number);

/* Counts how often a block is entered, or an instruction executed. */
void counters_block(size_t number, struct qemu_plugin_tb *tb);
void counters_insn(size_t number, struct qemu_plugin_insn *insn);

uint64_t counters_sum(size_t number);

/* Zeroed memory that takes none before it is used; NULL if there is none. */
void *memory(size_t size);

#endif
