/* Sending the worker's VMAs: see layout.h. */
#define _GNU_SOURCE
#include "layout.h"
#include "channel.h"
#include "lines.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define SMAPS		"/proc/self/smaps"

struct vma {
	unsigned long start, end;
	char perms[5];
	char name[128];
	long anonymous;		/* KiB; -1 until its line was read */
};

static void send_vma(const struct vma *vma)
{
	char address[20];

	frame_begin("vma");
	snprintf(address, sizeof(address), "%lx", vma->start);
	frame_text(address);
	snprintf(address, sizeof(address), "%lx", vma->end);
	frame_text(address);
	frame_text(vma->perms);
	frame_number(vma->anonymous);
	frame_text(vma->name);
	frame_send();
}

/* 1 for a line that completes a VMA, 0 for any other. */
static int read_line(struct vma *vma, const char *line)
{
	struct vma head = { .anonymous = -1 };

	if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %127[^\n]", &head.start,
		   &head.end, head.perms, head.name) >= 3) {
		*vma = head;
		return 0;
	}
	return sscanf(line, "Anonymous: %ld kB", &vma->anonymous) == 1;
}

int layout_send_from(int fd, const char *worker)
{
	static struct lines lines;
	static struct vma vma;
	static char line[512];
	int count = 0, more;

	frame_begin("worker");
	frame_text(worker);
	frame_send();
	lines_start(&lines, fd);
	while ((more = lines_next(&lines, line, sizeof(line))) > 0) {
		if (read_line(&vma, line)) {
			send_vma(&vma);
			count++;
		}
	}
	if (more < 0)
		return channel_fail_errno(SMAPS);
	frame_begin("layout");
	frame_number(count);
	frame_send();
	return 0;
}

int layout_send(const char *worker)
{
	int fd = open(SMAPS, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return channel_fail_errno(SMAPS);
	ret = layout_send_from(fd, worker);
	close(fd);
	return ret;
}
