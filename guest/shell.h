/* The memory layout of /bin/sh. */
#ifndef KIT_SHELL_H
#define KIT_SHELL_H

/* Run the shell once and send its VMAs as those of a worker "/bin/sh". 0, or -1 after a fail frame. */
int shell_send_layout(void);

#endif
