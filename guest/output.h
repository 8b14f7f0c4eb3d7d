/* What a program prints, its beginning and its end kept, the rest counted. */
#ifndef KIT_OUTPUT_H
#define KIT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#define OUTPUT_HALF	(256 << 10)	/* bytes kept of the beginning, and of the end */

struct output {
	int fd;				/* read end of a pipe; -1 once it is closed */
	uint64_t bytes;			/* all that came */
	char head[OUTPUT_HALF];
	char tail[OUTPUT_HALF];		/* a ring: byte n of what comes after the head is at n % OUTPUT_HALF */
};

/* Takes all that is there now; does not wait. */
void output_take(struct output *output);

/* `printed` with how much there was, then `out` frames with what is kept, in base64. */
void output_send(const struct output *output, const char *name, const char *stream);

#endif
