/*
 * Operations on regions and on the program break: see memory.h.
 *
 * mincore tells which pages are mapped; it changes nothing.
 */
#define _GNU_SOURCE
#include "memory.h"
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DATA_PATH	"/data"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK	18
#endif

static int data_fd = -1;
static char *brk_start;

static char *page_of(int region, uint32_t page)
{
	return (char *)(REGION_BASE + region * REGION_STRIDE + page * PAGE);
}

/* The system call itself: libc must not use the break. */
static char *set_break(char *to)
{
	return (char *)syscall(SYS_brk, to);
}

static int is_mapped(int region, uint32_t page)
{
	unsigned char resident;

	return mincore(page_of(region, page), PAGE, &resident) == 0;
}

/* Pages from page 0 on, up to the first that is not mapped. */
static uint32_t length_of(int region)
{
	uint32_t pages = 0;

	while (pages < MAX_PAGES && is_mapped(region, pages))
		pages++;
	return pages;
}

static int is_free(int region, uint32_t pages)
{
	uint32_t page;

	for (page = 0; page < pages; page++)
		if (is_mapped(region, page))
			return 0;
	return 1;
}

static int not_free(const char *what, int region)
{
	channel_fail("%s: region %d is not free", what, region);
	return -1;
}

static int map(const struct op *op, int flags, int fd)
{
	/* A hint, not MAP_FIXED, which would replace an earlier mapping. */
	char *at = mmap(page_of(op->region, 0), op->number * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | flags, fd, 0);

	if (at == MAP_FAILED)
		return channel_fail_errno("map");
	return at == page_of(op->region, 0) ? 0 : not_free("map", op->region);
}

static int advise(const struct op *op)
{
	int advice = op->flag == WIPE_ON_FORK ? MADV_WIPEONFORK : MADV_DONTFORK;

	if (is_free(op->region, MAX_PAGES)) {
		channel_fail("madvise: nothing is mapped of region %d", op->region);
		return -1;
	}
	/* ENOMEM: done, except for unmapped parts of the range. */
	if (madvise(page_of(op->region, 0), MAX_PAGES * PAGE, advice) < 0 && errno != ENOMEM)
		return channel_fail_errno("madvise");
	return 0;
}

static int move(const struct op *op)
{
	if (!is_free(op->to, op->number))
		return not_free("mremap", op->to);
	if (mremap(page_of(op->region, op->first), op->number * PAGE, op->number * PAGE,
		   MREMAP_MAYMOVE | MREMAP_FIXED, page_of(op->to, 0)) == MAP_FAILED)
		return channel_fail_errno("mremap");
	return 0;
}

static int grow(const struct op *op)
{
	uint32_t pages = length_of(op->region);

	if (!pages || op->number <= pages) {
		channel_fail("grow: region %d has %u pages", op->region, pages);
		return -1;
	}
	if (mremap(page_of(op->region, 0), pages * PAGE, op->number * PAGE, 0) == MAP_FAILED)
		return channel_fail_errno("grow");
	return 0;
}

static int set_pages(uint32_t pages)
{
	char *to = brk_start + pages * PAGE;

	return set_break(to) == to ? 0 : channel_fail_errno("brk");
}

static int touch(volatile char *page)
{
	*page = 1;
	return 0;
}

static int done(int result, const char *what)
{
	return result < 0 ? channel_fail_errno(what) : 0;
}

int memory_run(const struct op *op)
{
	char *first = page_of(op->region, op->first);
	size_t size = op->number * PAGE;

	switch ((enum kind)op->kind) {
	case MAP:
		return map(op, MAP_ANONYMOUS, -1);
	case MAPFILE:
		return map(op, 0, data_fd);
	case WRITE:
		return touch(page_of(op->region, op->number));
	case MUNMAP:
		return done(munmap(first, size), "munmap");
	case MPROTECT:
		return done(mprotect(first, size, op->flag == READ_ONLY ? PROT_READ
				     : PROT_READ | PROT_WRITE), "mprotect");
	case DISCARD:
		return done(madvise(first, size, MADV_DONTNEED), "discard");
	case MADVISE:
		return advise(op);
	case MREMAP:
		return move(op);
	case GROW:
		return grow(op);
	case BRK:
		return set_pages(op->number);
	case WRITEBRK:
		return touch(brk_start + op->number * PAGE);
	default:
		return -1;
	}
}

int memory_init(void)
{
	brk_start = (char *)(((uintptr_t)set_break(NULL) + PAGE - 1) & ~(PAGE - 1));
	data_fd = open(DATA_PATH, O_RDONLY | O_CLOEXEC);
	return data_fd < 0 ? channel_fail_errno(DATA_PATH) : 0;
}
