/* How long the CPUs were idle, to tell the windows in which they were. */
#ifndef KIT_IDLE_H
#define KIT_IDLE_H

#include <stdint.h>

/* Read from /boot.conf whether idle time is wanted (idle=1). */
void idle_init(void);

/*
 * Idle nanoseconds of all CPUs since boot; -1 if not wanted. -2 after a fail
 * frame: the kernel does not tell.
 */
int64_t idle_now(void);

/* Send the idle time of `window`, if wanted. */
void idle_send(const char *window, int64_t before, int64_t after);

#endif
