/* What must never be in the log and can be erased: machine snapshots with their keys, stored
 * ciphertexts, codes. SQLite runs with secure_delete, so an erased row is overwritten in the
 * database; its copies in the WAL go with the next scrub, which whatever erases or replaces here
 * owes (scrub.h).
 *
 * `wormhole` may be 0 in secret_*: what belongs to the whole mount. */
#ifndef STORE_SECRETS_H
#define STORE_SECRETS_H

#include "store/blob.h"
#include "store/turn.h"

/* The machine's snapshot: one a wormhole, replaced whole. */
int secret_put(struct turn *t, uint64_t wormhole, const void *data, size_t len); /* 0, TOO_BIG */
int secret_get(struct view *v, uint64_t wormhole, struct blob *out);             /* 0, NOT_FOUND */
int secret_erase(struct turn *t, uint64_t wormhole);

/* Ciphertexts, by (wormhole, mailbox number, phase). What was encrypted once is re-sent byte for
 * byte, so putting another body under a phase that has one is EXISTS (the same body is 0). */
int ciphertext_put(struct turn *t, uint64_t wormhole, int64_t mailbox, const char *phase,
                   const void *body, size_t len);
int ciphertext_get(struct view *v, uint64_t wormhole, int64_t mailbox, const char *phase,
                   struct blob *out);
/* In the order in which they were put. Non-zero from fn stops. */
int ciphertext_each(struct view *v, uint64_t wormhole, int64_t mailbox,
                    int (*fn)(void *arg, const char *phase, const uint8_t *body, size_t len),
                    void *arg);
/* Those of every mailbox, in the order in which they were put. */
int ciphertext_all(struct view *v, uint64_t wormhole,
                   int (*fn)(void *arg, int64_t mailbox, const char *phase, const uint8_t *body,
                             size_t len),
                   void *arg);
int ciphertext_erase(struct turn *t, uint64_t wormhole, int64_t mailbox, const char *phase);
int ciphertext_erase_mailbox(struct turn *t, uint64_t wormhole, int64_t mailbox);

/* The code's text. `out` has CODE_BYTES_MAX+1 bytes. */
int code_put(struct turn *t, uint64_t wormhole, const char *text); /* replaces; 0, TOO_BIG */
int code_get(struct view *v, uint64_t wormhole, char *out);        /* 0, NOT_FOUND */
int code_erase(struct turn *t, uint64_t wormhole);

#endif
