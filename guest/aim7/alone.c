/*
 * Jobs on the host, for tests: alone FOLDER KIB NAME AMOUNT [NAME AMOUNT ...].
 * Behind each `--` begins what a process of its own does; the last is done by
 * this one, which waits for the others. Without arguments: the names of all
 * tests.
 */
#define _GNU_SOURCE
#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA	(128 * 4096UL)	/* of mem_rtns_1 */

void job_say(const char *job, const char *why, int error)
{
	fprintf(stderr, "%s: %s%s%s\n", job, why, error ? ": " : "", error ? strerror(error) : "");
}

/* What stands before the next `--` or the end; how many words. -1 if a job failed. */
static int run_until(char **words)
{
	int i, number;

	for (i = 0; words[i] && words[i + 1] && strcmp(words[i], "--"); i += 2) {
		number = job_find(words[i]);
		if (number < 0) {
			fprintf(stderr, "no such test: %s\n", words[i]);
			exit(2);
		}
		if (job_run(number, atol(words[i + 1])) < 0)
			return -1;
	}
	return i;
}

static int is_last(char **words)
{
	for (; *words; words++)
		if (!strcmp(*words, "--"))
			return 0;
	return 1;
}

static char **next(char **words)
{
	while (strcmp(*words, "--"))
		words++;
	return words + 1;
}

int main(int argc, char **argv)
{
	const struct job *job;
	char **words = argv + 3;
	int i, status, failed;

	for (i = 0; argc == 1 && (job = job_at(i)); i++)
		puts(job->name);
	if (argc < 5)
		return argc == 1 ? 0 : 2;
	job_tmp = argv[1];
	if (job_prepare(atol(argv[2])) < 0)
		return 1;
	syscall(SYS_brk, (char *)syscall(SYS_brk, NULL) + ARENA);
	if (run_until(words) < 0)
		return 1;
	if (is_last(words))
		return 0;
	for (words = next(words); !is_last(words); words = next(words))
		if (!fork())
			_exit(run_until(words) < 0);
	failed = run_until(words) < 0;
	while (wait(&status) > 0)
		failed |= !!status;
	return failed;
}
