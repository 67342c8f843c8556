/* The meeting (PROTOCOL.md §7): how two sides that have lost each other agree on a new generation,
 * with challenges that are proof against old contents. This machine holds what was said; the owner
 * has the mailbox, seals with R, and does what meeting_step says.
 *
 *     challenge (80):  challenge[32] ‖ u64(highest generation ever used) ‖ public key[32]
 *     answer    (81):  follower's challenge ‖ leader's challenge ‖ u64(g') ‖ leader's public key
 *     confirm   (82):  follower's challenge ‖ leader's challenge ‖ u64(g') ‖ follower's public key
 */
#ifndef PROTO_MEETING_H
#define PROTO_MEETING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "limits.h"
#include "now.h"
#include "ratchet.h"
#include "rotation.h"

/* Our challenge, and what belongs to it. */
struct meeting_challenge {
    bool known;
    uint8_t challenge[RATCHET_CHALLENGE_BYTES];
    uint64_t used;
    struct ratchet_pair pair;
};

/* One of the peer's. Which of them is live, only the peer knows: a server may show an old one
 * last. */
struct meeting_theirs {
    uint8_t challenge[RATCHET_CHALLENGE_BYTES];
    uint64_t used;
    bool answered; /* leader: our answer to it, under our live challenge, is there */
};

enum { MEETING_THEIRS_MAX = 16 }; /* of more, the last */

struct meeting {
    /* Durable. */
    bool leader;
    struct meeting_challenge mine;        /* live: leads to one generation at most */
    char phase[PHASE_LEN_MAX + 1];        /* its phase */
    uint8_t met[RATCHET_CHALLENGE_BYTES]; /* theirs of the last meeting: it is dead */
    /* Of this visit. */
    struct meeting_theirs theirs[MEETING_THEIRS_MAX]; /* the last that was seen is last */
    size_t theirs_count;
    bool agreed; /* .agreement is to be carried out */
    struct {
        uint64_t generation;
        uint8_t challenge[RATCHET_CHALLENGE_BYTES]; /* theirs */
        uint8_t public[RATCHET_PUBLIC_BYTES];       /* theirs */
    } agreement;
};

void meeting_init(struct meeting *m, bool leader);
void meeting_release(struct meeting *m); /* wipes */
/* A connection to the meeting mailbox begins: its replay tells all. */
void meeting_begin_visit(struct meeting *m);

/* What opened under R. `used`: the highest generation begun here. PROTO_ERR_MALFORMED: ignore it.
 */
int meeting_received(struct meeting *m, const void *plain, size_t len, uint64_t used);
/* The same for one of our own side that we see there: did we answer already? */
void meeting_own(struct meeting *m, const void *plain, size_t len);

enum meeting_step {
    MEETING_WAIT,
    MEETING_CHALLENGE, /* add a challenge: meeting_challenge */
    MEETING_ANSWER,    /* add an answer: meeting_answer; there may be more to answer */
    MEETING_AGREED,    /* begin a generation: meeting_agree */
};
/* What to do after the fence. `need`: we have a reason of our own to meet. */
enum meeting_step meeting_step(const struct meeting *m, bool need);

/* Draws our challenge, to be added under `phase`, kept, and erased by meeting_forget. `used`: the
 * highest generation that we have ever named. Appends the plaintext. PROTO_ERR_NOMEM. */
int meeting_challenge(struct meeting *m, const char *phase, uint64_t used, struct now *now,
                      struct bytes *plain);
/* Appends the plaintext of our answer to one of their challenges, after MEETING_ANSWER.
 * PROTO_ERR_NOMEM. */
int meeting_answer(struct meeting *m, uint64_t used, struct bytes *plain);
/* Carries out the agreement: the new generation and its content key; the follower also gets the
 * plaintext of its confirm. Our challenge is erased; forget its body (.phase before the call).
 * PROTO_ERR_CRYPTO, PROTO_ERR_NOMEM. */
int meeting_agree(struct meeting *m, const struct ratchet_roots *roots, uint64_t *generation,
                  uint8_t key[static RATCHET_KEY_BYTES], struct bytes *confirm);
/* A generation was begun or confirmed: our challenge is not live any more. */
void meeting_forget(struct meeting *m);

int meeting_save(const struct meeting *m, struct bytes *out);
int meeting_load(struct meeting *m, struct reader *in); /* PROTO_ERR_MALFORMED */

#endif
