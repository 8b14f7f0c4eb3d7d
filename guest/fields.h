/* The words after an operation's keyword: numbers and choices, with their limits. */
#ifndef KIT_FIELDS_H
#define KIT_FIELDS_H

#include "program.h"

/*
 * A letter for each word:
 *
 *	r region		t region that pages move to
 *	p pages of a region	i page of a region or of the program break
 *	f first page of a range	c pages in that range
 *	d pages of /data	b pages of the program break, which may be none
 *	s pages of stack	n threads		x times
 *	a ro or rw		v dontfork or wipeonfork
 *
 * Returns NULL, or what is wrong with the first bad word.
 */
const char *fields_read(struct op *op, const char *letters, char **words);

#endif
