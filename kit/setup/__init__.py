"""Makes a bare machine ready: system packages and kit's own Python packages. Standard library only."""
