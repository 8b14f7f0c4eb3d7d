/* The lines of a file, without stdio, which would allocate memory. */
#ifndef KIT_LINES_H
#define KIT_LINES_H

#include <stddef.h>
#include <sys/types.h>

struct lines {
	int fd;
	int cut;		/* the last line was longer than its buffer */
	ssize_t have, at;
	char buffer[4096];
};

void lines_start(struct lines *lines, int fd);

/* 1 with the next line, without its newline, 0 at the end, -1 with errno. */
int lines_next(struct lines *lines, char *line, size_t size);

#endif
