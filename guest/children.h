/*
 * The processes that a process makes: forked, held, orphaned.
 *
 * Everything runs strictly in sequence. An orphan begins when the process that
 * forked it is gone, and whoever waits for that process continues when the
 * orphan is gone too. The end of a pipe tells that a process is gone: it closes
 * its files after it gave back its memory (do_exit: exit_mm, then exit_files,
 * since long before 2.6.38).
 */
#ifndef KIT_CHILDREN_H
#define KIT_CHILDREN_H

#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int gone;		/* end of file when it and its orphans are gone; -1 without orphans */
};

/* Like fork: 0 in the child. `orphans`: whether it may leave some. -1 after a fail frame. */
pid_t child_fork(struct child *child, int orphans);

/* Reap the child and wait until its orphans are gone. -1 after a fail frame if it failed. */
int child_wait(const struct child *child);

/* Release the children it holds and exit; called in a child, with its result. */
void child_exit(int result) __attribute__((noreturn));

/* Run from..to in an orphan of this process. */
int child_orphan(uint32_t from, uint32_t to);

/* Run from..to in a child, which then stays until children_release. */
int child_hold(int orphans, uint32_t from, uint32_t to);

/* Release all held children in order; each is gone before the next is released. */
int children_release(void);

/* Wait until nobody has the other end of a pipe open. */
int child_pipe_end(int fd);

#endif
