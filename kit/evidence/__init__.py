"""One module per kind of evidence."""
