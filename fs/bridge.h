/* Between the engine and the network: the engine's outputs are calls of net.h, the network's
 * callbacks are inputs of the engine. Nothing is decided here. */
#ifndef FS_BRIDGE_H
#define FS_BRIDGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include "fs/engine/engine.h"
#include "proto/net/net.h"

struct chores;

/* A zeroed one drops what the engine puts out. Fill the pointers in as the parts start; take `net`
 * and `chores` away before they stop. */
struct bridge {
    struct engine *engine;
    struct net *_Atomic net;
    struct chores *_Atomic chores;
    atomic_bool ticking; /* engine_start has run: timers may come */
};

void bridge_outputs(struct bridge *b, struct engine_out *out);
void bridge_callbacks(struct bridge *b, struct net_callbacks *out);

#endif
