/* The lines of a file: see lines.h. */
#include "lines.h"

#include <unistd.h>

void lines_start(struct lines *lines, int fd)
{
	lines->fd = fd;
	lines->have = lines->at = 0;
}

int lines_next(struct lines *lines, char *line, size_t size)
{
	size_t n = 0;

	lines->cut = 0;
	for (;;) {
		char c;

		if (lines->at == lines->have) {
			lines->at = 0;
			lines->have = read(lines->fd, lines->buffer, sizeof(lines->buffer));
			if (lines->have <= 0)
				break;
		}
		c = lines->buffer[lines->at++];
		if (c == '\n') {
			line[n] = '\0';
			return 1;
		}
		if (n < size - 1)
			line[n++] = c;
		else
			lines->cut = 1;
	}
	line[n] = '\0';
	if (lines->have < 0) {
		lines->have = 0;
		return -1;
	}
	return n > 0;
}
