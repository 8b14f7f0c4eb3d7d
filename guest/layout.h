/* The worker's own memory: sends its VMAs to the host. */
#ifndef KIT_LAYOUT_H
#define KIT_LAYOUT_H

/* Send the smaps read from fd: a worker frame, a frame for each VMA, then their number. -1 after a fail frame. */
int layout_send_from(int fd, const char *worker);

/* The same for this process. */
int layout_send(const char *worker);

#endif
