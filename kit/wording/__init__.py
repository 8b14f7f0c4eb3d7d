"""The sentences of a verdict: comparisons in, words out."""
