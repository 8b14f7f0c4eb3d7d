/* Swap on a RAM disk, and the watermark that makes kswapd work: see swap.h. */
#define _GNU_SOURCE
#include "swap.h"
#include "channel.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DISK		"/dev/ram0"
#define PAGE		4096UL
#define MOST_PAGES	4096UL		/* of swap: 16 MiB */

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

int swap_on(void)
{
	int fd, ret;

	mknod(DISK, S_IFBLK | 0600, makedev(1, 0));
	fd = open(DISK, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == ENXIO || errno == ENODEV || errno == ENOENT))
		return 0;
	ret = fd < 0 ? -1 : make_swap(fd);
	if (fd >= 0)
		close(fd);
	if (!ret && (!swapon(DISK, 0) || errno == EBUSY))	/* EBUSY: it was on already */
		return 1;
	return !ret && errno == ENOSYS ? 0 : channel_fail_errno(DISK);
}

int swap_off(void)
{
	return swapoff(DISK) < 0 ? channel_fail_errno(DISK) : 0;
}

long proc_value(const char *path, const char *name)
{
	static struct lines lines;
	char line[128];
	long value = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	lines_start(&lines, fd);
	while (value < 0 && lines_next(&lines, line, sizeof(line)) > 0)
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, 10);
	close(fd);
	return value;
}

int set_min_free(long kib)
{
	char text[24];
	int fd = open(MIN_FREE, O_WRONLY | O_CLOEXEC);
	int length = snprintf(text, sizeof(text), "%ld", kib);
	int ret = fd < 0 || write(fd, text, length) != length ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}
