/* A view: one consistent state of the journal, to read from. All getters take a view, so the same
 * code reads inside a turn (turn_view) and outside.
 *
 * A view belongs to the thread that began it until view_end. Keep it for one batch: an open view
 * keeps the WAL from being reset. Never wait for the network, a peer or the kernel with one open.
 * A callback of an …_each or …_list function that runs inside a turn may erase or change the row
 * that it was given, and no other row of that kind. Beginning a second view while holding one can
 * deadlock (there are STORE_READERS_MAX). */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/store.h"

struct view;

/* Everything committed before the call is visible, whether synced or not. 0, NOMEM, IO. */
int view_begin(struct store *s, struct view **out);
void view_end(struct view *v); /* accepts NULL */

struct store *view_store(const struct view *v);

#endif
