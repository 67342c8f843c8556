/* The durable actions of a machine, carried out in the store inside the turn. */
#ifndef FS_ENGINE_APPLY_H
#define FS_ENGINE_APPLY_H

#include "fs/engine/step.h"

/* 0 or a store error; the action stays the caller's. */
int apply_action(struct step *step, const struct action *a);

#endif
