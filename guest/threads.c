/*
 * Threads: see threads.h.
 *
 * Their stacks are static, and large enough for libc's own data too, so that it
 * maps nothing. A forked child has only the thread that forked.
 */
#define _GNU_SOURCE
#include "threads.h"
#include "channel.h"
#include "program.h"
#include "run.h"

#include <pthread.h>
#include <string.h>

#define STACK_BYTES	32768

struct thread {
	pthread_t id;
	sem_t wake;
	void (*body)(uint32_t number, sem_t *wake);
	uint32_t number;
};

static char stacks[MAX_THREADS][STACK_BYTES] __attribute__((aligned(4096)));
static struct thread threads[MAX_THREADS];
static uint32_t used;

static void *begin(void *thread)
{
	struct thread *self = thread;

	self->body(self->number, &self->wake);
	return NULL;
}

static int fail(const char *what, int error)
{
	channel_fail("%s: %s", what, strerror(error));
	return -1;
}

static int start(struct thread *thread, char *stack)
{
	pthread_attr_t attr;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK_BYTES);
	sem_init(&thread->wake, 0, 0);
	error = pthread_create(&thread->id, &attr, begin, thread);
	return error ? fail("thread", error) : 0;
}

int threads_start(uint32_t count, void (*body)(uint32_t number, sem_t *wake))
{
	uint32_t first = used, i;

	if (count > MAX_THREADS - used) {
		channel_fail("more than %d threads at once", MAX_THREADS);
		return -1;
	}
	used += count;
	for (i = 0; i < count; i++) {
		threads[first + i].body = body;
		threads[first + i].number = i;
		if (start(&threads[first + i], stacks[first + i]) < 0)
			return -1;
	}
	return 0;
}

void threads_wake(uint32_t count)
{
	uint32_t i;

	for (i = used - count; i < used; i++)
		sem_post(&threads[i].wake);
}

int threads_end(uint32_t count)
{
	uint32_t i;
	int error;

	for (i = used - count; i < used; i++) {
		error = pthread_join(threads[i].id, NULL);
		if (error)
			return fail("thread's end", error);
	}
	used -= count;
	return 0;
}

static void sleep_until_woken(uint32_t number, sem_t *wake)
{
	(void)number;
	while (sem_wait(wake) < 0)
		;
}

int threads_run(uint32_t count, uint32_t from, uint32_t to)
{
	if (threads_start(count, sleep_until_woken) < 0 || run(from, to) < 0)
		return -1;
	threads_wake(count);
	return threads_end(count);
}
