/* TCP between the peers of a world and its relay, in memory: the simulator's implementation of
 * proto/net/tcp.h, for the real race (proto/net/race.h). A peer has one address; whether others
 * reach it there can change. Nothing takes time. Not linked together with the real one. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include "tests/sim/pipe.h"
#include "tests/sim/relay.h"

#define NETWORK_RELAY_HOST "10.9.9.9"
enum { NETWORK_RELAY_PORT = 4001 };

struct network;

/* `relay` stays the caller's. Out of memory ends the test. */
struct network *network_new(int peers, struct relay *relay);
void network_free(struct network *n);

/* The calls of tcp.h that follow are this peer's, in this network. */
void network_enter(struct network *n, int peer);
/* Can a peer be dialled? Else whoever dials it waits for nothing, as before a firewall. */
void network_set_reachable(struct network *n, int peer, bool reachable);
/* As poll without waiting: sets all revents; how many are not 0. */
int network_poll(struct network *n, struct pollfd *fds, size_t count);
/* A connection becomes a stream, the caller's to pipe_close. */
struct stream *network_take(struct network *n, int fd);
/* Every connection that is not taken breaks. */
void network_cut(struct network *n);
/* Grows with everything that can change an answer of network_poll. */
uint64_t network_changes(const struct network *n);

#endif
