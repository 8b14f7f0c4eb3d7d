/*
 * What to run in a root: /payload.N or /session.task, one `key value` on each
 * line. In values, %xx stands for bytes that cannot be in a line.
 *
 *	root DIR	chroot; `host` or `home` for the host's files
 *	dir DIR		working directory in there
 *	arg TEXT	one per argument, the program's path first
 *	env KEY=VALUE	one per variable
 *	limit SECONDS	0 for none
 *	status NUMBER	the exit status that means success
 *	user NUMBER	run as that user and group, with no other groups
 *	left fail|kill	what to do about processes that outlive the program
 */
#ifndef KIT_TASK_H
#define KIT_TASK_H

#define TASK_WORDS	1024

struct task {
	char *root, *dir;
	char *args[TASK_WORDS + 1], *env[TASK_WORDS + 1];
	int nargs, nenv;
	long limit, status, user;
	int kill_left;
};

/* Read a task. 0, or -1 after a fail frame. */
int task_read(struct task *task, const char *path);

/* Makes the task's root ready. 0, or -1 after a fail frame. */
int task_prepare(struct task *task);

/* Become the reaper of all descendants; block SIGCHLD, so that only ppoll() lets it through. */
void task_adopt(void);

/* In the child: enter the root and execute the program. Returns errno if that fails. */
int task_execute(const struct task *task);

#endif
