/* `crew`: threads of this process that run together inside one window. */
#ifndef KIT_CREW_H
#define KIT_CREW_H

#include "program.h"

/* Run the users of op, whose first block is at `first`, as threads. -1 after a fail frame. */
int crew_run(const struct op *op, uint32_t first);

#endif
