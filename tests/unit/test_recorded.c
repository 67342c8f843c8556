/* The primitives against recorded sessions of real clients (Python 0.12, Go 1.0.6), in
 * tests/vectors/transcripts: NAME.plain.jsonl is what Python computed, NAME.relay.jsonl what went
 * through the transit relay, where long reads are recorded by their beginning only. */
#include "known.h"

#include <dirent.h>

#include "proto/kdf.h"
#include "proto/phase.h"
#include "proto/record.h"
#include "proto/spake2.h"
#include "proto/transit.h"

enum { EVENTS_MAX = 256, PEOPLE_MAX = 3 };

struct transcript {
    json_t *events[EVENTS_MAX];
    size_t count;
};

static void load_transcript(struct transcript *t, const char *file)
{
    char path[4096];
    json_t *event;

    snprintf(path, sizeof(path), "%s/transcripts/%s", getenv("VECTORS"), file);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    t->count = 0;
    while ((event = json_loadf(in, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL)) != NULL) {
        assert_true(t->count < EVENTS_MAX);
        t->events[t->count++] = event;
    }
    assert_true(feof(in));
    fclose(in);
    assert_true(t->count > 0);
}

static void unload_transcript(struct transcript *t)
{
    for (size_t i = 0; i < t->count; i++)
        json_decref(t->events[i]);
}

/* ---- what Python computed ---- */

struct person {
    const char *name;
    struct spake2 spake2;
    uint8_t key[SPAKE2_KEY_BYTES];
};

struct session {
    struct person people[PEOPLE_MAX];
    size_t count;
};

static struct person *person(struct session *s, const json_t *event)
{
    const char *name = text_of(event, "who");

    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->people[i].name, name) == 0)
            return &s->people[i];
    assert_true(s->count < PEOPLE_MAX);
    s->people[s->count].name = name;
    return &s->people[s->count++];
}

static void replay_start(struct person *p, const json_t *event)
{
    struct blob scalar = bytes_of(event, "xy_scalar", SPAKE2_SCALAR_BYTES);
    uint8_t entropy[SPAKE2_ENTROPY_BYTES] = {0};

    memcpy(entropy + sizeof(entropy) - scalar.len, scalar.data, scalar.len);
    assert_int_equal(
        spake2_start_entropy(&p->spake2, text_of(event, "pw"), text_of(event, "id"), entropy),
        PROTO_OK);
    assert_bytes(p->spake2.msg, SPAKE2_MSG_BYTES, event, "msg");
}

static void replay_finish(struct person *p, const json_t *event)
{
    struct blob inbound = blob_of(event, "inbound");

    assert_int_equal(spake2_finish(&p->spake2, inbound.data, inbound.len, p->key, NULL), PROTO_OK);
    assert_bytes(p->key, sizeof(p->key), event, "key");
}

static void replay_phase_key(struct person *p, const json_t *event)
{
    uint8_t out[PHASE_KEY_BYTES];

    phase_key(out, p->key, text_of(event, "side"), text_of(event, "phase"));
    assert_bytes(out, sizeof(out), event, "phase_key");
}

static void replay_encrypt(struct person *p, const json_t *event)
{
    const char *side = text_of(event, "side"), *phase = text_of(event, "phase");
    struct blob body = blob_of(event, "ciphertext");
    struct bytes plain = {0}, again = {0};

    assert_int_equal(phase_decrypt(&plain, p->key, side, phase, body.data, body.len), PROTO_OK);
    assert_buffer(&plain, event, "plaintext_hex");
    assert_int_equal(
        phase_encrypt_nonce(&again, p->key, side, phase, plain.data, plain.len, body.data),
        PROTO_OK);
    assert_buffer(&again, event, "ciphertext");
    bytes_release(&plain);
    bytes_release(&again);
}

static void replay_transit_key(struct person *p, const json_t *event)
{
    uint8_t out[TRANSIT_KEY_BYTES];

    kdf_purpose(out, sizeof(out), p->key, "lothar.com/wormhole/text-or-file-xfer/transit-key");
    assert_bytes(out, sizeof(out), event, "key");
}

static struct {
    const char *name;
    void (*replay)(struct person *p, const json_t *event);
    unsigned seen;
} kinds[] = {
    {.name = "spake2-start", .replay = replay_start},
    {.name = "spake2-finish", .replay = replay_finish},
    {.name = "derive_phase_key", .replay = replay_phase_key},
    {.name = "encrypt", .replay = replay_encrypt},
    {.name = "transit-key", .replay = replay_transit_key},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void replay_plain(const char *file)
{
    struct transcript t;
    struct session s = {0};

    load_transcript(&t, file);
    for (size_t i = 0; i < t.count; i++)
        for (size_t k = 0; k < KINDS; k++)
            if (strcmp(text_of(t.events[i], "ev"), kinds[k].name) == 0) {
                kinds[k].replay(person(&s, t.events[i]), t.events[i]);
                kinds[k].seen++;
            }
    unload_transcript(&t);
}

static void everything_that_python_computed(void **state)
{
    char folder[4096];
    const struct dirent *entry;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/transcripts", getenv("VECTORS"));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (strstr(entry->d_name, ".plain.jsonl") != NULL)
            replay_plain(entry->d_name);
    closedir(dir);
    for (size_t k = 0; k < KINDS; k++)
        assert_true(kinds[k].seen >= 15);
}

/* ---- what went through the relay ---- */

/* One client's connection to the relay, as far as it was recorded without a gap. */
struct wire {
    struct bytes sent, received;
};

static void collect(struct bytes *out, bool *gap, const json_t *event)
{
    struct blob read = blob_of(event, "hex");

    if (!*gap)
        bytes_put(out, read.data, read.len);
    *gap = *gap || read.len != int_of(event, "len");
}

static struct wire wire_of(const struct transcript *t, size_t conn)
{
    struct wire w = {0};
    bool sent_gap = false, received_gap = false;

    for (size_t i = 0; i < t->count; i++) {
        const json_t *event = t->events[i];
        if (int_of(event, "conn") != conn || json_object_get(event, "hex") == NULL)
            continue;
        if (strcmp(text_of(event, "dir"), "c2s") == 0)
            collect(&w.sent, &sent_gap, event);
        else
            collect(&w.received, &received_gap, event);
    }
    assert_true(bytes_ok(&w.sent) && bytes_ok(&w.received));
    return w;
}

/* Opens what records `wire` has from `at` on and makes them again, byte for byte. Their number. */
static unsigned compare_records(const struct bytes *wire, size_t at, const uint8_t *key,
                                enum transit_role from)
{
    struct record_decoder d;
    struct record_encoder e;
    unsigned records = 0;
    size_t used;
    struct bytes plain = {0}, again = {0};

    record_decoder_init(&d, key, from == TRANSIT_SENDER ? TRANSIT_RECEIVER : TRANSIT_SENDER);
    record_encoder_init(&e, key, from);
    while (record_decode(&d, wire->data + at, wire->len - at, &used, &plain) == 1) {
        assert_int_equal(record_encode(&e, &again, plain.data, plain.len), PROTO_OK);
        assert_int_equal(again.len, used);
        assert_memory_equal(again.data, wire->data + at, used);
        at += used;
        records++;
        bytes_clear(&plain);
        bytes_clear(&again);
    }
    assert_int_equal(d.failed, PROTO_OK);
    record_decoder_release(&d);
    record_encoder_release(&e);
    bytes_release(&plain);
    bytes_release(&again);
    return records;
}

/* Puts our machine in the place of the client: it must send and take the same bytes. */
static unsigned replay_client(const struct wire *w, const uint8_t *key)
{
    static const size_t relay_line = 13 + 64 + 10 + TRANSIT_SIDE_LEN + 1;
    char side[TRANSIT_SIDE_LEN + 1] = {0};
    struct transit t;
    size_t tx_len;

    assert_true(w->sent.len > relay_line + 17);
    memcpy(side, w->sent.data + 13 + 64 + 10, TRANSIT_SIDE_LEN);
    bool sender = memcmp(w->sent.data + relay_line, "transit sender ", 15) == 0;
    enum transit_role role = sender ? TRANSIT_SENDER : TRANSIT_RECEIVER;
    assert_int_equal(transit_init(&t, key, role, side), PROTO_OK);
    int taken = transit_rx(&t, w->received.data, w->received.len);
    assert_true(taken > 0);
    if (sender)
        assert_int_equal(transit_select(&t), PROTO_OK);
    assert_int_equal(t.state, TRANSIT_SELECTED);
    const uint8_t *tx = transit_tx(&t, &tx_len);
    assert_true(tx_len <= w->sent.len);
    assert_memory_equal(tx, w->sent.data, tx_len);
    return compare_records(&w->sent, tx_len, key, role) +
           compare_records(&w->received, (size_t)taken, key,
                           sender ? TRANSIT_RECEIVER : TRANSIT_SENDER);
}

static struct blob transit_key_of(const char *plain_file)
{
    struct transcript t;
    struct blob key = {.len = 0};

    load_transcript(&t, plain_file);
    for (size_t i = 0; i < t.count; i++)
        if (strcmp(text_of(t.events[i], "ev"), "transit-key") == 0)
            key = bytes_of(t.events[i], "key", TRANSIT_KEY_BYTES);
    unload_transcript(&t);
    assert_int_equal(key.len, TRANSIT_KEY_BYTES);
    return key;
}

static void replay_relay(const char *plain_file, const char *relay_file, unsigned records_min)
{
    struct transcript t;
    struct blob key = transit_key_of(plain_file);
    unsigned records = 0;

    load_transcript(&t, relay_file);
    for (size_t conn = 1; conn <= 2; conn++) {
        struct wire w = wire_of(&t, conn);
        records += replay_client(&w, key.data);
        bytes_release(&w.sent);
        bytes_release(&w.received);
    }
    unload_transcript(&t);
    assert_true(records >= records_min);
}

/* Each record is seen on both connections. */
static void python_to_python_by_relay(void **state)
{
    (void)state;
    replay_relay("file-relay.plain.jsonl", "file-relay.relay.jsonl", 2);
}

static void go_to_python_by_relay(void **state)
{
    (void)state;
    replay_relay("william-send-file.plain.jsonl", "william-send-file.relay.jsonl", 2);
    replay_relay("william-send-dir.plain.jsonl", "william-send-dir.relay.jsonl", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_python_computed),
        cmocka_unit_test(python_to_python_by_relay),
        cmocka_unit_test(go_to_python_by_relay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
