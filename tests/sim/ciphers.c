#include "tests/sim/ciphers.h"

#include <sodium.h>
#include "tests/sim/memo.h"

static struct memo used;
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

static void note(const unsigned char *key, const unsigned char *nonce)
{
    bool is_new;
    memo_get(&used, memo_hash(memo_hash(1, key, 32), nonce, 24), 0, &is_new);
    if (!is_new)
        reused = true;
}

int __wrap_crypto_secretbox_easy(unsigned char *c, const unsigned char *m, unsigned long long len,
                                 const unsigned char *nonce, const unsigned char *key)
{
    note(key, nonce);
    return __real_crypto_secretbox_easy(c, m, len, nonce, key);
}

int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(
    unsigned char *c, unsigned long long *c_len, const unsigned char *m, unsigned long long m_len,
    const unsigned char *ad, unsigned long long ad_len, const unsigned char *secret,
    const unsigned char *nonce, const unsigned char *key)
{
    note(key, nonce);
    return __real_crypto_aead_xchacha20poly1305_ietf_encrypt(c, c_len, m, m_len, ad, ad_len, secret,
                                                             nonce, key);
}

void ciphers_forget(void)
{
    memo_release(&used);
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
