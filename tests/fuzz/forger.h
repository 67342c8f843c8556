/* Somebody who has every key of a boss and a mailbox server to say it through. */
#ifndef FUZZ_FORGER_H
#define FUZZ_FORGER_H

#include "tests/fuzz/victim.h"

/* The generation of a private mailbox's link, or NULL. */
const struct generation *forger_generation(const struct victim *v, enum wormhole_link link);
/* A message of the server's: `body` under `phase`, by `side`. */
void forger_tell(struct victim *v, enum wormhole_link link, const char *side, const char *phase,
                 const struct bytes *body);
/* The same with `plain` sealed as the link's bodies are. Nothing if there is no key yet. */
void forger_seal(struct victim *v, enum wormhole_link link, const char *side, const char *phase,
                 const struct bytes *plain);
/* The link comes up. `replay`: the server still has what is kept for it here; and the fence is
 * passed. */
void forger_up(struct victim *v, enum wormhole_link link, bool replay);

#endif
