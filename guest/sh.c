/*
 * A shell just large enough for /bin/job.sh: comments, assignments, `:`,
 * `echo`, `exit N`, and `smaps`, which copies the shell's own to descriptor 3.
 * Anything else is an error, with its line, and status 2.
 *
 * No malloc: the model does not know which VMAs libc would allocate from.
 */
#define _GNU_SOURCE
#include "lines.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE	256
#define SMAPS_FD	3

static int is_assignment(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	return n && word[n] == '=';
}

static int copy_smaps(void)
{
	static char buffer[4096];
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 1;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(SMAPS_FD, buffer, n) != n)
			return 1;
	close(fd);
	return n < 0 ? 1 : -1;
}

/* -1 to continue, else the script's exit status. */
static int run_line(char *line, int null)
{
	char *rest = line, *word;

	word = strtok_r(rest, " \t", &rest);
	if (!word || *word == '#' || !strcmp(word, ":"))
		return -1;
	if (!strcmp(word, "exit"))
		return atoi(rest) & 255;
	if (!strcmp(word, "echo"))
		return write(null, rest, strlen(rest)) < 0 ? 1 : -1;
	if (!strcmp(word, "smaps"))
		return copy_smaps();
	if (is_assignment(word))
		return -1;	/* variables are never expanded */
	return 2;
}

int main(int argc, char **argv)
{
	static char line[MAX_LINE], kept[64][MAX_LINE];
	static struct lines lines;
	int lineno = 0, status = -1;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || null < 0) {
		dprintf(STDERR_FILENO, "sh: no script, or no /dev/null\n");
		return 2;
	}
	lines_start(&lines, fd);
	while (status < 0 && lineno < 64 && lines_next(&lines, line, sizeof(line)) > 0) {
		strcpy(kept[lineno], line);
		status = run_line(kept[lineno++], null);
	}
	if (status == 2)
		dprintf(STDERR_FILENO, "sh: %s:%d: %s\n", argv[1], lineno, line);
	return status < 0 ? 0 : status;
}
