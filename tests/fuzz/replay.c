/* Runs a fuzz target without libFuzzer: replay THREADS INPUTS [FILE...]. Each thread makes as many
 * inputs of its own from a seed; then come the files. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "case.h"

enum { INPUT_BYTES_MAX = 1024, THREADS_MAX = 64 };

typedef struct {
    pthread_t thread;
    uint64_t seed, inputs;
} worker;

static void *work(void *of)
{
    const worker *w = of;
    uint8_t input[INPUT_BYTES_MAX];
    uint64_t state = w->seed << 48;
    for (uint64_t i = 0; i < w->inputs; i++) {
        size_t bytes = sf_seed_mix(state++) % (INPUT_BYTES_MAX + 1);
        for (size_t k = 0; k < bytes; k++)
            input[k] = (uint8_t)sf_seed_mix(state++);
        LLVMFuzzerTestOneInput(input, bytes);
    }
    return NULL;
}

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    uint8_t *input = allocate(1 << 20);
    size_t bytes = fread(input, 1, 1 << 20, file);
    LLVMFuzzerTestOneInput(input, bytes);
    free(input);
    return fclose(file) != 0;
}

int main(int count, char **arguments)
{
    worker workers[THREADS_MAX];
    size_t threads = count > 2 ? strtoul(arguments[1], NULL, 10) : 0;
    if (threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "replay THREADS INPUTS [FILE...], at most %d threads\n", THREADS_MAX);
        return 2;
    }
    for (size_t i = 0; i < threads; i++) {
        workers[i] = (worker){.seed = i, .inputs = strtoull(arguments[2], NULL, 10)};
        holds("a thread", !pthread_create(&workers[i].thread, NULL, work, &workers[i]));
    }
    for (size_t i = 0; i < threads; i++)
        holds("a thread ends", !pthread_join(workers[i].thread, NULL));
    int failed = 0;
    for (int i = 3; i < count; i++)
        failed |= replay(arguments[i]);
    printf("%zu threads, %s inputs each, %d files\n", threads, arguments[2], count - 3);
    return failed;
}
