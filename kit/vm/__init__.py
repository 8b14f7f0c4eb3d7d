"""QEMU, the console, the results channel and what went wrong in a boot."""
