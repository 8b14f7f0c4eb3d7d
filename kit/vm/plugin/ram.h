/*
 * The guest's memory, as this process has it mapped: kit has QEMU share it, by
 * which it is found. Interfaces before 4 read none of it.
 */
#ifndef KIT_PLUGIN_RAM_H
#define KIT_PLUGIN_RAM_H

#include <stddef.h>
#include <stdint.h>

/* Copies from a physical address; -1 if there is no memory, or none is found. */
int ram_read(uint64_t physical, void *to, size_t size);

#endif
