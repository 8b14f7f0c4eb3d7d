/* The output of a program: its beginning and end are kept, the rest is only counted. */
#ifndef KIT_OUTPUT_H
#define KIT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#define OUTPUT_HALF	(256 << 10)	/* bytes kept of the beginning, and of the end */

struct output {
	int fd;				/* read end of a pipe; -1 once it is closed */
	uint64_t bytes;			/* in all */
	char head[OUTPUT_HALF];
	char tail[OUTPUT_HALF];		/* a ring: byte n of what comes after the head is at n % OUTPUT_HALF */
};

/* Reads what is there now, without waiting. */
void output_take(struct output *output);

/* Sends a `printed` frame with the number of bytes, then `out` frames with the kept ones in base64. */
void output_send(const struct output *output, const char *name, const char *stream);

#endif
