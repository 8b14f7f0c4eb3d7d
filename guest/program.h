/*
 * Programs in the text form of kit/model/program.py, parsed as a whole before
 * any of it runs.
 */
#ifndef KIT_PROGRAM_H
#define KIT_PROGRAM_H

#include <stdint.h>

/* The same limits as kit/model/program.py. */
#define REGION_BASE	(1UL << 40)
#define REGION_STRIDE	(16UL << 20)
#define MAX_REGIONS	64
#define MAX_OPERATIONS	32768

#define PAGE		4096UL
#define MAX_PAGES	(REGION_STRIDE / PAGE - 1)	/* regions never touch */
#define MAX_NAMES	1024
#define MAX_NAME	64
#define MAX_DEPTH	64
#define MAX_USERS	512
#define MAX_THREADS	32
#define MAX_DEEPER	1024	/* pages that one `stack` may add */
#define DATA_PAGES	64	/* of /data, as kit/workload/guestimage.py makes it */

enum kind {
	MAP, WRITE, SCRIPT, FORK, REPEAT, WINDOW, USERS, USER,
	MUNMAP, MPROTECT, MADVISE, DISCARD, MREMAP, GROW, MAPFILE,
	BRK, WRITEBRK, STACK, ORPHAN, HOLD, RELEASE, THREADS, EXEC,
	JOB, SHELL, SPAWN, RAMP, CREW, RECLAIM,
};

/* The flag of an operation; its meaning depends on the kind. */
enum {
	ORPHANS = 1,		/* FORK, USER, HOLD, EXEC: the process has orphans */
	READ_ONLY = 1,		/* MPROTECT */
	WIPE_ON_FORK = 1,	/* MADVISE; otherwise DONTFORK */
	BY_SYSTEM = 1,		/* SHELL: `sh -c` runs the script */
};

/*
 * One operation. The body of a block is the following operations up to, not
 * including, index `end`, where its successor is.
 */
struct op {
	uint8_t kind;
	uint8_t region;		/* JOB: its number (aim7/job.h); SHELL: the script's (exec.h) */
	uint8_t to;		/* MREMAP: the other region */
	uint8_t flag;
	uint16_t name;
	uint16_t first;		/* page at which a range begins */
	uint32_t number;	/* pages, page, times, threads, count of users, or an amount */
	uint32_t end;
};

/* When the program's ramp ends: a window of this many milliseconds, or no new one after so many seconds. */
struct ramp_rule {
	uint32_t crossover_ms, seconds;
};

extern struct ramp_rule ramp_rule;
extern struct op ops[MAX_OPERATIONS];
extern char names[MAX_NAMES][MAX_NAME];

/* Returns the number of operations, or -1 after a fail frame. */
int program_read(const char *path);

#endif
