/* A root file system for programs of a distribution: from the initramfs, or the host's files. */
#ifndef KIT_ROOT_H
#define KIT_ROOT_H

#define HOST_ROOT	"/rw/root"

/*
 * Mount the host's folders below HOST_ROOT: each read-only by 9p, under a writable overlay. /boot.conf names them
 * (host0=/usr, …), the links beside them (hostlink0=/bin<tab>usr/bin) and empty folders (hostdir0=/home/me). 0, or -1
 * after a fail frame.
 */
int root_mount_host(void);

/* Mount proc, sys, dev, tmp and run below `root`, once. 0, or -1 after a fail frame. */
int root_furnish(const char *root);

#endif
