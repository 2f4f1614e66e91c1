/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ctl/walk.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A tree in a folder of its own, which is the working directory meanwhile. */
static int
enter(void **state)
{
	char dir[] = "/tmp/sluss-walk-XXXXXX";

	*state = strdup(mkdtemp(dir));
	return *state == NULL ? -1 : chdir(*state);
}

static int
leave(void **state)
{
	char command[128];
	int result;

	snprintf(command, sizeof(command), "rm -rf -- '%s'", (const char *)*state);
	result = chdir("/") | system(command);
	free(*state);
	return result;
}

static void
put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Every path that the walk gives, with a mark for trouble, in one string. */
static void
list(const char *const *paths, int n, char *ret, size_t size, struct walk *ret_walk)
{
	struct walk w = {0};
	enum walk_result result;
	const char *path, *why;
	struct stat st;
	int fd;

	ret[0] = '\0';
	assert_true(walk_add(&w, paths, n));
	while ((result = walk_next(&w, &path, &fd, &st, &why)) != WALK_END) {
		size_t at = strlen(ret);

		snprintf(ret + at, size - at, "%s%s ", result == WALK_ERROR ? "!" : "", path);
		if (result == WALK_FILE)
			close(fd);
	}
	*ret_walk = w;
	walk_end(&w);
}

static void
test_tree(void **state)
{
	const char *paths[] = {"d", "z"};
	char got[512];
	struct walk w;

	(void)state;
	assert_int_equal(mkdir("d", 0700) | mkdir("d/b", 0700) | mkdir("d/c", 0700), 0);
	put("d/b/2");
	put("d/b/1");
	put("d/a");
	put("z");
	put("outside");
	assert_int_equal(symlink("..", "d/b/up"), 0);
	assert_int_equal(symlink("../outside", "d/link"), 0);
	assert_int_equal(mkfifo("d/fifo", 0600), 0);
	list(paths, 2, got, sizeof(got), &w);
	assert_string_equal(got, "d/a d/b/1 d/b/2 z ");
	assert_int_equal(w.links, 2);
	assert_int_equal(w.specials, 1);
}

static void
test_given_paths(void **state)
{
	const char *paths[] = {"link", "none", "/dev/zero", "fifo", "d/", "d", "."};
	char got[512];
	struct walk w;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	put("d/a");
	assert_int_equal(symlink("d/a", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	list(paths, 7, got, sizeof(got), &w);
	/* The same directory again is passed over. */
	assert_string_equal(got, "link !none !/dev/zero !fifo d/a ");
	assert_int_equal(w.repeated, 2);
}

/* Longer than a path may be: an error for what is too deep, not a crash, not silence. */
static void
test_deep(void **state)
{
	const char *paths[] = {"n"};
	static char got[1 << 16];
	char name[201];
	struct walk w;

	(void)state;
	memset(name, 'n', 200);
	name[200] = '\0';
	paths[0] = name;
	for (int i = 0; i < 30; i++)
		assert_int_equal(mkdir(name, 0700) | chdir(name), 0);
	for (int i = 0; i < 30; i++)
		assert_int_equal(chdir(".."), 0);
	list(paths, 1, got, sizeof(got), &w);
	assert_int_equal(got[0], '!');
}

int
main(void)
{
#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, enter, leave)
	const struct CMUnitTest tests[] = {
		IN_TREE(test_tree),
		IN_TREE(test_given_paths),
		IN_TREE(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
