/* replay: a main() for fuzz targets without libFuzzer: run each file of the named directories once,
 * in the order of their names.  Prints how many there were; an empty corpus is a failure, because
 * it proves nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file in memory of exactly its size, so that a read past its end is seen. */
static uint8_t *
read_all(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long end;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (end = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) < 0) {
		perror(path);
		exit(1);
	}
	*size = (size_t)end;
	data = malloc(*size);
	if ((!data && *size) || fread(data, 1, *size, f) != *size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return data;
}

static int
replay(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort), inputs = 0;
	char path[4096];
	uint8_t *data;
	size_t size;

	if (n < 0) {
		perror(dir);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
			data = read_all(path, &size);
			LLVMFuzzerTestOneInput(data, size);
			free(data);
			inputs++;
		}
		free(names[i]);
	}
	free(names);
	return inputs;
}

int
main(int argc, char **argv)
{
	int inputs = 0;

	for (int i = 1; i < argc; i++)
		inputs += replay(argv[i]);
	printf("%d inputs\n", inputs);
	return inputs > 0 ? 0 : 1;
}
