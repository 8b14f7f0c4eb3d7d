/* Making children and waiting for them: see children.h. */
#define _GNU_SOURCE
#include "children.h"
#include "channel.h"
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_HELD	512

/* The children of this process; a child begins without any. */
static struct {
	struct child held[MAX_HELD];
	int held_count;
	int gate[2];		/* for orphans: end of file when this process is gone */
	int last_orphan;	/* end of file when the last forked orphan is gone */
} own = { .gate = { -1, -1 }, .last_orphan = -1 };

static void begin_anew(void)
{
	own.held_count = 0;
	own.gate[0] = own.gate[1] = own.last_orphan = -1;
}

int child_pipe_end(int fd)
{
	char c;
	ssize_t n;

	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	return n;
}

pid_t child_fork(struct child *child, int orphans)
{
	int gone[2] = { -1, -1 };

	if (orphans && pipe(gone) < 0)
		return channel_fail_errno("pipe");
	child->pid = fork();
	if (child->pid < 0)
		return channel_fail_errno("fork");
	if (!child->pid)
		begin_anew();
	child->gone = gone[0];
	if (orphans)
		close(child->pid ? gone[1] : gone[0]);
	return child->pid;
}

void child_exit(int result)
{
	_exit(result < 0 || children_release() < 0);
}

static int check(int status)
{
	if (!status)
		return 0;
	if (WIFSIGNALED(status))
		channel_fail("a child was killed by signal %d", WTERMSIG(status));
	else
		channel_fail("a child exited with status %d", WEXITSTATUS(status));
	return -1;
}

static int reap(pid_t pid, int options, int *status)
{
	while (waitpid(pid, status, options) != pid)
		if (errno != EINTR)
			return channel_fail_errno("waitpid");
	return 0;
}

int child_wait(const struct child *child)
{
	int status;

	if (reap(child->pid, 0, &status) < 0 || check(status) < 0)
		return -1;
	if (child->gone < 0)
		return 0;
	if (child_pipe_end(child->gone) < 0)
		return channel_fail_errno("orphans");
	close(child->gone);
	return 0;
}

/*
 * Runs in the orphan. Only the process that is to exit still has the writing
 * end of the gate: its other orphans closed theirs, its children were waited for.
 */
static void orphan(int alive, uint32_t from, uint32_t to)
{
	int gate = own.gate[0], before = own.last_orphan;

	close(own.gate[1]);
	close(alive);
	begin_anew();
	if (child_pipe_end(gate) < 0 || (before >= 0 && child_pipe_end(before) < 0))
		child_exit(channel_fail_errno("orphan"));
	close(gate);
	close(before);
	child_exit(run(from, to));
}

int child_orphan(uint32_t from, uint32_t to)
{
	int alive[2];
	pid_t pid;

	if ((own.gate[0] < 0 && pipe(own.gate) < 0) || pipe(alive) < 0)
		return channel_fail_errno("pipe");
	pid = fork();
	if (pid < 0)
		return channel_fail_errno("fork");
	if (!pid)
		orphan(alive[0], from, to);
	close(alive[1]);
	close(own.last_orphan);
	own.last_orphan = alive[0];
	return 0;
}

/* The child stops itself when its block is done, and stays stopped. */
int child_hold(int orphans, uint32_t from, uint32_t to)
{
	struct child *child = &own.held[own.held_count];
	int status, result;

	if (own.held_count == MAX_HELD) {
		channel_fail("more than %d children are held", MAX_HELD);
		return -1;
	}
	if (child_fork(child, orphans) < 0)
		return -1;
	if (!child->pid) {
		result = run(from, to);
		if (!result)
			raise(SIGSTOP);
		child_exit(result);
	}
	own.held_count++;
	if (reap(child->pid, WUNTRACED, &status) < 0)
		return -1;
	return WIFSTOPPED(status) ? 0 : check(status ? status : 256);
}

int children_release(void)
{
	int i;

	for (i = 0; i < own.held_count; i++) {
		if (kill(own.held[i].pid, SIGCONT) < 0)
			return channel_fail_errno("release");
		if (child_wait(&own.held[i]) < 0)
			return -1;
	}
	own.held_count = 0;
	return 0;
}
