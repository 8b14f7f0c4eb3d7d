/* Executing a parsed program. */
#ifndef KIT_RUN_H
#define KIT_RUN_H

#include <stdint.h>

/*
 * Prepare shared memory, files that stay open, and the stack, before the layout
 * is sent. Not `first`: another worker executed this one, maybe inside a window.
 */
int run_init(int first);

/* Run operations from..to in this process. 0, or -1 after a fail frame. */
int run(uint32_t from, uint32_t to);

/* Also used by users.c and crew.c. */
int64_t run_clock(void);	/* nanoseconds of CLOCK_MONOTONIC */
void run_send_user(const char *name, uint32_t index, int64_t elapsed);
void run_send_window(const char *name, int64_t elapsed, int64_t idle_before, int64_t idle_after);

#endif
