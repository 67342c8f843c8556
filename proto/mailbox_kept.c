#include "proto/mailbox_kept.h"

#include <stdlib.h>
#include <string.h>

#include "proto/mailbox_phase.h"

/* The place in the order; equal ones stay as they came. */
static uint64_t rank_of(const char *phase)
{
    uint64_t number;

    if (strcmp(phase, "pake") == 0)
        return 0;
    if (strcmp(phase, "version") == 0)
        return 1;
    if (mailbox_phase_number(phase, &number) && number < UINT64_MAX - 2)
        return 2 + number;
    return UINT64_MAX;
}

struct mailbox_kept *mailbox_kept_insert(struct mailbox_kept **list, const char *phase,
                                         const void *body, size_t len)
{
    struct mailbox_kept *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return NULL;
    bytes_put(&k->body, body, len);
    if (!bytes_ok(&k->body)) {
        bytes_release(&k->body);
        free(k);
        return NULL;
    }
    strcpy(k->phase, phase);
    while (*list != NULL && rank_of((*list)->phase) <= rank_of(phase))
        list = &(*list)->next;
    k->next = *list;
    *list = k;
    return k;
}

struct mailbox_kept *mailbox_kept_find(struct mailbox_kept *list, const char *phase)
{
    while (list != NULL && strcmp(list->phase, phase) != 0)
        list = list->next;
    return list;
}

static void remove_first(struct mailbox_kept **list)
{
    struct mailbox_kept *k = *list;

    *list = k->next;
    bytes_release(&k->body);
    free(k);
}

bool mailbox_kept_remove(struct mailbox_kept **list, const char *phase)
{
    while (*list != NULL && strcmp((*list)->phase, phase) != 0)
        list = &(*list)->next;
    if (*list == NULL)
        return false;
    remove_first(list);
    return true;
}

void mailbox_kept_release(struct mailbox_kept **list)
{
    while (*list != NULL)
        remove_first(list);
}
