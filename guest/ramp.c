/*
 * `ramp`: see ramp.h.
 *
 * One user, then more, as AIM suite VII does it, each number in a window of its
 * own. At the crossover a window takes ramp_rule.crossover_ms: then a user does
 * as few jobs a minute as the experiment says. The steps are 1 at first. After
 * GENTLE windows, a step is half of the way to where the crossover would be at
 * this speed, if it is within NEAR; else it follows the ratio of the times of
 * the last two windows, so that steps grow where more users cost little.
 */
#define _GNU_SOURCE
#include "ramp.h"
#include "run.h"
#include "users.h"

#include <stdio.h>
#include <string.h>

#define GENTLE	9
#define NEAR	0.10
#define LITTLE	1.20
#define MUCH	1.30

struct window {
	uint32_t users;
	double seconds;
};

/* `NAME` or `NAME~ROUND`, with the number of users behind NAME. */
static const char *window_name(const char *name, uint32_t users)
{
	static char text[MAX_NAME + 16];
	int length = strcspn(name, "~");

	snprintf(text, sizeof(text), "%.*s%u%s", length, name, users, name + length);
	return text;
}

static double growing(double step, double before, double now)
{
	double ratio = before > 0 ? now / before : 1;

	if (ratio < LITTLE)
		return step * (1 + ratio);
	return ratio > MUCH ? step / (1 + ratio) : step;
}

static uint32_t next_step(uint32_t step, double before, const struct window *now)
{
	double left = now->seconds > 0 ? ramp_rule.crossover_ms / 1e3 / now->seconds - 1 : NEAR * 2;
	double next = left <= NEAR ? left * now->users / 2 : growing(step, before, now->seconds);

	if (next < 1)
		return left <= NEAR ? 1 : step;
	return next < MAX_USERS ? next : MAX_USERS;
}

int ramp_run(const struct op *op, uint32_t first)
{
	int64_t start = run_clock(), took;
	struct window now = { .users = 1 };
	uint32_t step = 1, windows = 0, before;
	double seconds_before;

	for (;;) {
		if (users_window(window_name(names[op->name], now.users), now.users, first, &took) < 0)
			return -1;
		seconds_before = now.seconds;
		now.seconds = took / 1e9;
		if (now.users == op->number || took >= ramp_rule.crossover_ms * INT64_C(1000000))
			return 0;
		if (++windows > GENTLE)
			step = next_step(step, seconds_before, &now);
		before = now.users;
		now.users = step < op->number - before ? before + step : op->number;
		/* The next window, if each user takes what it took in this one. */
		if ((run_clock() - start) / 1e9 + now.seconds * now.users / before > ramp_rule.seconds)
			return 0;
	}
}
