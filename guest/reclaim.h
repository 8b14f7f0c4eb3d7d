/* Turns on swap on a RAM disk and makes the kernel reclaim a little, so that it walks from pages to VMAs. */
#ifndef KIT_RECLAIM_H
#define KIT_RECLAIM_H

/* 0, also if the kernel has no RAM disk or no swap; -1 after a fail frame. */
int reclaim_some(void);

#endif
