"""verdict.json and bisect.json, which other programs read: each field with its type and meaning. Standard library only.
`kit help verdict` and `kit help bisect` print these tables."""
