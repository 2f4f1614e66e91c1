/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct walk_item {
	struct walk_item *next;
	bool given; /* by the user, who may name a symbolic link */
	char path[];
};

struct inode {
	dev_t device;
	ino_t number;
};

static bool
push(struct walk *w, const char *dir, const char *name, bool given)
{
	size_t n = strlen(dir), m = strlen(name);
	struct walk_item *item = malloc(sizeof(*item) + n + 1 + m + 1);

	if (item == NULL)
		return false;
	memcpy(item->path, dir, n);
	if (n > 0 && dir[n - 1] != '/')
		item->path[n++] = '/';
	memcpy(item->path + n, name, m + 1);
	item->given = given;
	item->next = w->next;
	w->next = item;
	return true;
}

bool
walk_add(struct walk *w, const char *const *paths, int n)
{
	while (n-- > 0)
		if (!push(w, "", paths[n], true))
			return false;
	return true;
}

/* The top of the stack becomes the current item, in place of the one before. */
static struct walk_item *
take(struct walk *w)
{
	free(w->current);
	w->current = w->next;
	if (w->next != NULL)
		w->next = w->next->next;
	return w->current;
}

static int
compare_inodes(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* @return 1 seen for the first time, 0 seen before, -1 no memory */
static int
first_visit(struct walk *w, const struct stat *st)
{
	struct inode *id = malloc(sizeof(*id));
	void *found;

	if (id == NULL)
		return -1;
	*id = (struct inode){st->st_dev, st->st_ino};
	found = tsearch(id, &w->seen, compare_inodes);
	if (found == NULL || *(struct inode **)found != id) {
		free(id);
		return found == NULL ? -1 : 0;
	}
	return 1;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **list;
	size_t n, room;
};

static bool
add_name(struct names *names, const char *name)
{
	char *copy;

	if (names->n == names->room) {
		size_t room = names->room == 0 ? 64 : names->room * 2;
		char **list = reallocarray(names->list, room, sizeof(*list));

		if (list == NULL)
			return false;
		names->list = list;
		names->room = room;
	}
	copy = strdup(name);
	if (copy == NULL)
		return false;
	names->list[names->n++] = copy;
	return true;
}

static void
free_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

/* @return 0, or an errno */
static int
read_names(DIR *dir, struct names *names)
{
	const struct dirent *e;

	for (errno = 0; (e = readdir(dir)) != NULL; errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!add_name(names, e->d_name))
			return ENOMEM;
	}
	return errno;
}

/* Put what is in a directory, open as @p fd, on the stack. */
static int
enter(struct walk *w, int fd, const char *path)
{
	struct names names = {0};
	DIR *dir = fdopendir(fd);
	int error;

	if (dir == NULL) {
		error = errno;
		close(fd);
		return error;
	}
	error = read_names(dir, &names);
	closedir(dir);
	if (names.n > 1)
		qsort(names.list, names.n, sizeof(*names.list), compare_names);
	/* The last first, so that the first is on top. What was read before an error counts. */
	for (size_t i = names.n; i-- > 0;)
		if (!push(w, path, names.list[i], false))
			error = ENOMEM;
	free_names(&names);
	return error;
}

/*
 * Look before opening: opening a device may act on it, and a FIFO would block.
 * @return the type bits of its mode, 0 on error
 */
static mode_t
look(const struct walk_item *item, struct stat *st)
{
	int flags = item->given ? 0 : AT_SYMLINK_NOFOLLOW;

	return fstatat(AT_FDCWD, item->path, st, flags) != 0 ? 0 : st->st_mode & S_IFMT;
}

/* Open what look() saw, and make sure that it still is that. */
static int
open_same(const struct walk_item *item, struct stat *st)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (item->given ? 0 : O_NOFOLLOW);
	int fd = open(item->path, flags);
	struct stat now;

	if (fd < 0)
		return -1;
	if (fstat(fd, &now) != 0 || now.st_dev != st->st_dev || now.st_ino != st->st_ino ||
		(now.st_mode & S_IFMT) != (st->st_mode & S_IFMT)) {
		close(fd);
		errno = ESTALE;
		return -1;
	}
	*st = now;
	return fd;
}

/* @return the same as walk_next(); WALK_END for: nothing to tell, go on */
static enum walk_result
visit_directory(struct walk *w, struct walk_item *item, struct stat *st, const char **ret_why)
{
	int first = first_visit(w, st), fd, error;

	if (first == 0) {
		w->repeated++;
		return WALK_END;
	}
	fd = first < 0 ? -1 : open_same(item, st);
	if (fd < 0) {
		*ret_why = first < 0 ? strerror(ENOMEM) : strerror(errno);
		return WALK_ERROR;
	}
	error = enter(w, fd, item->path);
	if (error == 0)
		return WALK_END;
	*ret_why = strerror(error);
	return WALK_ERROR;
}

static enum walk_result
visit(struct walk *w, struct walk_item *item, int *ret_fd, struct stat *st, const char **ret_why)
{
	switch (look(item, st)) {
	case S_IFREG:
		*ret_fd = open_same(item, st);
		if (*ret_fd >= 0)
			return WALK_FILE;
		break;
	case S_IFDIR:
		return visit_directory(w, item, st, ret_why);
	case 0:
		break;
	case S_IFLNK:
		w->links++;
		return WALK_END;
	default:
		if (!item->given) {
			w->specials++;
			return WALK_END;
		}
		*ret_why = "neither a regular file nor a directory: not read";
		return WALK_ERROR;
	}
	*ret_why = strerror(errno);
	return WALK_ERROR;
}

enum walk_result
walk_next(struct walk *w, const char **ret_path, int *ret_fd, struct stat *ret_stat,
	const char **ret_why)
{
	struct walk_item *item;

	while ((item = take(w)) != NULL) {
		enum walk_result result = visit(w, item, ret_fd, ret_stat, ret_why);

		*ret_path = item->path;
		if (result != WALK_END)
			return result;
	}
	return WALK_END;
}

void
walk_end(struct walk *w)
{
	while (take(w) != NULL)
		;
	tdestroy(w->seen, free);
	*w = (struct walk){0};
}
