/*
 * `crew`: see crew.h.
 *
 * All threads exist before the window opens, and end after it is closed. They
 * share what the kernel has for the process, its mmap lock above all; each has
 * regions of its own.
 */
#define _GNU_SOURCE
#include "crew.h"
#include "idle.h"
#include "lockstat.h"
#include "mark.h"
#include "run.h"
#include "threads.h"

static struct member {
	uint32_t from, to;
	int64_t took;
	int failed;
} members[MAX_THREADS];

static sem_t ready, done;

static void pass(sem_t *gate)
{
	while (sem_wait(gate) < 0)
		;
}

static void work(uint32_t number, sem_t *wake)
{
	struct member *member = &members[number];
	int64_t start;

	sem_post(&ready);
	pass(wake);
	start = run_clock();
	member->failed = run(member->from, member->to) < 0;
	member->took = run_clock() - start;
	sem_post(&done);
}

static void pass_all(sem_t *gate, uint32_t times)
{
	while (times--)
		pass(gate);
}

static int measure(const struct op *op, uint32_t count)
{
	int64_t start, total, idle;

	pass_all(&ready, count);
	idle = idle_now();
	if (idle < -1 || lockstat_open() < 0)
		return -1;
	start = run_clock();
	MARK(MARK_OPEN);
	threads_wake(count);
	pass_all(&done, count);
	MARK(MARK_CLOSE);
	total = run_clock() - start;
	if (lockstat_close() < 0)
		return -1;
	run_send_window(names[op->name], total, idle, idle_now());
	return 0;
}

int crew_run(const struct op *op, uint32_t first)
{
	uint32_t i, at = first, count = op->number;

	for (i = 0; i < count; i++, at = ops[at].end)
		members[i] = (struct member){ .from = at + 1, .to = ops[at].end };
	sem_init(&ready, 0, 0);
	sem_init(&done, 0, 0);
	if (threads_start(count, work) < 0 || measure(op, count) < 0 || threads_end(count) < 0)
		return -1;
	for (i = 0; i < count; i++) {
		if (members[i].failed)
			return -1;
		run_send_user(names[op->name], i, members[i].took);
	}
	return lockstat_send(names[op->name]);
}
