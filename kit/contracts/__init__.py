"""The files that other programs read in a run's folder: verdict.json and bisect.json, each field with its type and its
meaning. Standard library only; `kit help verdict` and `kit help bisect` print what stands here."""
