/* The projections: the tables wormhole, entry, inbox_entry and sent, and the rows of `link` whose
 * parent is a box. They are a fold of the log, and this is the only code that writes them. */
#ifndef STORE_PROJECTION_H
#define STORE_PROJECTION_H

#include "store/log.h"

/* Folds one event in. Called by log_append and projection_rebuild only. 0; INVALID, NOT_FOUND,
 * EXISTS (the event contradicts what is there; the turn must be aborted); IO, NOMEM. */
int projection_apply(struct turn *t, const struct log_row *row);

/* Empties the projections and folds the whole log again, in this turn. The result equals what was
 * there, row for row (a test proves it). */
int projection_rebuild(struct turn *t);

#endif
