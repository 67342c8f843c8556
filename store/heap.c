#include "store/heap.h"

#include <string.h>

#include <sodium.h>
#include <sqlite3.h>

static sqlite3_mem_methods real;

static void wipe(void *p)
{
    sodium_memzero(p, (size_t)real.xSize(p));
}

static void give_back(void *p)
{
    if (p == NULL)
        return;
    wipe(p);
    real.xFree(p);
}

/* realloc may leave the old bytes behind, so what grows is moved by hand. */
static void *resize(void *p, int size)
{
    int old = real.xSize(p);
    if (size <= old)
        return p;
    void *larger = real.xMalloc(size);
    if (larger == NULL)
        return NULL;
    memcpy(larger, p, (size_t)old);
    give_back(p);
    return larger;
}

void heap_prepare(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    (void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK || real.xFree == NULL)
        return;
    sqlite3_mem_methods wiping = real;
    wiping.xFree = give_back;
    wiping.xRealloc = resize;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &wiping);
}
