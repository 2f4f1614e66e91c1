/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target over files and folders of seeds, in place of libFuzzer.
 * Each input sits in a buffer of exactly its size, so that AddressSanitizer
 * sees the first byte read past it.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned runs;

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;

	if (f == NULL || fstat(fileno(f), &st) != 0) {
		perror(path);
		return 1;
	}
	data = malloc((size_t)st.st_size + (st.st_size == 0));
	if (data == NULL || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		fprintf(stderr, "%s: can't be read whole\n", path);
		return 1;
	}
	fclose(f);
	data = realloc(data, (size_t)st.st_size + (st.st_size == 0));
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	runs++;
	return 0;
}

static int
run_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char name[4096];
	int bad = 0;

	if (dir == NULL) {
		perror(path);
		return 1;
	}
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		bad |= run_file(name);
	}
	closedir(dir);
	return bad;
}

int
main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			bad |= run_folder(argv[i]);
		else
			bad |= run_file(argv[i]);
	}
	if (runs == 0) {
		fprintf(stderr, "no seed was run\n");
		return 1;
	}
	printf("%u seeds\n", runs);
	return bad;
}
