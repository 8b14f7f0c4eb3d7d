/* The worker's own memory: prepares its VMAs, and sends them to the host. */
#ifndef KIT_LAYOUT_H
#define KIT_LAYOUT_H

/* Give every writable private VMA its anon_vma; the stack has one since exec. */
void layout_touch(void);

/* Send the smaps read from fd: a worker frame, a frame for each VMA, then their number. -1 after a fail frame. */
int layout_send_from(int fd, const char *worker);

/* The same for this process. */
int layout_send(const char *worker);

#endif
