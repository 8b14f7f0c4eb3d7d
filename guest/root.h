/* A root file system for programs of a distribution: from the initramfs, or the host's files. */
#ifndef KIT_ROOT_H
#define KIT_ROOT_H

#define HOST_ROOT	"/rw/root"

/* Mount the host's files at HOST_ROOT: read-only by 9p, under a writable overlay. 0, or -1 after a fail frame. */
int root_mount_host(void);

/* Mount proc, sys, dev, tmp and run below `root`, once. 0, or -1 after a fail frame. */
int root_furnish(const char *root);

#endif
