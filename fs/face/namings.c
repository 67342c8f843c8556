#include "fs/face/namings.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 };

/* Newest first in its bucket. */
struct naming {
    struct naming *older;
    uint64_t wormhole, event;
    char shown[];
};

struct namings {
    struct naming *buckets[BUCKETS];
};

int namings_open(struct namings **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : STORE_ERR_NOMEM;
}

void namings_close(struct namings *n)
{
    for (size_t i = 0; n && i < BUCKETS; i++)
        while (n->buckets[i]) {
            struct naming *older = n->buckets[i]->older;
            free(n->buckets[i]);
            n->buckets[i] = older;
        }
    free(n);
}

/* What the event calls its wormhole from now on, NULL if it does not. */
static const char *name_in(const struct log_row *row)
{
    const json_t *detail = row->event.detail;
    if (row->event.type != LOG_WORMHOLE_CREATED && row->event.type != LOG_WORMHOLE_RENAMED)
        return NULL;
    const char *shown = json_string_value(json_object_get(detail, "shown"));
    return shown ? shown : json_string_value(json_object_get(detail, "name"));
}

int namings_note(struct namings *n, const struct log_row *row)
{
    const char *shown = name_in(row);
    if (!shown)
        return 0;
    size_t size = strlen(shown) + 1;
    struct naming *new = malloc(sizeof *new + size);
    if (!new)
        return STORE_ERR_NOMEM;
    struct naming **bucket = &n->buckets[row->event.wormhole % BUCKETS];
    *new = (struct naming){.older = *bucket, .wormhole = row->event.wormhole, .event = row->id};
    memcpy(new->shown, shown, size);
    *bucket = new;
    return 0;
}

const char *namings_at(const struct namings *n, uint64_t wormhole, uint64_t event)
{
    for (const struct naming *at = n->buckets[wormhole % BUCKETS]; at; at = at->older)
        if (at->wormhole == wormhole && at->event <= event)
            return at->shown;
    return NULL;
}
