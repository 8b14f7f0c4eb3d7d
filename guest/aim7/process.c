/* Signals, long jumps, and what a process asks about itself. fork, exec and the break are operations of programs. */
#define _GNU_SOURCE
#include "job.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t heard;

static void hear(int number)
{
	signal(number, hear);
	heard++;
}

static int signal_test(long times)
{
	pid_t self = getpid();

	heard = 0;
	signal(SIGUSR2, hear);
	while (heard < times)
		if (kill(self, SIGUSR2) < 0)
			return job_fail("kill");
	signal(SIGUSR2, SIG_DFL);
	return heard == times ? 0 : job_wrong("a wrong number of signals");
}

static jmp_buf place;

static volatile sig_atomic_t jumping = 1;

__attribute__((noinline)) static void go(int deeper)
{
	if (deeper)
		go(deeper - 1);
	else if (jumping)
		longjmp(place, 1);
}

static int jmp_test(long times)
{
	static volatile long left, jumps;

	jumps = 0;
	for (left = times; left > 0; left--) {
		if (!setjmp(place))
			go(10);
		jumps++;
	}
	return jumps == times ? 0 : job_wrong("a wrong number of jumps");
}

/* As a lookup of a user's name reads a file. */
static int look_up(void)
{
	static char path[256], text[1024];
	struct stat stat_;
	int fd;

	snprintf(path, sizeof(path), "%s/source", job_tmp);
	if (stat(path, &stat_) < 0 || stat(job_tmp, &stat_) < 0)
		return -1;
	fd = open(path, O_RDONLY);
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0 || read(fd, text, sizeof(text)) <= 0)
		return -1;
	return close(fd);
}

static int misc_rtns_1(long rounds)
{
	static char folder[4096];
	static struct utsname name;
	struct termios line;
	struct tms spent;
	gid_t groups[16];
	mode_t mask;

	while (rounds--) {
		mask = umask(022);
		if (umask(mask) != 022 || !getcwd(folder, sizeof(folder)) || getgroups(16, groups) < 0 ||
		    uname(&name) < 0 || times(&spent) < 0 || look_up() < 0 || look_up() < 0 || look_up() < 0)
			return job_fail("a question about itself");
		tcgetattr(0, &line);	/* an error where it is no terminal, as here: a call all the same */
		tcgetattr(1, &line);
		if (getuid() != geteuid() || getgid() != getegid() || getpid() <= 1 || getppid() < 1 ||
		    getpgrp() < 0 || time(NULL) < 0 || clock() < 0 || access(".", F_OK) || strcmp(name.sysname, "Linux"))
			return job_wrong("a wrong answer");
	}
	return 0;
}

const struct job process_jobs[] = {
	{ "signal_test", signal_test }, { "jmp_test", jmp_test }, { "misc_rtns_1", misc_rtns_1 },
	{ NULL, NULL },
};
