"""The search for the first commit that changed a metric: decides from the measurements what to measure next. No I/O."""
