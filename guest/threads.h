/* Threads of this process: that sleep while a block runs, or that work. */
#ifndef KIT_THREADS_H
#define KIT_THREADS_H

#include <semaphore.h>
#include <stdint.h>

/*
 * Start `count` more threads, no more than MAX_THREADS in all. Each runs `body`
 * with its number, from 0, and a semaphore that threads_wake posts to.
 */
int threads_start(uint32_t count, void (*body)(uint32_t number, sem_t *wake));

/* Of the last `count` threads: wake all; wait for their end. -1 after a fail frame. */
void threads_wake(uint32_t count);
int threads_end(uint32_t count);

/* Run from..to while `count` threads sleep; they are gone at the end. -1 after a fail frame. */
int threads_run(uint32_t count, uint32_t from, uint32_t to);

#endif
