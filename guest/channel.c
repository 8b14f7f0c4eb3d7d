/* The results' channel: see channel.h. */
#define _GNU_SOURCE
#include "channel.h"
#include "conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#define PORT	"/dev/ttyS1"
#define STATE	"/channel"

/*
 * Shared by init, the worker and its children. It is a file, because the
 * worker is started by exec, and mapped shared, so it never gets an anon_vma.
 */
struct state {
	atomic_uint locked;
	atomic_uint failed;
	atomic_uint frames;
};

static struct state *state;
static int port = -1;
static char nonce[64];

static char payload[2048];
static size_t length;
static char line[sizeof(payload) + 160];

static int open_port(void)
{
	struct termios t;

	/* O_NONBLOCK: opening must not wait for a carrier. */
	port = open(PORT, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (port < 0 || tcgetattr(port, &t) < 0)
		return -1;
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL;
	t.c_cflag &= ~CRTSCTS;
	cfsetospeed(&t, B115200);
	if (tcsetattr(port, TCSANOW, &t) < 0)
		return -1;
	return fcntl(port, F_SETFL, 0);
}

static int open_state(int how)
{
	int flags = how == CHANNEL_NEW ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR;
	int fd = open(STATE, flags | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return -1;
	state = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return state == MAP_FAILED ? -1 : 0;
}

int channel_open(int how)
{
	if (conf_text("nonce", nonce, sizeof(nonce)) < 0) {
		errno = EINVAL;
		return -1;
	}
	if (open_state(how) < 0)
		return -1;
	return open_port();
}

/* CRC-32 of IEEE 802.3, as zlib has it, four bits at a time. */
static uint32_t crc32(const char *data, size_t size)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;
	size_t i;

	for (i = 0; i < size; i++) {
		crc ^= (unsigned char)data[i];
		crc = (crc >> 4) ^ table[crc & 15];
		crc = (crc >> 4) ^ table[crc & 15];
	}
	return ~crc;
}

static void put(char c)
{
	if (length < sizeof(payload))
		payload[length++] = c;
}

static void put_escaped(const char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (; *text; text++) {
		if (*text == '\t' || *text == '\n' || *text == '%') {
			put('%');
			put(digits[*text >> 4]);
			put(digits[*text & 15]);
		} else {
			put(*text);
		}
	}
}

void frame_begin(const char *type)
{
	length = 0;
	put_escaped(type);
}

void frame_text(const char *text)
{
	put('\t');
	put_escaped(text);
}

void frame_number(int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	frame_text(text);
}

static void write_all(const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(port, data, size);

		if (n < 0 && errno != EINTR)
			return;		/* the host notices the missing frame */
		if (n > 0) {
			data += n;
			size -= n;
		}
	}
}

void frame_send(void)
{
	size_t n;

	while (atomic_exchange(&state->locked, 1))
		sched_yield();
	n = snprintf(line, sizeof(line), "K %s %u %zu %08x ", nonce,
		     atomic_fetch_add(&state->frames, 1), length,
		     crc32(payload, length));
	memcpy(line + n, payload, length);
	line[n + length] = '\n';
	write_all(line, n + length + 1);
	channel_unlock();
}

uint32_t channel_frames(void)
{
	return atomic_load(&state->frames);
}

void channel_fail(const char *format, ...)
{
	static char text[512];
	va_list args;

	if (atomic_exchange(&state->failed, 1))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	frame_begin("fail");
	frame_text(text);
	frame_send();
}

int channel_fail_errno(const char *what)
{
	channel_fail("%s: %s", what, strerror(errno));
	return -1;
}

int channel_failed(void)
{
	return atomic_load(&state->failed);
}

void channel_unlock(void)
{
	atomic_store(&state->locked, 0);
}

void channel_drain(void)
{
	tcdrain(port);
}
