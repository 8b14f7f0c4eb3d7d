/* Operations on regions and on the program break. */
#ifndef KIT_MEMORY_H
#define KIT_MEMORY_H

#include "program.h"

/* Open /data, and take the current break as page 0. -1 after a fail frame. */
int memory_init(void);

/* Run one operation. 0, or -1 after a fail frame. */
int memory_run(const struct op *op);

#endif
