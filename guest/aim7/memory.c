/* Memory copied, filled and compared; and an allocator's work, on pages of the program break. */
#define _GNU_SOURCE
#include "job.h"

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARENA	(128 * 4096UL)	/* below the break: kit/workload/aim7jobs.py moves it up before, and down after */
#define STRINGS	100

static const int sizes[] = {
	1, 3, 5, 7, 9, 11, 33, 65, 129, 1024, 1025, 1023, 8192, 4096, 4095,
};

#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))

/* Blocks of an arena; freed ones are found again by their size. */
struct block {
	struct block *next;	/* of those that are free */
	size_t size;
};

static char *arena, *at;
static struct block *unused;

static void *allocate(size_t size)
{
	struct block **link = &unused, *block;

	for (; (block = *link); link = &block->next)
		if (block->size >= size && block->size <= size + 15) {
			*link = block->next;
			return block + 1;
		}
	size = (size + 15) & ~15UL;
	if (at + sizeof(*block) + size > arena + ARENA)
		return NULL;
	block = (struct block *)at;
	block->size = size;
	at += sizeof(*block) + size;
	return block + 1;
}

static void give_back(void *memory)
{
	struct block *block = (struct block *)memory - 1;

	block->next = unused;
	unused = block;
}

/* 300 blocks of many sizes allocated, filled, read and freed; each round finds those of the one before. */
static int mem_rtns_1(long times)
{
	static const char text[] = "Hello, this is an average length string 1234";
	static char *blocks[3 * STRINGS];
	long n;
	int i;

	arena = (char *)syscall(SYS_brk, NULL) - ARENA;
	at = arena;
	unused = NULL;
	for (n = 0; n < times; n++) {
		for (i = 0; i < 3 * STRINGS; i++) {
			size_t size = i % 3 ? (size_t)sizes[(i / 3 + i % 3) % SIZES] : sizeof(text);

			if (!(blocks[i] = allocate(size)))
				return job_wrong("the arena is full");
			if (i % 3)
				memset(blocks[i], i, size);
			else
				memcpy(blocks[i], text, size);
		}
		for (i = 0; i < 3 * STRINGS; i++)
			if (i % 3 ? blocks[i][0] != (char)i : memcmp(blocks[i], text, sizeof(text)))
				return job_wrong("a block was overwritten");
		for (i = 3 * STRINGS - 1; i >= 0; i--)
			give_back(blocks[i]);
	}
	return 0;
}

/* memset, memchr, memcmp, memcpy and memmove at all offsets of a word. */
static int mem_rtns_2(long times)
{
	static char one[8192 + 16], two[8192 + 16];
	long n;

	for (n = 0; n < times; n++) {
		char *a = one + n % 8, *b = two + n / 8 % 8;
		int size = sizes[n % SIZES];

		memset(a, 'A', size);
		memset(b, 'A', size);
		a[n % size] = 'Z';
		if (memchr(a, 'Z', size) != a + n % size || memcmp(a, b, size) <= 0)
			return job_wrong("a byte is not found");
		memcpy(a, b, size);
		memmove(b + 1, b, size);
		if (memcmp(a, b + 1, size))
			return job_wrong("a wrong copy");
	}
	return 0;
}

/* Copies of 1 byte to 64 KiB, most of them small, at all offsets of a word. */
static int ram_copy(long times)
{
	static char from[65536 + 8], to[65536 + 8];
	static const int copies[] = {
		1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 8, 9, 11, 17, 33, 63, 7, 7, 7, 7, 7, 7,
		127, 256, 1001, 1200, 1492, 1500, 1024, 2048, 3172, 4096, 8192, 16384, 32768, 65536, 512,
	};
	long n;

	for (n = 0; n < times; n++) {
		int size = copies[n % (sizeof(copies) / sizeof(copies[0]))];
		char *a = from + n % 8, *b = to + n / 8 % 8;

		a[size - 1] = n;
		memcpy(b, a, size);
		if (b[size - 1] != (char)n)
			return job_wrong("a wrong copy");
	}
	return 0;
}

const struct job memory_jobs[] = {
	{ "mem_rtns_1", mem_rtns_1 }, { "mem_rtns_2", mem_rtns_2 }, { "ram_copy", ram_copy },
	{ NULL, NULL },
};
