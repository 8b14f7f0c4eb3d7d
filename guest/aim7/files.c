/*
 * Files: disk_* and sync_disk_*, creat_clo, link_test, disk_src, dir_rtns_1.
 *
 * A block is 1 KiB; `amount` is the file's size in blocks. The suite's four
 * ways to a file: sync() around it (disk_*), nothing (disk_b*), O_SYNC
 * (sync_disk_*), O_DIRECT (disk_dio_*: on a RAM disk, since most kernels'
 * tmpfs refuses it).
 */
#define _GNU_SOURCE
#include "job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BLOCK		1024
#define DISK		"/dev/ram1"
#define LINKS		8
#define TREE		10	/* folders of 10 folders */
#define LOOKUPS		58	/* as many as the suite's list has, and files made */
#define MADE		43
#define ENTRIES		1000	/* of a folder, as /bin has on a distribution */

enum way { SYNCED, BUFFERED, O_SYNCED, DIRECT };

static char block[BLOCK] __attribute__((aligned(4096)));

static void settle(enum way way)
{
	if (way == SYNCED)
		sync();
}

static int flags_of(enum way way)
{
	return way == O_SYNCED ? O_SYNC : way == DIRECT ? O_DIRECT : 0;
}

static int write_blocks(int fd, long blocks)
{
	while (blocks--)
		if (write(fd, block, BLOCK) != BLOCK)
			return job_fail("write");
	return 0;
}

static int read_blocks(int fd, long blocks)
{
	while (blocks--)
		if (read(fd, block, BLOCK) != BLOCK)
			return job_fail("read");
	return 0;
}

/* A new file of that many blocks, closed; or the disk. */
static int make(const char *path, long blocks, enum way way)
{
	int fd, ret;

	if (way == DIRECT)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	if (fd < 0)
		return job_fail("creat");
	ret = write_blocks(fd, blocks);
	close(fd);
	return ret;
}

/* To one of the first `blocks`. */
static int seek(int fd, long blocks)
{
	return lseek(fd, job_random() % blocks * BLOCK, SEEK_SET) < 0 ? job_fail("lseek") : 0;
}

static int is_size(int fd, long blocks, enum way way)
{
	struct stat stat;

	if (way == DIRECT)
		return 0;
	if (fstat(fd, &stat) < 0)
		return job_fail("fstat");
	return stat.st_size == blocks * BLOCK ? 0 : job_wrong("the file has a wrong size");
}

static int end(int fd, const char *path, int ret, long blocks, enum way way)
{
	if (!ret)
		ret = is_size(fd, blocks, way);
	close(fd);
	if (way != DIRECT)
		unlink(path);
	settle(way);
	return ret;
}

static const char *file(enum way way)
{
	return way == DIRECT ? DISK : job_path("aim7");
}

/* Written in order. */
static int written(long blocks, enum way way)
{
	const char *path = file(way);
	int fd = open(path, O_WRONLY | flags_of(way) | (way == DIRECT ? 0 : O_CREAT | O_TRUNC), 0700);

	if (fd < 0)
		return job_fail("creat");
	settle(way);
	return end(fd, path, write_blocks(fd, blocks), blocks, way);
}

static const char *source(void)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/source", job_tmp);
	return path;
}

/* The source, read in order. */
static int source_read(long blocks)
{
	int fd = open(source(), O_RDONLY), ret;

	if (fd < 0)
		return job_fail(source());
	ret = lseek(fd, 0, SEEK_SET) < 0 ? job_fail("lseek") : read_blocks(fd, blocks);
	close(fd);
	return ret;
}

/* Written, and read in order; of the buffered way, the source. */
static int were_read(long blocks, enum way way)
{
	const char *path = file(way);
	int fd;

	if (way == BUFFERED)
		return source_read(blocks);
	if (make(path, blocks, way) < 0)
		return -1;
	settle(way);
	fd = open(path, O_RDONLY | flags_of(way));
	if (fd < 0)
		return job_fail("open");
	return end(fd, path, read_blocks(fd, blocks), blocks, way);
}

/* Read, written, or both, at random places, `times` times. */
static int at_random(long blocks, long times, int reads, int writes, enum way way)
{
	const char *path = file(way);
	int fd, ret = 0;

	if (make(path, blocks, way) < 0)
		return -1;
	settle(way);
	fd = open(path, (reads && writes ? O_RDWR : reads ? O_RDONLY : O_WRONLY) | flags_of(way));
	if (fd < 0)
		return job_fail("open");
	while (!ret && times--) {
		ret = seek(fd, blocks - (reads && writes && blocks > 1));	/* the suite writes the block behind */
		if (!ret && reads)
			ret = read_blocks(fd, 1);
		if (!ret && writes)
			ret = write_blocks(fd, 1);
	}
	return end(fd, path, ret, blocks, way);
}

/* A copy of the source. */
static int copied(long blocks, enum way way)
{
	const char *path = job_path("aim7"), *what = way == DIRECT ? DISK : source();
	int from, to, ret = 0;
	long left;

	from = open(what, O_RDONLY | flags_of(way));
	if (from < 0)
		return job_fail(what);
	to = way == DIRECT ? open(DISK, O_WRONLY | O_DIRECT)
		: open(path, O_WRONLY | O_CREAT | O_TRUNC | flags_of(way), 0700);
	if (to < 0)
		return job_fail("creat");
	settle(way);
	if (way == DIRECT && lseek(to, blocks * BLOCK, SEEK_SET) < 0)
		return job_fail("lseek");
	for (left = blocks; !ret && left; left--)
		ret = read_blocks(from, 1) < 0 || write_blocks(to, 1) < 0 ? -1 : 0;
	close(from);
	return end(to, path, ret, blocks, way);
}

#define WAYS(prefix, way)								\
static int prefix##rd(long n) { return were_read(n, way); }				\
static int prefix##wrt(long n) { return written(n, way); }				\
static int prefix##rr(long n) { return at_random(n, n, 1, 0, way); }			\
static int prefix##rw(long n) { return at_random(n, n, 0, 1, way); }			\
static int prefix##cp(long n) { return copied(n, way); }

WAYS(disk_, SYNCED)
WAYS(disk_b, BUFFERED)
WAYS(disk_dio_, DIRECT)

/* Half the blocks, "so as not to pound the disk". */
static int sync_disk_rw(long n) { return at_random((n + 1) / 2, (n + 1) / 2, 0, 1, O_SYNCED); }
static int sync_disk_wrt(long n) { return written((n + 1) / 2, O_SYNCED); }
static int sync_disk_cp(long n) { return copied((n + 1) / 2, O_SYNCED); }
static int sync_disk_update(long n) { return at_random(n, (n + 1) / 2, 1, 1, O_SYNCED); }

static int creat_clo(long times)
{
	const char *path = job_path("creat");

	while (times--) {
		int fd = creat(path, 0700);

		if (fd < 0 || close(fd) < 0)
			return job_fail("creat or close");
	}
	return unlink(path) ? job_fail("unlink") : 0;
}

/* A file with 8 names: 7 of them taken away and given again, `rounds` times. */
static int link_test(long rounds)
{
	static char names[LINKS][256];
	struct stat stat;
	int fd, i, ret = 0;

	for (i = 0; i < LINKS; i++)
		snprintf(names[i], sizeof(names[0]), "%s%d", job_path("link"), i);
	fd = creat(names[0], 0700);
	if (fd < 0)
		return job_fail("creat");
	for (i = 1; i < LINKS; i++)
		ret |= link(names[0], names[i]);
	while (!ret && rounds--)
		for (i = 1; i < LINKS; i++)
			ret |= unlink(names[i]) | link(names[0], names[i]);
	if (ret || fstat(fd, &stat) < 0)
		return job_fail("link or unlink");
	if (stat.st_nlink != LINKS)
		return job_wrong("a wrong number of links");
	for (i = 0; i < LINKS; i++)
		ret |= unlink(names[i]);
	close(fd);
	return ret ? job_fail("unlink") : 0;
}

static void tree_path(char *path, size_t size, unsigned int number)
{
	snprintf(path, size, "%s/tree/%u/%u", job_tmp, number / TREE % TREE, number % TREE);
}

/* Folders looked up, files made in them and taken away again, in a tree of 100 folders. */
static int disk_src(long times)
{
	static char path[256], other[300];
	int i, fd, pid = getpid();
	struct stat stat_;

	while (times--)
		for (i = 0; i < LOOKUPS; i++) {
			tree_path(path, sizeof(path), job_random());
			if (stat(path, &stat_) < 0 || !S_ISDIR(stat_.st_mode))
				return job_fail(path);
			if (i >= MADE)
				continue;
			snprintf(other, sizeof(other), "%s/%d", path, pid);
			fd = creat(other, 0700);
			if (fd < 0 || close(fd) < 0 || unlink(other) < 0)
				return job_fail(other);
		}
	return 0;
}

/* `entries` read of a folder, from its start again after the last. opendir would allocate. */
static int dir_rtns_1(long entries)
{
	static char buffer[32768], path[256];
	long found = 0, ends = 0, n;
	int fd;

	snprintf(path, sizeof(path), "%s/list", job_tmp);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return job_fail(path);
	while (found < entries) {
		long at = 0;

		n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
		if (n < 0)
			return job_fail("getdents64");
		if (!n && (ends++, lseek(fd, 0, SEEK_SET) < 0))
			return job_fail("lseek");
		for (; at < n; found++)
			at += ((struct dirent *)(buffer + at))->d_reclen;
	}
	close(fd);
	n = found - ends * (ENTRIES + 2);	/* two: . and .. */
	return n >= 0 && n <= ENTRIES + 2 ? 0 : job_wrong("a wrong number of entries");
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return;		/* a kernel without a network: a mix that needs none */
	request.ifr_flags = IFF_UP;
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

/* A folder of many empty files. */
static int make_list(void)
{
	static char path[256];
	int i, fd;

	snprintf(path, sizeof(path), "%s/list", job_tmp);
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : job_fail(path);
	for (i = 0; i < ENTRIES; i++) {
		snprintf(path, sizeof(path), "%s/list/%d", job_tmp, i);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			return job_fail(path);
		close(fd);
	}
	return 0;
}

int job_prepare(long kib)
{
	static char path[256];
	int fd, i;

	mkdir(job_tmp, 0755);
	if (getpid() != 1 && !strcmp(job_tmp, JOB_TMP) && access("/boot.conf", F_OK) == 0 &&
	    mount("tmpfs", job_tmp, "tmpfs", 0, NULL) < 0 && errno != EBUSY)
		return job_fail("tmpfs");
	mknod(DISK, S_IFBLK | 0600, makedev(1, 1));	/* there already, or not root: then the disk's tests say so */
	loopback_up();
	snprintf(path, sizeof(path), "%s/tree", job_tmp);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return job_fail(path);
	for (i = 0; i < TREE; i++) {
		snprintf(path, sizeof(path), "%s/tree/%d", job_tmp, i);
		mkdir(path, 0755);
	}
	for (i = 0; i < TREE * TREE; i++) {
		tree_path(path, sizeof(path), i);
		mkdir(path, 0755);
	}
	snprintf(path, sizeof(path), "%s/source", job_tmp);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write_blocks(fd, kib) < 0)
		return job_fail(path);
	close(fd);
	mail_prepare();
	return make_list();
}

const struct job file_jobs[] = {
	{ "disk_rd", disk_rd }, { "disk_wrt", disk_wrt }, { "disk_rr", disk_rr },
	{ "disk_rw", disk_rw }, { "disk_cp", disk_cp },
	{ "disk_brd", disk_brd }, { "disk_bwrt", disk_bwrt }, { "disk_brr", disk_brr },
	{ "disk_brw", disk_brw }, { "disk_bcp", disk_bcp },
	{ "disk_dio_rd", disk_dio_rd }, { "disk_dio_wrt", disk_dio_wrt },
	{ "disk_dio_rr", disk_dio_rr }, { "disk_dio_rw", disk_dio_rw }, { "disk_dio_cp", disk_dio_cp },
	{ "sync_disk_rw", sync_disk_rw }, { "sync_disk_wrt", sync_disk_wrt },
	{ "sync_disk_cp", sync_disk_cp }, { "sync_disk_update", sync_disk_update },
	{ "creat_clo", creat_clo }, { "link_test", link_test }, { "disk_src", disk_src },
	{ "dir_rtns_1", dir_rtns_1 },
	{ NULL, NULL },
};
