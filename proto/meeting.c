/* mine  theirs  need   what                                then
 * no    no      no                                         leave (the owner's business)
 * no    any     yes    CHALLENGE                           mine
 * no    yes     no     CHALLENGE                           mine
 * yes   yes     any    ANSWER (leader, each, unless done)  wait for the confirm
 * yes   yes     any    (follower)                          wait for the answer
 * an answer (follower) or confirm (leader) of mine:  AGREED */
#include "proto/meeting.h"

#include <string.h>

#include <sodium.h>

#include "proto/error.h"

enum kind {
    KIND_CHALLENGE = 80,
    KIND_ANSWER = 81,
    KIND_CONFIRM = 82,
};

/* Answers and confirms are alike. */
struct agreement {
    const uint8_t *follower_challenge;
    const uint8_t *leader_challenge;
    uint64_t generation;
    const uint8_t *public;
};

static bool same(const uint8_t *a, const uint8_t *b)
{
    return sodium_memcmp(a, b, RATCHET_CHALLENGE_BYTES) == 0;
}

void meeting_init(struct meeting *m, bool leader)
{
    *m = (struct meeting){.leader = leader};
}

void meeting_release(struct meeting *m)
{
    sodium_memzero(m, sizeof(*m));
}

void meeting_begin_visit(struct meeting *m)
{
    sodium_memzero(m->theirs, sizeof(m->theirs));
    sodium_memzero(&m->agreement, sizeof(m->agreement));
    m->theirs_count = 0;
    m->agreed = false;
}

void meeting_forget(struct meeting *m)
{
    sodium_memzero(&m->mine, sizeof(m->mine));
    m->phase[0] = '\0';
    m->agreed = false;
}

/* ---- what is said there ---- */

static struct meeting_theirs *find(struct meeting *m, const uint8_t *challenge)
{
    for (size_t i = 0; i < m->theirs_count; i++)
        if (same(m->theirs[i].challenge, challenge))
            return &m->theirs[i];
    return NULL;
}

static int take_challenge(struct meeting *m, struct reader *in)
{
    const uint8_t *challenge = reader_take(in, RATCHET_CHALLENGE_BYTES);
    uint64_t used = reader_u64(in);

    reader_take(in, RATCHET_PUBLIC_BYTES); /* an answer or a confirm says it again */
    if (!reader_done(in) || used >= GENERATION_MAX)
        return PROTO_ERR_MALFORMED;
    if (same(challenge, m->met) || find(m, challenge) != NULL)
        return PROTO_OK;
    if (m->theirs_count == MEETING_THEIRS_MAX)
        memmove(m->theirs, m->theirs + 1, --m->theirs_count * sizeof(m->theirs[0]));
    struct meeting_theirs *t = &m->theirs[m->theirs_count++];
    *t = (struct meeting_theirs){.used = used};
    memcpy(t->challenge, challenge, RATCHET_CHALLENGE_BYTES);
    return PROTO_OK;
}

static int take_agreement(struct agreement *a, struct reader *in)
{
    a->follower_challenge = reader_take(in, RATCHET_CHALLENGE_BYTES);
    a->leader_challenge = reader_take(in, RATCHET_CHALLENGE_BYTES);
    a->generation = reader_u64(in);
    a->public = reader_take(in, RATCHET_PUBLIC_BYTES);
    return reader_done(in) && a->generation <= GENERATION_MAX ? PROTO_OK : PROTO_ERR_MALFORMED;
}

static int take_answer_or_confirm(struct meeting *m, struct reader *in, uint64_t used)
{
    struct agreement a;

    int err = take_agreement(&a, in);
    if (err != PROTO_OK)
        return err;
    const uint8_t *ours = m->leader ? a.leader_challenge : a.follower_challenge;
    const uint8_t *theirs = m->leader ? a.follower_challenge : a.leader_challenge;
    if (!m->mine.known || !same(ours, m->mine.challenge) || a.generation <= used)
        return PROTO_OK;
    m->agreed = true;
    m->agreement.generation = a.generation;
    memcpy(m->agreement.challenge, theirs, RATCHET_CHALLENGE_BYTES);
    memcpy(m->agreement.public, a.public, RATCHET_PUBLIC_BYTES);
    return PROTO_OK;
}

int meeting_received(struct meeting *m, const void *plain, size_t len, uint64_t used)
{
    struct reader in = reader_of(plain, len);
    uint8_t kind = reader_u8(&in);

    if (kind == KIND_CHALLENGE)
        return take_challenge(m, &in);
    if (kind == (m->leader ? KIND_CONFIRM : KIND_ANSWER))
        return take_answer_or_confirm(m, &in, used);
    return PROTO_ERR_MALFORMED;
}

void meeting_own(struct meeting *m, const void *plain, size_t len)
{
    struct reader in = reader_of(plain, len);
    struct agreement a;

    if (!m->leader || reader_u8(&in) != KIND_ANSWER || take_agreement(&a, &in) != PROTO_OK)
        return;
    struct meeting_theirs *t = find(m, a.follower_challenge);
    if (t != NULL && m->mine.known && same(a.leader_challenge, m->mine.challenge))
        t->answered = true;
}

/* ---- what to do ---- */

/* The last that we have not answered; theirs_count if there is none. */
static size_t unanswered(const struct meeting *m)
{
    for (size_t i = m->theirs_count; i-- > 0;)
        if (!m->theirs[i].answered)
            return i;
    return m->theirs_count;
}

enum meeting_step meeting_step(const struct meeting *m, bool need)
{
    if (m->agreed)
        return MEETING_AGREED;
    if (!m->mine.known)
        return need || m->theirs_count > 0 ? MEETING_CHALLENGE : MEETING_WAIT;
    return m->leader && unanswered(m) < m->theirs_count ? MEETING_ANSWER : MEETING_WAIT;
}

static int built(const struct bytes *out)
{
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int meeting_challenge(struct meeting *m, const char *phase, uint64_t used, struct now *now,
                      struct bytes *plain)
{
    m->mine.known = true;
    m->mine.used = used;
    for (size_t i = 0; i < m->theirs_count; i++)
        m->theirs[i].answered = false;
    now_random(now, m->mine.challenge, sizeof(m->mine.challenge));
    ratchet_pair_draw(&m->mine.pair, now);
    strncpy(m->phase, phase, PHASE_LEN_MAX);
    bytes_put_u8(plain, KIND_CHALLENGE);
    bytes_put(plain, m->mine.challenge, RATCHET_CHALLENGE_BYTES);
    bytes_put_u64(plain, used);
    bytes_put(plain, m->mine.pair.public, RATCHET_PUBLIC_BYTES);
    return built(plain);
}

static int build_agreement(struct bytes *out, enum kind kind, const struct agreement *a)
{
    bytes_put_u8(out, (uint8_t)kind);
    bytes_put(out, a->follower_challenge, RATCHET_CHALLENGE_BYTES);
    bytes_put(out, a->leader_challenge, RATCHET_CHALLENGE_BYTES);
    bytes_put_u64(out, a->generation);
    bytes_put(out, a->public, RATCHET_PUBLIC_BYTES);
    return built(out);
}

int meeting_answer(struct meeting *m, uint64_t used, struct bytes *plain)
{
    size_t at = unanswered(m);
    struct meeting_theirs *t = &m->theirs[at];

    if (at == m->theirs_count)
        return PROTO_ERR_STATE;
    t->answered = true;
    return build_agreement(plain, KIND_ANSWER,
                           &(struct agreement){.follower_challenge = t->challenge,
                                               .leader_challenge = m->mine.challenge,
                                               .generation = 1 + (used > t->used ? used : t->used),
                                               .public = m->mine.pair.public});
}

int meeting_agree(struct meeting *m, const struct ratchet_roots *roots, uint64_t *generation,
                  uint8_t key[static RATCHET_KEY_BYTES], struct bytes *confirm)
{
    const uint8_t *ours = m->mine.pair.public, *theirs = m->agreement.public;
    struct ratchet_exchange x = {
        .generation = m->agreement.generation,
        .leader_public = m->leader ? ours : theirs,
        .follower_public = m->leader ? theirs : ours,
        .leader_challenge = m->leader ? m->mine.challenge : m->agreement.challenge,
        .follower_challenge = m->leader ? m->agreement.challenge : m->mine.challenge,
    };

    *generation = x.generation;
    int err = ratchet_meet(key, roots, m->mine.pair.secret, theirs, &x);
    if (err == PROTO_OK && !m->leader)
        err = build_agreement(confirm, KIND_CONFIRM,
                              &(struct agreement){.follower_challenge = x.follower_challenge,
                                                  .leader_challenge = x.leader_challenge,
                                                  .generation = x.generation,
                                                  .public = ours});
    memcpy(m->met, m->agreement.challenge, sizeof(m->met));
    meeting_forget(m);
    return err;
}

/* ---- saving ---- */

int meeting_save(const struct meeting *m, struct bytes *out)
{
    bytes_put_u8(out, m->leader);
    bytes_put(out, m->met, sizeof(m->met));
    bytes_put_u8(out, m->mine.known);
    if (m->mine.known) {
        bytes_put(out, m->mine.challenge, sizeof(m->mine.challenge));
        bytes_put_u64(out, m->mine.used);
        bytes_put(out, m->mine.pair.secret, sizeof(m->mine.pair.secret));
        bytes_put(out, m->mine.pair.public, sizeof(m->mine.pair.public));
        bytes_put_blob(out, m->phase, strlen(m->phase));
    }
    return built(out);
}

static void load_mine(struct meeting *m, struct reader *in)
{
    m->mine.known = true;
    reader_copy(in, m->mine.challenge, sizeof(m->mine.challenge));
    m->mine.used = reader_u64(in);
    reader_copy(in, m->mine.pair.secret, sizeof(m->mine.pair.secret));
    reader_copy(in, m->mine.pair.public, sizeof(m->mine.pair.public));
    reader_word(in, m->phase, PHASE_LEN_MAX);
}

int meeting_load(struct meeting *m, struct reader *in)
{
    meeting_release(m);
    uint8_t leader = reader_u8(in);
    m->leader = leader == 1;
    reader_copy(in, m->met, sizeof(m->met));
    uint8_t known = reader_u8(in);
    if (known == 1)
        load_mine(m, in);
    if (reader_ok(in) && leader <= 1 && known <= 1)
        return PROTO_OK;
    meeting_release(m);
    return PROTO_ERR_MALFORMED;
}
