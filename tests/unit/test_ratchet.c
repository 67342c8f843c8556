#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bytes.h"
#include "proto/error.h"
#include "proto/ratchet.h"

static const uint8_t k[KDF_KEY_BYTES] = {1, 2, 3};

struct keys {
    struct ratchet_roots roots;
    uint8_t content[RATCHET_KEY_BYTES];
    struct ratchet_pair leader;
    struct ratchet_pair follower;
    uint8_t leader_challenge[RATCHET_CHALLENGE_BYTES];
    uint8_t follower_challenge[RATCHET_CHALLENGE_BYTES];
};

static struct keys drawn(void)
{
    struct keys s = {.leader_challenge = {1}, .follower_challenge = {2}};
    struct now now = {.seed = {5}};

    ratchet_start(&s.roots, s.content, k);
    ratchet_pair_draw(&s.leader, &now);
    ratchet_pair_draw(&s.follower, &now);
    return s;
}

static struct ratchet_exchange rotation(const struct keys *s)
{
    return (struct ratchet_exchange){
        .generation = 4, .leader_public = s->leader.public, .follower_public = s->follower.public};
}

static struct ratchet_exchange encounter(const struct keys *s)
{
    struct ratchet_exchange x = rotation(s);

    x.leader_challenge = s->leader_challenge;
    x.follower_challenge = s->follower_challenge;
    return x;
}

static void assert_differ(const uint8_t *a, const uint8_t *b)
{
    assert_memory_not_equal(a, b, RATCHET_KEY_BYTES);
}

/* Computed once with Python's hmac and hashlib from the formulas of PROTOCOL.md. */
static void roots_are_derived_as_specified(void **state)
{
    struct keys s = drawn();
    char hex[65], id[RATCHET_MAILBOX_LEN + 1];

    (void)state;
    hex_encode(hex, s.roots.mailboxes, 32);
    assert_string_equal(hex, "18cb19b31993ea3341c961b60b70b245779c9401a342e48089d79325e8404e8c");
    hex_encode(hex, s.roots.meeting, 32);
    assert_string_equal(hex, "6bf29e6e955fc506b70d0c3ece8bebe490ea10dd3762ef5fa8c3a3437dc94f73");
    hex_encode(hex, s.content, 32);
    assert_string_equal(hex, "171580782c3e4f55ca8b9516c8679a8891d65f61419bd22b88b34f02537ea590");
    ratchet_mailbox(id, &s.roots, 0x0102);
    assert_string_equal(id, "520db0775f3f3a37f5c74939443c8e01");
    ratchet_meeting_mailbox(id, &s.roots);
    assert_string_equal(id, "75491819c9afd9009e6a0d624ece33fe");
}

static void both_sides_of_a_rotation_get_one_key(void **state)
{
    struct keys s = drawn();
    struct ratchet_exchange x = rotation(&s);
    uint8_t a[32], b[32];

    (void)state;
    assert_int_equal(ratchet_rotate(a, s.content, s.leader.secret, s.follower.public, &x), 0);
    assert_int_equal(ratchet_rotate(b, s.content, s.follower.secret, s.leader.public, &x), 0);
    assert_memory_equal(a, b, 32);
    assert_differ(a, s.content);
}

/* Each thing that goes in must count. */
static void a_rotation_depends_on_all_of_it(void **state)
{
    struct keys s = drawn(), t = s;
    struct ratchet_exchange x = rotation(&s);
    uint8_t a[32], b[32];

    (void)state;
    assert_int_equal(ratchet_rotate(a, s.content, s.leader.secret, s.follower.public, &x), 0);
    t.content[0] ^= 1;
    assert_int_equal(ratchet_rotate(b, t.content, s.leader.secret, s.follower.public, &x), 0);
    assert_differ(a, b);
    x.generation++;
    assert_int_equal(ratchet_rotate(b, s.content, s.leader.secret, s.follower.public, &x), 0);
    assert_differ(a, b);
    x = rotation(&s);
    assert_int_equal(ratchet_rotate(b, s.content, s.follower.secret, s.follower.public, &x), 0);
    assert_differ(a, b);
    t.leader.public[0] ^= 1;
    x.leader_public = t.leader.public;
    assert_int_equal(ratchet_rotate(b, s.content, s.leader.secret, s.follower.public, &x), 0);
    assert_differ(a, b);
}

static void both_sides_of_a_meeting_get_one_key(void **state)
{
    struct keys s = drawn();
    struct ratchet_exchange x = encounter(&s);
    uint8_t a[32], b[32], c[32];

    (void)state;
    assert_int_equal(ratchet_meet(a, &s.roots, s.leader.secret, s.follower.public, &x), 0);
    assert_int_equal(ratchet_meet(b, &s.roots, s.follower.secret, s.leader.public, &x), 0);
    assert_memory_equal(a, b, 32);
    assert_int_equal(ratchet_rotate(c, s.roots.meeting, s.leader.secret, s.follower.public, &x), 0);
    assert_differ(a, c);
    x.leader_challenge = s.follower_challenge;
    assert_int_equal(ratchet_meet(b, &s.roots, s.leader.secret, s.follower.public, &x), 0);
    assert_differ(a, b);
    x = encounter(&s);
    x.follower_challenge = s.leader_challenge;
    assert_int_equal(ratchet_meet(b, &s.roots, s.leader.secret, s.follower.public, &x), 0);
    assert_differ(a, b);
}

static void a_public_key_that_gives_nothing_secret_is_refused(void **state)
{
    static const uint8_t zero[32], one[32] = {1};
    struct keys s = drawn();
    struct ratchet_exchange x = rotation(&s);
    uint8_t a[32];

    (void)state;
    memset(a, 7, sizeof(a));
    assert_int_equal(ratchet_rotate(a, s.content, s.leader.secret, zero, &x), PROTO_ERR_CRYPTO);
    assert_memory_equal(a, zero, 32);
    assert_int_equal(ratchet_meet(a, &s.roots, s.leader.secret, one, &x), PROTO_ERR_CRYPTO);
}

static void a_bulk_key_takes_both_challenges(void **state)
{
    struct keys s = drawn();
    uint8_t a[32], b[32];

    (void)state;
    ratchet_bulk(a, s.content, s.leader_challenge, s.follower_challenge);
    ratchet_bulk(b, s.content, s.leader_challenge, s.leader_challenge);
    assert_differ(a, b);
    ratchet_bulk(b, s.content, s.follower_challenge, s.leader_challenge);
    assert_differ(a, b);
    ratchet_bulk(b, s.roots.meeting, s.leader_challenge, s.follower_challenge);
    assert_differ(a, b);
    ratchet_bulk(b, s.content, s.leader_challenge, s.follower_challenge);
    assert_memory_equal(a, b, 32);
}

static void pairs_are_drawn_from_the_seed(void **state)
{
    struct ratchet_pair a, b;
    struct now one = {.seed = {1}}, same = {.seed = {1}};

    (void)state;
    ratchet_pair_draw(&a, &one);
    ratchet_pair_draw(&b, &same);
    assert_memory_equal(&a, &b, sizeof(a));
    ratchet_pair_draw(&b, &same);
    assert_differ(a.secret, b.secret);
    assert_differ(a.public, b.public);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_derived_as_specified),
        cmocka_unit_test(both_sides_of_a_rotation_get_one_key),
        cmocka_unit_test(a_rotation_depends_on_all_of_it),
        cmocka_unit_test(both_sides_of_a_meeting_get_one_key),
        cmocka_unit_test(a_public_key_that_gives_nothing_secret_is_refused),
        cmocka_unit_test(a_bulk_key_takes_both_challenges),
        cmocka_unit_test(pairs_are_drawn_from_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
