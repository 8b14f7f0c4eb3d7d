/*
 * A shell just large enough for kit's scripts: sh FILE [ARGUMENT], or sh -c
 * COMMAND. Comments, assignments, `:`, `echo`, `exit N`, programs with their
 * words (`$1` is the argument; `> /dev/null` and `2>&1` are known), and
 * `smaps`, which copies the shell's own to descriptor 3. Anything else is an
 * error, with its line, and status 2.
 *
 * With -c the command replaces the shell, as in dash and bash.
 *
 * No malloc: the model does not know which VMAs libc would allocate from.
 */
#define _GNU_SOURCE
#include "lines.h"
#include "smaps.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_LINE	256
#define MAX_WORDS	16

static char *argument;
static int null;

static int is_assignment(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	return n && word[n] == '=';
}

/* The words of a command; -1 if there are too many, or one is not known. */
static int words_of(char *word, char *rest, char **words, int *quiet)
{
	int n = 0;

	for (; word; word = strtok_r(rest, " \t", &rest)) {
		if (n == MAX_WORDS)
			return -1;
		if (!strcmp(word, "2>&1"))
			continue;
		if (!strcmp(word, ">")) {
			word = strtok_r(rest, " \t", &rest);
			if (!word || strcmp(word, "/dev/null"))
				return -1;
			*quiet = 1;
			continue;
		}
		words[n++] = strcmp(word, "$1") ? word : argument ? argument : "";
	}
	words[n] = NULL;
	return n;
}

static void become(char **words, int quiet)
{
	static char path[MAX_LINE + 8];
	static char *const environment[] = { NULL };

	snprintf(path, sizeof(path), "%s%s", strchr(words[0], '/') ? "" : "/bin/", words[0]);
	if (quiet && (dup2(null, 1) < 0 || dup2(null, 2) < 0))
		_exit(126);
	execve(path, words, environment);
	_exit(127);
}

/* Runs a program and waits for it: 2 if there is none such, 1 if it failed. */
static int run_program(char *word, char *rest)
{
	static char *words[MAX_WORDS + 1];
	int quiet = 0, status;
	pid_t pid;

	if (words_of(word, rest, words, &quiet) < 0)
		return 2;
	pid = fork();
	if (!pid)
		become(words, quiet);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return 2;
	return status ? 1 : -1;
}

/* -1 to continue, else the script's exit status. */
static int run_line(char *line)
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
		return smaps_copy() < 0 ? 1 : -1;
	if (is_assignment(word))
		return -1;	/* variables are never expanded */
	return run_program(word, rest);
}

static int run_command(char *line)
{
	static char *words[MAX_WORDS + 1];
	char *rest = line, *word = strtok_r(rest, " \t", &rest);
	int quiet = 0;

	if (!word || words_of(word, rest, words, &quiet) < 1)
		return 2;
	become(words, quiet);
	return 127;
}

static int run_script(const char *path)
{
	static char line[MAX_LINE], kept[64][MAX_LINE];
	static struct lines lines;
	int lineno = 0, status = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		dprintf(STDERR_FILENO, "sh: no script\n");
		return 2;
	}
	lines_start(&lines, fd);
	while (status < 0 && lineno < 64 && lines_next(&lines, line, sizeof(line)) > 0) {
		strcpy(kept[lineno], line);
		status = run_line(kept[lineno++]);
	}
	if (status == 2)
		dprintf(STDERR_FILENO, "sh: %s:%d: %s\n", path, lineno, line);
	return status < 0 ? 0 : status;
}

int main(int argc, char **argv)
{
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || argc < 2 || argc > 3) {
		dprintf(STDERR_FILENO, "sh: no script, or no /dev/null\n");
		return 2;
	}
	if (!strcmp(argv[1], "-c"))
		return argc == 3 ? run_command(argv[2]) : 2;
	argument = argc == 3 ? argv[2] : NULL;
	return run_script(argv[1]);
}
