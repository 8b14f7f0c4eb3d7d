/* `users`: children that run together inside one window. */
#ifndef KIT_USERS_H
#define KIT_USERS_H

#include "program.h"

/* Memory in which users leave their times; -1 after a fail frame. */
int users_init(void);

/* The users of op, whose first block stands at `first`. */
int users_run(const struct op *op, uint32_t first);

#endif
