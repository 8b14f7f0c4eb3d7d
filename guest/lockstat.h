/*
 * The kernel's lock_stat around a block of work: cleared and on when it opens,
 * off when it closes, read and sent afterwards.
 */
#ifndef KIT_LOCKSTAT_H
#define KIT_LOCKSTAT_H

/*
 * Returns 0, also on a kernel without lock_stat, where windows only measure
 * time. If not `first`, a window may already be open.
 */
int lockstat_init(int first);

/* All return 0, or -1 after a fail frame. */
int lockstat_open(void);
int lockstat_close(void);
int lockstat_send(const char *window);	/* the window's rows, then a closed frame */

#endif
