/* Parser of programs: see program.h. */
#define _GNU_SOURCE
#include "program.h"
#include "channel.h"
#include "fields.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS	5
#define MAX_LINE	256

struct op ops[MAX_OPERATIONS];
char names[MAX_NAMES][MAX_NAME];
struct ramp_rule ramp_rule;

/* What a block is inside of, its own kind included. */
enum { IN_REPEAT = 1, IN_WINDOW = 2, IN_CREW = 4 };

struct open_block {
	uint32_t op;
	int inside;
};

static struct open_block blocks[MAX_DEPTH];
static int depth;
static uint32_t count;
static uint32_t name_count;
static int ramps;

/* `fields` are letters of fields.h; 'w' is a window's name. */
static const struct form {
	const char *word;
	enum kind kind;
	const char *fields;
	int is_block;
} forms[] = {
	{ "map", MAP, "rp", 0 },
	{ "mapfile", MAPFILE, "rd", 0 },
	{ "write", WRITE, "ri", 0 },
	{ "munmap", MUNMAP, "rfc", 0 },
	{ "mprotect", MPROTECT, "rfca", 0 },
	{ "madvise", MADVISE, "rv", 0 },
	{ "discard", DISCARD, "rfc", 0 },
	{ "mremap", MREMAP, "rfct", 0 },
	{ "grow", GROW, "rp", 0 },
	{ "brk", BRK, "b", 0 },
	{ "writebrk", WRITEBRK, "i", 0 },
	{ "stack", STACK, "s", 0 },
	{ "script", SCRIPT, "", 0 },
	{ "spawn", SPAWN, "", 0 },
	{ "job", JOB, "jm", 0 },
	{ "shell", SHELL, "hym", 0 },
	{ "release", RELEASE, "", 0 },
	{ "fork", FORK, "", 1 },
	{ "orphan", ORPHAN, "", 1 },
	{ "hold", HOLD, "", 1 },
	{ "exec", EXEC, "", 1 },
	{ "threads", THREADS, "n", 1 },
	{ "reclaim", RECLAIM, "", 1 },
	{ "repeat", REPEAT, "x", 1 },
	{ "window", WINDOW, "w", 1 },
	{ "users", USERS, "w", 1 },
	{ "ramp", RAMP, "wmm", 1 },
	{ "crew", CREW, "w", 1 },
	{ "user", USER, "", 1 },
};

static int split(char *line, char **words)
{
	int n = 0;
	char *word, *rest = line;

	while ((word = strtok_r(rest, " \t", &rest))) {
		if (n == MAX_WORDS)
			return n + 1;
		words[n++] = word;
	}
	return n;
}

static const char *add_name(struct op *op, const char *name)
{
	uint32_t i;

	if (strlen(name) >= MAX_NAME)
		return "the name is too long";
	for (i = 0; i < name_count; i++)
		if (!strcmp(names[i], name))
			return "a second window of this name";
	if (name_count == MAX_NAMES)
		return "too many windows";
	strcpy(names[name_count], name);
	op->name = name_count++;
	return NULL;
}

static int inside(void)
{
	return depth ? blocks[depth - 1].inside : 0;
}

static enum kind outer(void)
{
	return depth ? (enum kind)ops[blocks[depth - 1].op].kind : FORK;
}

static int has_users(int kind)
{
	return kind == USERS || kind == RAMP || kind == CREW;
}

static const char *open_block(struct op *op)
{
	int now = inside();

	if (depth == MAX_DEPTH)
		return "blocks are nested too deeply";
	if (op->kind == REPEAT && op->number > 1)
		now |= IN_REPEAT;
	if (op->kind == WINDOW || has_users(op->kind))
		now |= IN_WINDOW;
	if (op->kind == CREW)
		now |= IN_CREW;
	blocks[depth].op = op - ops;
	blocks[depth++].inside = now;
	return NULL;
}

static const char *close_block(void)
{
	struct op *op;

	if (!depth)
		return "'end' without a block";
	op = &ops[blocks[--depth].op];
	op->end = count;
	if (has_users(op->kind) && !op->number)
		return "'users' without a user";
	return NULL;
}

static const char *add_window(struct op *op, const char *name)
{
	/* lock_stat exists once for the whole machine, and a name is measured once. */
	if (inside() & IN_WINDOW)
		return "a window inside a window";
	if (inside() & IN_REPEAT)
		return "a window inside a repeat";
	return add_name(op, name);
}

static const char *add_ramp(struct op *op, char **words)
{
	struct op milliseconds, seconds;
	const char *error = ramps++ ? "a second ramp" : fields_read(&milliseconds, "m", words + 1);

	if (!error)
		error = fields_read(&seconds, "m", words + 2);
	if (error)
		return error;
	ramp_rule.crossover_ms = milliseconds.number;
	ramp_rule.seconds = seconds.number;
	return add_window(op, words[0]);
}

static const char *add_user(void)
{
	struct op *users = depth ? &ops[blocks[depth - 1].op] : NULL;

	if (!users || !has_users(users->kind))
		return "'user' outside of 'users'";
	if (users->number == MAX_USERS)
		return "too many users";
	users->number++;
	return users->kind == CREW && users->number > MAX_THREADS ? "too many threads" : NULL;
}

/* The process that waits for an orphan's parent must know that there is an orphan. */
static const char *add_orphan(void)
{
	int i;

	for (i = depth - 1; i >= 0; i--) {
		struct op *op = &ops[blocks[i].op];

		switch ((enum kind)op->kind) {
		case FORK:
		case HOLD:
		case EXEC:
		case USER:
			op->flag = ORPHANS;
			return NULL;
		default:
			break;
		}
	}
	return "an orphan outside of a fork";
}

static const char *add_fields(struct op *op, const char *fields, char **words)
{
	switch ((enum kind)op->kind) {
	case WINDOW:
	case USERS:
	case CREW:
		return add_window(op, words[0]);
	case RAMP:
		return add_ramp(op, words);
	case USER:
		return add_user();
	case ORPHAN:
		return add_orphan();
	default:
		return fields_read(op, fields, words);
	}
}

/* What a thread may do beside others of its process: to regions of its own. */
static int suits_threads(enum kind kind)
{
	switch (kind) {
	case USER:
	case REPEAT:
	case MAP:
	case MAPFILE:
	case WRITE:
	case MUNMAP:
	case MPROTECT:
	case MADVISE:
	case DISCARD:
	case MREMAP:
	case GROW:
		return 1;
	default:
		return 0;
	}
}

static const char *add_op(const struct form *form, char **words)
{
	struct op *op = &ops[count];
	const char *error;

	if (count == MAX_OPERATIONS)
		return "too many operations";
	if (has_users(outer()) && form->kind != USER)
		return "only 'user' blocks stand in 'users'";
	if (inside() & IN_CREW && !suits_threads(form->kind))
		return "threads of a crew only map memory, and write to it";
	if (form->kind == RECLAIM && depth)
		return "'reclaim' inside another block";
	op->kind = form->kind;
	op->end = count + 1;
	error = add_fields(op, form->fields, words + 1);
	if (error)
		return error;
	count++;
	return form->is_block ? open_block(op) : NULL;
}

static const char *add_line(char *line)
{
	char *words[MAX_WORDS];
	int n = split(line, words);
	size_t i;

	if (!n || *words[0] == '#')
		return NULL;
	if (n == 1 && !strcmp(words[0], "end"))
		return close_block();
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(words[0], forms[i].word))
			continue;
		if (n != 1 + (int)strlen(forms[i].fields))
			return "wrong number of words";
		return add_op(&forms[i], words);
	}
	return "no such operation";
}

int program_read(const char *path)
{
	static struct lines lines;
	static char line[MAX_LINE], kept[MAX_LINE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *error = NULL;
	int lineno = 0, more;

	if (fd < 0) {
		channel_fail("%s: %s", path, strerror(errno));
		return -1;
	}
	lines_start(&lines, fd);
	while (!error && (more = lines_next(&lines, line, sizeof(line)))) {
		lineno++;
		strcpy(kept, line);
		if (more < 0)
			error = strerror(errno);
		else
			error = lines.cut ? "the line is too long" : add_line(line);
	}
	close(fd);
	if (!error && depth)
		error = "a block without its 'end'";
	if (!error)
		return count;
	channel_fail("program:%d: %s: %s", lineno, error, kept);
	return -1;
}
