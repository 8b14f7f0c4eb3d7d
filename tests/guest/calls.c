/*
 * For tests on the host: runs a program and prints how often it and its
 * threads made each of some system calls (`name count`), by ptrace.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#define CALL(regs) ((regs).orig_rax)
#elif defined(__aarch64__)
#define CALL(regs) ((regs).regs[8])
#endif

#define ROW(name) { SYS_##name, #name, 0 }

static struct { long number; const char *name; long count; } calls[] = {
	ROW(read), ROW(write), ROW(openat), ROW(close), ROW(lseek), ROW(fstat), ROW(kill), ROW(rt_sigaction),
	ROW(brk), ROW(sync), ROW(getdents64), ROW(socket), ROW(socketpair), ROW(connect), ROW(bind), ROW(listen),
	ROW(semop), ROW(semget), ROW(shmget), ROW(shmat), ROW(shmdt), ROW(uname), ROW(getcwd), ROW(times), ROW(getpid),
#ifdef SYS_open
	ROW(open), ROW(creat), ROW(link), ROW(unlink), ROW(stat), ROW(mknod), ROW(pipe), ROW(fork),
#endif
};

int main(int argc, char **argv)
{
	struct user_regs_struct regs;
	struct iovec where = { &regs, sizeof(regs) };
	int status, inside = 0;
	pid_t pid = fork();
	size_t i;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (argc < 2 || waitpid(pid, &status, 0) != pid)
		return 2;
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int signal = 0;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, signal) < 0 || waitpid(pid, &status, 0) != pid)
			return 2;
		if (!WIFSTOPPED(status))
			break;
		signal = WSTOPSIG(status);
		if (signal != (SIGTRAP | 0x80))
			continue;
		signal = 0;
		inside = !inside;
		if (!inside || ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &where) < 0)
			continue;
		for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			calls[i].count += calls[i].number == (long)CALL(regs);
	}
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].count)
			printf("%s %ld\n", calls[i].name, calls[i].count);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
