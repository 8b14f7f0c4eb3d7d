/* The scripts that a program's `shell` runs: /bin/NAME.sh. */
#ifndef KIT_SCRIPTS_H
#define KIT_SCRIPTS_H

extern const char *const scripts[];

/* Its index in `scripts`, or -1. */
int script_find(const char *name);

#endif
