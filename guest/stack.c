/*
 * Growing the stack: see stack.h.
 *
 * It grows one page at a time, as in a program whose calls go deeper: each write
 * to a page below the VMA is a fault, which moves the VMA's start there.
 */
#define _GNU_SOURCE
#include "stack.h"
#include "channel.h"
#include "lines.h"
#include "program.h"

#include <alloca.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAPS		"/proc/self/maps"
#define LIMIT_BYTES	(64UL << 20)	/* less than what mmap keeps free below the stack */

static uintptr_t deepest;

/*
 * Before 5.0, x86 refuses an access further below the stack pointer than
 * 65536 + 32 * 8 bytes (bad_area in do_user_addr_fault), so the pointer moves too.
 */
static __attribute__((noinline)) void touch_down_to(uintptr_t last)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t page;
	char *below;

	if (here > last + 4 * PAGE) {
		below = alloca(here - last - 4 * PAGE);
		/* Only moves the stack pointer: the memory itself is not used. */
		__asm__ volatile("" : : "r"(below) : "memory");
	}
	for (page = here & ~(PAGE - 1); page >= last; page -= PAGE)
		*(volatile char *)page = 1;
}

int stack_grow(uint32_t pages)
{
	deepest -= pages * PAGE;
	touch_down_to(deepest);
	return 0;
}

static int find_start(int fd)
{
	static struct lines lines;
	static char line[512];

	lines_start(&lines, fd);
	while (lines_next(&lines, line, sizeof(line)) > 0)
		if (strstr(line, "[stack]"))
			return sscanf(line, "%lx-", &deepest) == 1 ? 0 : -1;
	return -1;
}

int stack_init(void)
{
	struct rlimit limit = { .rlim_cur = LIMIT_BYTES, .rlim_max = RLIM_INFINITY };
	int fd = open(MAPS, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setrlimit(RLIMIT_STACK, &limit) < 0)
		return channel_fail_errno(MAPS);
	if (find_start(fd) < 0) {
		channel_fail("%s names no stack", MAPS);
		return -1;
	}
	close(fd);
	touch_down_to(deepest);
	return 0;
}
