"""Numbers that were measured elsewhere, compared."""
