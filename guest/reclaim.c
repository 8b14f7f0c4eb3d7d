/*
 * Real reclaim without running out of memory: see reclaim.h.
 *
 * A swap page on a RAM disk costs a page of memory, so memory pressure by
 * allocation would never end. Instead the watermarks are raised for a moment
 * (min_free_kbytes to nine tenths of the free memory: kswapd wakes below 5/4 of
 * it, an allocation stalls only below it), while a parent and its child share
 * anonymous pages. kswapd unmaps them under the lock of their anon_vma. It
 * first tries that lock, and lockdep learns only from a lock that was waited
 * for. So the child takes it over and over (mprotect splits and merges its VMA).
 */
#define _GNU_SOURCE
#include "reclaim.h"
#include "channel.h"
#include "swap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define SHARED	(12UL << 20)
#define WAITS	40		/* of 50 ms, for three quarters of the swap to fill */

/* Makes kswapd work until pages were swapped out, or for a limited time. That none is swapped out is no failure. */
static void press(void)
{
	long before = proc_value(MEMORY, "SwapFree:");
	long normal = proc_value(MIN_FREE, "");
	int i;

	if (normal < 0 || set_min_free(proc_value(MEMORY, "MemFree:") / 10 * 9) < 0)
		return;
	for (i = 0; i < WAITS && proc_value(MEMORY, "SwapFree:") > before / 4; i++)
		usleep(50000);
	set_min_free(normal);
}

static void split_and_merge(char *pages)
{
	for (;;) {
		mprotect(pages + SHARED / 2, PAGE, PROT_READ);
		mprotect(pages + SHARED / 2, PAGE, PROT_READ | PROT_WRITE);
	}
}

static void share_and_press(void)
{
	char *pages = mmap(NULL, SHARED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (pages == MAP_FAILED)
		_exit(1);
	memset(pages, 1, SHARED);
	pid = fork();
	if (!pid)
		split_and_merge(pages);
	press();
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	_exit(pid < 0);
}

int reclaim_some(void)
{
	int status, on = swap_on();
	pid_t pid;

	if (on <= 0)
		return on;
	pid = fork();
	if (!pid)
		share_and_press();
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return channel_fail_errno("reclaim");
	if (status) {
		channel_fail("the process that makes the kernel reclaim ended with status %d", status);
		return -1;
	}
	return 0;
}
