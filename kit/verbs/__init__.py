"""One command each: `arguments` says what it takes, `do` parses, calls and prints. `kit.verbs.table` lists them."""
