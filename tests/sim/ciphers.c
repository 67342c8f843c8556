#include "tests/sim/ciphers.h"

#include <sodium.h>
#include "proto/gcm.h"
#include "tests/sim/memo.h"
#include "tests/sim/outputs.h"

static struct memo used;
static struct memo gcm_keys; /* of a struct gcm's address: its key's hash */
static bool reused;

/* What the linker makes of --wrap. */
int __real_crypto_secretbox_easy(unsigned char *c, const unsigned char *m, unsigned long long len,
                                 const unsigned char *nonce, const unsigned char *key);
int __wrap_crypto_secretbox_easy(unsigned char *c, const unsigned char *m, unsigned long long len,
                                 const unsigned char *nonce, const unsigned char *key);
int __real_crypto_aead_xchacha20poly1305_ietf_encrypt(
    unsigned char *c, unsigned long long *c_len, const unsigned char *m, unsigned long long m_len,
    const unsigned char *ad, unsigned long long ad_len, const unsigned char *secret,
    const unsigned char *nonce, const unsigned char *key);
int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(
    unsigned char *c, unsigned long long *c_len, const unsigned char *m, unsigned long long m_len,
    const unsigned char *ad, unsigned long long ad_len, const unsigned char *secret,
    const unsigned char *nonce, const unsigned char *key);
struct gcm *__real_gcm_new(const uint8_t key[static GCM_KEY_BYTES], bool seals);
struct gcm *__wrap_gcm_new(const uint8_t key[static GCM_KEY_BYTES], bool seals);
bool __real_gcm_seal(struct gcm *g, const uint8_t nonce[static GCM_NONCE_BYTES], const uint8_t *ad,
                     size_t ad_len, uint8_t *text, size_t len);
bool __wrap_gcm_seal(struct gcm *g, const uint8_t nonce[static GCM_NONCE_BYTES], const uint8_t *ad,
                     size_t ad_len, uint8_t *text, size_t len);

static void note_hash(uint64_t key, const unsigned char *nonce, size_t len)
{
    bool is_new;
    memo_get(&used, memo_hash(key, nonce, len), 0, &is_new);
    if (!is_new)
        reused = true;
}

static void note(const unsigned char *key, const unsigned char *nonce)
{
    note_hash(memo_hash(1, key, 32), nonce, 24);
}

int __wrap_crypto_secretbox_easy(unsigned char *c, const unsigned char *m, unsigned long long len,
                                 const unsigned char *nonce, const unsigned char *key)
{
    note(key, nonce);
    int err = __real_crypto_secretbox_easy(c, m, len, nonce, key);
    if (err == 0)
        outputs_add(c, (size_t)len + crypto_secretbox_MACBYTES);
    return err;
}

int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(
    unsigned char *c, unsigned long long *c_len, const unsigned char *m, unsigned long long m_len,
    const unsigned char *ad, unsigned long long ad_len, const unsigned char *secret,
    const unsigned char *nonce, const unsigned char *key)
{
    note(key, nonce);
    int err = __real_crypto_aead_xchacha20poly1305_ietf_encrypt(c, c_len, m, m_len, ad, ad_len,
                                                                secret, nonce, key);
    if (err == 0)
        outputs_add(c, (size_t)m_len + crypto_aead_xchacha20poly1305_ietf_ABYTES);
    return err;
}

struct gcm *__wrap_gcm_new(const uint8_t key[static GCM_KEY_BYTES], bool seals)
{
    struct gcm *g = __real_gcm_new(key, seals);
    bool is_new;
    if (g != NULL)
        *memo_get(&gcm_keys, (uint64_t)(uintptr_t)g, 0, &is_new) = memo_hash(2, key, GCM_KEY_BYTES);
    return g;
}

bool __wrap_gcm_seal(struct gcm *g, const uint8_t nonce[static GCM_NONCE_BYTES], const uint8_t *ad,
                     size_t ad_len, uint8_t *text, size_t len)
{
    bool is_new;
    note_hash(*memo_get(&gcm_keys, (uint64_t)(uintptr_t)g, 0, &is_new), nonce, GCM_NONCE_BYTES);
    bool ok = __real_gcm_seal(g, nonce, ad, ad_len, text, len);
    if (ok)
        outputs_add(text, len + GCM_TAG_BYTES);
    return ok;
}

void ciphers_forget(void)
{
    memo_release(&used);
    memo_release(&gcm_keys);
    reused = false;
}

bool ciphers_reused(void)
{
    return reused;
}

uint64_t ciphers_count(void)
{
    return used.count;
}
