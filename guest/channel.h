/*
 * The results' channel: frames of checked text on the second serial port.
 *
 *	K <nonce> <seq> <length> <crc32> <payload>\n
 *
 * A payload is fields separated by tabs; tab, newline and percent sign inside
 * a field are written %09, %0a and %25.
 */
#ifndef KIT_CHANNEL_H
#define KIT_CHANNEL_H

#include <stdint.h>

enum { CHANNEL_NEW, CHANNEL_JOIN };

/* init creates the channel, the worker joins it; -1 with errno on failure. */
int channel_open(int how);

/* One frame at a time: begin with its type, add fields, send. */
void frame_begin(const char *type);
void frame_text(const char *text);
void frame_number(int64_t number);
void frame_send(void);

/* Frames sent so far by all processes. */
uint32_t channel_frames(void);

/* Send a fail frame, the first of the boot only. */
void channel_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with errno's text after `what`; always -1. */
int channel_fail_errno(const char *what);

/* Whether any process has sent a fail frame. */
int channel_failed(void);

/* Release the lock of a killed process; only if no other process is left. */
void channel_unlock(void);

/* Wait until the port has sent everything. */
void channel_drain(void);

#endif
