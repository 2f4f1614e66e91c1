/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inspectors/bytes.h"
#include "policy/hide_numbers.h"

enum { HEX_DIGITS = 2 * SECRET_BYTES };

static int
fail(char *why, size_t why_size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_size, format, args);
	va_end(args);
	hide_numbers(why);
	return -1;
}

/* @return whether @p text is 64 hexadecimal digits, with or without a line end */
static bool
parse_hex(const char *text, size_t n, uint8_t ret[SECRET_BYTES])
{
	if (n > HEX_DIGITS && text[n - 1] == '\n')
		n--;
	if (n > HEX_DIGITS && text[n - 1] == '\r')
		n--;
	if (n != HEX_DIGITS)
		return false;
	for (size_t i = 0; i < SECRET_BYTES; i++) {
		int high = hex_value((uint8_t)text[2 * i]), low = hex_value((uint8_t)text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int
check_file(int fd, const char *path, char *why, size_t why_size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(why, why_size, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(why, why_size,
			"%s: not a regular file; make a key with `slussctl init`", path);
	if ((st.st_mode & 077) != 0)
		return fail(why, why_size,
			"%s: mode %04o lets others read or change the key; run `chmod 600 %s`, and "
			"make a new key if others could have read it",
			path, (unsigned)(st.st_mode & 07777), path);
	return 0;
}

static size_t
read_up_to(int fd, char *at, size_t room)
{
	size_t n = 0;

	while (n < room) {
		ssize_t got = read(fd, at + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return n;
}

static int
read_key(int fd, const char *path, uint8_t ret[SECRET_BYTES], char *why, size_t why_size)
{
	char text[HEX_DIGITS + 3]; /* one more than the longest valid file */
	uint8_t key[SECRET_BYTES];
	size_t n;
	int result = 0;

	if (check_file(fd, path, why, why_size) != 0)
		return -1;
	n = read_up_to(fd, text, sizeof(text));
	if (n == SECRET_BYTES)
		memcpy(ret, text, SECRET_BYTES);
	else if (n < sizeof(text) && parse_hex(text, n, key))
		memcpy(ret, key, SECRET_BYTES);
	else
		result = fail(why, why_size,
			"%s: a key is 32 bytes or 64 hexadecimal digits, this is something else; "
			"make one with `slussctl init`",
			path);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	return result;
}

int
secret_read(const char *path, uint8_t ret[SECRET_BYTES], char *why, size_t why_size)
{
	/* Without O_NONBLOCK a FIFO would make us wait for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result;

	if (fd < 0)
		return fail(why, why_size, "%s: %s; make a key with `slussctl init`", path,
			strerror(errno));
	result = read_key(fd, path, ret, why, why_size);
	close(fd);
	return result;
}

int
secret_random(uint8_t ret[SECRET_BYTES])
{
	/* So few come at once or not at all; a signal can only interrupt the wait at boot. */
	return getrandom(ret, SECRET_BYTES, 0) == SECRET_BYTES ? 0 : -1;
}

static bool
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		p += put;
		n -= (size_t)put;
	}
	return true;
}

static int
write_key(int fd, const char *path, char *why, size_t why_size)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t key[SECRET_BYTES];
	char text[HEX_DIGITS + 1];
	int result = 0;

	if (secret_random(key) != 0)
		return fail(why, why_size, "%s: the system gives no random numbers", path);
	for (size_t i = 0; i < SECRET_BYTES; i++) {
		text[2 * i] = digits[key[i] >> 4];
		text[2 * i + 1] = digits[key[i] & 15];
	}
	text[HEX_DIGITS] = '\n';
	/* The mode again, since the umask may have taken the owner's bits away. */
	if (fchmod(fd, 0600) != 0 || !write_all(fd, text, sizeof(text)) || fsync(fd) != 0)
		result = fail(why, why_size, "%s: %s", path, strerror(errno));
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return result;
}

int
secret_create(const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int result;

	if (fd < 0 && errno == EEXIST)
		return fail(why, why_size,
			"%s: exists already, and is kept; move it away first to make a new key "
			"(pseudonyms before and after can't be compared)",
			path);
	if (fd < 0)
		return fail(why, why_size, "%s: %s", path, strerror(errno));
	result = write_key(fd, path, why, why_size);
	if (close(fd) != 0 && result == 0)
		result = fail(why, why_size, "%s: %s", path, strerror(errno));
	if (result != 0)
		unlink(path);
	return result;
}

int
secret_find(const char *path, uint8_t ret[SECRET_BYTES], enum secret_source *ret_source, char *why,
	size_t why_size)
{
	enum secret_source source = SECRET_FROM_OPTION;

	if (path == NULL) {
		path = getenv(SECRET_ENV);
		source = SECRET_FROM_ENV;
	}
	if (path == NULL || path[0] == '\0') {
		path = SECRET_SYSTEM_PATH;
		source = SECRET_FROM_SYSTEM;
		if (access(path, R_OK) != 0) {
			path = NULL;
			source = SECRET_RANDOM;
		}
	}
	if (path != NULL && secret_read(path, ret, why, why_size) != 0)
		return -1;
	if (path == NULL && secret_random(ret) != 0)
		return fail(why, why_size, "the system gives no random numbers");
	*ret_source = source;
	return 0;
}
