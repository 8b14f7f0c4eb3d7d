/* Writing of records: see frames.h. */
#define _GNU_SOURCE
#include "frames.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* kit.vm.plugin.records reads no more (MOST there), and kit bounds each file of QEMU's at 64 MiB. */
#define MOST_BYTES	(32u << 20)
#define PAYLOAD_BYTES	8192
#define HEAD_BYTES	160
#define BUFFER_BYTES	(1 << 18)

static int file = -1;
static int failed;
static char nonce[64];
static unsigned int number;
static size_t written;

static char payload[PAYLOAD_BYTES];
static size_t length;
static const char *kind;
static char buffer[BUFFER_BYTES];
static size_t waiting;

int frames_open(const char *path, const char *with)
{
	if (strlen(with) >= sizeof(nonce)) {
		errno = EINVAL;
		return -1;
	}
	strcpy(nonce, with);
	file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	return file < 0 ? -1 : 0;
}

/* CRC-32 of IEEE 802.3, as zlib has it. */
static uint32_t crc32(const char *data, size_t size)
{
	static uint32_t table[256];
	uint32_t crc = 0xffffffff;
	size_t i;

	for (i = 0; !table[255] && i < 256; i++) {
		uint32_t c = i;
		int bit;

		for (bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320 ^ (c >> 1) : c >> 1;
		table[i] = c;
	}
	for (i = 0; i < size; i++)
		crc = table[(crc ^ (unsigned char)data[i]) & 255] ^ (crc >> 8);
	return ~crc;
}

static void flush(void)
{
	const char *at = buffer;

	while (waiting && !failed) {
		ssize_t n = write(file, at, waiting);

		if (n < 0 && errno != EINTR)
			failed = 1;
		if (n > 0) {
			at += n;
			waiting -= n;
		}
	}
	waiting = 0;
}

static void put(const char *text, size_t size)
{
	if (failed || written + size > MOST_BYTES) {
		failed = 1;
		return;
	}
	if (waiting + size > sizeof(buffer))
		flush();
	memcpy(buffer + waiting, text, size);
	waiting += size;
	written += size;
}

static void add(const char *text)
{
	size_t size = strlen(text);

	if (length + size > sizeof(payload)) {
		failed = 1;
		return;
	}
	memcpy(payload + length, text, size);
	length += size;
}

void frame_begin(const char *type)
{
	kind = type;
	length = 0;
	add(type);
}

void frame_text(const char *text)
{
	add("\t");
	add(text);
}

void frame_number(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIx64, value);
	frame_text(text);
}

void frame_send(void)
{
	char head[HEAD_BYTES];
	int size = snprintf(head, sizeof(head), "K %s %u %zu %08" PRIx32 " ", nonce, number++, length,
			    crc32(payload, length));

	put(head, size);
	put(payload, length);
	put("\n", 1);
}

void frame_item(const char *text)
{
	if (length + strlen(text) + 1 > sizeof(payload)) {
		frame_send();
		frame_begin(kind);
	}
	frame_text(text);
}

void frames_close(void)
{
	frame_begin("end");
	frame_number(number);
	frame_send();
	flush();
	close(file);
}
