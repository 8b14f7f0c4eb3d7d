/*
 * Sleeping threads: see threads.h.
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
#include <semaphore.h>
#include <string.h>

#define STACK_BYTES	32768

struct thread {
	pthread_t id;
	sem_t wake;
};

static char stacks[MAX_THREADS][STACK_BYTES] __attribute__((aligned(4096)));
static struct thread threads[MAX_THREADS];
static uint32_t used;

static void *sleep_until_woken(void *wake)
{
	while (sem_wait(wake) < 0)
		;
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
	error = pthread_create(&thread->id, &attr, sleep_until_woken, &thread->wake);
	return error ? fail("thread", error) : 0;
}

static int end(struct thread *thread)
{
	int error;

	sem_post(&thread->wake);
	error = pthread_join(thread->id, NULL);
	return error ? fail("thread's end", error) : 0;
}

int threads_run(uint32_t count, uint32_t from, uint32_t to)
{
	uint32_t first = used, i;

	if (count > MAX_THREADS - used) {
		channel_fail("more than %d threads at once", MAX_THREADS);
		return -1;
	}
	for (i = 0; i < count; i++)
		if (start(&threads[used + i], stacks[used + i]) < 0)
			return -1;
	used += count;
	if (run(from, to) < 0)
		return -1;
	used = first;
	for (i = 0; i < count; i++)
		if (end(&threads[first + i]) < 0)
			return -1;
	return 0;
}
