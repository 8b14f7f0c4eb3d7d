"""Samples in, comparisons and the rule of the verdict out. No I/O."""
