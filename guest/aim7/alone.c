/*
 * Jobs on the host, for tests: alone FOLDER KIB NAME AMOUNT [NAME AMOUNT ...].
 * Without arguments: the names of all tests.
 */
#define _GNU_SOURCE
#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARENA	(128 * 4096UL)	/* of mem_rtns_1 */

void job_say(const char *job, const char *why, int error)
{
	fprintf(stderr, "%s: %s%s%s\n", job, why, error ? ": " : "", error ? strerror(error) : "");
}

int main(int argc, char **argv)
{
	const struct job *job;
	int i, number;

	for (i = 0; argc == 1 && (job = job_at(i)); i++)
		puts(job->name);
	if (argc < 5)
		return argc == 1 ? 0 : 2;
	job_tmp = argv[1];
	if (job_prepare(atol(argv[2])) < 0)
		return 1;
	syscall(SYS_brk, (char *)syscall(SYS_brk, NULL) + ARENA);
	for (i = 3; i + 1 < argc; i += 2) {
		number = job_find(argv[i]);
		if (number < 0) {
			fprintf(stderr, "no such test: %s\n", argv[i]);
			return 2;
		}
		if (job_run(number, atol(argv[i + 1])) < 0)
			return 1;
	}
	return 0;
}
