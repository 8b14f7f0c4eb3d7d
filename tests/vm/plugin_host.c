/*
 * Plays QEMU's part (by INTERFACE) for the plugin: plugin_host PLUGIN.so ARGUMENT... with a guest's course on standard
 * input, all numbers in hexadecimal. Its memory is one shared MiB; an address's lowest 20 bits are its physical one.
 *
 *	m ADDRESS VALUE			8 bytes of memory
 *	t ADDRESS BYTES,BYTES...	a block is translated: the bytes of its instructions
 *	x ADDRESS NUMBER [sADDRESS] [lADDRESS]...
 *		the first NUMBER (decimal) instructions of that block are executed; the last of them stores and loads, as
 *		QEMU 7.2 tells it: only to those who ask for both
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MOST 64
#define RAM (1u << 20)
#define PUBLIC __attribute__((visibility("default")))

typedef void (*exec_cb)(unsigned int, void *);
typedef void (*mem_cb)(unsigned int, uint32_t, uint64_t, void *);
struct cb { void *call, *data; int rw; };
struct insn { unsigned char bytes[16]; size_t size; uint64_t at; struct cb exec[4], mem[4]; int execs, mems; uint64_t *add; };
struct tb { uint64_t at; size_t count; struct insn insns[MOST]; struct cb exec[4]; int execs; uint64_t *add; };
struct hwaddr { uint64_t physical; };
struct info { const char *target; struct { int min, cur; } version; bool system; int vcpus[2]; };

static struct tb *blocks[4096];
static int count;
static struct hwaddr where;

#if INTERFACE < 7
static void (*translated)(uint64_t, struct tb *);
static void (*at_exit)(uint64_t, void *);
#define TRANSLATED(tb) translated(1, tb)
#define AT_EXIT() at_exit(1, NULL)
PUBLIC void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(uint64_t, struct tb *)) { (void)id; translated = cb; }
PUBLIC void qemu_plugin_register_atexit_cb(uint64_t id, void (*cb)(uint64_t, void *), void *u) { (void)id; (void)u; at_exit = cb; }
#else
static void (*translated)(struct tb *, void *);
static void (*at_exit)(void *);
static void *with;
#define TRANSLATED(tb) translated(tb, with)
#define AT_EXIT() at_exit(NULL)
PUBLIC void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(struct tb *, void *), void *u) { (void)id; with = u; translated = cb; }
PUBLIC void qemu_plugin_register_atexit_cb(uint64_t id, void (*cb)(void *), void *u) { (void)id; (void)u; at_exit = cb; }
#endif

#if INTERFACE < 2
PUBLIC void qemu_plugin_register_vcpu_insn_exec_inline(struct insn *i, int op, void *p, uint64_t n) { (void)op; (void)n; i->add = p; }
PUBLIC void qemu_plugin_register_vcpu_tb_exec_inline(struct tb *t, int op, void *p, uint64_t n) { (void)op; (void)n; t->add = p; }
#else
struct entry { char *score; size_t offset; };
PUBLIC void *qemu_plugin_scoreboard_new(size_t size) { return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); }
PUBLIC uint64_t qemu_plugin_u64_sum(struct entry e) { return *(uint64_t *)(e.score + e.offset); }
PUBLIC void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct insn *i, int op, struct entry e, uint64_t n) { (void)op; (void)n; i->add = (uint64_t *)(e.score + e.offset); }
PUBLIC void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct tb *t, int op, struct entry e, uint64_t n) { (void)op; (void)n; t->add = (uint64_t *)(e.score + e.offset); }
#endif

#if INTERFACE < 3
PUBLIC const void *qemu_plugin_insn_data(const struct insn *i) { return i->bytes; }
#else
PUBLIC size_t qemu_plugin_insn_data(const struct insn *i, void *to, size_t n) { n = n < i->size ? n : i->size; memcpy(to, i->bytes, n); return n; }
#endif

PUBLIC void qemu_plugin_register_vcpu_insn_exec_cb(struct insn *i, void *cb, int f, void *u) { (void)f; i->exec[i->execs++] = (struct cb){ cb, u, 0 }; }
PUBLIC void qemu_plugin_register_vcpu_tb_exec_cb(struct tb *t, void *cb, int f, void *u) { (void)f; t->exec[t->execs++] = (struct cb){ cb, u, 0 }; }
PUBLIC void qemu_plugin_register_vcpu_mem_cb(struct insn *i, void *cb, int f, int rw, void *u) { (void)f; i->mem[i->mems++] = (struct cb){ cb, u, rw }; }
PUBLIC uint64_t qemu_plugin_tb_vaddr(const struct tb *t) { return t->at; }
PUBLIC size_t qemu_plugin_tb_n_insns(const struct tb *t) { return t->count; }
PUBLIC struct insn *qemu_plugin_tb_get_insn(struct tb *t, size_t i) { return &t->insns[i]; }
PUBLIC size_t qemu_plugin_insn_size(const struct insn *i) { return i->size; }
PUBLIC uint64_t qemu_plugin_insn_vaddr(const struct insn *i) { return i->at; }
PUBLIC bool qemu_plugin_mem_is_store(uint32_t info) { return info & 1; }
PUBLIC unsigned int qemu_plugin_mem_size_shift(uint32_t info) { (void)info; return 3; }
PUBLIC struct hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t at) { (void)info; where.physical = at % RAM; return &where; }
PUBLIC bool qemu_plugin_hwaddr_is_io(const struct hwaddr *h) { (void)h; return false; }
PUBLIC uint64_t qemu_plugin_hwaddr_phys_addr(const struct hwaddr *h) { return h->physical; }

static struct tb *block(uint64_t at)
{
	for (int i = 0; i < count; i++)
		if (blocks[i]->at == at)
			return blocks[i];
	fprintf(stderr, "no block %lx\n", at);
	exit(2);
}

static void translate(uint64_t at, char *words)
{
	struct tb *tb = calloc(1, sizeof(*tb));

	tb->at = at;
	for (char *word = strtok(words, ","); word; word = strtok(NULL, ",")) {
		struct insn *insn = &tb->insns[tb->count++];

		insn->at = at;
		for (; sscanf(word, "%2hhx", &insn->bytes[insn->size]) == 1; word += 2)
			insn->size++;
		at += insn->size;
	}
	blocks[count++] = tb;
	TRANSLATED(tb);
}

static void execute(struct tb *tb, size_t number, char *events)
{
	for (int k = 0; k < tb->execs; k++)
		((exec_cb)tb->exec[k].call)(0, tb->exec[k].data);
	if (tb->add)
		++*tb->add;
	for (size_t i = 0; i < number; i++) {
		for (int k = 0; k < tb->insns[i].execs; k++)
			((exec_cb)tb->insns[i].exec[k].call)(0, tb->insns[i].exec[k].data);
		if (tb->insns[i].add)
			++*tb->insns[i].add;
	}
	for (char *event = strtok(events, " "); event; event = strtok(NULL, " "))
		for (int k = 0; k < tb->insns[number - 1].mems; k++) {
			struct cb *cb = &tb->insns[number - 1].mem[k];

			if (cb->rw & ((*event == 's' ? 2 : 1) + 1))
				((mem_cb)cb->call)(0, *event == 's', strtoull(event + 1, NULL, 16), cb->data);
		}
}

int main(int argc, char **argv)
{
	char *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), line[4096];
	void *plugin = dlopen(argv[1], RTLD_NOW);
	struct info info = { "x86_64", { 0, 1 }, true, { 1, 1 } };
	int (*install)(uint64_t, const void *, int, char **);

	if (!plugin || !(install = dlsym(plugin, "qemu_plugin_install"))) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	if (install(1, &info, argc - 2, argv + 2))
		return 3;
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t at, number;
		char rest[4096] = "";

		line[strcspn(line, "\n")] = '\0';
		if (*line == 'm' && sscanf(line, "m %lx %lx", &at, &number) == 2)
			memcpy(ram + at % RAM, &number, sizeof(number));
		else if (*line == 't' && sscanf(line, "t %lx %4095s", &at, rest) == 2)
			translate(at, rest);
		else if (*line == 'x' && sscanf(line, "x %lx %lu %4095[^\n]", &at, &number, rest) >= 2)
			execute(block(at), number, rest);
		else
			return fprintf(stderr, "what is %s?\n", line), 2;
	}
	AT_EXIT();
	return 0;
}
