/*
 * Marks: instructions of the guest's programs that do nothing and that no
 * compiler emits (guest/mark.h). kit names their bytes: a common part, then
 * one byte that says which.
 */
#ifndef KIT_PLUGIN_MARKS_H
#define KIT_PLUGIN_MARKS_H

#include "qemu.h"

enum mark { NO_MARK, MARK_INIT, MARK_OPEN, MARK_CLOSE };

/* The marks' bytes in hexadecimal, `..` for the one that differs; -1 if that is not what it is. */
int marks_read(const char *text);

/* Which mark an instruction is. */
enum mark marks_which(const struct qemu_plugin_insn *insn);

#endif
