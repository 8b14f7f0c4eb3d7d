/* The worker's own memory: its VMAs made ready, and sent to the host. */
#ifndef KIT_LAYOUT_H
#define KIT_LAYOUT_H

/* Give every writable private VMA its anon_vma; the stack has one since exec. */
void layout_touch(void);

/* A worker frame, a vma frame each, then their number: of smaps read from fd. 0, or -1 after a fail frame. */
int layout_send_from(int fd, const char *worker);

/* The same of this process. */
int layout_send(const char *worker);

#endif
