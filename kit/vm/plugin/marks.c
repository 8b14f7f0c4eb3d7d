/* Recognising marks: see marks.h. */
#include "marks.h"
#include "job.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST	16

static unsigned char bytes[LONGEST];
static size_t size, differs;

int marks_read(const char *text)
{
	size_t length = strlen(text), i;
	int found = 0;

	if (length % 2 || length / 2 > LONGEST)
		return -1;
	size = length / 2;
	for (i = 0; i < size; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], '\0' }, *end;

		if (!strcmp(pair, "..")) {
			differs = i;
			found++;
			continue;
		}
		bytes[i] = strtoul(pair, &end, 16);
		if (end != pair + 2)
			return -1;
	}
	return found == 1 ? 0 : -1;
}

enum mark marks_which(const struct qemu_plugin_insn *insn)
{
	unsigned char found[LONGEST], which;

	if (qemu_plugin_insn_size(insn) != size || insn_bytes(insn, found, size) != size)
		return NO_MARK;
	which = found[differs];
	found[differs] = bytes[differs];
	if (memcmp(found, bytes, size) || which > MARK_CLOSE)
		return NO_MARK;
	return which;
}
