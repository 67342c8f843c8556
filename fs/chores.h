/* What the daemon does besides answering: the engine's longer work, and keeping the store tidy. Two
 * threads of their own. */
#ifndef FS_CHORES_H
#define FS_CHORES_H

struct chores;
struct engine;
struct store;

/* 0 or STORE_ERR_NOMEM. */
int chores_start(struct chores **out, struct store *store, struct engine *engine);
/* There is work for engine_work. Any thread, also after chores_stop; never blocks. Accepts NULL. */
void chores_wake(struct chores *c);
/* Waits for the job at hand; nothing is done after it. Accepts NULL. */
void chores_stop(struct chores *c);
/* After chores_stop, once nobody can wake it any more. Accepts NULL. */
void chores_free(struct chores *c);

#endif
