#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/inbound.h"

/* An incarnation for each small number. */
static struct message_id id(unsigned incarnation, uint64_t number)
{
    uint8_t bytes[MESSAGE_INCARNATION_BYTES] = {(uint8_t)incarnation, (uint8_t)(incarnation >> 8),
                                                1};

    return message_id_of(bytes, number);
}

static enum inbound_verdict classify(const struct inbound *in, struct message_id is,
                                     struct message_id prev)
{
    struct message m = {.id = is, .prev = prev};

    return inbound_classify(in, &m);
}

static bool process(struct inbound *in, struct message_id is)
{
    return inbound_process(in, &is);
}

static void assert_id(struct message_id got, struct message_id want)
{
    assert_true(message_id_equal(&got, &want));
}

/* Has processed 0..count-1 of incarnation 1. */
static struct inbound after(unsigned count)
{
    struct inbound in;

    inbound_init(&in);
    for (unsigned i = 0; i < count; i++)
        assert_false(process(&in, id(1, i)));
    return in;
}

static void the_first_has_none_before_it(void **state)
{
    struct inbound in = after(0);

    (void)state;
    assert_int_equal(classify(&in, id(1, 0), (struct message_id){0}), INBOUND_NEW);
    assert_int_equal(classify(&in, id(1, 1), id(1, 0)), INBOUND_GAP);
}

static void each_is_new_once_and_in_its_order(void **state)
{
    struct inbound in = after(3);

    (void)state;
    assert_int_equal(classify(&in, id(1, 0), (struct message_id){0}), INBOUND_SEEN);
    assert_int_equal(classify(&in, id(1, 2), id(1, 1)), INBOUND_SEEN);
    assert_int_equal(classify(&in, id(1, 3), id(1, 2)), INBOUND_NEW);
    assert_int_equal(classify(&in, id(1, 4), id(1, 3)), INBOUND_GAP);
    assert_id(in.have, id(1, 2));
}

static void an_incarnation_continues_another(void **state)
{
    struct inbound in = after(3);

    (void)state;
    assert_int_equal(classify(&in, id(2, 3), id(1, 2)), INBOUND_NEW);
    assert_false(process(&in, id(2, 3)));
    assert_int_equal(classify(&in, id(2, 3), id(1, 2)), INBOUND_SEEN);
    assert_int_equal(classify(&in, id(1, 2), id(1, 1)), INBOUND_SEEN);
    assert_int_equal(in.count, 2);
}

/* The peer was restored to where it had made number 4; we have more of it. */
static void a_peer_that_went_back_is_noticed_and_continues(void **state)
{
    struct inbound in = after(10);

    (void)state;
    assert_int_equal(classify(&in, id(2, 5), id(1, 4)), INBOUND_NEW);
    assert_true(process(&in, id(2, 5)));
    assert_id(in.have, id(2, 5));
    assert_false(process(&in, id(2, 6)));
}

static void the_position_follows_the_newest_generation(void **state)
{
    struct inbound in = after(10);
    struct message_id seven = id(1, 7), nine = id(1, 9), two = id(1, 2);

    (void)state;
    inbound_handled(&in, &nine, 3);
    assert_id(in.position, nine);
    inbound_handled(&in, &seven, 4); /* comes again in the next mailbox */
    assert_id(in.position, seven);
    inbound_handled(&in, &two, 3);
    assert_id(in.position, seven);
    assert_id(in.have, nine);
}

static void a_floor_that_is_known_changes_nothing(void **state)
{
    struct inbound in = after(5);
    struct message_id none = {0}, known = id(1, 3);

    (void)state;
    assert_false(inbound_floor(&in, &none));
    assert_false(inbound_floor(&in, &known));
    assert_id(in.have, id(1, 4));
}

static void a_floor_beyond_what_we_have_is_lost_and_counts_as_seen(void **state)
{
    struct inbound in = after(5);
    struct message_id ahead = id(1, 8), foreign = id(2, 12);

    (void)state;
    assert_true(inbound_floor(&in, &ahead));
    assert_id(in.have, ahead);
    assert_id(in.position, ahead);
    assert_int_equal(classify(&in, id(1, 7), id(1, 6)), INBOUND_SEEN);
    assert_int_equal(classify(&in, id(1, 9), ahead), INBOUND_NEW);
    assert_true(inbound_floor(&in, &foreign));
    assert_int_equal(classify(&in, id(2, 13), foreign), INBOUND_NEW);
}

static void a_floor_of_long_ago_is_made_known_again(void **state)
{
    struct inbound in = after(2);
    struct message_id old = id(1, 1);

    (void)state;
    for (uint64_t n = 2; n < 2 * INBOUND_SEEN_NUMBERS; n++)
        process(&in, id(2 + (unsigned)n % 50, n));
    assert_int_equal(in.count, 50);
    assert_int_equal(classify(&in, id(1, 1), id(1, 0)), INBOUND_GAP); /* it is forgotten */
    struct message_id have = in.have;
    assert_false(inbound_floor(&in, &old));
    assert_id(in.have, have);
    assert_int_equal(classify(&in, id(99, 2), old), INBOUND_NEW);
}

static void some_are_remembered_however_old(void **state)
{
    struct inbound in = after(2);

    (void)state;
    for (unsigned n = 2; n < 10000; n++)
        process(&in, id(2 + n % (INBOUND_SEEN_KEPT - 1), n));
    assert_int_equal(classify(&in, id(1, 1), id(1, 0)), INBOUND_SEEN);
}

static void memory_is_bounded(void **state)
{
    struct inbound in = after(0);

    (void)state;
    for (unsigned n = 0; n < 5000; n++) {
        assert_int_equal(classify(&in, id(n, n), n > 0 ? id(n - 1, n - 1) : (struct message_id){0}),
                         INBOUND_NEW);
        process(&in, id(n, n));
    }
    assert_true(in.count <= INBOUND_SEEN_MAX);
    /* As many as a peer may have unacknowledged are still known. */
    for (unsigned n = 5000 - 64; n < 5000; n++)
        assert_int_equal(classify(&in, id(n, n), id(n - 1, n - 1)), INBOUND_SEEN);
}

static void what_was_saved_comes_back(void **state)
{
    struct inbound in = after(3), got;
    struct bytes b = {0};
    struct message_id one = id(1, 1);

    (void)state;
    process(&in, id(2, 3));
    inbound_handled(&in, &one, 6);
    assert_int_equal(inbound_save(&in, &b), PROTO_OK);
    struct reader r = reader_of(b.data, b.len);
    assert_int_equal(inbound_load(&got, &r), PROTO_OK);
    assert_true(reader_done(&r));
    assert_memory_equal(&got, &in, sizeof(in));
    for (size_t len = 0; len < b.len; len++) {
        r = reader_of(b.data, len);
        assert_int_equal(inbound_load(&got, &r), PROTO_ERR_MALFORMED);
    }
    bytes_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_has_none_before_it),
        cmocka_unit_test(each_is_new_once_and_in_its_order),
        cmocka_unit_test(an_incarnation_continues_another),
        cmocka_unit_test(a_peer_that_went_back_is_noticed_and_continues),
        cmocka_unit_test(the_position_follows_the_newest_generation),
        cmocka_unit_test(a_floor_that_is_known_changes_nothing),
        cmocka_unit_test(a_floor_beyond_what_we_have_is_lost_and_counts_as_seen),
        cmocka_unit_test(a_floor_of_long_ago_is_made_known_again),
        cmocka_unit_test(some_are_remembered_however_old),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(what_was_saved_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
