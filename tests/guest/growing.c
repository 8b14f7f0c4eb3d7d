/*
 * A ramp without processes: `growing MOST CROSSOVER_MS SECONDS` prints its windows. A window takes a second on each of
 * two CPUs for as many users.
 */
#include <stdio.h>
#include <stdlib.h>

#include "program.h"
#include "ramp.h"
#include "run.h"
#include "users.h"

struct ramp_rule ramp_rule;
char names[MAX_NAMES][MAX_NAME] = { "mix/u~3" };
static int64_t now;

int64_t run_clock(void)
{
	return now;
}

int users_window(const char *name, uint32_t count, uint32_t first, int64_t *took)
{
	*took = (count < 2 ? 2 : count) * INT64_C(500000000);
	now += *took;
	printf("%s %u %u\n", name, count, first);
	return 0;
}

int main(int argc, char **argv)
{
	struct op op = { .kind = RAMP, .number = argc > 3 ? atoi(argv[1]) : 0 };

	ramp_rule.crossover_ms = atoi(argv[2]);
	ramp_rule.seconds = atoi(argv[3]);
	return ramp_run(&op, 7) < 0;
}
