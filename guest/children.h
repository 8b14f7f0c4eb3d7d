/*
 * The processes that a process makes: forked, held, orphaned.
 *
 * Everything is strictly one after the other. An orphan begins when the process
 * that forked it is gone, and whoever waits for that one goes on when the orphan
 * is gone too; "gone" is said by the end of a pipe, which a process closes after
 * its memory is given back (do_exit: exit_mm, then exit_files, since long before
 * 2.6.38).
 */
#ifndef KIT_CHILDREN_H
#define KIT_CHILDREN_H

#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int gone;		/* ends when it and its orphans are gone; -1 without orphans */
};

/* As fork: 0 in the child. `orphans` if it may leave some. -1 after a fail frame. */
pid_t child_fork(struct child *child, int orphans);

/* Reaped, and its orphans gone. -1 after a fail frame if it failed. */
int child_wait(const struct child *child);

/* In a child, when its work is done with this result. */
void child_exit(int result) __attribute__((noreturn));

/* Run from..to in an orphan of this process. */
int child_orphan(uint32_t from, uint32_t to);

/* Run from..to in a child, which then stays until children_release. */
int child_hold(int orphans, uint32_t from, uint32_t to);

/* Let all that are held go, in order; each is gone before the next is let go. */
int children_release(void);

/* Wait until nobody has the other end of a pipe open. */
int child_pipe_end(int fd);

#endif
