/* Threads that exist, asleep, while a block runs. */
#ifndef KIT_THREADS_H
#define KIT_THREADS_H

#include <stdint.h>

/* Run from..to while `count` threads sleep; they are gone at the end. -1 after a fail frame. */
int threads_run(uint32_t count, uint32_t from, uint32_t to);

#endif
