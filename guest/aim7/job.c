/* The table of tests, and what they share: see job.h. */
#define _GNU_SOURCE
#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct job prepare[] = { { "prepare", job_prepare }, { NULL, NULL } };

static const struct job *const tables[] = {
	prepare, compute_jobs, number_jobs, memory_jobs, file_jobs, message_jobs, process_jobs,
	mail_jobs,
};

const char *job_tmp = JOB_TMP;
static const char *running = "";
static unsigned int seed;

const struct job *job_at(unsigned int number)
{
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const struct job *job = tables[i];

		for (; job->name; job++)
			if (!number--)
				return job;
	}
	return NULL;
}

int job_find(const char *name)
{
	const struct job *job;
	int number;

	for (number = 0; (job = job_at(number)); number++)
		if (!strcmp(job->name, name))
			return number;
	return -1;
}

int job_fail(const char *why)
{
	job_say(running, why, errno);
	return -1;
}

int job_wrong(const char *why)
{
	job_say(running, why, 0);
	return -1;
}

int job_run(unsigned int number, long amount)
{
	const struct job *job = job_at(number);

	running = job->name;
	seed = 20110617;
	return job->run(amount);
}

char *job_path(const char *name)
{
	static char paths[4][256];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s.%d", job_tmp, name, (int)getpid());
	return path;
}

unsigned int job_random(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 8;
}
