/* Prints what lockstat.c sends of a file, a line each frame, fields parted by tabs. */
#include <stdarg.h>
#include <stdio.h>

#include "channel.h"
#include "lockstat.h"

void frame_begin(const char *type)
{
	printf("%s", type);
}

void frame_text(const char *text)
{
	printf("\t%s", text);
}

void frame_number(int64_t number)
{
	printf("\t%lld", (long long)number);
}

void frame_send(void)
{
	printf("\n");
}

void channel_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

int channel_fail_errno(const char *what)
{
	printf("failed: %s\n", what);
	return -1;
}

int main(void)
{
	return lockstat_init(1) || lockstat_send("w") ? 1 : 0;
}
