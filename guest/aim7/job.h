/*
 * Jobs of workloads, most of them the tests of AIM suite VII, written anew: each does what the suite's test of
 * that name does (the counts are in kit/workload/aim7jobs.py), and checks that
 * it was done. AIM is a trademark.
 *
 * No malloc, and no buffer on the stack that is larger than a page: a test
 * leaves the VMAs of its process as it found them.
 */
#ifndef KIT_AIM7_JOB_H
#define KIT_AIM7_JOB_H

#include <stddef.h>

#define JOB_TMP		"/tmp"	/* the default of job_tmp */

/* One test. `amount`: loops, messages or KiB, as the test has it. 0, or -1 after job_fail. */
struct job {
	const char *name;
	int (*run)(long amount);
};

extern const struct job compute_jobs[], number_jobs[], memory_jobs[], file_jobs[],
	message_jobs[], process_jobs[], mail_jobs[];

/* The folder of all files. */
extern const char *job_tmp;

/* The test with this number, in the order of all tables; NULL after the last. */
const struct job *job_at(unsigned int number);

/* Its number, or -1. */
int job_find(const char *name);

/* Told by whoever runs the jobs: `why` in words, with errno if that is not 0. */
void job_say(const char *job, const char *why, int error);

/* Says what is wrong, with errno; returns -1. */
int job_fail(const char *why);

/* The same, without errno: a result is not what it must be. */
int job_wrong(const char *why);

/* Runs a job; -1 if it failed, which was said. */
int job_run(unsigned int number, long amount);

/* A folder for files, a source file of `kib` KiB, a tree to search, a loopback: once, before any user. */
int job_prepare(long kib);

struct sockaddr_in;

/* A socket bound to a port of loopback, and its address. -1 after job_fail. */
int job_bound(int type, struct sockaddr_in *address);

/* The mail's folders; part of job_prepare. */
void mail_prepare(void);

/* A path below job_tmp, of this process; one of four buffers in turn. */
char *job_path(const char *name);

/* The same numbers in each process. */
unsigned int job_random(void);

#endif
