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

enum kind { MAP, WRITE, SCRIPT, FORK, REPEAT, WINDOW, USERS, USER };

/*
 * One operation. A block's body are the operations up to, not including,
 * index `end`, which is also where its successor stands.
 */
struct op {
	uint8_t kind;
	uint8_t region;
	uint16_t name;
	uint32_t number;	/* pages, page, times, or count of users */
	uint32_t end;
};

extern struct op ops[MAX_OPERATIONS];
extern char names[MAX_NAMES][MAX_NAME];

/* The number of operations; an error sends a fail frame and returns -1. */
int program_read(const char *path);

#endif
