/* A stand-in for the engine and the sealing rule, so that the face can be mounted and tried without
 * a network. It gives out the codes "7-guitarist-revenge", "8-…" after a delay, or never; and it
 * does to a wormhole what a line of a script says:
 *     pair NAME · close NAME · problem NAME TEXT · ack NAME ENTRY · arrive NAME FILE TEXT */
#ifndef TESTS_MOUNT_ENGINE_DOUBLE_H
#define TESTS_MOUNT_ENGINE_DOUBLE_H

#include "fs/engine/engine.h"

/* code_ms < 0: no server is ever reached. */
int engine_double_open(struct engine **out, struct store *store, int code_ms,
                       const struct engine_watch *watch);
void engine_double_close(struct engine *e);
/* 0 or a negative error. */
int engine_double_command(struct engine *e, const char *line);

#endif
