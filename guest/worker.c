/*
 * Runs a program and sends what its windows measured: worker FILE NAME, from init.
 *
 * All buffers are static and there is no malloc: the worker's VMAs are those
 * that it has at its start, and the program's own.
 */
#include "channel.h"
#include "layout.h"
#include "program.h"
#include "run.h"

static void send_name(const char *name)
{
	frame_begin("worker");
	frame_text(name);
	frame_send();
}

int main(int argc, char **argv)
{
	int count;

	if (argc != 3 || channel_open(CHANNEL_JOIN) < 0)
		return 2;
	layout_touch();
	send_name(argv[2]);
	count = program_read(argv[1]);
	if (count < 0 || run_init() < 0 || layout_send() < 0)
		return 1;
	return run(0, count) < 0;
}
