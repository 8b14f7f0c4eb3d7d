/* Executing a parsed program. */
#ifndef KIT_RUN_H
#define KIT_RUN_H

#include <stdint.h>
#include <sys/types.h>

/* Before the layout is sent: shared memory and files that stay open. */
int run_init(void);

/* Operations from..to, in this process. 0, or -1 after a fail frame. */
int run(uint32_t from, uint32_t to);

/* The pieces that users.c needs too. */
int run_reap(pid_t pid);
int64_t run_clock(void);	/* nanoseconds of CLOCK_MONOTONIC */
void run_send_window(const char *name, int64_t elapsed);
int run_close_window(const char *name);

#endif
