/*
 * The plugin's records: a file of frames, as the guest's results are.
 *
 *	K <nonce> <number> <length> <crc32> <payload>\n
 *
 * A payload is fields separated by tabs (guest/channel.h).
 */
#ifndef KIT_PLUGIN_FRAMES_H
#define KIT_PLUGIN_FRAMES_H

#include <stdint.h>

/* Opens the file that kit made; -1 with errno on failure. */
int frames_open(const char *path, const char *nonce);

/* One frame at a time, of a type that stays. A text must have no tab, newline or percent sign. */
void frame_begin(const char *type);
void frame_text(const char *text);
void frame_number(uint64_t number);

void frame_send(void);

/* A text of this frame, or of one more of its type if this one is full. */
void frame_item(const char *text);

/*
 * The end frame, with the number of frames before it. If not all could be
 * written (the bound, a full disk) there is none, and the reader refuses.
 */
void frames_close(void);

#endif
