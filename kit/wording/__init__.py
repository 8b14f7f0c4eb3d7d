"""The words of a verdict: comparisons in, sentences out."""
