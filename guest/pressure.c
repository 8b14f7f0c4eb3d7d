/*
 * Memory pressure beside a program: see pressure.h.
 *
 * A process keeps the watermark just below the free memory, so that each
 * allocation wakes kswapd. A page on the RAM disk costs a page of memory, so
 * kswapd never gets there, and goes on. What is free shrinks by the size of the
 * swap at most, and the watermark follows it: nobody runs out of memory.
 */
#define _GNU_SOURCE
#include "pressure.h"
#include "channel.h"
#include "run.h"
#include "swap.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN		(1UL << 20)	/* bytes to take back before the program has any */
#define STEP_US		20000
#define WAITS		500		/* steps, for the first page to be swapped out */

static void press(volatile char *begun)
{
	char *pages = mmap(NULL, OWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long before = proc_value(MEMORY, "SwapFree:");

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pages == MAP_FAILED)
		_exit(1);
	memset(pages, 1, OWN);
	for (;;) {
		if (set_min_free(proc_value(MEMORY, "MemFree:") / 10 * 9) < 0)
			_exit(1);
		*begun |= proc_value(MEMORY, "SwapFree:") < before;
		usleep(STEP_US);
	}
}

static int run_beside(pid_t pid, const volatile char *begun, uint32_t from, uint32_t to)
{
	int i;

	for (i = 0; i < WAITS && !*begun; i++) {
		if (waitpid(pid, NULL, WNOHANG))
			break;
		usleep(STEP_US);
	}
	if (*begun)
		return run(from, to);
	channel_fail("reclaim: the kernel swapped nothing out in %d s", WAITS * STEP_US / 1000000);
	return -1;
}

int pressure_run(uint32_t from, uint32_t to)
{
	char *begun = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long normal = proc_value(MIN_FREE, "");
	int on = swap_on(), ret;
	pid_t pid;

	if (on < 0)
		return -1;
	if (!on) {
		channel_fail("reclaim: this kernel has no swap on a RAM disk (SWAP, BLK_DEV_RAM)");
		return -1;
	}
	pid = normal < 0 || begun == MAP_FAILED ? -1 : fork();
	if (pid < 0)
		return channel_fail_errno("reclaim");
	if (!pid)
		press(begun);
	ret = run_beside(pid, begun, from, to);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (set_min_free(normal) < 0)
		return channel_fail_errno(MIN_FREE);
	return swap_off() < 0 ? -1 : ret;
}
