/* A root for programs of a distribution: see root.h. */
#define _GNU_SOURCE
#include "root.h"
#include "channel.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* msize: the largest that virtio takes. cache=loose: the host's files should not change during a boot. */
#define NINEP	"trans=virtio,version=9p2000.L,msize=512000,cache=loose"
#define OVERLAY	"lowerdir=/host,upperdir=/rw/up,workdir=/rw/work"

#define MARK	"/run/.kit"	/* in the guest's own tmpfs: this root is already prepared */

static const struct {
	const char *type, *where, *options;
	int needed;
} mounts[] = {
	{ "proc", "/proc", "", 1 },
	{ "sysfs", "/sys", "", 0 },
	{ "devtmpfs", "/dev", "mode=0755", 1 },
	{ "devpts", "/dev/pts", "mode=0620,ptmxmode=0666", 0 },
	{ "tmpfs", "/dev/shm", "mode=1777", 1 },
	{ "tmpfs", "/tmp", "mode=1777", 1 },
	{ "tmpfs", "/run", "mode=0755", 1 },
};

static const struct { const char *to, *from; } links[] = {
	{ "/proc/self/fd", "/dev/fd" },
	{ "/proc/self/fd/0", "/dev/stdin" },
	{ "/proc/self/fd/1", "/dev/stdout" },
	{ "/proc/self/fd/2", "/dev/stderr" },
};

static int mount_at(const char *type, const char *where, const char *options)
{
	mkdir(where, 0755);
	return mount(type, where, type, 0, options);
}

int root_mount_host(void)
{
	if (access("/rw/up", F_OK) == 0)
		return 0;
	mkdir("/host", 0755);
	if (mount_at("tmpfs", "/rw", "") < 0)
		return channel_fail_errno("a tmpfs");
	mkdir("/rw/up", 0755);
	mkdir("/rw/work", 0755);
	if (mount("host", "/host", "9p", MS_RDONLY, NINEP) < 0)
		return channel_fail_errno("the host's files (9p)");
	if (mount_at("overlay", HOST_ROOT, OVERLAY) < 0)
		return channel_fail_errno("an overlay on the host's files");
	return 0;
}

/* Programs may talk to themselves over the loopback device. */
static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &request);
	}
	close(fd);
}

/* For a kernel without devtmpfs: the most common devices, numbers as in Documentation/admin-guide/devices.txt. */
static int make_nodes(const char *dev)
{
	static const struct { const char *name; int major, minor; } nodes[] = {
		{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 },
		{ "urandom", 1, 9 }, { "tty", 5, 0 }, { "console", 5, 1 }, { "ptmx", 5, 2 },
	};
	char path[4200];
	size_t i;

	if (mount_at("tmpfs", dev, "mode=0755") < 0)
		return -1;
	for (i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		snprintf(path, sizeof(path), "%s/%s", dev, nodes[i].name);
		mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor));
		chmod(path, 0666);
	}
	return 0;
}

static int mount_one(const char *type, const char *where, const char *options)
{
	if (mount_at(type, where, options) == 0)
		return 0;
	return !strcmp(type, "devtmpfs") && errno == ENODEV ? make_nodes(where) : -1;
}

int root_furnish(const char *root)
{
	char path[4096], text[4200];
	size_t i;

	/* Not by checking /proc/self: the host's own /proc shows in its root. */
	snprintf(path, sizeof(path), "%s" MARK, root);
	if (access(path, F_OK) == 0)
		return 0;
	for (i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		/* The host's /tmp is writable through the overlay, and the working directory may be in it. */
		if (!strcmp(root, HOST_ROOT) && !strcmp(mounts[i].where, "/tmp"))
			continue;
		snprintf(path, sizeof(path), "%s%s", root, mounts[i].where);
		if (mount_one(mounts[i].type, path, mounts[i].options) < 0 && mounts[i].needed) {
			snprintf(text, sizeof(text), "%s on %s", mounts[i].type, path);
			return channel_fail_errno(text);
		}
	}
	for (i = 0; i < sizeof(links) / sizeof(*links); i++) {
		snprintf(path, sizeof(path), "%s%s", root, links[i].from);
		if (symlink(links[i].to, path) < 0 && errno != EEXIST)
			return channel_fail_errno(path);
	}
	snprintf(path, sizeof(path), "%s" MARK, root);
	if (mkdir(path, 0700) < 0)
		return channel_fail_errno(path);
	sethostname("kit", 3);
	raise_loopback();
	return 0;
}
