"""QEMU's plugin: its C, compiled once for each of QEMU's interfaces, and what it records of a boot."""
