/* The body of a "pake" message, to a key that has been started: the first byte 0 is a JSON body as
 * it comes, else the 33 bytes of SPAKE2 alone, which are put into one. */
#include <sodium.h>

#include "proto/key.h"
#include "proto/pake.h"
#include "tests/fuzz/fuzz.h"

static struct key started;

static void start(void)
{
    static const uint8_t entropy[SPAKE2_ENTROPY_BYTES] = {1, 2, 3};
    struct bytes body = {0};

    MUST(sodium_init() >= 0);
    key_init(&started);
    MUST(key_start_entropy(&started, "7-guitarist-revenge", "example.com/fuzz", entropy, &body) ==
         PROTO_OK);
    bytes_release(&body);
}

static void take(const uint8_t *body, size_t len)
{
    struct key key = started;
    struct bytes out = {0};
    struct now now = {.ms = 1};
    int err = key_pake(&key, body, len);

    MUST((err == PROTO_OK) == (key.state == KEY_UNVERIFIED || key.state == KEY_FORKED));
    MUST(err == PROTO_OK || key.state == KEY_WRONG);
    key_settle(&key);
    MUST((key_seal(&key, "side", "version", "x", 1, &now, &out) == PROTO_OK) == (err == PROTO_OK));
    MUST(key_pake(&key, body, len) == PROTO_ERR_STATE); /* one guess, ever */
    bytes_release(&out);
    key_release(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t msg[SPAKE2_MSG_BYTES] = {0};
    struct bytes body = {0};

    if (started.state == KEY_NONE)
        start();
    if (len == 0)
        return 0;
    if (data[0] == 0) {
        take(data + 1, len - 1);
        return 0;
    }
    len = len - 1 < sizeof msg ? len - 1 : sizeof msg;
    memcpy(msg, data + 1, len);
    MUST(pake_body_build(&body, msg) == PROTO_OK);
    take(body.data, body.len);
    bytes_release(&body);
    return 0;
}
