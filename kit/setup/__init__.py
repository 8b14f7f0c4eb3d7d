"""What makes a bare machine ready: system packages and kit's own python packages. Standard library only."""
