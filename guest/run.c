/*
 * Executing a parsed program: see run.h.
 *
 * Whatever happens inside a window is the program's alone: no memory is
 * mapped, none is touched for the first time, and the stack does not grow.
 */
#define _GNU_SOURCE
#include "run.h"
#include "channel.h"
#include "lockstat.h"
#include "program.h"
#include "users.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SCRIPT_PATH	"/bin/job.sh"

static int failed(const char *what)
{
	channel_fail("%s: %s", what, strerror(errno));
	return -1;
}

static char *region(const struct op *op)
{
	return (char *)(REGION_BASE + op->region * REGION_STRIDE);
}

static int run_map(const struct op *op)
{
	char *at = mmap(region(op), op->number * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return failed("map");
	if (at == region(op))
		return 0;
	/* A hint, not MAP_FIXED: that would replace a region mapped before. */
	channel_fail("map: region %d is not free", op->region);
	return -1;
}

static int run_write(const struct op *op)
{
	volatile char *page = region(op) + op->number * PAGE;

	*page = 1;
	return 0;
}

int run_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return failed("waitpid");
	if (!status)
		return 0;
	if (WIFSIGNALED(status))
		channel_fail("a child was killed by signal %d", WTERMSIG(status));
	else
		channel_fail("a child exited with status %d", WEXITSTATUS(status));
	return -1;
}

static int run_fork(uint32_t from, uint32_t to)
{
	pid_t pid = fork();

	if (pid < 0)
		return failed("fork");
	if (!pid)
		_exit(run(from, to) < 0);
	return run_reap(pid);
}

static int run_script(void)
{
	static char *const argv[] = { SCRIPT_PATH, NULL };
	static char *const envp[] = { NULL };
	pid_t pid = fork();

	if (pid < 0)
		return failed("fork");
	if (!pid) {
		execve(SCRIPT_PATH, argv, envp);
		channel_fail("%s: %s", SCRIPT_PATH, strerror(errno));
		_exit(1);
	}
	return run_reap(pid);
}

int64_t run_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void run_send_window(const char *name, int64_t elapsed)
{
	frame_begin("window");
	frame_text(name);
	frame_number(elapsed);
	frame_send();
}

int run_close_window(const char *name)
{
	if (lockstat_send(name) < 0)
		return -1;
	frame_begin("closed");
	frame_text(name);
	frame_send();
	return 0;
}

static int run_window(const struct op *op, uint32_t from)
{
	int64_t start, elapsed;

	if (lockstat_open() < 0)
		return -1;
	start = run_clock();
	if (run(from, op->end) < 0)
		return -1;
	elapsed = run_clock() - start;
	if (lockstat_close() < 0)
		return -1;
	run_send_window(names[op->name], elapsed);
	return run_close_window(names[op->name]);
}

static int run_repeat(const struct op *op, uint32_t from)
{
	uint32_t i;

	for (i = 0; i < op->number; i++)
		if (run(from, op->end) < 0)
			return -1;
	return 0;
}

static int run_op(const struct op *op, uint32_t body)
{
	switch ((enum kind)op->kind) {
	case MAP:
		return run_map(op);
	case WRITE:
		return run_write(op);
	case SCRIPT:
		return run_script();
	case FORK:
		return run_fork(body, op->end);
	case REPEAT:
		return run_repeat(op, body);
	case WINDOW:
		return run_window(op, body);
	case USERS:
		return users_run(op, body);
	case USER:
		return run(body, op->end);
	}
	return -1;
}

int run(uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i < to; i = ops[i].end)
		if (run_op(&ops[i], i + 1) < 0)
			return -1;
	return 0;
}

int run_init(void)
{
	run_clock();		/* finds the vDSO, and writes down where it is */
	if (users_init() < 0)
		return failed("users");
	return lockstat_init();
}
