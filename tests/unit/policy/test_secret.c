/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/secret.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct room {
	char dir[64];
	char path[96];
	char why[512];
	uint8_t key[SECRET_BYTES];
};

static int
enter(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	snprintf(r->dir, sizeof(r->dir), "/tmp/sluss-secret-XXXXXX");
	if (mkdtemp(r->dir) == NULL)
		return -1;
	snprintf(r->path, sizeof(r->path), "%s/%s", r->dir, SECRET_FILE_NAME);
	memset(r->key, 0xaa, sizeof(r->key));
	*state = r;
	return 0;
}

static int
leave(void **state)
{
	struct room *r = *state;

	unlink(r->path);
	rmdir(r->dir);
	free(r);
	return 0;
}

static void
put_file(const char *path, const void *p, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_create_then_read(void **state)
{
	struct room *r = *state;
	uint8_t again[SECRET_BYTES], zero[SECRET_BYTES] = {0};
	struct stat st;

	assert_int_equal(secret_create(r->path, r->why, sizeof(r->why)), 0);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	assert_int_equal(secret_read(r->path, r->key, r->why, sizeof(r->why)), 0);
	assert_memory_not_equal(r->key, zero, sizeof(zero));
	/* A second key is never written over the first. */
	assert_int_equal(secret_create(r->path, r->why, sizeof(r->why)), -1);
	assert_non_null(strstr(r->why, "exists already"));
	assert_int_equal(secret_read(r->path, again, r->why, sizeof(r->why)), 0);
	assert_memory_equal(r->key, again, sizeof(again));
}

static void
test_create_ignores_umask(void **state)
{
	struct room *r = *state;
	mode_t before = umask(0777);
	struct stat st;
	int made = secret_create(r->path, r->why, sizeof(r->why));

	umask(before);
	assert_int_equal(made, 0);
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
test_create_where_no_folder_is(void **state)
{
	struct room *r = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/none/key", r->dir);
	assert_int_equal(secret_create(path, r->why, sizeof(r->why)), -1);
	assert_non_null(strstr(r->why, path));
}

static const struct form {
	const char *name, *text;
	size_t n;
	int want;
} forms[] = {
#define HEX "000102030405060708090A0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	{"hex", HEX, 64, 0},
	{"hex and LF", HEX "\n", 65, 0},
	{"hex and CRLF", HEX "\r\n", 66, 0},
	{"raw",
		"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35"
		"\36\37",
		32, 0},
	{"empty", "", 0, -1},
	{"one digit short", HEX, 63, -1},
	{"one byte short", "0123456789012345678901234567890", 31, -1},
	{"no hex digit", HEX "g", 65, -1},
	{"two lines", HEX "\n\n", 66, -1},
	{"longer", HEX "\r\n ", 67, -1},
};

static void
test_forms(void **state)
{
	struct room *r = *state;
	uint8_t before[SECRET_BYTES];

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(r->key, 0xaa, sizeof(r->key));
		memcpy(before, r->key, sizeof(before));
		put_file(r->path, forms[i].text, forms[i].n, 0600);
		if (secret_read(r->path, r->key, r->why, sizeof(r->why)) != forms[i].want)
			fail_msg("%s: %s", forms[i].name, r->why);
		if (forms[i].want != 0) {
			assert_memory_equal(r->key, before, sizeof(before));
			continue;
		}
		for (uint8_t b = 0; b < SECRET_BYTES; b++)
			assert_int_equal(r->key[b], b);
	}
}

static void
test_modes(void **state)
{
	static const mode_t wide[] = {0640, 0604, 0660, 0644, 0610, 0602, 0700 | 01};
	struct room *r = *state;

	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		put_file(r->path, HEX, 64, wide[i]);
		assert_int_equal(secret_read(r->path, r->key, r->why, sizeof(r->why)), -1);
		assert_non_null(strstr(r->why, "chmod 600"));
	}
	put_file(r->path, HEX, 64, 0400);
	assert_int_equal(secret_read(r->path, r->key, r->why, sizeof(r->why)), 0);
}

static void
test_not_a_file(void **state)
{
	struct room *r = *state;

	assert_int_equal(secret_read(r->dir, r->key, r->why, sizeof(r->why)), -1);
	assert_int_equal(mkfifo(r->path, 0600), 0);
	assert_int_equal(secret_read(r->path, r->key, r->why, sizeof(r->why)), -1);
	assert_non_null(strstr(r->why, "regular file"));
}

static void
test_find(void **state)
{
	struct room *r = *state;
	enum secret_source source;

	unsetenv(SECRET_ENV);
	/* A named file that can't be used is an error, not a reason to look further. */
	assert_int_equal(secret_find(r->path, r->key, &source, r->why, sizeof(r->why)), -1);
	setenv(SECRET_ENV, r->path, 1);
	assert_int_equal(secret_find(NULL, r->key, &source, r->why, sizeof(r->why)), -1);
	put_file(r->path, HEX, 64, 0600);
	assert_int_equal(secret_find(NULL, r->key, &source, r->why, sizeof(r->why)), 0);
	assert_int_equal(source, SECRET_FROM_ENV);
	assert_int_equal(r->key[31], 31);
	assert_int_equal(secret_find(r->path, r->key, &source, r->why, sizeof(r->why)), 0);
	assert_int_equal(source, SECRET_FROM_OPTION);
	unsetenv(SECRET_ENV);
	if (access(SECRET_SYSTEM_PATH, R_OK) != 0) {
		uint8_t other[SECRET_BYTES];

		assert_int_equal(secret_find(NULL, r->key, &source, r->why, sizeof(r->why)), 0);
		assert_int_equal(source, SECRET_RANDOM);
		assert_int_equal(secret_find(NULL, other, &source, r->why, sizeof(r->why)), 0);
		assert_memory_not_equal(r->key, other, sizeof(other));
	}
}

int
main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, enter, leave)
	const struct CMUnitTest tests[] = {
		IN_ROOM(test_create_then_read),
		IN_ROOM(test_create_ignores_umask),
		IN_ROOM(test_create_where_no_folder_is),
		IN_ROOM(test_forms),
		IN_ROOM(test_modes),
		IN_ROOM(test_not_a_file),
		IN_ROOM(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
