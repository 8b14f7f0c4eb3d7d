/* A root for programs of a distribution: files from the initramfs, or the host's. */
#ifndef KIT_ROOT_H
#define KIT_ROOT_H

#define HOST_ROOT	"/rw/root"

/* The host's files, read-only by 9p, under a writable overlay, at HOST_ROOT. 0, or -1 after a fail frame. */
int root_mount_host(void);

/* proc, sys, dev, tmp, run below `root`, once. 0, or -1 after a fail frame. */
int root_furnish(const char *root);

#endif
