/* For tests on the host: prints the parsed operations of a program, or the parser's error. */
#include "aim7/job.h"
#include "channel.h"
#include "program.h"

#include <stdarg.h>
#include <stdio.h>

void channel_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void job_say(const char *job, const char *why, int error)
{
	printf("%s: %s %d\n", job, why, error);
}

int main(int argc, char **argv)
{
	int count = argc == 2 ? program_read(argv[1]) : -1;
	int i;

	for (i = 0; i < count; i++)
		printf("%d %d %u %u %u %u %u\n", ops[i].kind, ops[i].region, ops[i].number, ops[i].end,
		       ops[i].first, ops[i].to, ops[i].flag);
	return count < 0;
}
