/* Runs the files of the folders given as arguments through one fuzz target, in the order of their
 * names: the regression test of a fuzz target where there is no libFuzzer. */
#include <dirent.h>

#include "tests/fuzz/fuzz.h"

enum { PATH_LEN_MAX = 4096, INPUT_MAX = 4 << 20 };

static size_t run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);

    MUST(f != NULL && data != NULL);
    size_t len = fread(data, 1, INPUT_MAX, f);
    MUST(feof(f));
    fclose(f);
    /* In a block of its own size, so that a read past its end is seen. */
    uint8_t *exact = realloc(data, len + (len == 0));
    MUST(exact != NULL);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 1;
}

static size_t run_folder(const char *folder)
{
    struct dirent **names;
    size_t ran = 0;
    int count = scandir(folder, &names, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char path[PATH_LEN_MAX];
        int len = snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        MUST(len > 0 && (size_t)len < sizeof path);
        if (names[i]->d_name[0] != '.')
            ran += run_file(path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return ran;
}

int main(int argc, char **argv)
{
    size_t ran = 0;

    for (int i = 1; i < argc; i++)
        ran += run_folder(argv[i]);
    printf("1..1\n%s 1 - %zu inputs\n", ran > 0 ? "ok" : "not ok", ran);
    return ran > 0 ? 0 : 1;
}
