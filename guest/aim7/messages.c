/*
 * Messages of many sizes that a process sends to itself: through a pipe, a
 * fifo, socket pairs, and sockets on loopback; and through System V shared
 * memory under a semaphore. What arrives is compared with what was sent.
 */
#define _GNU_SOURCE
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST	4096

static const int sizes[] = {
	1, 3, 5, 7, 16, 32, 64, 512, 1024, 2048, 4096, 32, 32, 32, 32, 32, 32, 512, 512, 512, 512, 512, 2048, 2048,
};

static char sent[MOST], got[MOST];

static int size_of(long number)
{
	int size = sizes[number % (sizeof(sizes) / sizeof(sizes[0]))];

	memset(sent, number, size);
	return size;
}

static int all(int fd, int size, int out)
{
	int done = 0;

	while (done < size) {
		ssize_t n = out ? write(fd, sent + done, size - done) : read(fd, got + done, size - done);

		if (n <= 0 && errno != EINTR)
			return job_fail(out ? "write" : "read");
		if (n > 0)
			done += n;
	}
	return 0;
}

/* `messages` written and read; both ends are closed. */
static int exchange(long messages, int from, int to)
{
	long n;
	int ret = 0;

	for (n = 0; !ret && n < messages; n++) {
		int size = size_of(n);

		ret = all(to, size, 1) || all(from, size, 0);
		if (!ret && memcmp(sent, got, size))
			ret = job_wrong("a message arrived changed");
	}
	close(from);
	close(to);
	return ret ? -1 : 0;
}

static int pipe_cpy(long messages)
{
	int ends[2];

	return pipe(ends) < 0 ? job_fail("pipe") : exchange(messages, ends[0], ends[1]);
}

static int fifo_test(long messages)
{
	const char *path = job_path("fifo");
	int from, to, ret;

	if (mkfifo(path, 0600) < 0)
		return job_fail("mkfifo");
	from = open(path, O_RDONLY | O_NONBLOCK);
	to = open(path, O_RDWR | O_NONBLOCK);
	ret = from < 0 || to < 0 ? job_fail("open of a fifo") : exchange(messages, from, to);
	unlink(path);
	return ret;
}

static int pair(long messages, int type)
{
	int ends[2];

	if (socketpair(AF_UNIX, type, 0, ends) < 0)
		return job_fail("socketpair");
	return exchange(messages, ends[0], ends[1]);
}

static int stream_pipe(long messages)
{
	return pair(messages, SOCK_STREAM);
}

static int dgram_pipe(long messages)
{
	return pair(messages, SOCK_DGRAM);
}

int job_bound(int type, struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, type, 0);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &length) < 0)
		return job_fail("socket or bind");
	return fd;
}

static int connection(int *server, int *client)
{
	struct sockaddr_in address;
	int on = 1, listening = job_bound(SOCK_STREAM, &address);
	socklen_t length = sizeof(on);

	if (listening < 0)
		return -1;
	if (setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    getsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, &length) < 0)
		return job_fail("TCP_NODELAY");
	if (listen(listening, 5) < 0)
		return job_fail("listen");
	*client = socket(AF_INET, SOCK_STREAM, 0);
	if (*client < 0 || connect(*client, (struct sockaddr *)&address, sizeof(address)) < 0)
		return job_fail("connect");
	*server = accept(listening, NULL, NULL);
	close(listening);
	return *server < 0 ? job_fail("accept") : 0;
}

static int tcp_test(long messages)
{
	int from = -1, to = -1;

	return connection(&to, &from) < 0 ? -1 : exchange(messages, from, to);
}

static int udp_test(long messages)
{
	struct sockaddr_in here, there;
	int to = job_bound(SOCK_DGRAM, &here), from = job_bound(SOCK_DGRAM, &there);

	if (to < 0 || from < 0)
		return -1;
	if (connect(to, (struct sockaddr *)&there, sizeof(there)) < 0)
		return job_fail("connect");
	return exchange(messages, from, to);
}

/* With the semaphore held. */
static int under(int semaphore, void *to, const void *from, int size)
{
	struct sembuf down = { .sem_op = -1 }, up = { .sem_op = 1 };

	if (semop(semaphore, &down, 1) < 0)
		return job_fail("semop");
	memcpy(to, from, size);
	return semop(semaphore, &up, 1) < 0 ? job_fail("semop") : 0;
}

static int through(long messages, int semaphore, char *memory)
{
	long n;

	for (n = 0; n < messages; n++) {
		int size = size_of(n);

		if (under(semaphore, memory, sent, size) < 0 || under(semaphore, got, memory, size) < 0)
			return -1;
		if (memcmp(sent, got, size))
			return job_wrong("a message arrived changed");
	}
	return 0;
}

static int shared_memory(long messages)
{
	union { int val; void *others; } one = { .val = 1 };
	int semaphore = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	int segment = shmget(IPC_PRIVATE, MOST, IPC_CREAT | 0600), ret;
	char *memory;

	if (semaphore < 0 || segment < 0)
		return job_fail("semget or shmget");
	memory = shmat(segment, NULL, 0);
	if (memory == (void *)-1 || semctl(semaphore, 0, SETVAL, one) < 0)
		return job_fail("shmat or semctl");
	ret = through(messages, semaphore, memory);
	if (shmdt(memory) < 0 || shmctl(segment, IPC_RMID, NULL) < 0 || semctl(semaphore, 0, IPC_RMID) < 0)
		return job_fail("the end of shared memory");
	return ret;
}

const struct job message_jobs[] = {
	{ "pipe_cpy", pipe_cpy }, { "fifo_test", fifo_test }, { "stream_pipe", stream_pipe },
	{ "dgram_pipe", dgram_pipe }, { "tcp_test", tcp_test }, { "udp_test", udp_test },
	{ "shared_memory", shared_memory },
	{ NULL, NULL },
};
