/* Executing a parsed program. */
#ifndef KIT_RUN_H
#define KIT_RUN_H

#include <stdint.h>

/*
 * Before the layout is sent: shared memory, files that stay open, the stack.
 * Not `first`: this worker was executed by another one, maybe inside a window.
 */
int run_init(int first);

/* Operations from..to, in this process. 0, or -1 after a fail frame. */
int run(uint32_t from, uint32_t to);

/* The pieces that users.c needs too. */
int64_t run_clock(void);	/* nanoseconds of CLOCK_MONOTONIC */
void run_send_window(const char *name, int64_t elapsed, int64_t idle_before, int64_t idle_after);

#endif
