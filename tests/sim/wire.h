/* What an oracle sees on the way to the mailbox server:
 *   - nothing is added to a mailbox before the fence (the pong of this connection) is there;
 *   - a phase of a side in a mailbox is one body for ever, byte for byte;
 *   - and the digest of everything said. */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/sim/memo.h"

enum { WIRE_CONNECTIONS = 512, WIRE_OLD_MAX = 64 };

/* A body that was added, for whoever wants to replay old contents. */
struct wire_old {
    int peer; /* who said it */
    char mailbox[80], side[24], phase[48];
    char *body;
};

struct wire {
    struct {
        uint64_t number;
        uint64_t mailbox; /* hash; 0: not opened */
        char name[80], side[24];
        bool fenced;
    } connections[WIRE_CONNECTIONS]; /* by number, the later ones in the places of the earlier */
    struct memo bodies;              /* mailbox, side, phase → body */
    struct wire_old old[WIRE_OLD_MAX];
    size_t old_count;
    uint64_t digest, adds;
    bool back;         /* a store went back: a phase may be made again before that is noticed */
    const char *wrong; /* what was broken first, or NULL */
};

void wire_said(struct wire *w, int peer, uint64_t connection, const char *text, size_t len);
void wire_heard(struct wire *w, uint64_t connection, const char *text, size_t len);
void wire_release(struct wire *w);

#endif
