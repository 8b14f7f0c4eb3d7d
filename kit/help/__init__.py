"""`kit help`: the pages (kit/help/*.md), how they are found and shown, and their tables that are made from the code."""
