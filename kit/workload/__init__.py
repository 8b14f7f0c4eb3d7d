"""What runs in the guest: workloads, the initramfs, and the results that come back."""
