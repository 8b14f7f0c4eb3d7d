/* `ramp`: windows of more and more users. */
#ifndef KIT_RAMP_H
#define KIT_RAMP_H

#include "program.h"

/* Run the ramp of op, whose first user's block is at `first`. -1 after a fail frame. */
int ramp_run(const struct op *op, uint32_t first);

#endif
