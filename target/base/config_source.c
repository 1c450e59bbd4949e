// SPDX-License-Identifier: MIT
/* config_source.c - reading files, resolving @include, and finding back where a setting stands. */
#include "base/config_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config_lexer.h"

/* Where a line of a document came from. */
struct place {
	size_t file;
	int line;
};

struct config_document {
	struct config_lexer lexer;
	FILE *stream; /* writes text, while the document is built */
	char *text;
	size_t len;
	struct place *lines;
	size_t nlines;
	bool parsed;
	config_t config;
};

/* The hook of a document's root, if its values are not to be shown. */
static char private_mark;

static int add_file(struct config_source *s, struct config_document *d, const char *path,
		    const struct place *from, unsigned depth);
static int add_document(struct config_source *s, const char *path, const struct place *from,
			unsigned depth);

void config_source_no_memory(struct config_source *s)
{
	s->nerrors++;
	fputs("the configuration does not fit into memory\n", s->errors);
}

static void place_error(struct config_source *s, const struct place *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* `at` NULL: the message begins with a file's name itself. */
static void place_error(struct config_source *s, const struct place *at, const char *fmt, ...)
{
	va_list ap;

	s->nerrors++;
	if (at)
		fprintf(s->errors, "%s:%d: ", s->files[at->file], at->line);
	va_start(ap, fmt);
	vfprintf(s->errors, fmt, ap);
	va_end(ap);
	fputc('\n', s->errors);
}

/* Room for one more element of an array that grows by doubling. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return reallocarray(array, n ? 2 * n : 1, size);
}

/* What is read from a file of secrets does not stay in freed memory. */
static void wipe(const struct config_source *s, void *p, size_t n)
{
	if (s->is_private && p)
		explicit_bzero(p, n);
}

/* All of fd, up to one byte more than a file may have. Returns NULL, or what is wrong. */
static const char *read_all(int fd, char **buf, size_t *len)
{
	for (size_t room = 0;;) {
		if (*len == room) {
			room = room ? room * 2 : 4096;
			char *larger = realloc(*buf, room);
			if (!larger)
				return strerror(errno);
			*buf = larger;
		}
		ssize_t n = read(fd, *buf + *len, room - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		*len += (size_t)n;
		if (*len > CONFIG_FILE_BYTES)
			return "it is larger than 1 MiB";
		if (n == 0)
			return memchr(*buf, '\0', *len) ? "it has a NUL byte: it is no text file"
							: NULL;
	}
}

/* The user of etc/memtgtd.sysusers: root checks a configuration for it. */
static bool is_service(uid_t uid)
{
	const struct passwd *pw = geteuid() ? NULL : getpwnam("memtgt");
	return pw && pw->pw_uid == uid;
}

/* Who may write to the file, or read it, could log in as anybody in it. NULL: nobody else may. */
static const char *not_private(struct config_source *s, const char *path, const struct stat *st)
{
	unsigned mode = st->st_mode & 07777;

	if (st->st_uid && st->st_uid != geteuid() && !is_service(st->st_uid))
		snprintf(s->why, sizeof(s->why),
			 "it holds secrets, and belongs to user %u; allowed are root and memtgtd's "
			 "user (%u): chown it to one of them, and chmod 0600 %s",
			 (unsigned)st->st_uid, (unsigned)geteuid(), path);
	else if (mode & 077)
		snprintf(s->why, sizeof(s->why),
			 "it holds secrets, and its mode %04o lets others use it; cure: chmod 0600 "
			 "%s",
			 mode, path);
	else
		return NULL;
	return s->why;
}

/*
 * The whole file. `included`: only a regular file, since a fifo or a device would hang the start.
 * Returns NULL, or what is wrong; the caller frees *buf in both cases.
 */
static const char *read_file(struct config_source *s, const char *path, bool included, char **buf,
			     size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | (included ? O_NONBLOCK : 0));
	const char *bad;
	struct stat st;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st))
		bad = strerror(errno);
	else if (S_ISDIR(st.st_mode) || (included && !S_ISREG(st.st_mode)))
		bad = "it is no regular file";
	else if (s->is_private)
		bad = not_private(s, path, &st);
	else
		bad = NULL;
	if (!bad)
		bad = read_all(fd, buf, len);
	close(fd);
	return bad;
}

static int emit(struct config_source *s, struct config_document *d, const struct place *at,
		const char *p, size_t n)
{
	struct place *lines = grow(d->lines, d->nlines, sizeof(*lines));

	if (!lines) {
		config_source_no_memory(s);
		return -1;
	}
	d->lines = lines;
	d->lines[d->nlines++] = *at;
	config_lexer_line(&d->lexer, p, n, d->stream);
	if (d->lexer.deepest > CONFIG_NESTING_MAX) {
		place_error(s, at, "groups and lists are nested deeper than %d levels",
			    CONFIG_NESTING_MAX);
		return -1;
	}
	return 0;
}

/* One file that a directive leads to. */
static int include_file(struct config_source *s, struct config_document *d, const char *path,
			const struct place *from, unsigned depth)
{
	if (depth >= CONFIG_INCLUDE_DEPTH) {
		place_error(s, from,
			    "@include: %s would be nested deeper than %d files; "
			    "does a file include itself?",
			    path, CONFIG_INCLUDE_DEPTH);
		return -1;
	}
	if (d->lexer.depth)
		return add_file(s, d, path, from, depth + 1);
	return add_document(s, path, from, depth + 1);
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* All *.conf of a folder, by the bytes of their names. */
static int include_folder(struct config_source *s, struct config_document *d, const char *path,
			  const struct place *from, unsigned depth)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_conf, by_name), rc = 0;

	if (n < 0) {
		place_error(s, from, "@include: %s cannot be read: %s", path, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char *file;
		if (!rc && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0) {
			config_source_no_memory(s);
			rc = -1;
		} else if (!rc) {
			rc = include_file(s, d, file, from, depth);
			free(file);
		}
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static int include_pattern(struct config_source *s, struct config_document *d, const char *path,
			   const struct place *from, unsigned depth)
{
	glob_t found;
	int rc = glob(path, GLOB_ERR | GLOB_NOESCAPE, NULL, &found);

	if (rc && rc != GLOB_NOMATCH) {
		place_error(s, from, "@include: %s cannot be searched: %s", path,
			    rc == GLOB_ABORTED ? strerror(errno) : "out of memory");
		return -1;
	}
	rc = 0;
	for (size_t i = 0; !rc && i < found.gl_pathc; i++)
		rc = include_file(s, d, found.gl_pathv[i], from, depth);
	globfree(&found);
	return rc;
}

/* `name` as written, relative to the folder of the file it stands in. */
static int include(struct config_source *s, struct config_document *d, const char *name, size_t n,
		   const struct place *from, unsigned depth)
{
	const char *file = s->files[from->file], *slash = strrchr(file, '/');
	int dir = name[0] != '/' && slash ? (int)(slash - file) + 1 : 0, rc;
	struct stat st;
	char *path;

	if (asprintf(&path, "%.*s%.*s", dir, file, (int)n, name) < 0) {
		config_source_no_memory(s);
		return -1;
	}
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		rc = include_folder(s, d, path, from, depth);
	else if (strpbrk(path + dir, "*?["))
		rc = include_pattern(s, d, path, from, depth);
	else
		rc = include_file(s, d, path, from, depth);
	free(path);
	return rc;
}

static int add_line(struct config_source *s, struct config_document *d, const struct place *at,
		    const char *p, size_t n, unsigned depth)
{
	size_t head = config_lexer_directive(&d->lexer, p, n);

	if (!head)
		return emit(s, d, at, p, n);
	const char *name = p + head, *quote = memchr(name, '"', n - head);
	if (!quote || quote == name) {
		place_error(s, at, "@include: a name in double quotes is expected");
		return -1;
	}
	if (include(s, d, name, (size_t)(quote - name), at, depth))
		return -1;
	size_t used = (size_t)(quote + 1 - p);
	return emit(s, d, at, p + used, n - used);
}

/* Keeps the name, for places. */
static int name_file(struct config_source *s, const char *path)
{
	char **files = grow(s->files, s->nfiles, sizeof(*files)), *copy = strdup(path);

	if (files)
		s->files = files;
	if (!files || !copy) {
		free(copy);
		config_source_no_memory(s);
		return -1;
	}
	s->files[s->nfiles++] = copy;
	return 0;
}

static int add_file(struct config_source *s, struct config_document *d, const char *path,
		    const struct place *from, unsigned depth)
{
	size_t len = 0;
	char *buf = NULL;

	if (s->nfiles >= CONFIG_FILES_MAX) {
		place_error(s, from, "@include: more than %d files", CONFIG_FILES_MAX);
		return -1;
	}
	const char *bad = read_file(s, path, from || s->is_private, &buf, &len);
	if (bad) {
		place_error(s, from, "%s%s cannot be read: %s%s", from ? "@include: " : "", path,
			    bad,
			    from || s->is_private ? "" : "; -c FILE names the configuration file");
		wipe(s, buf, len);
		free(buf);
		return -1;
	}
	struct place at = {.file = s->nfiles};
	int rc = name_file(s, path);
	for (size_t off = 0; !rc && off < len;) {
		const char *p = buf + off, *end = memchr(p, '\n', len - off);
		size_t n = end ? (size_t)(end - p) : len - off;
		at.line++;
		rc = add_line(s, d, &at, p, n, depth);
		off += n + 1;
	}
	wipe(s, buf, len);
	free(buf);
	return rc;
}

static int parse(struct config_source *s, struct config_document *d)
{
	config_init(&d->config);
	d->parsed = true;
	bool good = config_read_string(&d->config, d->text);
	if (s->is_private)
		config_setting_set_hook(config_root_setting(&d->config), &private_mark);
	if (good)
		return 0;
	/* At the end of the text libconfig names the line behind the last. */
	size_t line = (size_t)config_error_line(&d->config);
	const char *what = config_error_text(&d->config);
	if (!d->nlines) {
		config_source_no_memory(s);
		return -1;
	}
	if (line < 1 || line > d->nlines)
		line = d->nlines;
	place_error(s, &d->lines[line - 1], "%s", what ? what : "syntax error");
	return -1;
}

static int add_document(struct config_source *s, const char *path, const struct place *from,
			unsigned depth)
{
	struct config_document *d = calloc(1, sizeof(*d)), **documents;

	documents = grow(s->documents, s->ndocuments, sizeof(*documents));
	if (documents)
		s->documents = documents;
	if (d)
		d->stream = open_memstream(&d->text, &d->len);
	if (!d || !documents || !d->stream) {
		if (d && d->stream) {
			fclose(d->stream);
			free(d->text);
		}
		free(d);
		config_source_no_memory(s);
		return -1;
	}
	s->documents[s->ndocuments++] = d;
	int rc = add_file(s, d, path, from, depth);
	if (fclose(d->stream) && !rc) {
		config_source_no_memory(s);
		rc = -1;
	}
	return rc;
}

static int open_all(struct config_source *s, const char *path)
{
	int rc = add_document(s, path, NULL, 0);
	for (size_t i = 0; !rc && i < s->ndocuments; i++)
		rc = parse(s, s->documents[i]);
	return rc;
}

int config_source_open(struct config_source *s, const char *path, FILE *errors)
{
	*s = (struct config_source){.errors = errors};
	return open_all(s, path);
}

int config_source_open_private(struct config_source *s, const char *path, FILE *errors)
{
	*s = (struct config_source){.errors = errors, .is_private = true};
	return open_all(s, path);
}

bool config_source_is_private(const config_setting_t *at)
{
	return config_setting_get_hook(config_root_setting(at->config)) == &private_mark;
}

/* Nesting is bounded by the lexer. */
static void wipe_texts(struct config_source *s, const config_setting_t *at)
{
	if (config_setting_type(at) == CONFIG_TYPE_STRING)
		wipe(s, at->value.sval, strlen(at->value.sval));
	for (int i = 0; config_setting_is_aggregate(at) && i < config_setting_length(at); i++)
		wipe_texts(s, config_setting_get_elem(at, (unsigned)i));
}

void config_source_close(struct config_source *s)
{
	for (size_t i = 0; i < s->ndocuments; i++) {
		struct config_document *d = s->documents[i];
		if (d->parsed) {
			wipe_texts(s, config_root_setting(&d->config));
			config_destroy(&d->config);
		}
		wipe(s, d->text, d->len);
		free(d->lines);
		free(d->text);
		free(d);
	}
	free(s->documents);
	for (size_t i = 0; i < s->nfiles; i++)
		free(s->files[i]);
	free(s->files);
	*s = (struct config_source){0};
}

config_setting_t *config_source_root(const struct config_source *s, size_t i)
{
	return config_root_setting(&s->documents[i]->config);
}

static struct place find_place(const struct config_source *s, const config_setting_t *at)
{
	unsigned line = config_setting_source_line(at);

	for (size_t i = 0; i < s->ndocuments; i++) {
		const struct config_document *d = s->documents[i];
		if (at->config == &d->config && line >= 1 && line <= d->nlines)
			return d->lines[line - 1];
	}
	/* The top level itself stands at the beginning. */
	return (struct place){.line = 1};
}

void config_source_place(const struct config_source *s, const config_setting_t *at, char *out,
			 size_t n)
{
	struct place p = find_place(s, at);

	snprintf(out, n, "%s:%d", s->files[p.file], p.line);
}

int config_source_line(const struct config_source *s, const config_setting_t *at)
{
	return find_place(s, at).line;
}

/* "targets.[0].luns.[1].size", as libconfig writes paths. Nesting is bounded by the lexer. */
static void print_path(FILE *f, const config_setting_t *at)
{
	const config_setting_t *parent = config_setting_parent(at);

	if (!parent)
		return;
	print_path(f, parent);
	if (!config_setting_is_root(parent))
		fputc('.', f);
	if (config_setting_name(at))
		fputs(config_setting_name(at), f);
	else
		fprintf(f, "[%d]", config_setting_index(at));
}

void config_source_error(struct config_source *s, const config_setting_t *at, const char *member,
			 const char *fmt, ...)
{
	const config_setting_t *inner = member ? config_setting_get_member(at, member) : NULL;
	struct place p = find_place(s, inner ? inner : at);
	va_list ap;

	s->nerrors++;
	fprintf(s->errors, "%s:%d: ", s->files[p.file], p.line);
	print_path(s->errors, at);
	if (member)
		fprintf(s->errors, "%s%s", config_setting_is_root(at) ? "" : ".", member);
	fputs(": ", s->errors);
	va_start(ap, fmt);
	vfprintf(s->errors, fmt, ap);
	va_end(ap);
	fputc('\n', s->errors);
}
