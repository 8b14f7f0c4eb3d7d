/* What to run in a root: see task.h. */
#define _GNU_SOURCE
#include "task.h"
#include "channel.h"
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static char text[1 << 18];

static int hex(char c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void unescape(char *from)
{
	char *to = from;

	for (; *from; from++) {
		if (*from == '%' && from[1] && from[2]) {
			*to++ = hex(from[1]) << 4 | hex(from[2]);
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static int put(char **words, int *count, char *value)
{
	if (*count == TASK_WORDS) {
		channel_fail("more than %d words", TASK_WORDS);
		return -1;
	}
	words[(*count)++] = value;
	words[*count] = NULL;
	return 0;
}

static int take(struct task *task, const char *key, char *value)
{
	unescape(value);
	if (!strcmp(key, "root"))
		task->root = value;
	else if (!strcmp(key, "dir"))
		task->dir = value;
	else if (!strcmp(key, "arg"))
		return put(task->args, &task->nargs, value);
	else if (!strcmp(key, "env"))
		return put(task->env, &task->nenv, value);
	else if (!strcmp(key, "limit"))
		task->limit = atol(value);
	else if (!strcmp(key, "status"))
		task->status = atol(value);
	else if (!strcmp(key, "user"))
		task->user = atol(value);
	else if (!strcmp(key, "left"))
		task->kill_left = !strcmp(value, "kill");
	else {
		channel_fail("no such key of a task: %s", key);
		return -1;
	}
	return 0;
}

static ssize_t load(const char *path)
{
	ssize_t n, length = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while ((n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += n;
	close(fd);
	text[length] = '\0';
	return n < 0 || length == sizeof(text) - 1 ? -1 : length;
}

int task_read(struct task *task, const char *path)
{
	char *line, *rest = text;

	if (load(path) < 0)
		return channel_fail_errno(path);
	while ((line = strsep(&rest, "\n"))) {
		char *key = strsep(&line, " ");

		if (line && take(task, key, line) < 0)
			return -1;
	}
	if (task->root && task->dir && task->nargs)
		return 0;
	channel_fail("%s says no root, no dir or no arg", path);
	return -1;
}

int task_prepare(struct task *task)
{
	if (!strcmp(task->root, "host") || !strcmp(task->root, "home")) {
		if (root_mount_host() < 0)
			return -1;
		task->root = HOST_ROOT;
	}
	return root_furnish(task->root);
}

/* Exists only so that SIGCHLD interrupts ppoll(). */
static void on_child(int sig)
{
	(void)sig;
}

void task_adopt(void)
{
	struct sigaction action = { .sa_handler = on_child };
	sigset_t child;

	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int task_execute(const struct task *task)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (chroot(task->root) < 0 || chdir(task->dir) < 0)
		return errno;
	if (task->user && (setgroups(0, NULL) < 0 || setgid(task->user) < 0 || setuid(task->user) < 0))
		return errno;
	execve(task->args[0], task->args, task->env);
	return errno;
}
