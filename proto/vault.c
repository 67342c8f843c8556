#include "proto/vault.h"

#include <stdlib.h>

#include <sodium.h>

/* One for the process, as its memory is. */
static vault_keeper *keep;

void vault_keep(vault_keeper *keeper)
{
    keep = keeper;
}

void *vault_alloc(size_t size)
{
    void *at = calloc(1, size);

    if (at != NULL && keep != NULL)
        keep(at, size);
    return at;
}

void vault_free(void *at, size_t size)
{
    if (at == NULL)
        return;
    sodium_memzero(at, size);
    free(at);
}
