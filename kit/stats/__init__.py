"""Statistics: from samples to comparisons and verdicts. No I/O."""
