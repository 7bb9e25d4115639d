/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the folders on the command line, then over cuts and bit flips of each,
 * so that a build without libFuzzer keeps the target honest too. Inputs are copied to the exact size, so that
 * AddressSanitizer sees any read past their end. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_variants(uint8_t *data, size_t size)
{
	run(data, size);
	size_t stride = size / 512 + 1;
	for (size_t cut = 0; cut < size; cut += stride)
		run(data, cut);
	for (size_t at = 0; at < size; at += stride) {
		uint8_t old = data[at];
		for (unsigned bit = 0; bit < 8; bit++) {
			data[at] = (uint8_t)(old ^ (1u << bit));
			run(data, size);
		}
		data[at] = old;
	}
}

static int run_file(const char *path)
{
	static uint8_t buffer[65536];
	FILE *file = fopen(path, "rb");
	if (!file)
		return 0;
	size_t size = fread(buffer, 1, sizeof buffer, file);
	fclose(file);
	run_variants(buffer, size);
	return 1;
}

int main(int argc, char **argv)
{
	int inputs = 0;
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		for (struct dirent *entry; folder && (entry = readdir(folder));) {
			char path[4096];
			snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
			if (entry->d_name[0] != '.')
				inputs += run_file(path);
		}
		if (folder)
			closedir(folder);
	}
	if (!inputs) {
		fprintf(stderr, "replay: no seed found\n");
		return 1;
	}
	return 0;
}
