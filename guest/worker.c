/*
 * Runs a program and sends what its windows measured. init starts it: worker
 * FILE NAME. A worker starts it with a range of operations: worker FILE NAME
 * FROM TO.
 *
 * All buffers are static and there is no malloc, so the worker's VMAs are those
 * that it has at its start, and those of the program.
 */
#include "channel.h"
#include "children.h"
#include "exec.h"
#include "layout.h"
#include "program.h"
#include "run.h"
#include "touch.h"

#include <stdlib.h>

/* After .bss: a VMA with which the program break's first page cannot merge. */
__attribute__((section(".guard"), used)) static const char guard = 1;

int main(int argc, char **argv)
{
	int first = argc == 3;
	int from, to;

	if ((!first && argc != 5) || channel_open(CHANNEL_JOIN) < 0)
		return 2;
	touch();
	exec_init(argv[1], argv[2]);
	from = first ? 0 : atoi(argv[3]);
	to = program_read(argv[1]);
	if (to < 0 || run_init(first) < 0 || (first && layout_send(argv[2]) < 0))
		return 1;
	if (!first)
		to = atoi(argv[4]);
	child_exit(run(from, to));
}
