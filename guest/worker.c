/*
 * Runs /program and sends what its windows measured. Started by init.
 *
 * All buffers are static and there is no malloc: the worker's VMAs are those
 * that it has at its start, and the program's own.
 */
#define _GNU_SOURCE
#include "channel.h"
#include "layout.h"
#include "program.h"
#include "run.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PROTOCOL	1

static void send_hello(void)
{
	static struct utsname name;

	uname(&name);
	frame_begin("hello");
	frame_number(PROTOCOL);
	frame_text(name.release);
	frame_number(sysconf(_SC_NPROCESSORS_ONLN));
	frame_send();
}

int main(void)
{
	int count;

	if (channel_open(CHANNEL_JOIN) < 0)
		return 2;
	layout_touch();
	send_hello();
	count = program_read("/program");
	if (count < 0 || run_init() < 0 || layout_send() < 0)
		return 1;
	return run(0, count) < 0;
}
