/* A visit to the meeting: what a peer with the root key says there, and what is seen there of our
 * own side. Operations: 0 a plaintext of theirs, 1 one of ours, 2 their challenge, 3 an answer or
 * confirm to our live challenge, 4 a new visit, 5 a restart. After each the step is carried out. */
#include <sodium.h>

#include "proto/meeting.h"
#include "tests/fuzz/fuzz.h"

enum { PLAIN_MAX = 300, OPS = 6, KIND_CHALLENGE = 80, KIND_ANSWER = 81, KIND_CONFIRM = 82 };

struct visit {
    struct meeting m;
    uint64_t used;
    struct now now;
};

static void hear(struct visit *v, const struct bytes *plain)
{
    int err = meeting_received(&v->m, plain->data, plain->len, v->used);

    MUST(err == PROTO_OK || err == PROTO_ERR_MALFORMED);
}

/* What a peer could rightly say; `public` may be anything. */
static void build(struct visit *v, struct reader *in, uint8_t kind, struct bytes *plain)
{
    uint8_t fresh[RATCHET_CHALLENGE_BYTES] = {0}, public[RATCHET_PUBLIC_BYTES] = {0};

    fresh[0] = reader_u8(in);
    uint64_t number = v->used + reader_u8(in) % 4;
    public[0] = reader_u8(in);
    bytes_put_u8(plain, kind);
    if (kind == KIND_CHALLENGE) {
        bytes_put(plain, fresh, sizeof fresh);
    } else {
        const uint8_t *mine = v->m.mine.challenge;
        const uint8_t *theirs = v->m.theirs[fresh[0] % MEETING_THEIRS_MAX].challenge;
        bytes_put(plain, v->m.leader ? theirs : mine, sizeof fresh);
        bytes_put(plain, v->m.leader ? mine : theirs, sizeof fresh);
    }
    bytes_put_u64(plain, number);
    bytes_put(plain, public, sizeof public);
}

static void restart(struct visit *v)
{
    struct bytes saved = {0}, again = {0};

    MUST(meeting_save(&v->m, &saved) == PROTO_OK);
    struct reader in = reader_of(saved.data, saved.len);
    MUST(meeting_load(&v->m, &in) == PROTO_OK && reader_done(&in));
    MUST(meeting_save(&v->m, &again) == PROTO_OK && fuzz_equal(&again, saved.data, saved.len));
    bytes_release(&saved);
    bytes_release(&again);
}

static void one(struct visit *v, struct reader *in)
{
    uint8_t op = reader_u8(in) % OPS;
    struct bytes plain = {0};
    size_t len;

    if (op <= 1) {
        const uint8_t *data = fuzz_some(in, PLAIN_MAX, &len);
        bytes_put(&plain, data, len);
        if (op == 0)
            hear(v, &plain);
        else
            meeting_own(&v->m, plain.data, plain.len);
    } else if (op <= 3) {
        build(v, in, op == 2 ? KIND_CHALLENGE : v->m.leader ? KIND_CONFIRM : KIND_ANSWER, &plain);
        hear(v, &plain);
    } else if (op == 4) {
        meeting_begin_visit(&v->m);
    } else {
        restart(v);
    }
    bytes_release(&plain);
}

static void agree(struct visit *v)
{
    struct ratchet_roots roots = {.mailboxes = {1}, .meeting = {2}};
    struct bytes confirm = {0};
    uint8_t key[RATCHET_KEY_BYTES];
    uint64_t generation;
    int err = meeting_agree(&v->m, &roots, &generation, key, &confirm);

    MUST(err == PROTO_OK || err == PROTO_ERR_CRYPTO);
    MUST(!v->m.mine.known && !v->m.agreed && v->m.theirs_count <= MEETING_THEIRS_MAX);
    if (err == PROTO_OK) {
        MUST(generation > v->used && generation <= GENERATION_MAX);
        v->used = generation;
    }
    bytes_release(&confirm);
}

static void carry_out(struct visit *v, bool need)
{
    struct bytes plain = {0};

    switch (meeting_step(&v->m, need)) {
    case MEETING_WAIT:
        break;
    case MEETING_CHALLENGE:
        MUST(meeting_challenge(&v->m, "e0123456789abcdef", v->used, &v->now, &plain) == PROTO_OK);
        break;
    case MEETING_ANSWER:
        MUST(meeting_answer(&v->m, v->used, &plain) == PROTO_OK);
        meeting_own(&v->m, plain.data, plain.len);
        break;
    case MEETING_AGREED:
        agree(v);
        break;
    }
    bytes_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader in = reader_of(data, len);
    struct visit v = {.used = 5, .now = {.ms = 1}};

    MUST(sodium_init() >= 0);
    meeting_init(&v.m, reader_u8(&in) % 2 == 0);
    while (fuzz_more(&in)) {
        one(&v, &in);
        carry_out(&v, in.left % 2 == 0);
    }
    meeting_release(&v.m);
    return 0;
}
