"""One module for each verb: `arguments` declares its options, `do` runs it and prints. `kit.verbs.table` lists them."""
