/* Runs every case of tests/vectors/vectors.json, which were made with the reference
 * implementations. The groups of the file are listed in `groups`: one that nobody runs fails. */
#include "known.h"

#include <sodium.h>

#include "proto/code.h"
#include "proto/pake.h"
#include "proto/phase.h"
#include "proto/record.h"
#include "proto/spake2.h"
#include "proto/transit.h"

/* Python's is the same whatever the appid. */
static const char transit_purpose[] = "lothar.com/wormhole/text-or-file-xfer/transit-key";

/* ---- SPAKE2 ---- */

static struct spake2 started(const char *code, const char *appid, const struct blob *entropy)
{
    struct spake2 s;

    assert_int_equal(entropy->len, SPAKE2_ENTROPY_BYTES);
    assert_int_equal(spake2_start_entropy(&s, code, appid, entropy->data), PROTO_OK);
    return s;
}

static struct spake2 started_person(const json_t *person, const char *code, const char *appid)
{
    struct blob entropy = blob_of(person, "entropy_64_hex");
    struct spake2 s = started(code, appid, &entropy);
    struct bytes body = {0};
    uint8_t parsed[SPAKE2_MSG_BYTES];

    assert_bytes(s.scalar, sizeof(s.scalar), get(person, "scalar"), "scalar_le_hex");
    assert_bytes(s.msg, sizeof(s.msg), person, "msg_hex");
    assert_int_equal(pake_body_build(&body, s.msg), PROTO_OK);
    assert_buffer(&body, person, "add_body_hex");
    assert_int_equal(strlen(text_of(person, "pake_body_json")), body.len);
    assert_memory_equal(text_of(person, "pake_body_json"), body.data, body.len);
    assert_int_equal(pake_body_parse(parsed, body.data, body.len), PROTO_OK);
    assert_memory_equal(parsed, s.msg, sizeof(parsed));
    bytes_release(&body);
    return s;
}

static void assert_key(const struct spake2 *s, const uint8_t *peer, const json_t *object,
                       const char *name)
{
    uint8_t key[SPAKE2_KEY_BYTES];

    assert_int_equal(spake2_finish(s, peer, SPAKE2_MSG_BYTES, key, NULL), PROTO_OK);
    assert_bytes(key, sizeof(key), object, name);
}

/* The transcript is pw hash, id hash, the two elements in order, K: 5 times 32 bytes. */
static void check_transcript(const json_t *c, const struct spake2 *a, const struct spake2 *b)
{
    struct blob transcript = bytes_of(c, "transcript_160_hex", 160);
    bool a_first = strcmp(text_of(c, "first_is"), "A") == 0;
    uint8_t key[SPAKE2_KEY_BYTES];

    assert_memory_equal(transcript.data, a->pw_hash, 32);
    assert_memory_equal(transcript.data + 32, a->id_hash, 32);
    assert_memory_equal(transcript.data + 64, (a_first ? a : b)->msg + 1, 32);
    assert_memory_equal(transcript.data + 96, (a_first ? b : a)->msg + 1, 32);
    assert_bytes(transcript.data + 128, 32, c, "K_element_hex");
    crypto_hash_sha256(key, transcript.data, transcript.len);
    assert_bytes(key, sizeof(key), c, "shared_key_hex");
}

/* Codes beyond ASCII would have to be normalised first: they are refused. */
static void check_code(const char *code)
{
    bool ascii = true;

    for (const char *p = code; *p != '\0'; p++)
        ascii = ascii && (uint8_t)*p < 0x80;
    assert_int_equal(code_check(code), ascii ? PROTO_OK : PROTO_ERR_INVALID);
}

static void spake2_symmetric(const json_t *group)
{
    const json_t *c;

    foreach (c, group) {
        /* Normalised to NFC already: that is outside of spake2. */
        struct blob code = blob_of(c, "password_nfc_utf8_hex");
        struct blob appid = blob_of(c, "idSymmetric_nfc_utf8_hex");
        struct blob hkdf = bytes_of(c, "pw_hkdf48_hex", 48);
        uint8_t out[48];
        struct spake2 a = started_person(get(c, "A"), (char *)code.data, (char *)appid.data);
        struct spake2 b = started_person(get(c, "B"), (char *)code.data, (char *)appid.data);

        kdf_derive(out, sizeof(out), code.data, code.len, "SPAKE2 pw", 9);
        assert_memory_equal(out, hkdf.data, sizeof(out));
        assert_bytes(a.pw_scalar, sizeof(a.pw_scalar), get(c, "pw_scalar"), "scalar_le_hex");
        assert_key(&a, b.msg, c, "shared_key_hex");
        assert_key(&b, a.msg, c, "shared_key_hex");
        check_transcript(c, &a, &b);
        check_code(text_of(c, "code"));
        assert_purpose(c, "shared_key_hex", "wormhole:verifier", "verifier_hex");
        assert_purpose(c, "shared_key_hex", transit_purpose, "transit_key_hex");
    }
}

/* Of the params, what HKDF and the group can be asked about; S itself is in every message above. */
static void params(const json_t *group)
{
    uint8_t out[48];
    struct blob s = blob_of(group, "S_element_hex"), base = blob_of(group, "Base_element_hex");
    struct blob m = blob_of(group, "M_element_hex"), n = blob_of(group, "N_element_hex");
    struct blob identity = blob_of(group, "Identity_element_hex");
    const char *seed = text_of(group, "S_seed_ascii"), *info = text_of(group, "S_hkdf_info");

    kdf_derive(out, sizeof(out), seed, strlen(seed), info, strlen(info));
    assert_bytes(out, sizeof(out), group, "S_hkdf_output_48_hex");
    assert_int_equal(crypto_core_ed25519_is_valid_point(s.data), 1);
    assert_int_equal(crypto_core_ed25519_is_valid_point(m.data), 1);
    assert_int_equal(crypto_core_ed25519_is_valid_point(n.data), 1);
    assert_int_equal(crypto_core_ed25519_is_valid_point(base.data), 1);
    assert_int_equal(crypto_core_ed25519_is_valid_point(identity.data), 0);
}

static void spake2_code_mismatch(const json_t *group)
{
    const char *appid = text_of(group, "appid");
    struct blob entropy_a = blob_of(group, "entropyA_64_hex");
    struct blob entropy_b = blob_of(group, "entropyB_64_hex");
    struct spake2 a = started(text_of(group, "codeA"), appid, &entropy_a);
    struct spake2 b = started(text_of(group, "codeB"), appid, &entropy_b);

    assert_bytes(a.msg, sizeof(a.msg), group, "msgA_hex");
    assert_bytes(b.msg, sizeof(b.msg), group, "msgB_hex");
    assert_key(&a, b.msg, group, "keyA_hex");
    assert_key(&b, a.msg, group, "keyB_hex");
    assert_string_not_equal(text_of(group, "keyA_hex"), text_of(group, "keyB_hex"));
}

/* The key of a case in the libsodium group is its description with underscores. */
static int libsodium_verdict(const char *what)
{
    char name[128];
    const json_t *cases = get(get(vectors, "spake2_negative_libsodium"), "cases");

    snprintf(name, sizeof(name), "%s", what);
    for (char *p = name; *p != '\0'; p++)
        if (*p == ' ')
            *p = '_';
    const json_t *verdict = get(get(cases, name), "verify_c_return");
    assert_true(json_is_integer(verdict));
    return (int)json_integer_value(verdict);
}

static struct spake2 negative_start(void)
{
    const json_t *group = get(vectors, "spake2_negative");
    struct blob entropy = blob_of(group, "our_entropy_64_hex");
    struct spake2 s = started(text_of(group, "code"), text_of(group, "appid"), &entropy);

    assert_bytes(s.msg, sizeof(s.msg), group, "our_msg_hex");
    return s;
}

static void spake2_negative(const json_t *group)
{
    struct spake2 s = negative_start();
    unsigned accepted = 0;
    const json_t *c;

    foreach (c, cases_of(group, "cases")) {
        struct blob inbound = blob_of(c, "inbound_hex");
        uint8_t key[SPAKE2_KEY_BYTES];
        bool accept = libsodium_verdict(text_of(c, "what")) == 0;
        int err = spake2_finish(&s, inbound.data, inbound.len, key, NULL);

        if ((err == PROTO_OK) != accept || (err != PROTO_OK && err != PROTO_ERR_CRYPTO))
            fail_msg("%s: %d", text_of(c, "what"), err);
        if (accept)
            assert_bytes(key, sizeof(key), get(c, "python"), "shared_key_hex");
        accepted += accept;
    }
    assert_int_equal(accepted, 2);
}

/* Every verdict belongs to a case above, so that all of them were compared. */
static void spake2_negative_libsodium(const json_t *group)
{
    const json_t *cases = cases_of(get(vectors, "spake2_negative"), "cases");

    assert_int_equal(json_object_size(get(group, "cases")), json_array_size(cases));
}

static void noncanonical_points(const json_t *group)
{
    struct spake2 s = negative_start();
    const json_t *c;

    foreach (c, group) {
        uint8_t key[SPAKE2_KEY_BYTES], msg[SPAKE2_MSG_BYTES];
        memset(msg, 0xff, sizeof(msg)); /* p = 2^255 - 19, little-endian, and y on top */
        msg[0] = 'S';
        msg[1] = (uint8_t)(0xed + int_of(c, "y"));
        msg[SPAKE2_MSG_BYTES - 1] = int_of(c, "sign") != 0 ? 0xff : 0x7f;
        assert_int_equal(spake2_finish(&s, msg, sizeof(msg), key, NULL), PROTO_ERR_CRYPTO);
    }
}

/* Latin-1 as the file has it, back to bytes. */
static struct blob latin1(const char *utf8)
{
    struct blob b = {0};

    for (; *utf8 != '\0'; utf8++) {
        unsigned c = (uint8_t)*utf8;
        if (c >= 0xc0)
            c = (c & 0x03) << 6 | ((uint8_t) * ++utf8 & 0x3f);
        b.data[b.len++] = (uint8_t)c;
    }
    return b;
}

static void pake_body_negative(const json_t *group)
{
    unsigned accepted = 0;
    const json_t *c;

    foreach (c, group) {
        struct blob body = latin1(text_of(c, "body_ascii"));
        const char *value = json_string_value(json_object_get(get(c, "python"), "value"));
        bool accept = value != NULL && strncmp(value, "ok ", 3) == 0;
        uint8_t msg[SPAKE2_MSG_BYTES];
        int err = pake_body_parse(msg, body.data, body.len);

        if (err != (accept ? PROTO_OK : PROTO_ERR_MALFORMED))
            fail_msg("%s: %d", text_of(c, "what"), err);
        if (accept) {
            struct blob start = unhex(value + 3);
            assert_memory_equal(msg, start.data, start.len);
        }
        accepted += accept;
    }
    assert_int_equal(accepted, 3);
}

/* ---- keys ---- */

static void derive_key(const json_t *group)
{
    struct blob key = bytes_of(group, "key_hex", KDF_KEY_BYTES);
    const json_t *c;

    foreach (c, cases_of(group, "cases")) {
        struct blob purpose = blob_of(c, "purpose_hex");
        uint8_t out[256];
        size_t len = int_of(c, "length");

        assert_true(len <= sizeof(out));
        kdf_purpose(out, len, key.data, text_of(c, "purpose_ascii"));
        assert_bytes(out, len, c, "out_hex");
        kdf_derive(out, len, key.data, key.len, purpose.data, purpose.len);
        assert_bytes(out, len, c, "out_hex");
    }
}

static void hkdf_rfc5869_style(const json_t *group)
{
    const json_t *c;

    foreach (c, group) {
        struct blob ikm = blob_of(c, "ikm_hex"), info = blob_of(c, "info_hex");
        uint8_t out[256];
        size_t len = int_of(c, "len");

        assert_true(json_is_null(get(c, "salt")) && len <= sizeof(out));
        kdf_derive(out, len, ikm.data, ikm.len, info.data, info.len);
        assert_bytes(out, len, c, "out_hex");
    }
}

static void derive_phase_key(const json_t *group)
{
    struct blob key = bytes_of(group, "key_hex", PHASE_KEY_BYTES);
    const json_t *c;

    foreach (c, cases_of(group, "cases")) {
        struct blob info = blob_of(c, "info_hex");
        uint8_t out[PHASE_KEY_BYTES];

        phase_key(out, key.data, text_of(c, "side"), text_of(c, "phase"));
        assert_bytes(out, sizeof(out), c, "out_hex");
        kdf_derive(out, sizeof(out), key.data, key.len, info.data, info.len);
        assert_bytes(out, sizeof(out), c, "out_hex");
    }
}

static void verifier(const json_t *group)
{
    assert_purpose(group, "key_hex", "wormhole:verifier", "verifier_hex");
}

/* ---- mailbox messages ---- */

static void mailbox_encrypt(const json_t *group)
{
    struct blob key = bytes_of(group, "key_hex", PHASE_KEY_BYTES);
    const json_t *c;

    foreach (c, cases_of(group, "cases")) {
        const char *side = text_of(c, "side"), *phase = text_of(c, "phase");
        struct blob plain = blob_of(c, "plaintext_hex"), body = blob_of(c, "mailbox_body");
        struct blob nonce = bytes_of(c, "nonce_hex", PHASE_NONCE_BYTES);
        struct bytes out = {0}, opened = {0};
        uint8_t derived[PHASE_KEY_BYTES];

        phase_key(derived, key.data, side, phase);
        assert_bytes(derived, sizeof(derived), c, "phase_key_hex");
        assert_int_equal(
            phase_encrypt_nonce(&out, key.data, side, phase, plain.data, plain.len, nonce.data),
            PROTO_OK);
        assert_buffer(&out, c, "ciphertext_nonce_mac_ct_hex");
        assert_int_equal(phase_decrypt(&opened, key.data, side, phase, body.data, body.len),
                         PROTO_OK);
        assert_buffer(&opened, c, "plaintext_hex");
        bytes_release(&out);
        bytes_release(&opened);
    }
}

/* They are for the key of the first case of mailbox_encrypt. */
static void mailbox_decrypt_negative(const json_t *group)
{
    const json_t *positive = get(vectors, "mailbox_encrypt");
    const json_t *first = json_array_get(cases_of(positive, "cases"), 0);
    struct blob key = bytes_of(positive, "key_hex", PHASE_KEY_BYTES);
    const json_t *c;

    foreach (c, group) {
        struct blob body = blob_of(c, "body");
        struct bytes out = {0};
        const char *named = json_string_value(json_object_get(c, "key_hex"));

        if (named != NULL)
            assert_string_equal(named, text_of(first, "phase_key_hex"));
        int err = phase_decrypt(&out, key.data, text_of(first, "side"), text_of(first, "phase"),
                                body.data, body.len);
        assert_int_equal(err, body.len < PHASE_OVERHEAD ? PROTO_ERR_MALFORMED : PROTO_ERR_CRYPTO);
        assert_int_equal(out.len, 0);
        bytes_release(&out);
    }
}

/* ---- transit ---- */

static void assert_tx(struct transit *t, const json_t *group, const char *name)
{
    size_t len;

    const uint8_t *tx = transit_tx(t, &len);
    assert_bytes(tx, len, group, name);
    transit_tx_done(t, len);
}

static void hear(struct transit *t, const char *text)
{
    assert_int_equal(transit_rx(t, text, strlen(text)), strlen(text));
}

static void transit_handshake(const json_t *group, const uint8_t *key, const char *relay_side)
{
    struct transit s, r;

    assert_int_equal(transit_init(&s, key, TRANSIT_SENDER, relay_side), PROTO_OK);
    assert_int_equal(transit_init(&r, key, TRANSIT_RECEIVER, relay_side), PROTO_OK);
    if (relay_side != NULL) {
        assert_tx(&s, group, "relay_handshake_hex");
        assert_tx(&r, group, "relay_handshake_hex");
        hear(&s, text_of(group, "relay_ok"));
        hear(&r, text_of(group, "relay_ok"));
    }
    assert_tx(&s, group, "sender_handshake_hex");
    assert_tx(&r, group, "receiver_handshake_hex");
    hear(&s, text_of(group, "receiver_handshake_ascii"));
    hear(&r, text_of(group, "sender_handshake_ascii"));
    struct transit s2 = s, r2 = r;
    assert_int_equal(transit_select(&s), PROTO_OK);
    assert_memory_equal(s.tx, text_of(group, "go"), s.tx_len);
    hear(&r, text_of(group, "go"));
    assert_int_equal(r.state, TRANSIT_SELECTED);
    assert_int_equal(transit_reject(&s2), PROTO_OK);
    assert_memory_equal(s2.tx, text_of(group, "nevermind"), s2.tx_len);
    hear(&r2, text_of(group, "nevermind"));
    assert_int_equal(r2.state, TRANSIT_REJECTED);
}

static void transit_records(const json_t *records, const uint8_t *key, enum transit_role from)
{
    struct record_encoder e;
    struct record_decoder d;
    struct bytes wire = {0}, plain = {0};
    const json_t *c;
    size_t used;

    record_encoder_init(&e, key, from);
    record_decoder_init(&d, key, from == TRANSIT_SENDER ? TRANSIT_RECEIVER : TRANSIT_SENDER);
    foreach (c, records) {
        struct blob text = blob_of(c, "plaintext_hex");
        bytes_clear(&wire);
        bytes_clear(&plain);
        assert_int_equal(e.count, int_of(c, "n"));
        assert_int_equal(record_encode(&e, &wire, text.data, text.len), PROTO_OK);
        assert_buffer(&wire, c, "wire_hex");
        assert_bytes(wire.data, 4, c, "len_prefix_hex");
        assert_bytes(wire.data + 4, 24, c, "nonce_hex");
        assert_int_equal(record_decode(&d, wire.data, wire.len, &used, &plain), 1);
        assert_buffer(&plain, c, "plaintext_hex");
    }
    record_encoder_release(&e);
    record_decoder_release(&d);
    bytes_release(&wire);
    bytes_release(&plain);
}

static void transit(const json_t *group)
{
    struct blob key = bytes_of(group, "transit_key_hex", TRANSIT_KEY_BYTES);
    struct record_encoder e;

    assert_purpose(group, "wormhole_key_hex", text_of(group, "purpose"), "transit_key_hex");
    assert_purpose(group, "transit_key_hex", "transit_relay_token", "relay_token_hex");
    transit_handshake(group, key.data, NULL);
    transit_handshake(group, key.data, text_of(group, "transit_side"));
    record_encoder_init(&e, key.data, TRANSIT_SENDER);
    assert_bytes(e.key, sizeof(e.key), group, "record_sender_key_hex");
    record_encoder_init(&e, key.data, TRANSIT_RECEIVER);
    assert_bytes(e.key, sizeof(e.key), group, "record_receiver_key_hex");
    transit_records(cases_of(group, "sender_records"), key.data, TRANSIT_SENDER);
    transit_records(cases_of(group, "receiver_records"), key.data, TRANSIT_RECEIVER);
}

/* ---- from elsewhere ---- */

static const char appid[] = "lothar.com/wormhole/text-or-file-xfer";

static struct spake2 started_live(const json_t *person)
{
    struct blob scalar = bytes_of(person, "scalar_int_be_hex", SPAKE2_SCALAR_BYTES);
    struct blob pw_scalar = bytes_of(person, "pw_scalar_int_be_hex", SPAKE2_SCALAR_BYTES);
    struct blob entropy = {.len = SPAKE2_ENTROPY_BYTES}; /* big-endian: the scalar with zeros */

    memcpy(entropy.data + SPAKE2_ENTROPY_BYTES - scalar.len, scalar.data, scalar.len);
    struct spake2 s = started(text_of(person, "code"), appid, &entropy);
    for (size_t i = 0; i < SPAKE2_SCALAR_BYTES; i++)
        assert_int_equal(s.pw_scalar[i], pw_scalar.data[SPAKE2_SCALAR_BYTES - 1 - i]);
    assert_bytes(s.msg, sizeof(s.msg), person, "msg_hex");
    return s;
}

static void live_session(const json_t *group)
{
    struct spake2 sender = started_live(get(group, "sender"));
    struct spake2 receiver = started_live(get(group, "receiver"));

    assert_key(&sender, receiver.msg, group, "shared_key_hex");
    assert_key(&receiver, sender.msg, group, "shared_key_hex");
    assert_purpose(group, "shared_key_hex", transit_purpose, "transit_key_hex");
}

/* The constants of other implementations' tests. The file abbreviates their inputs. */
static void external_phase_key(uint8_t out[static 32], const char *key_hex, const char *side,
                               const char *phase)
{
    struct blob key = unhex(key_hex);
    struct bytes info = {0};
    uint8_t hash[32];

    bytes_put_str(&info, "wormhole:phase:");
    crypto_hash_sha256(hash, (const uint8_t *)side, strlen(side));
    bytes_put(&info, hash, sizeof(hash));
    crypto_hash_sha256(hash, (const uint8_t *)phase, strlen(phase));
    bytes_put(&info, hash, sizeof(hash));
    kdf_derive(out, 32, key.data, key.len, info.data, info.len);
    bytes_release(&info);
}

static const char main_key[] = "588ba9eef353778b074413a0140205d90d7479e36e0dd4ee35bb729d26131ef1";

static void external_secretbox(const json_t *kat)
{
    struct blob key = unhex("ddc543ef8e4629a603d39dd0307a51bb1e7adb9cb259f6b085c91d0842a18679");
    struct blob plain = unhex("edc089a518219ec1cee184e89d2d37af");
    struct blob want = blob_of(kat, "expected_hex");
    uint8_t opened[64];

    assert_int_equal(want.len, plain.len + PHASE_OVERHEAD);
    assert_int_equal(crypto_secretbox_open_easy(opened, want.data + PHASE_NONCE_BYTES,
                                                want.len - PHASE_NONCE_BYTES, want.data, key.data),
                     0);
    assert_memory_equal(opened, plain.data, plain.len);
}

static void external_kats(const json_t *group)
{
    struct blob key = unhex(main_key);
    uint8_t out[32];
    size_t n = 0;

    assert_int_equal(json_array_size(group), 11);
    kdf_purpose(out, sizeof(out), key.data, "purpose1");
    assert_bytes(out, sizeof(out), json_array_get(group, n++), "expected_hex");
    static const char *const sides[] = {"side1", "side2"}, *const phases[] = {"phase1", "phase2"};
    for (size_t i = 0; i < 4; i++) {
        phase_key(out, key.data, sides[i / 2], phases[i % 2]);
        assert_bytes(out, sizeof(out), json_array_get(group, n++), "expected_hex");
    }
    external_phase_key(out, "6b6579", "side", "phase1");
    assert_bytes(out, sizeof(out), json_array_get(group, n++), "expected_hex");
    external_secretbox(json_array_get(group, n++));
    static const char *const purposes[] = {"transit_sender", "transit_receiver",
                                           "transit_record_sender_key",
                                           "transit_record_receiver_key"};
    for (size_t i = 0; i < 4; i++) {
        kdf_derive(out, sizeof(out), "123", 3, purposes[i], strlen(purposes[i]));
        assert_bytes(out, sizeof(out), json_array_get(group, n++), "expected_hex");
    }
    assert_int_equal(n, json_array_size(group));
}

/* ---- the table ---- */

static void prose(const json_t *group)
{
    assert_true(json_is_object(group));
}

static const struct {
    const char *name;
    void (*run)(const json_t *group);
} groups[] = {
    {"_about", prose},
    {"verification", prose},
    {"params", params},
    {"spake2_symmetric", spake2_symmetric},
    {"spake2_code_mismatch", spake2_code_mismatch},
    {"spake2_negative", spake2_negative},
    {"spake2_negative_libsodium", spake2_negative_libsodium},
    {"noncanonical_subgroup_points_exist", noncanonical_points},
    {"pake_body_negative", pake_body_negative},
    {"derive_key", derive_key},
    {"hkdf_rfc5869_style", hkdf_rfc5869_style},
    {"derive_phase_key", derive_phase_key},
    {"verifier", verifier},
    {"mailbox_encrypt", mailbox_encrypt},
    {"mailbox_decrypt_negative", mailbox_decrypt_negative},
    {"transit", transit},
    {"live_session_file_direct", live_session},
    {"external_kats", external_kats},
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

static void run_group(void **state)
{
    size_t i = *(const size_t *)*state;
    const json_t *group = get(vectors, groups[i].name);

    assert_true(json_object_size(group) > 0 || json_array_size(group) > 0);
    groups[i].run(group);
}

static void every_group_of_the_file_is_run(void **state)
{
    (void)state;
    assert_int_equal(json_object_size(vectors), GROUPS);
}

int main(void)
{
    struct CMUnitTest tests[GROUPS + 1] = {cmocka_unit_test(every_group_of_the_file_is_run)};
    size_t numbers[GROUPS];

    for (size_t i = 0; i < GROUPS; i++) {
        numbers[i] = i;
        tests[i + 1] = (struct CMUnitTest){
            .name = groups[i].name, .test_func = run_group, .initial_state = &numbers[i]};
    }
    return cmocka_run_group_tests(tests, load, unload);
}
