/* The memory layouts of /bin/sh, and of /bin/ls, which scripts run. */
#ifndef KIT_SHELL_H
#define KIT_SHELL_H

/* Run each once and send its VMAs as those of a worker "/bin/sh" or "/bin/ls". 0, or -1 after a fail frame. */
int shell_send_layouts(void);

#endif
