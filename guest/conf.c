/* Values of /boot.conf: see conf.h. */
#define _GNU_SOURCE
#include "conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[8192];

static int load(void)
{
	ssize_t n;
	int fd;

	if (text[0])
		return 0;
	fd = open("/boot.conf", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? 0 : -1;
}

int conf_text(const char *key, char *value, size_t size)
{
	size_t keylen = strlen(key);
	const char *p;

	if (load() < 0)
		return -1;
	for (p = text; p; p = strchr(p, '\n')) {
		size_t n;

		if (*p == '\n')
			p++;
		if (strncmp(p, key, keylen) || p[keylen] != '=')
			continue;
		p += keylen + 1;
		n = strcspn(p, "\n");
		if (n >= size)
			return -1;
		memcpy(value, p, n);
		value[n] = '\0';
		return 0;
	}
	return -1;
}

long conf_number(const char *key, long otherwise)
{
	char value[24];

	return conf_text(key, value, sizeof(value)) < 0 ? otherwise : atol(value);
}
