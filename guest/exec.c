/* Executing programs in children: see exec.h. */
#define _GNU_SOURCE
#include "exec.h"
#include "channel.h"
#include "children.h"

#include <stdio.h>
#include <unistd.h>

#define WORKER_PATH	"/worker"
#define SCRIPT_PATH	"/bin/job.sh"

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

int exec_script(void)
{
	char *argv[] = { SCRIPT_PATH, NULL };

	return execute(0, SCRIPT_PATH, argv);
}
