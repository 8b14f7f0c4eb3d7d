"""QEMU, the guest's console, and splats."""
