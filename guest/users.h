/* `users`: children that run together inside one window. */
#ifndef KIT_USERS_H
#define KIT_USERS_H

#include "program.h"

/* Map the memory in which users leave their times. -1 after a fail frame. */
int users_init(void);

/*
 * Run the first `count` users of those whose blocks begin at `first`, in a
 * window of that name; `took` in nanoseconds. -1 after a fail frame.
 */
int users_window(const char *name, uint32_t count, uint32_t first, int64_t *took);

/* Run the users of op, whose first block is at `first`. -1 after a fail frame. */
int users_run(const struct op *op, uint32_t first);

#endif
