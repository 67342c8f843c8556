#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/error.h"
#include "proto/key.h"

#define APPID "lothar.com/wormhole/text-or-file-xfer"

static struct key a, b;
static struct bytes pake_a, pake_b, body, plain;
static struct now now;

static int set_up(void **state)
{
    (void)state;
    now = (struct now){.seed = {42}};
    key_init(&a);
    key_init(&b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    key_release(&a);
    key_release(&b);
    bytes_release(&pake_a);
    bytes_release(&pake_b);
    bytes_release(&body);
    bytes_release(&plain);
    return 0;
}

static void start(const char *code_a, const char *code_b)
{
    assert_int_equal(key_start(&a, code_a, APPID, &now, &pake_a), PROTO_OK);
    assert_int_equal(key_start(&b, code_b, APPID, &now, &pake_b), PROTO_OK);
    assert_int_equal(a.state, KEY_STARTED);
}

static void meet(const char *code_a, const char *code_b)
{
    start(code_a, code_b);
    assert_int_equal(key_pake(&a, pake_b.data, pake_b.len), PROTO_OK);
    assert_int_equal(key_pake(&b, pake_a.data, pake_a.len), PROTO_OK);
    assert_int_equal(a.state, KEY_UNVERIFIED);
}

static bool is_wiped(const struct key *k)
{
    return sodium_is_zero((const unsigned char *)&k->spake2, sizeof(k->spake2)) &&
           sodium_is_zero(k->key, sizeof(k->key));
}

static int send(struct key *from, struct key *to, const char *phase)
{
    bytes_clear(&body);
    bytes_clear(&plain);
    assert_int_equal(key_seal(from, "side", phase, "hello", 5, &now, &body), PROTO_OK);
    return key_open(to, "side", phase, body.data, body.len, &plain);
}

static void the_same_code_gives_a_key_that_opens(void **state)
{
    uint8_t v1[KEY_VERIFIER_BYTES], v2[KEY_VERIFIER_BYTES];

    (void)state;
    meet("7-guitarist-revenge", "7-guitarist-revenge");
    assert_memory_equal(a.key, b.key, sizeof(a.key));
    assert_true(sodium_is_zero((const unsigned char *)&a.spake2, sizeof(a.spake2)));
    assert_int_equal(send(&a, &b, "version"), PROTO_OK);
    assert_int_equal(b.state, KEY_VERIFIED);
    assert_int_equal(a.state, KEY_UNVERIFIED);
    assert_int_equal(plain.len, 5);
    assert_memory_equal(plain.data, "hello", 5);
    assert_int_equal(key_verifier(&a, v1), PROTO_OK);
    assert_int_equal(key_verifier(&b, v2), PROTO_OK);
    assert_memory_equal(v1, v2, sizeof(v1));
    assert_memory_not_equal(v1, a.key, sizeof(v1));
}

static void another_code_gives_another_key_and_that_ends_it(void **state)
{
    (void)state;
    meet("7-guitarist-revenge", "7-guitarist-reward");
    assert_int_equal(send(&a, &b, "version"), PROTO_ERR_CRYPTO);
    assert_int_equal(b.state, KEY_WRONG);
    assert_true(is_wiped(&b));
    assert_int_equal(plain.len, 0);
    assert_int_equal(key_open(&b, "side", "version", body.data, body.len, &plain), PROTO_ERR_STATE);
    assert_int_equal(key_pake(&b, pake_a.data, pake_a.len), PROTO_ERR_STATE);
}

static void too_short_a_body_is_a_wrong_one(void **state)
{
    (void)state;
    meet("7-a-b", "7-a-b");
    assert_int_equal(key_open(&a, "side", "version", "x", 1, &plain), PROTO_ERR_CRYPTO);
    assert_int_equal(a.state, KEY_WRONG);
}

static void once_verified_a_forged_body_changes_nothing(void **state)
{
    (void)state;
    meet("7-a-b", "7-a-b");
    assert_int_equal(send(&b, &a, "version"), PROTO_OK);
    body.data[30] ^= 1;
    assert_int_equal(key_open(&a, "side", "version", body.data, body.len, &plain),
                     PROTO_ERR_CRYPTO);
    assert_int_equal(a.state, KEY_VERIFIED);
    assert_int_equal(send(&b, &a, "0"), PROTO_OK);
    assert_int_equal(key_open(&a, "side", "1", body.data, body.len, &plain), PROTO_ERR_CRYPTO);
    assert_int_equal(key_open(&a, "edis", "0", body.data, body.len, &plain), PROTO_ERR_CRYPTO);
}

static void one_pake_is_accepted_ever(void **state)
{
    (void)state;
    meet("7-a-b", "7-a-b");
    uint8_t before[KDF_KEY_BYTES];
    memcpy(before, a.key, sizeof(before));
    assert_int_equal(key_pake(&a, pake_b.data, pake_b.len), PROTO_ERR_STATE);
    assert_memory_equal(a.key, before, sizeof(before));
}

static void a_bad_pake_ends_it(void **state)
{
    static const char *const bad[] = {"", "{}", "{\"pake_v1\": \"00\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tear_down(NULL);
        start("7-a-b", "7-a-b");
        assert_int_equal(key_pake(&a, bad[i], strlen(bad[i])), PROTO_ERR_CRYPTO);
        assert_int_equal(a.state, KEY_WRONG);
        assert_true(is_wiped(&a));
    }
    tear_down(NULL);
    start("7-a-b", "7-a-b");
    assert_int_equal(key_pake(&a, pake_a.data, pake_a.len), PROTO_ERR_CRYPTO);
    assert_int_equal(a.state, KEY_WRONG);
}

static void inputs_in_the_wrong_state_are_refused(void **state)
{
    uint8_t verifier[KEY_VERIFIER_BYTES];

    (void)state;
    assert_int_equal(key_pake(&a, "{}", 2), PROTO_ERR_STATE);
    assert_int_equal(key_seal(&a, "s", "0", "", 0, &now, &body), PROTO_ERR_STATE);
    assert_int_equal(key_open(&a, "s", "0", "", 0, &plain), PROTO_ERR_STATE);
    assert_int_equal(key_verifier(&a, verifier), PROTO_ERR_STATE);
    start("7-a-b", "7-a-b");
    assert_int_equal(key_start(&a, "7-a-b", APPID, &now, &pake_a), PROTO_ERR_STATE);
    assert_int_equal(key_seal(&a, "s", "0", "", 0, &now, &body), PROTO_ERR_STATE);
}

static void erasing_wipes(void **state)
{
    (void)state;
    meet("7-a-b", "7-a-b");
    key_erase(&a);
    assert_int_equal(a.state, KEY_ERASED);
    assert_true(is_wiped(&a));
    key_release(&b);
    assert_int_equal(b.state, KEY_NONE);
    assert_true(is_wiped(&b));
}

static void reload(struct key *k)
{
    struct bytes saved = {0};
    struct key copy;

    assert_int_equal(key_save(k, &saved), PROTO_OK);
    for (size_t len = 0; len < saved.len; len++) {
        struct reader cut = reader_of(saved.data, len);
        assert_int_equal(key_load(&copy, &cut), PROTO_ERR_MALFORMED);
        assert_int_equal(copy.state, KEY_NONE);
        assert_true(is_wiped(&copy));
    }
    struct reader in = reader_of(saved.data, saved.len);
    assert_int_equal(key_load(&copy, &in), PROTO_OK);
    assert_true(reader_done(&in));
    assert_int_equal(copy.state, k->state);
    key_release(k);
    *k = copy;
    key_release(&copy);
    bytes_release(&saved);
}

/* The traps of a restart: the same scalar, the same pake, the same key. */
static void every_state_survives(void **state)
{
    (void)state;
    reload(&a);
    start("7-a-b", "7-a-b");
    reload(&a);
    reload(&b);
    assert_int_equal(key_pake(&a, pake_b.data, pake_b.len), PROTO_OK);
    reload(&a);
    assert_int_equal(key_pake(&b, pake_a.data, pake_a.len), PROTO_OK);
    assert_int_equal(send(&b, &a, "version"), PROTO_OK);
    reload(&a);
    assert_int_equal(a.state, KEY_VERIFIED);
    assert_int_equal(send(&b, &a, "0"), PROTO_OK);
    key_erase(&a);
    reload(&a);
    b.state = KEY_WRONG;
    reload(&b);
    struct reader in = reader_of("\x07", 1);
    assert_int_equal(key_load(&a, &in), PROTO_ERR_MALFORMED);
}

/* wormhole-william 1.0.6 receiving from a client that chose its scalar so that the shared element
 * ends in a zero byte; recorded. */
static const struct {
    const char *code, *entropy, *side, *pake, *version;
} go = {
    "2559000-a-0",
    "2061e19e1721a7c16e50b2bec6db2b105fe00c8471573227e14a1735a447c043"
    "3235e481c3b3b3d771fff3cbc5c7012a54e2f530a0ab6414477de2575753e29a",
    "6a7a0ec65f",
    "{\"pake_v1\":\"53"
    "54bf2063942e40d7ba7dd3df3fb3bff4694731d300261c556ced5e0f4d43002a\"}",
    "cde7af2ab0a16761a98544de941efd4860e9f4a6e2c47e172706d5a7cc5223b370ae58163fce8bf80401dc8f"
    "9038059614f54ee267b15310c4bb7c",
};

static void meet_go(void)
{
    uint8_t entropy[SPAKE2_ENTROPY_BYTES];

    assert_int_equal(hex_decode(entropy, sizeof(entropy), go.entropy, strlen(go.entropy)),
                     PROTO_OK);
    assert_int_equal(key_start_entropy(&a, go.code, APPID, entropy, &pake_a), PROTO_OK);
    assert_int_equal(key_pake(&a, go.pake, strlen(go.pake)), PROTO_OK);
    assert_int_equal(a.state, KEY_FORKED);
}

static void a_peer_that_trims_its_key_is_understood(void **state)
{
    uint8_t version[60];
    size_t len = strlen(go.version) / 2;

    (void)state;
    meet_go();
    reload(&a);
    assert_int_equal(key_seal(&a, "side", "version", "hello", 5, &now, &body), PROTO_ERR_STATE);
    assert_int_equal(hex_decode(version, len, go.version, strlen(go.version)), PROTO_OK);
    assert_int_equal(key_open(&a, go.side, "version", version, len, &plain), PROTO_OK);
    assert_int_equal(a.state, KEY_VERIFIED);
    assert_int_equal(plain.len, strlen("{\"app_versions\":{}}"));
    assert_memory_equal(plain.data, "{\"app_versions\":{}}", plain.len);
    assert_true(sodium_is_zero(a.trimmed, sizeof(a.trimmed)));
    assert_int_equal(key_open(&a, go.side, "version", version, len, &plain), PROTO_OK);
}

static void a_forked_key_that_is_settled_is_the_one_of_the_protocol(void **state)
{
    uint8_t before[KDF_KEY_BYTES];

    (void)state;
    meet_go();
    memcpy(before, a.key, sizeof(before));
    key_settle(&a);
    assert_int_equal(a.state, KEY_UNVERIFIED);
    assert_memory_equal(a.key, before, sizeof(before));
    assert_true(sodium_is_zero(a.trimmed, sizeof(a.trimmed)));
    key_settle(&a);
    assert_int_equal(a.state, KEY_UNVERIFIED);
}

static void a_forked_key_gives_nobody_a_second_guess(void **state)
{
    (void)state;
    meet_go();
    bytes_put(&body, "some forty bytes that do not open at all", 40);
    assert_int_equal(key_open(&a, go.side, "version", body.data, body.len, &plain),
                     PROTO_ERR_CRYPTO);
    assert_int_equal(a.state, KEY_WRONG);
    assert_true(is_wiped(&a));
    assert_true(sodium_is_zero(a.trimmed, sizeof(a.trimmed)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_code_gives_a_key_that_opens),
        TEST(another_code_gives_another_key_and_that_ends_it),
        TEST(too_short_a_body_is_a_wrong_one),
        TEST(once_verified_a_forged_body_changes_nothing),
        TEST(one_pake_is_accepted_ever),
        TEST(a_bad_pake_ends_it),
        TEST(inputs_in_the_wrong_state_are_refused),
        TEST(erasing_wipes),
        TEST(every_state_survives),
        TEST(a_peer_that_trims_its_key_is_understood),
        TEST(a_forked_key_that_is_settled_is_the_one_of_the_protocol),
        TEST(a_forked_key_gives_nobody_a_second_guess),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
