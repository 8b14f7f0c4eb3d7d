/*
 * Real reclaim without running out of memory: see reclaim.h.
 *
 * A swap page on a RAM disk costs a page of memory, so memory pressure by
 * allocation would never end. Instead the watermarks are raised for a moment
 * (min_free_kbytes to nine tenths of the free memory: kswapd wakes below 5/4 of
 * it, an allocation stalls only below it), while a parent and its child share
 * anonymous pages. kswapd unmaps them under the lock of their anon_vma. It
 * first tries that lock, and lockdep learns only from a lock that was waited
 * for. So the child takes it over and over (mprotect splits and merges its VMA).
 */
#define _GNU_SOURCE
#include "reclaim.h"
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISK		"/dev/ram0"
#define MIN_FREE	"/proc/sys/vm/min_free_kbytes"
#define PAGE		4096UL
#define MOST_PAGES	4096UL		/* of swap: 16 MiB */
#define SHARED		(12UL << 20)
#define WAITS		40		/* of 50 ms, for three quarters of the swap to fill */

/* union swap_header of include/linux/swap.h, after 1024 bytes for boot code. */
static int make_swap(int fd)
{
	static unsigned char page[PAGE];
	unsigned int info[3] = { 1 };	/* version, last page, bad pages */
	unsigned long long size;

	if (ioctl(fd, BLKGETSIZE64, &size) < 0)
		return -1;
	info[1] = (size / PAGE < MOST_PAGES ? size / PAGE : MOST_PAGES) - 1;
	memcpy(page + 1024, info, sizeof(info));
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	return pwrite(fd, page, PAGE, 0) == (ssize_t)PAGE ? fsync(fd) : -1;
}

/* 1 if swap is on, 0 if the kernel does not support it, -1 on failure. */
static int swap_on(void)
{
	int fd, ret;

	mknod(DISK, S_IFBLK | 0600, makedev(1, 0));
	fd = open(DISK, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENXIO || errno == ENODEV || errno == ENOENT ? 0 : -1;
	ret = make_swap(fd);
	close(fd);
	if (ret < 0)
		return -1;
	if (!swapon(DISK, 0))
		return 1;
	return errno == ENOSYS ? 0 : -1;
}

/* The number after a name in a file of /proc; -1 if there is none. */
static long value_of(const char *path, const char *name)
{
	char line[128];
	long value = -1;
	FILE *file = fopen(path, "re");

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static int set_min_free(long kib)
{
	char text[24];
	int fd = open(MIN_FREE, O_WRONLY | O_CLOEXEC);
	int length = snprintf(text, sizeof(text), "%ld", kib);
	int ret = fd < 0 || write(fd, text, length) != length ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

/* Makes kswapd work until pages were swapped out, or for a limited time. That none is swapped out is no failure. */
static void press(void)
{
	long before = value_of("/proc/meminfo", "SwapFree:");
	long normal = value_of(MIN_FREE, "");
	int i;

	if (normal < 0 || set_min_free(value_of("/proc/meminfo", "MemFree:") / 10 * 9) < 0)
		return;
	for (i = 0; i < WAITS && value_of("/proc/meminfo", "SwapFree:") > before / 4; i++)
		usleep(50000);
	set_min_free(normal);
}

static void split_and_merge(char *pages)
{
	for (;;) {
		mprotect(pages + SHARED / 2, PAGE, PROT_READ);
		mprotect(pages + SHARED / 2, PAGE, PROT_READ | PROT_WRITE);
	}
}

static void share_and_press(void)
{
	char *pages = mmap(NULL, SHARED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (pages == MAP_FAILED)
		_exit(1);
	memset(pages, 1, SHARED);
	pid = fork();
	if (!pid)
		split_and_merge(pages);
	press();
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	_exit(pid < 0);
}

int reclaim_some(void)
{
	int status, on = swap_on();
	pid_t pid;

	if (on < 0)
		return channel_fail_errno(DISK);
	if (!on)
		return 0;
	pid = fork();
	if (!pid)
		share_and_press();
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return channel_fail_errno("reclaim");
	if (status) {
		channel_fail("the process that makes the kernel reclaim ended with status %d", status);
		return -1;
	}
	return 0;
}
