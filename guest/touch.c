/* See touch.h. */
#include "touch.h"

#define PAGE_BYTES	4096

/* .bss begins in the last page of .data's VMA; two pages reach into its own. */
static volatile char in_data = 1;
static volatile char in_bss[2 * PAGE_BYTES];

void touch(void)
{
	in_data++;
	in_bss[0] = 1;
	in_bss[sizeof(in_bss) - 1] = 1;
}
