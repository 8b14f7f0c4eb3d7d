/* A program that shows init its own VMAs. */
#ifndef KIT_SMAPS_H
#define KIT_SMAPS_H

/* Copies /proc/self/smaps to descriptor 3; 0, or -1. */
int smaps_copy(void);

#endif
