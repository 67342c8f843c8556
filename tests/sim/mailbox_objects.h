/* What a mailbox server holds in memory beside its database: of each app a namespace, of each
 * mailbox in use an object, which knows its subscribers. A message reaches those who have the same
 * object. For mailbox_server.c.
 *
 * The quirk that this exists for: a check forgets a namespace that has no objects, while a
 * connection may be bound to it. What that connection opens later is an object of its own, apart
 * from the one that others get, and no check sees that it has a subscriber. */
#ifndef SIM_MAILBOX_OBJECTS_H
#define SIM_MAILBOX_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

struct namespace
{
    struct namespace *next;
    char *appid;
    uint64_t number;
    bool stored; /* marked: the database has something of this app */
};

struct object {
    struct object *next;
    uint64_t number, namespace;
    char *id; /* of the mailbox */
};

struct mailbox_objects {
    struct namespace *namespaces;
    struct object *objects;
    uint64_t numbers; /* given out; none is 0 */
};

void mailbox_objects_release(struct mailbox_objects *o);

/* The number of the app's namespace, made if there is none. */
uint64_t mailbox_objects_namespace(struct mailbox_objects *o, const char *appid);
/* Its app, or NULL if it was forgotten. */
const char *mailbox_objects_appid(const struct mailbox_objects *o, uint64_t namespace);
/* The number of a mailbox's object, made if there is none. */
uint64_t mailbox_objects_get(struct mailbox_objects *o, uint64_t namespace, const char *id);
void mailbox_objects_forget(struct mailbox_objects *o, uint64_t object);
/* Marks the app as one that a check looks at. */
void mailbox_objects_mark(struct mailbox_objects *o, const char *appid);
/* Forgets those of the marked namespaces that have no object, and the marks. */
void mailbox_objects_forget_idle(struct mailbox_objects *o);

#endif
