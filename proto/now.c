#include "proto/now.h"

#include <assert.h>
#include <sodium.h>

static_assert(NOW_SEED_BYTES == crypto_stream_chacha20_KEYBYTES, "the seed is a ChaCha20 key");

/* One seed gives two independent streams, told apart by the nonce: the caller's bytes and the
 * seed that replaces it. ChaCha20 is one-way in its key, so an old seed, and with it what was
 * drawn from it, cannot be computed from the new one. */
static const uint8_t nonce_output[crypto_stream_chacha20_NONCEBYTES] = "output";
static const uint8_t nonce_seed[crypto_stream_chacha20_NONCEBYTES] = "seed";

void now_random(struct now *now, void *out, size_t len)
{
    uint8_t next[NOW_SEED_BYTES];

    if (len > 0)
        crypto_stream_chacha20(out, len, nonce_output, now->seed);
    crypto_stream_chacha20(next, sizeof(next), nonce_seed, now->seed);
    for (size_t i = 0; i < sizeof(next); i++)
        now->seed[i] = next[i];
    sodium_memzero(next, sizeof(next));
}
