/* Swap on a RAM disk, and the watermark that makes kswapd work. */
#ifndef KIT_SWAP_H
#define KIT_SWAP_H

#define MEMORY		"/proc/meminfo"
#define MIN_FREE	"/proc/sys/vm/min_free_kbytes"

/* 1 if swap is on, 0 if the kernel has no RAM disk or no swap, -1 after a fail frame. */
int swap_on(void);

/* 0, or -1 after a fail frame. */
int swap_off(void);

/* The number after a name in a file of /proc; -1 if there is none. */
long proc_value(const char *path, const char *name);

/* 0, or -1 with errno. */
int set_min_free(long kib);

#endif
