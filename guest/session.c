/*
 * Runs a shell, or one command, for a user of the host. init starts it; what to
 * run is in /session.task (task.h).
 *
 * With `terminal=1` in /boot.conf it runs on the virtio console; a line `ROWS
 * COLUMNS` on the first virtio port sets the size. Otherwise it runs on three
 * ports: standard input, output and error.
 */
#define _GNU_SOURCE
#include "channel.h"
#include "conf.h"
#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS		20000
#define STEP_MS		20
#define DEVICES		16	/* virtio devices; the number of the ports' one depends on the others */

static struct task task;

/* Ports appear some time after their device: the host announces them one by one. */
static int open_soon(const char *format, int from, int to, int number)
{
	struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	char path[4200], name[64];
	int i, waited, fd;

	for (waited = 0; waited < WAIT_MS; waited += STEP_MS) {
		for (i = from; i < to; i++) {
			snprintf(name, sizeof(name), format, i, number);
			snprintf(path, sizeof(path), "%s/dev/%s", task.root, name);
			fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
			if (fd >= 0)
				return fd;
		}
		nanosleep(&step, NULL);
	}
	return -1;
}

static int open_port(int number)
{
	int fd = open_soon("vport%dp%d", 0, DEVICES, number);

	if (fd >= 0)
		return fd;
	channel_fail("there is no virtio port %d: the kernel has no VIRTIO_CONSOLE or no DEVTMPFS", number);
	return -1;
}

static int open_terminal(void)
{
	int fd = open_soon("hvc%d", 0, 1, 0);

	return fd < 0 ? channel_fail_errno("/dev/hvc0") : fd;
}

static void resize(int terminal, int rows, int columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	if (rows > 0 && columns > 0)
		ioctl(terminal, TIOCSWINSZ, &size);
}

static pid_t start(const int *fds, int terminal)
{
	pid_t pid = fork();
	sigset_t none;
	int i, error;

	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (terminal)
		ioctl(fds[0], TIOCSCTTY, 0);
	for (i = 0; i < 3; i++)
		dup2(fds[i], i);
	error = task_execute(&task);
	dprintf(STDERR_FILENO, "%s: %s\n", task.args[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/* Handles lines of the control port until the child ends; returns its wait status. */
static int attend(pid_t pid, int terminal, int control)
{
	struct pollfd fd = { .fd = control, .events = POLLIN };
	struct timespec second = { .tv_sec = 1 };
	char text[256];
	int status, rows, columns;
	sigset_t none;
	pid_t ended;
	ssize_t n;

	sigemptyset(&none);
	for (;;) {
		/* SIGCHLD is blocked everywhere else. A port whose other end is gone is always ready, so it is ignored. */
		if (ppoll(&fd, control < 0 ? 0 : 1, &second, &none) > 0) {
			n = read(control, text, sizeof(text) - 1);
			text[n > 0 ? n : 0] = '\0';
			if (n <= 0)
				fd.fd = -1;
			else if (sscanf(text, "%d %d", &rows, &columns) == 2)
				resize(terminal, rows, columns);
		}
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			if (ended == pid)
				return status;
	}
}

static int run(int terminal)
{
	int fds[3], control = -1, i, status;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		fds[i] = terminal && i ? fds[0] : terminal ? open_terminal() : open_port(i + 1);
		if (fds[i] < 0)
			return -1;
	}
	if (terminal) {
		control = open_port(1);
		resize(fds[0], conf_number("rows", 0), conf_number("columns", 0));
	}
	pid = start(fds, terminal);
	if (pid < 0)
		return channel_fail_errno("fork");
	status = attend(pid, fds[0], control);
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	if (terminal)
		tcdrain(fds[0]);
	frame_begin("ran");
	frame_text("session");
	frame_number(0);
	frame_number(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	frame_number(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	frame_number(0);
	frame_send();
	return 0;
}

int main(void)
{
	if (channel_open(CHANNEL_JOIN) < 0)
		return 2;
	task_adopt();
	if (task_read(&task, "/session.task") < 0 || task_prepare(&task) < 0)
		return 1;
	return run(conf_number("terminal", 0)) < 0;
}
