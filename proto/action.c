#include "proto/action.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* Where callers write when memory ran out: whatever lands here is wiped by the next failure, and
 * `failed` makes the whole turn be thrown away. One a thread, as queues are used by several. */
static _Thread_local struct action scratch;

static void wipe_fields(struct action *a)
{
    if (a->text != NULL)
        sodium_memzero(a->text, strlen(a->text));
    free(a->text);
    bytes_release(&a->body);
    free(a->offer);
    if (a->plan != NULL)
        sodium_memzero(a->plan, sizeof(*a->plan));
    free(a->plan);
}

struct action *actions_add(struct actions *q, enum action_kind kind)
{
    struct action *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        q->failed = true;
        wipe_fields(&scratch);
        scratch = (struct action){.kind = kind};
        return &scratch;
    }
    a->kind = kind;
    if (q->last == NULL)
        q->last = &q->first;
    *q->last = a;
    q->last = &a->next;
    return a;
}

void action_set_text(struct actions *q, struct action *a, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        q->failed = true;
    if (a->text != NULL)
        sodium_memzero(a->text, strlen(a->text));
    free(a->text);
    a->text = copy;
}

void action_set_body(struct actions *q, struct action *a, const void *data, size_t len)
{
    bytes_clear(&a->body);
    bytes_put(&a->body, data, len);
    if (!bytes_ok(&a->body))
        q->failed = true;
}

struct action *actions_take(struct actions *q)
{
    struct action *a = q->first;
    if (a == NULL)
        return NULL;
    q->first = a->next;
    if (q->first == NULL)
        q->last = NULL;
    a->next = NULL;
    return a;
}

void action_free(struct action *a)
{
    if (a == NULL)
        return;
    assert(a != &scratch);
    wipe_fields(a);
    free(a);
}

void actions_release(struct actions *q)
{
    for (struct action *a; (a = actions_take(q)) != NULL;)
        action_free(a);
    q->failed = false;
}

bool action_is_durable(enum action_kind kind)
{
    return kind < ACTION_LINK_OPEN;
}
