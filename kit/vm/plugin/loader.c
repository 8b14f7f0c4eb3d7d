/*
 * The plugin's entry: -plugin FILE.so,job=NAME,out=PATH,nonce=TEXT,mark=BYTES
 * and what the job wants (code=PATH).
 *
 * Translation comes from every vCPU's thread, and so do marks: one lock for
 * both. What is executed is counted without it (counters.h).
 */
#include "frames.h"
#include "job.h"
#include "marks.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EXPORT int qemu_plugin_version = INTERFACE;

static const struct job *const jobs[] = { &coverage, &callers, &callgraph };

static const struct job *job;
static enum stage stage;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

size_t insn_bytes(const struct qemu_plugin_insn *insn, void *to, size_t size)
{
#if INTERFACE < 3
	size_t there = qemu_plugin_insn_size(insn);

	if (there < size)
		size = there;
	memcpy(to, qemu_plugin_insn_data(insn), size);
	return size;
#else
	return qemu_plugin_insn_data(insn, to, size);
#endif
}

static void marked(unsigned int vcpu, void *which)
{
	static const enum stage next[] = {
		[MARK_INIT] = OUTSIDE,
		[MARK_OPEN] = WINDOW,
		[MARK_CLOSE] = OUTSIDE,
	};

	(void)vcpu;
	pthread_mutex_lock(&lock);
	job->ended(stage);
	stage = next[(uintptr_t)which];
	pthread_mutex_unlock(&lock);
}

static void translated(struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb), i;

	if (job->users || qemu_plugin_tb_vaddr(tb) & KERNEL) {
		pthread_mutex_lock(&lock);
		job->translated(tb);
		pthread_mutex_unlock(&lock);
	}
	if (qemu_plugin_tb_vaddr(tb) & KERNEL)
		return;
	for (i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		enum mark mark = marks_which(insn);

		if (mark != NO_MARK)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)mark);
	}
}

static void ends(void)
{
	pthread_mutex_lock(&lock);
	job->ended(stage);
	job->finish();
	frames_close();
	pthread_mutex_unlock(&lock);
}

#if INTERFACE < 7

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	translated(tb);
}

static void at_exit(qemu_plugin_id_t id, void *unused)
{
	(void)id;
	(void)unused;
	ends();
}

static void hear(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
}

#else

static void on_translation(struct qemu_plugin_tb *tb, void *unused)
{
	(void)unused;
	translated(tb);
}

static void at_exit(void *unused)
{
	(void)unused;
	ends();
}

static void hear(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation, NULL);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
}

#endif

/* The value of an argument KEY=VALUE; NULL if there is none. */
static const char *argument(int argc, char **argv, const char *key)
{
	size_t size = strlen(key);
	int i;

	for (i = 0; i < argc; i++)
		if (!strncmp(argv[i], key, size) && argv[i][size] == '=')
			return argv[i] + size + 1;
	return NULL;
}

static int refuse(const char *why)
{
	fprintf(stderr, "kit's plugin: %s\n", why);
	return -1;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	const char *name = argument(argc, argv, "job"), *out = argument(argc, argv, "out");
	const char *nonce = argument(argc, argv, "nonce"), *mark = argument(argc, argv, "mark");
	const char *wrong;
	size_t i;

	if (!name || !out || !nonce || !mark || !info->system_emulation)
		return refuse("job, out, nonce and mark are wanted, of a whole machine");
	for (i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		if (!strcmp(jobs[i]->name, name))
			job = jobs[i];
	if (!job)
		return refuse("no such job");
	if (marks_read(mark) < 0)
		return refuse("not the bytes of a mark");
	if (frames_open(out, nonce) < 0)
		return refuse("cannot open its file");
	wrong = job->start(argument(argc, argv, "code"));
	if (wrong)
		return refuse(wrong);
	frame_begin("hello");
	frame_number(1);
	frame_text(job->name);
	frame_number(INTERFACE);
	frame_send();
	hear(id);
	return 0;
}
