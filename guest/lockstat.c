/*
 * lock_stat windows: see lockstat.h.
 *
 * The kernel counts an acquisition when the lock is released while
 * kernel.lock_stat is 1 (lock_release_holdtime in kernel/locking/lockdep.c,
 * the same from 2.6.38 to 6.1). Only mmap, fork, exec, exit and the first
 * touch of a VMA take an anon_vma's lock; opening and closing do none of
 * these, so they cost no acquisition of that class, and no other task holds
 * one across them: a child unlinks its VMAs before wait() can return.
 */
#define _GNU_SOURCE
#include "lockstat.h"
#include "channel.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifndef STAT	/* a test defines its own */
#define STAT	"/proc/lock_stat"
#define SWITCH	"/proc/sys/kernel/lock_stat"
#endif

static int clear_fd = -1;
static int switch_fd = -1;

static int set(const char *value)
{
	/* pwrite: sysctls since 3.16 ignore or refuse writes past offset 0. */
	if (switch_fd >= 0 && pwrite(switch_fd, value, 1, 0) != 1)
		return channel_fail_errno(SWITCH);
	return 0;
}

int lockstat_init(int first)
{
	clear_fd = open(STAT, O_WRONLY | O_CLOEXEC);
	if (clear_fd < 0)
		return errno == ENOENT ? 0 : channel_fail_errno(STAT);
	switch_fd = open(SWITCH, O_WRONLY | O_CLOEXEC);
	if (switch_fd < 0)
		return channel_fail_errno(SWITCH);
	return first ? set("0") : 0;
}

int lockstat_open(void)
{
	/* Not pwrite: seq_file refuses it. The offset is not looked at. */
	if (clear_fd >= 0 && write(clear_fd, "0", 1) != 1)
		return channel_fail_errno(STAT);
	return set("1");
}

int lockstat_close(void)
{
	return set("0");
}

/* Replaces runs of spaces by one, and removes them at both ends. */
static void squeeze(char *line)
{
	char *to = line, *from;

	for (from = line; *from; from++)
		if (*from != ' ' || (to > line && to[-1] != ' '))
			*to++ = *from;
	if (to > line && to[-1] == ' ')
		to--;
	*to = '\0';
}

/*
 * Below a class are the call sites where its lock was contended, in two groups
 * with a line of dashes above each (seq_stats in kernel/locking/lockdep_proc.c):
 * those that had to wait, and those that held it.
 */
static int group;

static int is_rule(const char *line)
{
	return *line == '-' && line[strspn(line, "-")] == '\0';
}

/*
 * A class row is `name: numbers`. All other lines are headers, lines of dashes,
 * and the call sites below a class, which have an address. The kernel prints no
 * row for a class without acquisitions.
 */
static int is_row(const char *line)
{
	const char *colon = strrchr(line, ':');

	return colon && colon[1] && colon[1 + strspn(colon + 1, " .-0123456789")] == '\0';
}

static int send_line(const char *window, char *line)
{
	squeeze(line);
	if (strstr(line, "lock debugging disabled")) {
		channel_fail("window %s: lock debugging disabled, the counts are void", window);
		return -1;
	}
	if (!strncmp(line, "lock_stat version", 17)) {
		frame_begin("stat");
		frame_text(window);
		frame_text(line);
		frame_send();
	} else if (is_row(line)) {
		group = 0;
		frame_begin("row");
		frame_text(window);
		frame_text(line);
		frame_send();
	} else if (is_rule(line)) {
		group++;
	} else if (group && strstr(line, "[<")) {
		frame_begin("site");
		frame_text(window);
		frame_text(group == 1 ? "waits" : "holds");
		frame_text(line);
		frame_send();
	}
	return 0;
}

static int send_all(int fd, const char *window)
{
	static struct lines lines;
	static char line[512];
	int more;

	lines_start(&lines, fd);
	while ((more = lines_next(&lines, line, sizeof(line))) > 0)
		if (send_line(window, line) < 0)
			return -1;
	return more < 0 ? channel_fail_errno(STAT) : 0;
}

static int send_rows(const char *window)
{
	int fd, ret;

	if (clear_fd < 0)
		return 0;
	/* Opened each time: the kernel collects the counts at open. */
	fd = open(STAT, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return channel_fail_errno(STAT);
	ret = send_all(fd, window);
	close(fd);
	return ret;
}

int lockstat_send(const char *window)
{
	if (send_rows(window) < 0)
		return -1;
	frame_begin("closed");
	frame_text(window);
	frame_send();
	return 0;
}
