#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/meeting.h"

/* A leader and a follower in generations 7 and 9, and what they have said. */
struct two {
    struct meeting leader;
    struct meeting follower;
    struct ratchet_roots roots;
    struct now now;
};

enum { LEADER_USED = 7, FOLLOWER_USED = 9 };

static int begin(void **state)
{
    static struct two t;

    t = (struct two){.now = {.seed = {4}}, .roots = {.meeting = {5}}};
    meeting_init(&t.leader, true);
    meeting_init(&t.follower, false);
    *state = &t;
    return 0;
}

static uint64_t used(const struct two *t, const struct meeting *m)
{
    return m == &t->leader ? LEADER_USED : FOLLOWER_USED;
}

static struct bytes challenge(struct two *t, struct meeting *m)
{
    struct bytes b = {0};

    assert_int_equal(meeting_challenge(m, "e0123456789abcdef", used(t, m), &t->now, &b), PROTO_OK);
    return b;
}

static struct bytes answer(struct two *t)
{
    struct bytes b = {0};

    assert_int_equal(meeting_answer(&t->leader, LEADER_USED, &b), PROTO_OK);
    return b;
}

static void hear(struct two *t, struct meeting *m, const struct bytes *b)
{
    assert_int_equal(meeting_received(m, b->data, b->len, used(t, m)), PROTO_OK);
}

static uint64_t agree(struct two *t, struct meeting *m, uint8_t *key, struct bytes *confirm)
{
    uint64_t generation;

    assert_int_equal(meeting_step(m, false), MEETING_AGREED);
    assert_int_equal(meeting_agree(m, &t->roots, &generation, key, confirm), PROTO_OK);
    return generation;
}

static void release(struct bytes *a, struct bytes *b, struct bytes *c)
{
    bytes_release(a);
    bytes_release(b);
    bytes_release(c);
}

static void only_who_needs_one_begins(void **state)
{
    struct two *t = *state;

    assert_int_equal(meeting_step(&t->leader, false), MEETING_WAIT);
    assert_int_equal(meeting_step(&t->leader, true), MEETING_CHALLENGE);
    struct bytes f = challenge(t, &t->follower);
    assert_int_equal(meeting_step(&t->follower, true), MEETING_WAIT);
    hear(t, &t->leader, &f); /* the peer does: so we answer */
    assert_int_equal(meeting_step(&t->leader, false), MEETING_CHALLENGE);
    bytes_release(&f);
}

static void they_agree_on_a_generation_above_both(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader), confirm = {0};
    struct bytes none = {0};
    uint8_t one[RATCHET_KEY_BYTES], other[RATCHET_KEY_BYTES];

    hear(t, &t->follower, &l);
    assert_int_equal(meeting_step(&t->follower, true), MEETING_WAIT);
    hear(t, &t->leader, &f);
    assert_int_equal(meeting_step(&t->leader, true), MEETING_ANSWER);
    struct bytes a = answer(t);
    assert_int_equal(meeting_step(&t->leader, true), MEETING_WAIT);
    hear(t, &t->follower, &a);
    assert_int_equal(agree(t, &t->follower, one, &confirm), 10);
    assert_false(t->follower.mine.known);
    hear(t, &t->leader, &confirm);
    assert_int_equal(agree(t, &t->leader, other, &none), 10);
    assert_memory_equal(one, other, sizeof(one));
    assert_int_equal(none.len, 0);
    release(&f, &l, &confirm);
    bytes_release(&a);
}

static void a_leader_that_forgot_what_it_answered_still_takes_the_confirm(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader), confirm = {0},
                 b = {0};
    uint8_t one[RATCHET_KEY_BYTES], other[RATCHET_KEY_BYTES];

    hear(t, &t->leader, &f);
    struct bytes a = answer(t);
    hear(t, &t->follower, &a);
    agree(t, &t->follower, one, &confirm);
    assert_int_equal(meeting_save(&t->leader, &b), PROTO_OK);
    struct reader r = reader_of(b.data, b.len);
    assert_int_equal(meeting_load(&t->leader, &r), PROTO_OK);
    assert_true(reader_done(&r));
    assert_string_equal(t->leader.phase, "e0123456789abcdef");
    hear(t, &t->leader, &confirm);
    agree(t, &t->leader, other, &confirm);
    assert_memory_equal(one, other, sizeof(one));
    release(&f, &l, &confirm);
    release(&a, &b, &b);
}

static void a_dead_challenge_leads_to_nothing(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader);

    hear(t, &t->leader, &f);
    struct bytes a = answer(t);
    meeting_forget(&t->follower);
    hear(t, &t->follower, &a);
    assert_int_equal(meeting_step(&t->follower, false), MEETING_WAIT);
    struct bytes again = challenge(t, &t->follower);
    hear(t, &t->follower, &a); /* replayed: it answers the old one */
    assert_int_equal(meeting_step(&t->follower, false), MEETING_WAIT);
    release(&f, &l, &a);
    bytes_release(&again);
}

static void a_confirm_of_another_challenge_leads_to_nothing(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader), confirm = {0};
    uint8_t key[RATCHET_KEY_BYTES];

    hear(t, &t->leader, &f);
    struct bytes a = answer(t);
    hear(t, &t->follower, &a);
    agree(t, &t->follower, key, &confirm);
    meeting_forget(&t->leader);
    struct bytes again = challenge(t, &t->leader);
    hear(t, &t->leader, &confirm);
    assert_int_not_equal(meeting_step(&t->leader, true), MEETING_AGREED);
    release(&f, &l, &confirm);
    release(&a, &again, &again);
}

static void a_generation_that_was_used_is_not_agreed_on(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader);

    hear(t, &t->leader, &f);
    struct bytes a = answer(t);
    assert_int_equal(meeting_received(&t->follower, a.data, a.len, 10), PROTO_OK);
    assert_int_equal(meeting_step(&t->follower, true), MEETING_WAIT);
    release(&f, &l, &a);
}

static void a_visit_begins_with_nothing_heard(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader);

    hear(t, &t->leader, &f);
    assert_int_equal(meeting_step(&t->leader, false), MEETING_ANSWER);
    meeting_begin_visit(&t->leader);
    assert_true(t->leader.mine.known);
    assert_int_equal(meeting_step(&t->leader, false), MEETING_WAIT);
    bytes_release(&f);
    bytes_release(&l);
}

static void an_answer_that_is_there_is_not_given_again(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader);

    hear(t, &t->leader, &f);
    struct bytes a = answer(t);
    meeting_begin_visit(&t->leader);
    hear(t, &t->leader, &f);
    assert_int_equal(meeting_step(&t->leader, false), MEETING_ANSWER);
    meeting_own(&t->leader, a.data, a.len);
    assert_int_equal(meeting_step(&t->leader, false), MEETING_WAIT);
    struct bytes newer = challenge(t, &t->follower);
    hear(t, &t->leader, &newer);
    assert_int_equal(meeting_step(&t->leader, false), MEETING_ANSWER);
    release(&f, &l, &a);
    bytes_release(&newer);
}

/* A server may show an old challenge after the one that is live. */
static void each_challenge_is_answered(void **state)
{
    struct two *t = *state;
    struct bytes old = challenge(t, &t->follower), l = challenge(t, &t->leader), confirm = {0};
    uint8_t key[RATCHET_KEY_BYTES];

    meeting_forget(&t->follower);
    struct bytes live = challenge(t, &t->follower);
    hear(t, &t->leader, &live);
    hear(t, &t->leader, &old);
    struct bytes a = answer(t), b = answer(t);
    assert_int_equal(meeting_step(&t->leader, true), MEETING_WAIT);
    struct bytes none = {0};
    assert_int_equal(meeting_answer(&t->leader, LEADER_USED, &none), PROTO_ERR_STATE);
    struct meeting later = t->leader; /* what was answered was answered under one challenge */
    meeting_forget(&later);
    struct bytes another = challenge(t, &later);
    assert_int_equal(meeting_step(&later, true), MEETING_ANSWER);
    meeting_own(&later, a.data, a.len);
    meeting_own(&later, b.data, b.len);
    assert_int_equal(meeting_step(&later, true), MEETING_ANSWER);
    bytes_release(&another);
    hear(t, &t->follower, &a);
    hear(t, &t->follower, &b);
    agree(t, &t->follower, key, &confirm);
    hear(t, &t->leader, &confirm);
    agree(t, &t->leader, key, &none);
    release(&old, &l, &live);
    release(&a, &b, &confirm);
}

static void of_many_challenges_the_last_are_answered(void **state)
{
    struct two *t = *state;
    struct bytes l = challenge(t, &t->leader), f = {0}, a = {0};

    for (int i = 0; i < 3 * MEETING_THEIRS_MAX; i++) {
        bytes_release(&f);
        meeting_forget(&t->follower);
        f = challenge(t, &t->follower);
        hear(t, &t->leader, &f);
    }
    for (int i = 0; i < MEETING_THEIRS_MAX; i++) {
        assert_int_equal(meeting_step(&t->leader, true), MEETING_ANSWER);
        a = answer(t);
        hear(t, &t->follower, &a);
        bytes_release(&a);
        assert_int_equal(meeting_step(&t->follower, true),
                         MEETING_AGREED); /* the last comes first */
    }
    assert_int_equal(meeting_step(&t->leader, true), MEETING_WAIT);
    assert_int_equal(meeting_step(&t->follower, true), MEETING_AGREED);
    release(&f, &l, &a);
}

/* Else its remains in the mailbox would bring about one meeting after another. */
static void the_challenge_of_the_last_meeting_is_known_to_be_dead(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader), confirm = {0};
    uint8_t key[RATCHET_KEY_BYTES];

    hear(t, &t->leader, &f);
    struct bytes a = answer(t);
    hear(t, &t->follower, &a);
    agree(t, &t->follower, key, &confirm);
    hear(t, &t->leader, &confirm);
    agree(t, &t->leader, key, &confirm);
    meeting_begin_visit(&t->leader);
    meeting_begin_visit(&t->follower);
    hear(t, &t->leader, &f);
    hear(t, &t->follower, &l);
    assert_int_equal(meeting_step(&t->leader, false), MEETING_WAIT);
    assert_int_equal(meeting_step(&t->follower, false), MEETING_WAIT);
    release(&f, &l, &confirm);
    bytes_release(&a);
}

static void nonsense_is_malformed(void **state)
{
    struct two *t = *state;
    struct bytes f = challenge(t, &t->follower), l = challenge(t, &t->leader);

    for (size_t len = 0; len < f.len; len++)
        assert_int_equal(meeting_received(&t->leader, f.data, len, 0), PROTO_ERR_MALFORMED);
    hear(t, &t->leader, &f);
    struct bytes a = answer(t);
    /* Answers are the leader's to give. */
    assert_int_equal(meeting_received(&t->leader, a.data, a.len, 0), PROTO_ERR_MALFORMED);
    memset(f.data + 33, 0xff, 8);
    assert_int_equal(meeting_received(&t->leader, f.data, f.len, 0), PROTO_ERR_MALFORMED);
    release(&f, &l, &a);
}

static void a_cut_save_is_malformed(void **state)
{
    struct two *t = *state;
    struct bytes l = challenge(t, &t->leader), b = {0};

    assert_int_equal(meeting_save(&t->leader, &b), PROTO_OK);
    for (size_t len = 0; len < b.len; len++) {
        struct reader r = reader_of(b.data, len);
        assert_int_equal(meeting_load(&t->follower, &r), PROTO_ERR_MALFORMED);
    }
    bytes_release(&l);
    bytes_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_who_needs_one_begins, begin),
        cmocka_unit_test_setup(they_agree_on_a_generation_above_both, begin),
        cmocka_unit_test_setup(a_leader_that_forgot_what_it_answered_still_takes_the_confirm,
                               begin),
        cmocka_unit_test_setup(a_dead_challenge_leads_to_nothing, begin),
        cmocka_unit_test_setup(a_confirm_of_another_challenge_leads_to_nothing, begin),
        cmocka_unit_test_setup(a_generation_that_was_used_is_not_agreed_on, begin),
        cmocka_unit_test_setup(a_visit_begins_with_nothing_heard, begin),
        cmocka_unit_test_setup(an_answer_that_is_there_is_not_given_again, begin),
        cmocka_unit_test_setup(each_challenge_is_answered, begin),
        cmocka_unit_test_setup(of_many_challenges_the_last_are_answered, begin),
        cmocka_unit_test_setup(the_challenge_of_the_last_meeting_is_known_to_be_dead, begin),
        cmocka_unit_test_setup(nonsense_is_malformed, begin),
        cmocka_unit_test_setup(a_cut_save_is_malformed, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
