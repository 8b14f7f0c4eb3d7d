"""kit: the kernel patch regression test kit."""

__version__ = "0.1.0"
