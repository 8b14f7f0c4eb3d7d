/* Children that execute a program: the worker itself, or the shell with a script. */
#ifndef KIT_EXEC_H
#define KIT_EXEC_H

#include "program.h"

#include <stdint.h>

/* Remember this worker's program file and name, to pass to the workers that it executes. */
void exec_init(char *file, char *name);

/* Run from..to in a fresh image of the worker, and wait for it. -1 after a fail frame. */
int exec_worker(int orphans, uint32_t from, uint32_t to);

/* Run /bin/job.sh in a child and wait for it. -1 after a fail frame. */
int exec_script(void);

/* Run a script, which runs a second program, in a child, and wait for it; by `sh -c` if asked. -1 after a fail frame. */
int exec_shell(const struct op *op);

/* posix_spawn of `sleep 0`, and wait for it. -1 after a fail frame. */
int exec_spawn(void);

#endif
