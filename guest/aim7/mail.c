/*
 * A mail server's work, for the workload `exim`: what MOSBENCH's Exim does for
 * a message beside forking. A connection over loopback on which client and
 * server talk as in SMTP (one process plays both, as in tcp_test); a spool of
 * two files a message, written, renamed and removed; a mailbox appended to.
 *
 * What one job leaves for the next (the connection, the message's name) is in
 * static variables, which a forked child inherits.
 */
#define _GNU_SOURCE
#include "job.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOXES	64
#define MOST	65536

static int server = -1, client = -1;
static unsigned int number;
static char body[MOST];

static const char *const greeting[][2] = {
	{ "", "220 ready" }, { "HELO here", "250 hello" },
};
static const char *const envelope[][2] = {
	{ "MAIL FROM:<a@here>", "250 ok" }, { "RCPT TO:<b@here>", "250 accepted" }, { "DATA", "354 go on" },
};

static int pass(int from, int to, const char *text, size_t size)
{
	static char got[MOST];
	size_t done = 0;
	ssize_t n;

	if (write(from, text, size) != (ssize_t)size)
		return job_fail("write to a socket");
	while (done < size) {
		n = read(to, got + done, size - done);
		if (n <= 0)
			return job_fail("read from a socket");
		done += n;
	}
	return memcmp(got, text, size) ? job_wrong("a line arrived changed") : 0;
}

/* What the client says, if anything, and the answer. */
static int talk(const char *const lines[2])
{
	if (*lines[0] && pass(client, server, lines[0], strlen(lines[0])) < 0)
		return -1;
	return pass(server, client, lines[1], strlen(lines[1]));
}

static int mail_connect(long unused)
{
	size_t i;

	(void)unused;
	if (job_connection(0, &server, &client) < 0)
		return -1;
	for (i = 0; i < sizeof(greeting) / sizeof(greeting[0]); i++)
		if (talk(greeting[i]) < 0)
			return -1;
	return 0;
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

/* One message of `bytes` over the connection, into the spool. */
static int mail_receive(long bytes)
{
	size_t i;

	if (bytes > MOST)
		return job_wrong("the message is too long");
	for (i = 0; i < sizeof(envelope) / sizeof(envelope[0]); i++)
		if (talk(envelope[i]) < 0)
			return -1;
	number++;
	memset(body, 'a' + number % 26, bytes);
	if (pass(client, server, body, bytes) < 0 || spool("-D", bytes) < 0 || spool("-H", 40 < bytes ? 40 : bytes) < 0)
		return -1;
	path_of(body_path, sizeof(body_path), "spool", "-D");
	path_of(header_path, sizeof(header_path), "spool", "-H");
	return pass(server, client, "250 OK", 6);
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

static int mail_quit(long unused)
{
	static const char *const lines[2] = { "QUIT", "221 bye" };
	int ret = talk(lines);

	(void)unused;
	close(server);
	close(client);
	return ret;
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
	{ "mail_connect", mail_connect }, { "mail_receive", mail_receive }, { "mail_deliver", mail_deliver },
	{ "mail_remove", mail_remove }, { "mail_quit", mail_quit },
	{ NULL, NULL },
};
