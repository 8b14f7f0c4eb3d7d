/* What a program prints: see output.h. */
#define _GNU_SOURCE
#include "output.h"
#include "channel.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PIECE	1200	/* bytes in a frame, a multiple of 3 */

static void keep(struct output *output, const char *data, size_t size)
{
	size_t i = 0;

	if (output->bytes < OUTPUT_HALF) {
		i = OUTPUT_HALF - output->bytes < size ? OUTPUT_HALF - output->bytes : size;
		memcpy(output->head + output->bytes, data, i);
	}
	for (output->bytes += i; i < size; i++)
		output->tail[(output->bytes++ - OUTPUT_HALF) % OUTPUT_HALF] = data[i];
}

void output_take(struct output *output)
{
	static char buffer[65536];
	struct pollfd ready = { .fd = output->fd, .events = POLLIN };
	ssize_t n;
	int times;

	/* Not for ever: some programs never stop printing, and the caller must check their limit. */
	for (times = 0; times < 16 && output->fd >= 0 && poll(&ready, 1, 0) > 0; times++) {
		n = read(output->fd, buffer, sizeof(buffer));
		if (n > 0) {
			keep(output, buffer, n);
			continue;
		}
		close(output->fd);
		output->fd = -1;
	}
}

static void encode(const unsigned char *data, size_t size, char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	for (i = 0; i < size; i += 3) {
		uint32_t three = data[i] << 16;

		three |= i + 1 < size ? data[i + 1] << 8 : 0;
		three |= i + 2 < size ? data[i + 2] : 0;
		*text++ = digits[three >> 18];
		*text++ = digits[three >> 12 & 63];
		*text++ = i + 1 < size ? digits[three >> 6 & 63] : '=';
		*text++ = i + 2 < size ? digits[three & 63] : '=';
	}
	*text = '\0';
}

static void send_piece(const char *name, const char *stream, const char *data, size_t size)
{
	static char text[PIECE / 3 * 4 + 1];

	encode((const unsigned char *)data, size, text);
	frame_begin("out");
	frame_text(name);
	frame_text(stream);
	frame_text(text);
	frame_send();
}

static void send_pieces(const char *name, const char *stream, const char *data, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += PIECE)
		send_piece(name, stream, data + at, size - at < PIECE ? size - at : PIECE);
}

void output_send(const struct output *output, const char *name, const char *stream)
{
	uint64_t more = output->bytes > OUTPUT_HALF ? output->bytes - OUTPUT_HALF : 0;
	size_t kept = more < OUTPUT_HALF ? more : OUTPUT_HALF;
	size_t first = more > OUTPUT_HALF ? more % OUTPUT_HALF : 0;

	frame_begin("printed");
	frame_text(name);
	frame_text(stream);
	frame_number(output->bytes);
	frame_number(output->bytes - more);
	frame_number(kept);
	frame_send();
	send_pieces(name, stream, output->head, output->bytes - more);
	if (first < kept)
		send_pieces(name, stream, output->tail + first, kept - first);
	send_pieces(name, stream, output->tail, first);
}
