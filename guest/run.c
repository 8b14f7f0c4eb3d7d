/*
 * Executing a parsed program: see run.h.
 *
 * Inside a window only the program acts: the worker itself maps no memory,
 * touches none for the first time, and its stack does not grow.
 */
#define _GNU_SOURCE
#include "run.h"
#include "aim7/job.h"
#include "channel.h"
#include "children.h"
#include "crew.h"
#include "exec.h"
#include "idle.h"
#include "lockstat.h"
#include "mark.h"
#include "memory.h"
#include "pressure.h"
#include "program.h"
#include "ramp.h"
#include "stack.h"
#include "threads.h"
#include "users.h"

#include <string.h>
#include <time.h>

void job_say(const char *job, const char *why, int error)
{
	channel_fail("%s: %s%s%s", job, why, error ? ": " : "", error ? strerror(error) : "");
}

static int run_fork(const struct op *op, uint32_t from)
{
	struct child child;

	if (child_fork(&child, op->flag) < 0)
		return -1;
	if (!child.pid)
		child_exit(run(from, op->end));
	return child_wait(&child);
}

int64_t run_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void run_send_window(const char *name, int64_t elapsed, int64_t idle_before, int64_t idle_after)
{
	frame_begin("window");
	frame_text(name);
	frame_number(elapsed);
	frame_send();
	idle_send(name, idle_before, idle_after);
}

void run_send_user(const char *name, uint32_t index, int64_t elapsed)
{
	frame_begin("user");
	frame_text(name);
	frame_number(index);
	frame_number(elapsed);
	frame_send();
}

static int run_window(const struct op *op, uint32_t from)
{
	int64_t start, elapsed, idle;

	idle = idle_now();
	if (idle < -1 || lockstat_open() < 0)
		return -1;
	start = run_clock();
	MARK(MARK_OPEN);
	if (run(from, op->end) < 0)
		return -1;
	MARK(MARK_CLOSE);
	elapsed = run_clock() - start;
	if (lockstat_close() < 0)
		return -1;
	run_send_window(names[op->name], elapsed, idle, idle_now());
	return lockstat_send(names[op->name]);
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
	case FORK:
		return run_fork(op, body);
	case ORPHAN:
		return child_orphan(body, op->end);
	case HOLD:
		return child_hold(op->flag, body, op->end);
	case RELEASE:
		return children_release();
	case EXEC:
		return exec_worker(op->flag, body, op->end);
	case SCRIPT:
		return exec_script();
	case SHELL:
		return exec_shell(op);
	case SPAWN:
		return exec_spawn();
	case JOB:
		return job_run(op->region, op->number);
	case THREADS:
		return threads_run(op->number, body, op->end);
	case RECLAIM:
		return pressure_run(body, op->end);
	case REPEAT:
		return run_repeat(op, body);
	case WINDOW:
		return run_window(op, body);
	case USERS:
		return users_run(op, body);
	case RAMP:
		return ramp_run(op, body);
	case CREW:
		return crew_run(op, body);
	case STACK:
		return stack_grow(op->number);
	default:
		return memory_run(op);
	}
}

int run(uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i < to; i = ops[i].end)
		if (run_op(&ops[i], i + 1) < 0)
			return -1;
	return 0;
}

int run_init(int first)
{
	run_clock();		/* libc finds the vDSO now, and stores its address */
	idle_init();
	if (memory_init() < 0 || users_init() < 0 || stack_init() < 0)
		return -1;
	return lockstat_init(first);
}
