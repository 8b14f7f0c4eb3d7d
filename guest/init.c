/*
 * PID 1: mounts proc and sysfs, runs the workers, reports how they ended,
 * powers off.
 *
 * Only init sends the end marker, and only if every worker exited with 0.
 */
#define _GNU_SOURCE
#include "channel.h"
#include "conf.h"
#include "mark.h"
#include "reclaim.h"
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_SECONDS	600
#define PROTOCOL	1
#define MAX_NAME	64

static volatile sig_atomic_t out_of_time;

static void on_alarm(int sig)
{
	(void)sig;
	out_of_time = 1;
}

/*
 * Writes to the kernel's log, which prints whole lines. On the console itself a
 * printk could split our line.
 */
static void say(const char *text)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	/* If even this fails, there is no way to report it. */
	if (write(fd < 0 ? STDOUT_FILENO : fd, text, strlen(text)) < 0)
		return;
}

static void power_off(void)
{
	sync();
	reboot(RB_AUTOBOOT);	/* ends QEMU (-no-reboot); to power off needs ACPI */
	for (;;)
		pause();
}

/* proc is required; a kernel may have no sysfs. */
static int mount_all(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	return mount("proc", "/proc", "proc", 0, NULL);
}

static void set_limit(long seconds)
{
	struct sigaction action = { .sa_handler = on_alarm };

	/* No SA_RESTART: the alarm must interrupt the wait for the worker. */
	sigaction(SIGALRM, &action, NULL);
	alarm(seconds);
}

static void send_hello(void)
{
	static struct utsname name;

	uname(&name);
	frame_begin("hello");
	frame_number(PROTOCOL);
	frame_text(name.release);
	frame_number(sysconf(_SC_NPROCESSORS_ONLN));
	frame_send();
}

/* `runner`: /worker for /program.N, /payload for /payload.N. */
static pid_t start_worker(const char *runner, const char *program, const char *name)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	execl(runner, runner, program, name, (char *)NULL);
	_exit(127);
}

static void check(int status, const char *who)
{
	if (WIFSIGNALED(status))
		channel_fail("%s was killed by signal %d", who, WTERMSIG(status));
	else if (WEXITSTATUS(status) == 127)
		channel_fail("%s could not be executed", who);
	else if (status)
		channel_fail("%s exited with status %d", who, WEXITSTATUS(status));
}

/* Reaps all children (orphans become init's) until none is left; kills them after `limit` seconds. */
static void wait_for_all(pid_t worker, long limit)
{
	int status;
	pid_t pid;

	while ((pid = wait(&status)) > 0 || errno == EINTR) {
		if (pid > 0 && status) {
			kill(-1, SIGKILL);
			channel_unlock();
			check(status, pid == worker ? "the worker" : "an orphan");
		}
		if (pid < 0 && out_of_time) {
			kill(-1, SIGKILL);
			channel_unlock();
			channel_fail("the worker did not end within %ld s", limit);
		}
	}
}

/* 0 if the worker and its orphans exited with 0; else -1, after a fail frame. */
static int run_worker(const char *runner, const char *program, const char *name, long limit)
{
	pid_t pid = start_worker(runner, program, name);

	if (pid < 0) {
		channel_fail("init cannot fork: %s", strerror(errno));
		return -1;
	}
	wait_for_all(pid, limit);
	return channel_failed() ? -1 : 0;
}

/* Runs every /program.N or /payload.N in order, each in its own process; worker.N in /boot.conf is its name. */
static int run_workers(long limit)
{
	char program[32], key[32], name[MAX_NAME];
	const char *runner;
	int n;

	for (n = 0; ; n++) {
		runner = "/worker";
		snprintf(program, sizeof(program), "/program.%d", n);
		if (access(program, R_OK) < 0) {
			runner = "/payload";
			snprintf(program, sizeof(program), "/payload.%d", n);
		}
		snprintf(key, sizeof(key), "worker.%d", n);
		if (access(program, R_OK) < 0)
			break;
		if (conf_text(key, name, sizeof(name)) < 0) {
			channel_fail("%s has no name in /boot.conf", program);
			return -1;
		}
		if (run_worker(runner, program, name, limit) < 0)
			return -1;
	}
	if (n)
		return 0;
	channel_fail("there is no /program.0 and no /payload.0");
	return -1;
}

/* Shell's layout, reclaim if asked, all workers; or a session instead. 0, or -1 after a fail frame. */
static int do_all(long limit)
{
	if (access("/session.task", R_OK) == 0)
		return run_worker("/session", "/session.task", "session", limit);
	if (shell_send_layouts() || (conf_number("swap", 0) && reclaim_some()))
		return -1;
	return run_workers(limit);
}

int main(void)
{
	long limit;

	say("kit: init\n");
	MARK(MARK_INIT);
	if (mount_all() < 0 || channel_open(CHANNEL_NEW) < 0) {
		say("kit: no proc, no /boot.conf or no second serial port\n");
		power_off();
	}
	limit = conf_number("limit", LIMIT_SECONDS);
	set_limit(limit);
	send_hello();
	if (!do_all(limit)) {
		frame_begin("end");
		frame_number(channel_frames());
		frame_send();
	}
	channel_drain();
	say(channel_failed() ? "kit: failed\n" : "kit: done\n");
	power_off();
}
