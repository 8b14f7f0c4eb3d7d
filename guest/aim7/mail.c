/*
 * A mail server's work, for the workload `exim`: what MOSBENCH's Exim does for
 * a message beside forking; and its client's, in a process of its own. They
 * talk as in SMTP over a connection on loopback, each waiting for the other's
 * line; a spool of two files a message is written, renamed and removed; a
 * mailbox appended to.
 *
 * What one job leaves for the next (the listening socket, the connection, the
 * message's name) is in static variables, which a forked child inherits. Client
 * and server count a connection's messages alike, so each knows what to read.
 */
#define _GNU_SOURCE
#include "job.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOXES	64
#define MOST	65536

static int listening = -1, connection = -1;
static struct sockaddr_in address;
static unsigned int number;
static char body[MOST];

static const char *const greeting[][2] = {
	{ "", "220 ready" }, { "HELO here", "250 hello" },
};
static const char *const envelope[][2] = {
	{ "MAIL FROM:<a@here>", "250 ok" }, { "RCPT TO:<b@here>", "250 accepted" }, { "DATA", "354 go on" },
};
static const char *const parting[2] = { "QUIT", "221 bye" };
static const char taken[] = "250 OK";

static int say(const char *text, size_t size)
{
	return write(connection, text, size) == (ssize_t)size ? 0 : job_fail("write to a socket");
}

static int hear(const char *text, size_t size)
{
	static char got[MOST];
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(connection, got + done, size - done);
		if (n <= 0)
			return n ? job_fail("read from a socket") : job_wrong("the other end is gone");
		done += n;
	}
	return memcmp(got, text, size) ? job_wrong("a line arrived changed") : 0;
}

/* The client's line, if it has one, and the server's answer: by the client, and by the server. */
static int ask(const char *const lines[2])
{
	if (*lines[0] && say(lines[0], strlen(lines[0])) < 0)
		return -1;
	return hear(lines[1], strlen(lines[1]));
}

static int answer(const char *const lines[2])
{
	if (*lines[0] && hear(lines[0], strlen(lines[0])) < 0)
		return -1;
	return say(lines[1], strlen(lines[1]));
}

static int all(int (*one)(const char *const lines[2]), const char *const lines[][2], size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (one(lines[i]) < 0)
			return -1;
	return 0;
}

#define ALL(one, lines)	all(one, lines, sizeof(lines) / sizeof(lines[0]))

/* Once, before the processes that accept and connect are forked. */
static int mail_listen(long backlog)
{
	listening = job_bound(SOCK_STREAM, &address);
	return listening < 0 ? -1 : listen(listening, backlog) < 0 ? job_fail("listen") : 0;
}

static int mail_accept(long unused)
{
	(void)unused;
	number = 0;
	connection = accept(listening, NULL, NULL);
	return connection < 0 ? job_fail("accept") : ALL(answer, greeting);
}

static int mail_connect(long unused)
{
	(void)unused;
	number = 0;
	connection = socket(AF_INET, SOCK_STREAM, 0);
	if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof(address)) < 0)
		return job_fail("connect");
	return ALL(ask, greeting);
}

/* The next message's text. */
static int write_body(long bytes)
{
	if (bytes > MOST)
		return job_wrong("the message is too long");
	number++;
	memset(body, 'a' + number % 26, bytes);
	return 0;
}

/* The client's part of a message of `bytes`. */
static int mail_send(long bytes)
{
	if (write_body(bytes) < 0 || ALL(ask, envelope) < 0 || say(body, bytes) < 0)
		return -1;
	return hear(taken, strlen(taken));
}

static void path_of(char *path, size_t size, const char *folder, const char *what)
{
	snprintf(path, size, "%s/%s/%u.%d%s", job_tmp, folder, number, (int)getpid(), what);
}

static int spool(const char *what, long bytes)
{
	static char draft[256], path[256];
	int fd, wrong;

	path_of(draft, sizeof(draft), "spool", ".tmp");
	path_of(path, sizeof(path), "spool", what);
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return job_fail(draft);
	wrong = write(fd, body, bytes) != bytes;
	return close(fd) < 0 || wrong || rename(draft, path) < 0 ? job_fail(path) : 0;
}

static char header_path[256], body_path[256];

/* The server's part: the message goes into the spool. */
static int mail_receive(long bytes)
{
	if (write_body(bytes) < 0 || ALL(answer, envelope) < 0 || hear(body, bytes) < 0)
		return -1;
	if (spool("-D", bytes) < 0 || spool("-H", 40 < bytes ? 40 : bytes) < 0)
		return -1;
	path_of(body_path, sizeof(body_path), "spool", "-D");
	path_of(header_path, sizeof(header_path), "spool", "-H");
	return say(taken, strlen(taken));
}

/* The spooled message, at the end of a mailbox. */
static int mail_deliver(long bytes)
{
	static char path[256];
	int from = open(body_path, O_RDONLY), to, wrong;

	snprintf(path, sizeof(path), "%s/mail/%u", job_tmp, (number + (unsigned int)getpid()) % BOXES);
	to = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (from < 0 || to < 0)
		return job_fail(from < 0 ? body_path : path);
	wrong = read(from, body, bytes) != bytes || write(to, body, bytes) != bytes;
	if (close(from) < 0 || close(to) < 0 || wrong)
		return job_fail(path);
	return body[bytes - 1] == 'a' + (char)(number % 26) ? 0 : job_wrong("another message's text");
}

static int mail_remove(long unused)
{
	(void)unused;
	return unlink(body_path) < 0 || unlink(header_path) < 0 ? job_fail(body_path) : 0;
}

static int part(int (*one)(const char *const lines[2]))
{
	int ret = one(parting);

	return close(connection) < 0 ? job_fail("close") : ret;
}

static int mail_leave(long unused)
{
	(void)unused;
	return part(ask);
}

static int mail_quit(long unused)
{
	(void)unused;
	return part(answer);
}

void mail_prepare(void)
{
	static const char *const folders[] = { "spool", "mail" };
	static char path[256];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", job_tmp, folders[i]);
		mkdir(path, 0700);	/* there already, or the jobs say so */
	}
}

const struct job mail_jobs[] = {
	{ "mail_listen", mail_listen }, { "mail_connect", mail_connect }, { "mail_send", mail_send },
	{ "mail_leave", mail_leave }, { "mail_accept", mail_accept }, { "mail_receive", mail_receive },
	{ "mail_deliver", mail_deliver }, { "mail_remove", mail_remove }, { "mail_quit", mail_quit },
	{ NULL, NULL },
};
