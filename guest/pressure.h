/* The block `reclaim`: the kernel takes memory back while a program runs. */
#ifndef KIT_PRESSURE_H
#define KIT_PRESSURE_H

#include <stdint.h>

/*
 * Runs the operations from..to while kswapd swaps pages out to a RAM disk. It
 * is at work before the first of them. Returns 0, or -1 after a fail frame.
 */
int pressure_run(uint32_t from, uint32_t to);

#endif
