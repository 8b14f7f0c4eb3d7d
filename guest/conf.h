/* The host's settings for this boot: lines of key=value in /boot.conf. */
#ifndef KIT_CONF_H
#define KIT_CONF_H

#include <stddef.h>

/* The value of a key; -1 if there is none or it does not fit. */
int conf_text(const char *key, char *value, size_t size);

/* The value as a number; `otherwise` if there is none. */
long conf_number(const char *key, long otherwise);

#endif
