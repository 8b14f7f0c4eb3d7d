/*
 * Idle time: see idle.h.
 *
 * /proc/timer_list has it in nanoseconds (tick_sched.idle_sleeptime, since
 * 2.6.21, with NO_HZ), /proc/stat only in ticks of 10 ms, which a short pause
 * never fills.
 */
#define _GNU_SOURCE
#include "idle.h"
#include "channel.h"
#include "conf.h"
#include "lines.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMERS	"/proc/timer_list"
#define FIELD	".idle_sleeptime"
#define MODE	".nohz"		/* .nohz_mode before 6.9: 0 if the CPU adds nothing up */

static int wanted;

void idle_init(void)
{
	wanted = conf_number("idle", 0);
}

/* The number after the colon of a line with this field; -1 for other lines. */
static int64_t number(const char *line, const char *field)
{
	const char *at = strstr(line, field), *colon = at ? strchr(at, ':') : NULL;

	return colon ? strtoll(colon + 1, NULL, 10) : -1;
}

int64_t idle_now(void)
{
	static struct lines lines;
	static char line[256];
	int64_t sum = 0, value;
	int cpus = 0, active = 0, fd;

	if (!wanted)
		return -1;
	fd = open(TIMERS, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		channel_fail_errno(TIMERS);
		return -2;
	}
	lines_start(&lines, fd);
	while (lines_next(&lines, line, sizeof(line)) > 0) {
		value = number(line, FIELD);
		if (value >= 0) {
			sum += value;
			cpus++;
		}
		active += number(line, MODE) > 0;
	}
	close(fd);
	if (cpus && active == cpus)
		return sum;
	channel_fail("%s does not add up %s: the kernel has no NO_HZ", TIMERS, FIELD);
	return -2;
}

void idle_send(const char *window, int64_t before, int64_t after)
{
	if (before < 0 || after < 0)
		return;
	frame_begin("idle");
	frame_text(window);
	frame_number(after - before);
	frame_send();
}
