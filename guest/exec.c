/* Executing programs in children: see exec.h. */
#define _GNU_SOURCE
#include "exec.h"
#include "channel.h"
#include "children.h"
#include "scripts.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>

#define WORKER_PATH	"/worker"
#define SCRIPT_PATH	"/bin/job.sh"
#define SHELL_PATH	"/bin/sh"
#define TOOL_PATH	"/bin/sleep"

static char *program_file, *worker_name;

void exec_init(char *file, char *name)
{
	program_file = file;
	worker_name = name;
}

static int execute(int orphans, const char *path, char *const argv[])
{
	static char *const envp[] = { NULL };
	struct child child;

	if (child_fork(&child, orphans) < 0)
		return -1;
	if (!child.pid) {
		execve(path, argv, envp);
		child_exit(channel_fail_errno(path));
	}
	return child_wait(&child);
}

int exec_worker(int orphans, uint32_t from, uint32_t to)
{
	static char first[12], end[12];
	char *argv[] = { WORKER_PATH, program_file, worker_name, first, end, NULL };

	snprintf(first, sizeof(first), "%u", from);
	snprintf(end, sizeof(end), "%u", to);
	return execute(orphans, WORKER_PATH, argv);
}

int exec_shell(const struct op *op)
{
	static char path[32], amount[12], command[64];
	char *script[] = { path, amount, NULL };
	char *by_system[] = { SHELL_PATH, "-c", command, NULL };

	snprintf(path, sizeof(path), "/bin/%s.sh", scripts[op->region]);
	snprintf(amount, sizeof(amount), "%u", op->number);
	snprintf(command, sizeof(command), "%s %s", path, amount);
	if (op->flag == BY_SYSTEM)
		return execute(0, SHELL_PATH, by_system);
	return execute(0, path, script);
}

int exec_script(void)
{
	char *argv[] = { SCRIPT_PATH, NULL };

	return execute(0, SCRIPT_PATH, argv);
}

int exec_spawn(void)
{
	static char *argv[] = { "sleep", "0", NULL }, *const envp[] = { NULL };
	struct child child = { .gone = -1 };
	int error = posix_spawn(&child.pid, TOOL_PATH, NULL, NULL, argv, envp);	/* with file actions it would allocate */

	if (!error)
		return child_wait(&child);
	errno = error;
	return channel_fail_errno(TOOL_PATH);
}
