/* What was erased is gone from the files, too. SQLite overwrites an erased row in the database
 * (secure_delete), but pages from before stay in the WAL until other pages happen to cover them. A
 * scrub folds the WAL into the database, cuts it to nothing, and gives up the pages in memory,
 * which are wiped then (heap.h).
 *
 * It costs two syncs, so it is owed, not done, by the turn that erases: whoever tidies the store
 * asks every now and then. Closing the store is a scrub, too; after a death, the next start owes
 * one. */
#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include <stdbool.h>

struct store;
struct turn;

/* Something secret is erased or replaced in this turn. */
void scrub_owe(struct turn *t);

bool scrub_owed(struct store *s);

/* 0, also when nothing was owed; BUSY when a reader is still looking at old pages; IO and others.
 * What fails stays owed. Takes the writer lock. */
int scrub_run(struct store *s);

#endif
