/* How long the CPUs have been idle, so that a window in which they were can be told. */
#ifndef KIT_IDLE_H
#define KIT_IDLE_H

#include <stdint.h>

/* Whether /boot.conf wants to know (idle=1). */
void idle_init(void);

/*
 * Nanoseconds of all CPUs since boot; -1 where nobody wants to know. -2 after
 * a fail frame: the kernel does not tell.
 */
int64_t idle_now(void);

/* A frame for `window`, unless nobody wants to know. */
void idle_send(const char *window, int64_t before, int64_t after);

#endif
