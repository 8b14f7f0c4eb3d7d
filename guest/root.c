/* A root for programs of a distribution: see root.h. */
#define _GNU_SOURCE
#include "root.h"
#include "channel.h"
#include "conf.h"

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

static int told(const char *key, unsigned n, char *value, size_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u", key, n);
	return conf_text(name, value, size);
}

/* A folder below HOST_ROOT, and those above it. */
static void make_folders(const char *where)
{
	char path[4200];
	char *p;

	snprintf(path, sizeof(path), HOST_ROOT "%s", where);
	for (p = path + strlen(HOST_ROOT) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	mkdir(path, 0755);
}

static int mount_folder(unsigned n, const char *where)
{
	char tag[16], lower[32], upper[32], work[32], options[128], path[4200];

	snprintf(tag, sizeof(tag), "host%u", n);
	snprintf(lower, sizeof(lower), "/host/%u", n);
	snprintf(upper, sizeof(upper), "/rw/up%u", n);
	snprintf(work, sizeof(work), "/rw/work%u", n);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work);
	snprintf(path, sizeof(path), HOST_ROOT "%s", where);
	mkdir(lower, 0755);
	mkdir(upper, 0755);
	mkdir(work, 0755);
	make_folders(where);
	if (mount(tag, lower, "9p", MS_RDONLY, NINEP) < 0)
		return channel_fail_errno("the host's files (9p)");
	if (mount("overlay", path, "overlay", 0, options) < 0)
		return channel_fail_errno("an overlay on the host's files");
	return 0;
}

/* A link's path and target, with a tab between. */
static void make_link(char *told_so)
{
	char path[4200];
	char *target = strchr(told_so, '\t');

	if (!target)
		return;
	*target++ = '\0';
	snprintf(path, sizeof(path), HOST_ROOT "%s", told_so);
	symlink(target, path);
}

int root_mount_host(void)
{
	char where[4096];
	unsigned n;

	if (access(HOST_ROOT, F_OK) == 0)
		return 0;
	mkdir("/host", 0755);
	if (mount_at("tmpfs", "/rw", "") < 0)
		return channel_fail_errno("a tmpfs");
	mkdir(HOST_ROOT, 0755);
	mkdir(HOST_ROOT "/tmp", 0);
	chmod(HOST_ROOT "/tmp", 01777);
	for (n = 0; told("host", n, where, sizeof(where)) == 0; n++)
		if (mount_folder(n, where) < 0)
			return -1;
	for (n = 0; told("hostlink", n, where, sizeof(where)) == 0; n++)
		make_link(where);
	for (n = 0; told("hostdir", n, where, sizeof(where)) == 0; n++)
		make_folders(where);
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
		/* It is a tmpfs already, and the working directory may be a folder of the host in it. */
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
