"""`kit help`: the pages (kit/help/*.md), how they are found and shown, and the tables in them that the code knows."""
