/* The worker's own memory: its VMAs made ready, and sent to the host. */
#ifndef KIT_LAYOUT_H
#define KIT_LAYOUT_H

/* Give every writable private VMA its anon_vma; the stack has one since exec. */
void layout_touch(void);

/* One vma frame each, then their number. 0, or -1 after a fail frame. */
int layout_send(void);

#endif
