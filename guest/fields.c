/* Words of an operation: see fields.h. */
#include "fields.h"
#include "aim7/job.h"
#include "scripts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TIMES	1000000000

/* A decimal number up to max, or -1. */
static long number(const char *word, long max)
{
	char *rest;
	long value;

	errno = 0;
	value = strtol(word, &rest, 10);
	if (*word < '0' || *word > '9' || *rest || errno || value > max)
		return -1;
	return value;
}

static const char *read_number(struct op *op, const char *word, long min, long max,
			       const char *error)
{
	long value = number(word, max);

	op->number = value;
	return value < min ? error : NULL;
}

static const char *read_region(uint8_t *region, const char *word)
{
	long value = number(word, MAX_REGIONS - 1);

	*region = value;
	return value < 0 ? "no such region" : NULL;
}

static const char *read_first(struct op *op, const char *word)
{
	long value = number(word, MAX_PAGES - 1);

	op->first = value;
	return value < 0 ? "no such page" : NULL;
}

static const char *read_target(struct op *op, const char *word)
{
	const char *error = read_region(&op->to, word);

	if (!error && op->to == op->region)
		return "pages move to another region";
	return error;
}

static const char *read_choice(struct op *op, const char *word, const char *no,
			       const char *yes, const char *error)
{
	op->flag = !strcmp(word, yes);
	return op->flag || !strcmp(word, no) ? NULL : error;
}

static const char *read_job(struct op *op, const char *word)
{
	int number = job_find(word);

	op->region = number;
	return number < 0 ? "no such job" : NULL;
}

static const char *read_script(struct op *op, const char *word)
{
	int number = script_find(word);

	op->region = number;
	return number < 0 ? "no such script" : NULL;
}

static const char *read_field(struct op *op, char letter, const char *word)
{
	const char *pages = "no such number of pages";

	switch (letter) {
	case 'r':
		return read_region(&op->region, word);
	case 't':
		return read_target(op, word);
	case 'f':
		return read_first(op, word);
	case 'p':
		return read_number(op, word, 1, MAX_PAGES, pages);
	case 'c':
		return read_number(op, word, 1, MAX_PAGES - op->first, pages);
	case 'd':
		return read_number(op, word, 1, DATA_PAGES, pages);
	case 'b':
		return read_number(op, word, 0, MAX_PAGES, pages);
	case 's':
		return read_number(op, word, 1, MAX_DEEPER, pages);
	case 'i':
		return read_number(op, word, 0, MAX_PAGES - 1, "no such page");
	case 'n':
		return read_number(op, word, 1, MAX_THREADS, "no such number of threads");
	case 'x':
		return read_number(op, word, 1, MAX_TIMES, "no such number of times");
	case 'm':
		return read_number(op, word, 0, MAX_TIMES, "no such amount");
	case 'j':
		return read_job(op, word);
	case 'h':
		return read_script(op, word);
	case 'y':
		return read_choice(op, word, "exec", "system", "neither exec nor system");
	case 'a':
		return read_choice(op, word, "rw", "ro", "neither ro nor rw");
	case 'v':
		return read_choice(op, word, "dontfork", "wipeonfork",
				   "neither dontfork nor wipeonfork");
	}
	return NULL;
}

const char *fields_read(struct op *op, const char *letters, char **words)
{
	const char *error = NULL;

	while (*letters && !error)
		error = read_field(op, *letters++, *words++);
	return error;
}
