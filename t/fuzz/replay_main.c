/*
 * replay_main.c: runs a fuzz target without libFuzzer over the files that are
 * named: each whole, cut at every length, and with single bytes changed.
 * Inputs are copied to blocks of their exact size, so that AddressSanitizer
 * sees the first byte read behind them.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX   65536
#define CHANGE_MAX  2048


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static unsigned long  runs;


static void
run(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        abort();
    }

    memcpy(copy, data, size);
    (void) LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}


static void
run_changed(uint8_t *data, size_t size)
{
    static const uint8_t  values[] = { 0, 0xff, '"', '&', '\\', '~', '0' };

    size_t   i, k, step;
    uint8_t  old;

    step = size / CHANGE_MAX + 1;

    for (i = 0; i < size; i += step) {
        run(data, i);

        old = data[i];

        for (k = 0; k < sizeof(values); k++) {
            data[i] = values[k];
            run(data, size);
        }

        data[i] = (uint8_t) (old ^ 0x20);
        run(data, size);
        data[i] = old;
    }
}


static int
run_file(const char *path)
{
    FILE            *f;
    size_t           size;
    static uint8_t   data[INPUT_MAX];

    f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }

    size = fread(data, 1, sizeof(data), f);
    fclose(f);

    run(data, size);
    run_changed(data, size);

    return 0;
}


static int
run_directory(const char *path)
{
    DIR            *dir;
    int             bad;
    char            name[4096];
    struct dirent  *e;

    dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        return 1;
    }

    bad = 0;

    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.') {
            continue;
        }

        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        bad |= run_file(name);
    }

    closedir(dir);

    return bad;
}


int
main(int argc, char **argv)
{
    int          i, bad;
    struct stat  st;

    bad = 0;
    run((const uint8_t *) "", 0);

    for (i = 1; i < argc; i++) {
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            bad |= run_directory(argv[i]);

        } else {
            bad |= run_file(argv[i]);
        }
    }

    printf("%lu runs\n", runs);

    return bad;
}
