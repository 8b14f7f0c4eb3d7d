/* Swap on a RAM disk, and a little reclaim, so that the kernel walks from pages to VMAs. */
#ifndef KIT_RECLAIM_H
#define KIT_RECLAIM_H

/* 0, also where the kernel has no RAM disk or no swap; -1 when a fail frame has been sent. */
int reclaim_some(void);

#endif
