"""The search for the first commit that changed a metric: what was measured in, what to measure next out. No I/O."""
