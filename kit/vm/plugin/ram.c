/* Finding the guest's memory: see ram.h. */
#include "ram.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME	"/dev/zero (deleted)"	/* what Linux calls shared memory without a file */
#define LINE	512

static const char *base;
static uint64_t bytes;

static void find(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[LINE];
	uintptr_t begin, end;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, NAME) || sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2 ||
		    end - begin <= bytes)
			continue;
		base = (const char *)begin;
		bytes = end - begin;
	}
	if (maps)
		fclose(maps);
}

int ram_read(uint64_t physical, void *to, size_t size)
{
	if (!base)
		find();
	if (!base || physical > bytes || bytes - physical < size)
		return -1;
	memcpy(to, base + physical, size);
	return 0;
}
