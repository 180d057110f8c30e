/* SPDX-License-Identifier: BSD-2-Clause */
/* A main() for fuzz targets where no fuzzer is at hand: runs each file given as an argument, whole and cut
 * short at every length up to 64 bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 1 << 20, CUTS = 64 };

/* A buffer of just this size lets the address sanitizer see a read beyond it. */
static int run_exact(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		return -1;
	memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

static int run(const char *path, uint8_t *room)
{
	FILE *in = fopen(path, "rb");
	size_t size;

	if (!in) {
		perror(path);
		return -1;
	}
	size = fread(room, 1, LONGEST, in);
	if (ferror(in)) {
		perror(path);
		fclose(in);
		return -1;
	}
	fclose(in);
	for (size_t cut = 0; cut < CUTS && cut < size; cut++)
		if (run_exact(room, cut))
			return -1;
	return run_exact(room, size);
}

int main(int argc, char **argv)
{
	uint8_t *room = malloc(LONGEST);
	int failed = 0;

	if (!room || argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		free(room);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		failed |= run(argv[i], room);
	free(room);
	printf("%d files run\n", argc - 1);
	return failed ? 1 : 0;
}
