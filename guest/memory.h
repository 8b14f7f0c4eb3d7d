/* Operations on regions and on the program break. */
#ifndef KIT_MEMORY_H
#define KIT_MEMORY_H

#include "program.h"

/* /data stays open, and where the break is now is page 0. -1 after a fail frame. */
int memory_init(void);

/* One operation. 0, or -1 after a fail frame. */
int memory_run(const struct op *op);

#endif
