"""What kit keeps on disk: the cache and the run folders."""
