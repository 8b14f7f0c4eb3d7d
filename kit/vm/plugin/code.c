/* The kernel's functions: see code.h. */
#include "code.h"
#include "counters.h"

#include <inttypes.h>
#include <stdio.h>

#define MOST	(1u << 18)

static struct function *functions;	/* from 1 on */
static uint32_t count;
static struct classes classes;

static int add(char kind, uint64_t begin, uint64_t end, uint64_t more)
{
	if (end <= begin)
		return -1;
	if (kind == 'c') {
		classes = (struct classes){ begin, end, more };
		return 0;
	}
	if (kind != 'f' || count == MOST - 1 || begin < functions[count].end)
		return -1;
	functions[++count] = (struct function){ begin, end, more };
	return 0;
}

int code_read(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t begin, end, more;
	char kind;
	int got = EOF;

	functions = memory(MOST * sizeof(*functions));
	if (!file || !functions)
		return -1;
	while ((got = fscanf(file, " %c %" SCNx64 " %" SCNx64 " %" SCNx64, &kind, &begin, &end, &more)) == 4)
		if (add(kind, begin, end, more) < 0)
			break;
	fclose(file);
	return got == EOF ? 0 : -1;
}

uint32_t code_number(uint64_t address)
{
	uint32_t low = 1, high = count + 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (functions[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low <= count && functions[low].begin <= address ? low : 0;
}

const struct function *code_function(uint32_t number)
{
	return &functions[number];
}

const struct classes *code_classes(void)
{
	return &classes;
}
