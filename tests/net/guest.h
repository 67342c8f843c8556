/* The peer of a transit attempt, played by the test: a sender who dials and is let in. */
#ifndef TESTS_NET_GUEST_H
#define TESTS_NET_GUEST_H

#include "proto/action.h"
#include "proto/hints.h"

/* A plan without hints that a guest fits. */
struct transit_plan guest_plan(void);
/* Connects to where the hints lead, by loopback, and says all that a sender says: it may be before
 * the attempt has its plan. The socket, or -1 if nobody listens. */
int guest_knock(const struct hint_list *hints);

#endif
