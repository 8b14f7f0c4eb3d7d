/*
 * The layouts of the images that scripts execute: see shell.h.
 *
 * Scripts run inside windows, where smaps must not be read. So the shell and
 * the program of the scripts run once before, and copy their own smaps to a
 * pipe (SMAPS_FD).
 */
#define _GNU_SOURCE
#include "shell.h"
#include "channel.h"
#include "layout.h"
#include "smaps.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>


static void run_program(const int *ends, const char *path, const char *argument)
{
	if (dup2(ends[1], SMAPS_FD) != SMAPS_FD)
		_exit(126);
	execl(path, path, argument, (char *)NULL);
	_exit(127);
}

static int send_layout(const char *path, const char *argument)
{
	int ends[2], status, ret;
	pid_t pid;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return channel_fail_errno(path);
	if (!pid)
		run_program(ends, path, argument);
	close(ends[1]);
	ret = layout_send_from(ends[0], path);
	close(ends[0]);
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return channel_fail_errno(path);
	if (status)
		channel_fail("layout of %s: it ended with status %d", path, status);
	return status ? -1 : ret;
}

int shell_send_layouts(void)
{
	return send_layout("/bin/sh", "/bin/layout.sh") || send_layout("/bin/ls", "--smaps") ? -1 : 0;
}
