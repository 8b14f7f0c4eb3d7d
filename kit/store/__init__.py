"""What lies on the disk: the cache and the run folders."""
