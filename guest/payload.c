/*
 * Runs a program of the host's distribution in a window, and sends how it ended
 * and what it printed. init starts it: payload FILE NAME.
 */
#define _GNU_SOURCE
#include "channel.h"
#include "lockstat.h"
#include "mark.h"
#include "output.h"
#include "task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS	1000	/* for processes that end shortly after the program */
#define STEP_MS		20
#define NAMES		3

static struct task task;
static struct output outputs[2];	/* standard output, standard error */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The child: sets up its streams and a session, and executes the program; writes errno to `report` if that fails. */
static void become(int out, int err, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	error = task_execute(&task);
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

static pid_t start(int report[2])
{
	int out[2], err[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0)
		return channel_fail_errno("pipe");
	outputs[0].fd = out[0];
	outputs[1].fd = err[0];
	pid = fork();
	if (!pid)
		become(out[1], err[1], report[1]);
	close(out[1]);
	close(err[1]);
	close(report[1]);
	return pid < 0 ? channel_fail_errno("fork") : pid;
}

/* Collects the output until the program ends or reaches its limit. 1 if it ended. */
static int attend(pid_t pid, int *status)
{
	int64_t end = now() + task.limit * INT64_C(1000000000);
	struct timespec second = { .tv_sec = 1 };
	sigset_t none;
	pid_t ended;

	sigemptyset(&none);
	while (!task.limit || now() < end) {
		struct pollfd fds[2] = {
			{ .fd = outputs[0].fd, .events = POLLIN },
			{ .fd = outputs[1].fd, .events = POLLIN },
		};

		/* SIGCHLD is blocked everywhere else, so that no exit is missed. */
		ppoll(fds, 2, &second, &none);
		output_take(&outputs[0]);
		output_take(&outputs[1]);
		/* Orphans are ours too: this is their reaper. */
		while ((ended = waitpid(-1, status, WNOHANG)) > 0)
			if (ended == pid)
				return 1;
	}
	return 0;
}

/* Counts the processes that are neither init, this one nor the kernel's; lists up to NAMES of them. */
static int count_left(char *names, size_t size)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	names[0] = '\0';
	while (proc && (entry = readdir(proc))) {
		char path[300], text[64];
		int pid = atoi(entry->d_name), fd;
		ssize_t n;

		if (pid <= 1 || pid == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n <= 0)	/* a thread of the kernel, or a zombie */
			continue;
		text[n] = '\0';
		if (count++ < NAMES)
			snprintf(names + strlen(names), size - strlen(names), "%s%s", count > 1 ? ", " : "", text);
	}
	if (proc)
		closedir(proc);
	return count;
}

static int left_behind(char *names, size_t size)
{
	struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int waited, count = 0;

	for (waited = 0; waited < GRACE_MS; waited += STEP_MS) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		count = count_left(names, size);
		if (!count)
			break;
		nanosleep(&step, NULL);
	}
	return count;
}

/* Kills all remaining processes except init and this one. */
static void end_all(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void judge(const char *name, int ended, int status, int left, const char *names)
{
	if (!ended)
		channel_fail("%s: still running after its limit of %ld s", name, task.limit);
	else if (WIFSIGNALED(status))
		channel_fail("%s: killed by signal %d (%s)", name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != task.status)
		channel_fail("%s: exit status %d", name, WEXITSTATUS(status));
	else if (left && !task.kill_left)
		channel_fail("%s: ended and left %d process%s behind: %s", name, left, left > 1 ? "es" : "", names);
}

static void send_run(const char *name, int64_t elapsed, int ended, int status, int left)
{
	frame_begin("ran");
	frame_text(name);
	frame_number(elapsed);
	frame_number(ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	frame_number(ended && WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	frame_number(left);
	frame_send();
}

static int send_window(const char *name, int64_t elapsed)
{
	frame_begin("window");
	frame_text(name);
	frame_number(elapsed);
	frame_send();
	return lockstat_send(name);
}

static int run(const char *name)
{
	char names[256];
	int report[2], status = 0, ended, error, left;
	int64_t begun, elapsed;
	pid_t pid;

	if (lockstat_open() < 0)
		return -1;
	begun = now();
	MARK(MARK_OPEN);
	pid = start(report);
	if (pid < 0)
		return -1;
	ended = attend(pid, &status);
	MARK(MARK_CLOSE);
	elapsed = now() - begun;
	if (lockstat_close() < 0)
		return -1;
	if (read(report[0], &error, sizeof(error)) == sizeof(error)) {
		channel_fail("%s: %s cannot be executed: %s", name, task.args[0], strerror(error));
		return -1;
	}
	left = left_behind(names, sizeof(names));
	end_all();
	output_take(&outputs[0]);
	output_take(&outputs[1]);
	send_run(name, elapsed, ended, status, left);
	output_send(&outputs[0], name, "stdout");
	output_send(&outputs[1], name, "stderr");
	judge(name, ended, status, left, names);
	return channel_failed() ? -1 : send_window(name, elapsed);
}

int main(int argc, char **argv)
{
	if (argc != 3 || channel_open(CHANNEL_JOIN) < 0)
		return 2;
	task_adopt();
	if (task_read(&task, argv[1]) < 0 || task_prepare(&task) < 0 || lockstat_init(1) < 0)
		return 1;
	return run(argv[2]) < 0;
}
