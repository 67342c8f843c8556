/* Which entries' bytes must not change: those that are sealed or sent. In memory, so that a write
 * to a spool file, which happens outside the writer lock, can be kept apart from the sealing of its
 * entry without asking the journal. It may say "frozen" of an entry that is open again (until
 * the turn that withdrew it is released); it never misses one that is sealed. For store/ itself.
 *
 * Thread-safe; its lock is a leaf. */
#ifndef STORE_FREEZE_H
#define STORE_FREEZE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/inomap.h"
#include "store/log.h"

/* A write in flight; lives on its caller's stack between freeze_enter and freeze_leave. */
struct freeze_pass {
    uint64_t entry;
    struct freeze_pass *next, **link;
};

struct freeze {
    pthread_mutex_t lock;
    struct freeze_pass *passes;
    struct inomap
        frozen; /* value: stamp of the last seal, so that an older thaw does not undo it */
    uint64_t stamp;
};

int freeze_init(struct freeze *z);
void freeze_release(struct freeze *z);

/* May a write into the entry start? True: until freeze_leave no seal succeeds. */
bool freeze_enter(struct freeze *z, struct freeze_pass *pass, uint64_t entry);
void freeze_leave(struct freeze *z, struct freeze_pass *pass);

int freeze_add(struct freeze *z, uint64_t entry); /* 0, BUSY (a pass is out), NOMEM */
bool freeze_has(struct freeze *z, uint64_t entry);

/* Keeps the set in step with an event that is being appended: a seal freezes now (and thaws if the
 * turn is aborted), a withdrawal or removal thaws once the turn is durable. BUSY, NOMEM. */
int freeze_follow(struct turn *t, const struct log_event *event);

/* Before a change to the entry in this turn: if it is sealed or sent, calls the store's unseal hook
 * (or appends the event itself). After 0 the entry is open, or there is none. Changes of what
 * is not an entry of an outbox pass. */
int freeze_break(struct turn *t, uint64_t entry);

/* The same before a name below the entry goes away: a sent one that may not change (the hook says
 * READ_ONLY) stays what it is, else nobody could remove a tree. */
int freeze_break_to_remove_part(struct turn *t, uint64_t entry);

/* The same before the whole entry goes away: a sent one need not be reopened for that. */
int freeze_break_to_remove(struct turn *t, uint64_t entry);

#endif
