/* Ranges of addresses: see ranges.h. */
#include "ranges.h"
#include "counters.h"

#include <inttypes.h>
#include <stdio.h>

#define MOST	(1 << 18)

struct range {
	uint64_t begin, end;
};

static struct range *ranges;
static int count;

int ranges_read(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t begin, end;
	int got = EOF;

	ranges = memory(MOST * sizeof(*ranges));
	if (!file || !ranges)
		return -1;
	while (count < MOST && (got = fscanf(file, "%" SCNx64 " %" SCNx64, &begin, &end)) == 2) {
		if (end <= begin || (count && begin < ranges[count - 1].end))
			break;
		ranges[count++] = (struct range){ begin, end };
	}
	fclose(file);
	return got == EOF ? 0 : -1;
}

int ranges_touch(uint64_t begin, uint64_t end)
{
	int low = 0, high = count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (ranges[middle].end <= begin)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && ranges[low].begin < end;
}
