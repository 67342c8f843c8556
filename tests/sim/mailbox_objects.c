#include "tests/sim/mailbox_objects.h"
#include "tests/sim/must.h"

#include <stdlib.h>
#include <string.h>

static void free_first_namespace(struct namespace **at)
{
    struct namespace *n = *at;

    *at = n->next;
    free(n->appid);
    free(n);
}

static void free_first_object(struct object **at)
{
    struct object *o = *at;

    *at = o->next;
    free(o->id);
    free(o);
}

void mailbox_objects_release(struct mailbox_objects *o)
{
    while (o->namespaces != NULL)
        free_first_namespace(&o->namespaces);
    while (o->objects != NULL)
        free_first_object(&o->objects);
}

uint64_t mailbox_objects_namespace(struct mailbox_objects *o, const char *appid)
{
    struct namespace *n = o->namespaces;

    while (n != NULL && strcmp(n->appid, appid) != 0)
        n = n->next;
    if (n != NULL)
        return n->number;
    n = must(calloc(1, sizeof(*n)));
    n->appid = must(strdup(appid));
    n->number = ++o->numbers;
    n->next = o->namespaces;
    o->namespaces = n;
    return n->number;
}

const char *mailbox_objects_appid(const struct mailbox_objects *o, uint64_t namespace)
{
    const struct namespace *n = o->namespaces;

    while (n != NULL && n->number != namespace)
        n = n->next;
    return n != NULL ? n->appid : NULL;
}

uint64_t mailbox_objects_get(struct mailbox_objects *o, uint64_t namespace, const char *id)
{
    struct object *at = o->objects;

    while (at != NULL && (at->namespace != namespace || strcmp(at->id, id) != 0))
        at = at->next;
    if (at != NULL)
        return at->number;
    at = must(calloc(1, sizeof(*at)));
    at->namespace = namespace;
    at->id = must(strdup(id));
    at->number = ++o->numbers;
    at->next = o->objects;
    o->objects = at;
    return at->number;
}

void mailbox_objects_forget(struct mailbox_objects *o, uint64_t object)
{
    struct object **at = &o->objects;

    while (*at != NULL && (*at)->number != object)
        at = &(*at)->next;
    if (*at != NULL)
        free_first_object(at);
}

static bool is_idle(const struct mailbox_objects *o, uint64_t namespace)
{
    const struct object *at = o->objects;

    while (at != NULL && at->namespace != namespace)
        at = at->next;
    return at == NULL;
}

void mailbox_objects_mark(struct mailbox_objects *o, const char *appid)
{
    for (struct namespace *n = o->namespaces; n != NULL; n = n->next)
        n->stored |= strcmp(n->appid, appid) == 0;
}

void mailbox_objects_forget_idle(struct mailbox_objects *o)
{
    struct namespace **at = &o->namespaces;

    while (*at != NULL) {
        bool forget = (*at)->stored && is_idle(o, (*at)->number);
        (*at)->stored = false;
        if (forget)
            free_first_namespace(at);
        else
            at = &(*at)->next;
    }
}
