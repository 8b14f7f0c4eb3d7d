/*
 * The programs that scripts run, in one: ls -l, and sleep MILLISECONDS. With
 * --smaps it copies its own to descriptor 3 instead.
 *
 * No malloc, and every writable VMA is written at the start, so that the model
 * knows it.
 */
#define _GNU_SOURCE
#include "smaps.h"
#include "touch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int show(int folder, const char *name)
{
	static char line[512];
	struct stat stat;
	int length;

	if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;	/* gone since: another user's */
	length = snprintf(line, sizeof(line), "%06o %3d %5d %5d %9lld %lld %s\n", (unsigned int)stat.st_mode,
			  (int)stat.st_nlink, (int)stat.st_uid, (int)stat.st_gid, (long long)stat.st_size,
			  (long long)stat.st_mtime, name);
	return write(STDOUT_FILENO, line, length) == length ? 0 : -1;
}

/* As ls -l: a stat of each entry, a line each. */
static int list(void)
{
	static char buffer[2048];
	int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n, at;

	if (folder < 0)
		return 1;
	while ((n = syscall(SYS_getdents64, folder, buffer, sizeof(buffer))) > 0)
		for (at = 0; at < n; at += ((struct dirent *)(buffer + at))->d_reclen) {
			const char *name = ((struct dirent *)(buffer + at))->d_name;

			if (*name != '.' && show(folder, name) < 0)
				return 1;
		}
	return n < 0;
}

static int doze(long milliseconds)
{
	struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	return nanosleep(&left, NULL) < 0;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];

	touch();
	if (argc == 2 && !strcmp(argv[1], "--smaps"))
		return smaps_copy() < 0;
	if (!strcmp(name, "ls"))
		return list();
	if (!strcmp(name, "sleep") && argc == 2)
		return doze(atol(argv[1]));
	return 2;
}
