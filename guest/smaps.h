/* A program that shows init its own VMAs. */
#ifndef KIT_SMAPS_H
#define KIT_SMAPS_H

#define SMAPS_FD	3

/* Copies /proc/self/smaps to that descriptor; 0, or -1. */
int smaps_copy(void);

#endif
