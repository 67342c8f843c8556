#include "proto/gcm.h"

#include <openssl/evp.h>

/* There is no struct gcm: it is libcrypto's context, with the key set. */
static EVP_CIPHER_CTX *context_of(struct gcm *g)
{
    return (EVP_CIPHER_CTX *)g;
}

struct gcm *gcm_new(const uint8_t key[static GCM_KEY_BYTES], bool seals)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    if (c == NULL)
        return NULL;
    if (EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, NULL, seals))
        return (struct gcm *)c;
    EVP_CIPHER_CTX_free(c);
    return NULL;
}

void gcm_free(struct gcm *g)
{
    EVP_CIPHER_CTX_free(context_of(g));
}

/* All but the tag. */
static bool crypt(EVP_CIPHER_CTX *c, const uint8_t *nonce, const uint8_t *ad, size_t ad_len,
                  uint8_t *text, size_t len)
{
    int out;

    return EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, -1) &&
           EVP_CipherUpdate(c, NULL, &out, ad, (int)ad_len) &&
           EVP_CipherUpdate(c, text, &out, text, (int)len) && out == (int)len;
}

bool gcm_seal(struct gcm *g, const uint8_t nonce[static GCM_NONCE_BYTES], const uint8_t *ad,
              size_t ad_len, uint8_t *text, size_t len)
{
    EVP_CIPHER_CTX *c = context_of(g);
    int none;

    return crypt(c, nonce, ad, ad_len, text, len) && EVP_CipherFinal_ex(c, text + len, &none) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, text + len);
}

bool gcm_open(struct gcm *g, const uint8_t nonce[static GCM_NONCE_BYTES], const uint8_t *ad,
              size_t ad_len, uint8_t *text, size_t len)
{
    EVP_CIPHER_CTX *c = context_of(g);
    uint8_t nothing[GCM_TAG_BYTES];
    int none;

    return crypt(c, nonce, ad, ad_len, text, len) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_BYTES, text + len) &&
           EVP_CipherFinal_ex(c, nothing, &none) > 0;
}
