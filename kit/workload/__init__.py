"""What runs in the guest: programs, the initramfs, the results that come back."""
