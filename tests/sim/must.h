/* Out of memory ends a test. Header-only. */
#ifndef SIM_MUST_H
#define SIM_MUST_H

#include <stdlib.h>

static inline void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

#endif
