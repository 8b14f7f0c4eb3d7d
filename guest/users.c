/*
 * `users`: see users.h.
 *
 * Two barriers keep all users outside of the window: before it, while lock_stat
 * is cleared and switched on; and after it, until lock_stat is off and read, so
 * that no exit counts. A barrier opens for all users at once when the parent
 * closes the only writing end of its pipe.
 */
#define _GNU_SOURCE
#include "users.h"
#include "channel.h"
#include "children.h"
#include "idle.h"
#include "lockstat.h"
#include "mark.h"
#include "run.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS	250	/* how often the waiting parent checks for dead users */

static int64_t *elapsed;
static struct child children[MAX_USERS];

/* Each user writes a byte when it is ready, and one when it is done. */
static int said[2], go[2], leave[2];

int users_init(void)
{
	elapsed = mmap(NULL, MAX_USERS * sizeof(*elapsed), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return elapsed == MAP_FAILED ? channel_fail_errno("users") : 0;
}

static int say(void)
{
	return write(said[1], "", 1) == 1 ? 0 : -1;
}

static int user(uint32_t index, uint32_t from, uint32_t to)
{
	int64_t start;

	close(go[1]);
	close(leave[1]);
	if (say() < 0 || child_pipe_end(go[0]) < 0)
		return -1;
	start = run_clock();
	if (run(from, to) < 0)
		return -1;
	elapsed[index] = run_clock() - start;
	if (say() < 0)
		return -1;
	return child_pipe_end(leave[0]);
}

static int fork_users(uint32_t count, uint32_t first)
{
	uint32_t i, at = first;

	for (i = 0; i < count; i++, at = ops[at].end) {
		if (child_fork(&children[i], ops[at].flag) < 0)
			return -1;
		if (!children[i].pid)
			child_exit(user(i, at + 1, ops[at].end));
	}
	return 0;
}

/* Fails if a user has ended before it was released. */
static int look_for_dead(void)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid) {
		channel_fail("a user ended early, status or signal %d", info.si_status);
		return -1;
	}
	return 0;
}

/* Wait until each of `users` has written its byte. */
static int hear_all(uint32_t users)
{
	struct pollfd poll_said = { .fd = said[0], .events = POLLIN };
	static char bytes[MAX_USERS];

	while (users) {
		ssize_t n;

		if (poll(&poll_said, 1, LOOK_MS) <= 0) {
			if (look_for_dead() < 0)
				return -1;
			continue;
		}
		n = read(said[0], bytes, users);
		if (n > 0)
			users -= n;
	}
	return 0;
}

static int measure(const char *name, uint32_t count, int64_t *took)
{
	int64_t start, idle;

	if (hear_all(count) < 0)
		return -1;
	idle = idle_now();
	if (idle < -1 || lockstat_open() < 0)
		return -1;
	start = run_clock();
	MARK(MARK_OPEN);
	close(go[1]);
	if (hear_all(count) < 0)
		return -1;
	MARK(MARK_CLOSE);
	*took = run_clock() - start;
	if (lockstat_close() < 0)
		return -1;
	run_send_window(name, *took, idle, idle_now());
	return 0;
}

static void send_users(const char *name, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		run_send_user(name, i, elapsed[i]);
}

static int end_users(uint32_t count)
{
	uint32_t i;

	close(leave[1]);
	for (i = 0; i < count; i++)
		if (child_wait(&children[i]) < 0)
			return -1;
	close(said[0]);
	close(said[1]);
	close(go[0]);
	close(leave[0]);
	return 0;
}

int users_window(const char *name, uint32_t count, uint32_t first, int64_t *took)
{
	if (pipe(said) < 0 || pipe(go) < 0 || pipe(leave) < 0)
		return channel_fail_errno("pipe");
	if (fork_users(count, first) < 0 || measure(name, count, took) < 0)
		return -1;
	send_users(name, count);
	if (lockstat_send(name) < 0)
		return -1;
	return end_users(count);
}

int users_run(const struct op *op, uint32_t first)
{
	int64_t took;

	return users_window(names[op->name], op->number, first, &took);
}
