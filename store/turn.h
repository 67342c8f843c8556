/* THE TURN: the only way in which anything in a store changes.
 *
 *     turn_begin → mutators (they take the turn) → turn_commit → what turn_after queued is released
 *
 * Nothing leaves the process (a frame, an acknowledgement, a reply that claims durability) before
 * the commit that records it is on disk; turn_after is how that rule is kept. There is one turn at
 * a time; the others wait in turn_begin. A turn must be short: no network, no spool I/O of more
 * than a page or two, no waiting.
 *
 * A turn belongs to the thread that began it. Every turn ends with exactly one of turn_commit,
 * turn_checkpoint and turn_abort; after that the pointer is void. */
#ifndef STORE_TURN_H
#define STORE_TURN_H

#include "store/view.h"

/* Takes the writer lock and begins. 0; NOSPACE while the reserve is in use (store_tight); IO. On
 * failure there is no turn. */
int turn_begin(struct store *s, struct turn **out);

/* The same for a turn that frees, acknowledges, closes or records what the network said: it also
 * works on a full disk, out of the reserve. */
int turn_begin_relief(struct store *s, struct turn **out);

/* What this turn reads: the state with its own changes. Valid until the turn ends; do not view_end
 * it. */
struct view *turn_view(struct turn *t);
struct store *turn_store(struct turn *t);

/* The time of the turn: one value for all that happens in it. */
int64_t turn_now_ns(const struct turn *t);
int64_t turn_now_ms(const struct turn *t);

/* Called exactly once for each turn_after: committed=true after the commit is durable; false when
 * the turn was aborted or its commit failed (then, still with the writer lock held, only free what
 * `arg` owns or mark it as undone), or at store_close if the journal was broken until then. */
typedef void turn_release_fn(void *arg, bool committed);

/* Queues something to be released outside the process, and owes a sync. Releases run without the
 * writer lock, one at a time, in the order of the commits and within a turn in the order of the
 * calls, on any thread that is in turn_commit or store_sync. Before turn_commit returns 0 all
 * releases of that turn have run, unless it was called from inside a release: then they run after
 * that one. A release may begin turns and views; it must not block. 0 or NOMEM (abort the turn). */
int turn_after(struct turn *t, turn_release_fn *fn, void *arg);

/* The same without owing a sync: it waits for whichever sync comes next (deleting spool files). */
int turn_after_lazily(struct turn *t, turn_release_fn *fn, void *arg);

/* This turn's commit must be synced although it releases nothing. log_append implies it. */
void turn_promise(struct turn *t);

/* Commits; if a sync is owed, waits for one (shared by all who wait, outside the writer lock); then
 * releases in order.
 *   0        committed, and durable if it was owed;
 *   BROKEN   committed, visible to views, but not durable: nothing was released. The releases stay
 *            queued until a later sync succeeds (each further promise tries to repair the journal
 *            first). Tell whoever asked for durability that it failed;
 *   other    nothing was committed, as turn_abort. */
int turn_commit(struct turn *t);

/* The same; it says that the caller expects to owe nothing: data and names inside an unsealed entry
 * ride on synchronous=NORMAL (they survive the death of the process, not of the machine). What
 * decides is the turn itself: an event in it is synced all the same. */
int turn_checkpoint(struct turn *t);

/* Undoes everything. Accepts NULL. */
void turn_abort(struct turn *t);

#endif
