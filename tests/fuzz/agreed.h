/* A machine (proto/boss.h) that is in a session with a stock peer, without a mailbox in which they
 * could have met. In a file of its own: of what is inside proto/, some has the names of what is in
 * store/. */
#ifndef FUZZ_AGREED_H
#define FUZZ_AGREED_H

#include "proto/boss.h"
#include "proto/classic.h"

/* They have agreed on a transfer: the connection is next. */
void agreed_transfer(struct boss *b);
/* They have only found each other: nothing is offered. */
void agreed_idle(struct boss *b);
enum classic_state agreed_state(const struct boss *b);
/* The session is no more, and the machine as it was. */
void agreed_end(struct boss *b);

#endif
