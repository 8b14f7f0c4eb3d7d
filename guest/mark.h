/*
 * Marks: instructions that do nothing, and that the plugin in QEMU sees
 * (kit/vm/plugin/marks.h). No compiler emits them: its own long NOPs have a
 * displacement of 0. Without the plugin they cost a NOP.
 *
 * An architecture's mark stands in kit/records/arches.py too.
 */
#ifndef KIT_MARK_H
#define KIT_MARK_H

enum { MARK_INIT = 1, MARK_OPEN, MARK_CLOSE };

#if defined(__x86_64__)
/* nopl displacement(%rax), of 32 bits */
#define MARK(which) __asm__ volatile(".byte 0x0f, 0x1f, 0x80, %c0, 0x54, 0x49, 0x4b" : : "i"(which) : "memory")
#else
#error "no mark for this architecture"
#endif

#endif
