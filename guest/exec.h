/* Children that execute a program: the worker itself, or the shell with a script. */
#ifndef KIT_EXEC_H
#define KIT_EXEC_H

#include <stdint.h>

/* The file that this worker reads its program from, and its name, for those that it executes. */
void exec_init(char *file, char *name);

/* From..to in a fresh image of the worker, which is waited for. -1 after a fail frame. */
int exec_worker(int orphans, uint32_t from, uint32_t to);

int exec_script(void);

#endif
