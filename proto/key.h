/* The key of one code: SPAKE2, then the check by the first message that must open under it.
 * One pake of ours is made, ever, and one of the peer's accepted, ever, so that nobody has a second
 * guess.
 *
 * All of it is secret and durable: the owner takes a snapshot in the turn of each call that changes
 * it (start, pake, the first open) before what it made is sent. */
#ifndef PROTO_KEY_H
#define PROTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "kdf.h"
#include "now.h"
#include "spake2.h"

enum key_state {
    KEY_NONE,
    KEY_STARTED,    /* our pake is made, theirs awaited */
    KEY_UNVERIFIED, /* K is computed; nothing has opened under it yet */
    KEY_VERIFIED,   /* something of the peer opened: it knows the code */
    KEY_WRONG,      /* final: the code was wrong or guessed; secrets are wiped */
    KEY_ERASED,     /* final: K was erased after its use; secrets are wiped */
    KEY_FORKED, /* as UNVERIFIED, but the peer may have computed another K (struct spake2_trimmed):
                 * its first message tells which. Seldom: one key in 256. */
};

struct key {
    enum key_state state;
    struct spake2 spake2;           /* while STARTED */
    uint8_t key[KDF_KEY_BYTES];     /* K, while UNVERIFIED, VERIFIED or FORKED */
    uint8_t trimmed[KDF_KEY_BYTES]; /* the other K, while FORKED */
};

enum { KEY_VERIFIER_BYTES = 32 };

void key_init(struct key *k);
void key_release(struct key *k); /* wipes; as after init */

/* From NONE: draws the scalar and appends the body of our pake. PROTO_ERR_STATE, PROTO_ERR_CRYPTO,
 * PROTO_ERR_NOMEM. */
int key_start(struct key *k, const char *code, const char *appid, struct now *now,
              struct bytes *pake_body);
/* The same with given entropy; for recorded sessions. */
int key_start_entropy(struct key *k, const char *code, const char *appid,
                      const uint8_t entropy[static SPAKE2_ENTROPY_BYTES], struct bytes *pake_body);
/* From STARTED: the peer's pake body. 0: UNVERIFIED, and what is needed can be derived from K
 * (kdf.h), or FORKED, and K has to be settled first, by key_open or key_settle.
 * PROTO_ERR_CRYPTO: nonsense, or our own reflected; now WRONG (mood scary). PROTO_ERR_STATE in
 * other states. */
int key_pake(struct key *k, const void *body, size_t len);

/* If it is FORKED: K is what the protocol says it is, now UNVERIFIED. */
void key_settle(struct key *k);

/* Appends the body of our message in `phase`. PROTO_ERR_STATE without K, or while FORKED. */
int key_seal(const struct key *k, const char *side, const char *phase, const void *plain,
             size_t len, struct now *now, struct bytes *body);
/* Appends the plaintext of the peer's message. The first that opens makes it VERIFIED.
 * PROTO_ERR_CRYPTO: does not open; while UNVERIFIED or FORKED that makes it WRONG; later it
 * changes nothing.
 * PROTO_ERR_STATE without K. */
int key_open(struct key *k, const char *side, const char *phase, const void *body, size_t len,
             struct bytes *plain);
/* HKDF(K, "wormhole:verifier"): what two people can compare. PROTO_ERR_STATE without K. */
int key_verifier(const struct key *k, uint8_t out[static KEY_VERIFIER_BYTES]);
/* K is not needed any more. */
void key_erase(struct key *k);

int key_save(const struct key *k, struct bytes *out);
int key_load(struct key *k, struct reader *in); /* PROTO_ERR_MALFORMED leaves it as after init */

#endif
