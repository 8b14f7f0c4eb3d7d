"""A verdict in, text out."""
