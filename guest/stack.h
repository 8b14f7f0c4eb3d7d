/* The worker's stack: how deep it is, and growing it. */
#ifndef KIT_STACK_H
#define KIT_STACK_H

#include <stdint.h>

/* Touch all of the stack's VMA, so that any deeper access makes it grow. -1 after a fail frame. */
int stack_init(void);

/* Write to each page from here down to `pages` deeper than ever before. */
int stack_grow(uint32_t pages);

#endif
