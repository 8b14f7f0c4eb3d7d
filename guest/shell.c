/*
 * The layout of the shell's image: see shell.h.
 *
 * Scripts run inside windows, where smaps must not be read. So the shell runs
 * once before, with a script that copies its own smaps to a pipe (SMAPS_FD).
 */
#define _GNU_SOURCE
#include "shell.h"
#include "channel.h"
#include "layout.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMAPS_FD	3
#define SHELL		"/bin/sh"

static void run_shell(const int *ends)
{
	if (dup2(ends[1], SMAPS_FD) != SMAPS_FD)
		_exit(126);
	execl(SHELL, SHELL, "/bin/layout.sh", (char *)NULL);
	_exit(127);
}

int shell_send_layout(void)
{
	int ends[2], status, ret;
	pid_t pid;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return channel_fail_errno("layout of the shell");
	if (!pid)
		run_shell(ends);
	close(ends[1]);
	ret = layout_send_from(ends[0], SHELL);
	close(ends[0]);
	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return channel_fail_errno("layout of the shell");
	if (status)
		channel_fail("layout of the shell: it ended with status %d", status);
	return status ? -1 : ret;
}
