/* Ranges of addresses, read from a file: a line each, "begin end" in hexadecimal, in order. */
#ifndef KIT_PLUGIN_RANGES_H
#define KIT_PLUGIN_RANGES_H

#include <stdint.h>

/* -1 if the file cannot be read, or is not that. */
int ranges_read(const char *path);

/* Whether a range has an address of these. */
int ranges_touch(uint64_t begin, uint64_t end);

#endif
