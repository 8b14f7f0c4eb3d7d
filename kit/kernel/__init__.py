"""Trees, patches, configurations and builds of kernels."""
