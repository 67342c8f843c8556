/* When is an outbox entry whole? Watches handles, changes and the processes behind them, and
 * decides that an entry is *sealed*, *held* or *interrupted* (CONTRACT: "outbox/"). Knows nothing
 * of FUSE replies; keeps only what is volatile, everything that must survive is in the node's and
 * entry's columns of the store.
 *
 * The decision itself is seal_rule.h's, the turns are seal_turn.h's; here are the memory, the lock
 * and the timer.
 *
 * Thread: all functions from any FUSE thread, without a turn open, unless said otherwise; timers
 * run on a thread of its own.
 */
#ifndef FS_SEAL_SEAL_H
#define FS_SEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "fs/seal/seal_rule.h"

struct engine;
struct store;
struct seal;

struct seal_options {
    unsigned settle_ms;      /* 300 */
    unsigned settle_tree_ms; /* 10000 */
};

/* Looks at every unsealed entry of the store and holds or times it as the contract says: before any
 * request is served. 0 or a negative enum store_error. */
int seal_open(struct seal **out, struct store *store, struct engine *engine,
              const struct seal_options *options);
/* Starts the timer thread, when the engine is ready to seal. 0 or STORE_ERR_NOMEM. */
int seal_start(struct seal *s);
/* No request is served any more: what was closed properly is whole now, and is sealed; trees whose
 * writers have all exited are remembered as whole. The engine must still be open. Accepts NULL. */
void seal_close(struct seal *s);

/* `entry`: inode of the top-level entry; `ino`: the file itself (equal for a file entry). pid/tid:
 * the caller's (fuse ctx pid is a thread id of the caller). */
void seal_created(struct seal *s, uint64_t entry, uint64_t ino, bool directory, pid_t pid);
/* Before the reply, so that nothing is sealed between an open and its first write. */
void seal_opened(struct seal *s, uint64_t entry, uint64_t ino, uint64_t handle, bool writable,
                 pid_t pid);
/* Any change below the entry (data, name, attribute, xattr, removal of a child) by pid, before the
 * reply: if it makes good what the entry is held for, the store knows that then, and a crash does
 * not hold it again. Very cheap otherwise: on the write path. handle: 0 if it was not made through
 * one. */
void seal_changed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid);
/* FLUSH on a handle; decides from /proc whether the writer is being killed. Call it before
 * content_flush: false means that this FLUSH does not finish the file, so it must not be recorded
 * as by_opener. */
bool seal_flushed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid);
/* A request that makes content (write, flush, truncate, fallocate, a new name below the entry) was
 * answered with an error that is no mistake of the program's: there may be less than it meant, and
 * not all programs care. Holds the entry, in the store before this returns if that can be, so call
 * it before the reply. `why`: one that seal_rule_failed knows. handle: 0 if not through one. */
void seal_failed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid,
                 enum seal_accident why);
/* The handle is gone. A file that is closed without a byte is recorded as closed: a crash does not
 * make it an interrupted one. */
void seal_released(struct seal *s, uint64_t entry, uint64_t handle);
/* The entry got a new name within its box (a complete rename-in is whole at once), or came in by a
 * rename. What was interrupted stays so: that somebody moves it does not say that it is whole. */
void seal_renamed(struct seal *s, uint64_t entry, const char *name, size_t name_len);
void seal_removed(struct seal *s, uint64_t entry);
/* What belonged to the outbox entry `from` may be in another now, or without a name, by a rename or
 * removal: `ino`, and what is below it. Its open handles went along. Before the other reports of
 * it. */
void seal_moved(struct seal *s, uint64_t from, uint64_t ino, bool directory);
/* Who has it open for writing? Fills command and pid; false if nobody. For `held:`. Also with a
 * turn open. */
bool seal_writer(struct seal *s, uint64_t entry, char command[static 64], pid_t *pid);
/* The same: who is making the tree, a job for which it waits although it is quiet (seal_rule.h)? */
bool seal_maker(struct seal *s, uint64_t entry, char command[static 64], pid_t *pid);

#endif
