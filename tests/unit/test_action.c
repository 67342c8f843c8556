#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/action.h"

static void actions_come_out_in_their_order(void **state)
{
    struct actions q = {0};

    (void)state;
    assert_null(actions_take(&q));
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 3; i++)
            actions_add(&q, ACTION_ACKED)->number = i;
        for (uint64_t i = 0; i < 3; i++) {
            struct action *a = actions_take(&q);
            assert_non_null(a);
            assert_int_equal(a->kind, ACTION_ACKED);
            assert_int_equal(a->number, i);
            assert_null(a->next);
            action_free(a);
        }
        assert_null(actions_take(&q));
    }
}

static void text_and_body_are_copies(void **state)
{
    struct actions q = {0};
    char text[] = "7-guitarist";
    uint8_t body[] = {1, 2, 3};

    (void)state;
    struct action *a = actions_add(&q, ACTION_CODE);
    action_set_text(&q, a, "another");
    action_set_text(&q, a, text);
    action_set_body(&q, a, "longer", 6);
    action_set_body(&q, a, body, sizeof(body));
    memset(text, 0, sizeof(text));
    memset(body, 0, sizeof(body));
    assert_string_equal(a->text, "7-guitarist");
    assert_int_equal(a->body.len, 3);
    assert_memory_equal(a->body.data, "\1\2\3", 3);
    assert_false(q.failed);
    actions_release(&q);
}

static void release_frees_what_is_left_and_leaves_an_empty_queue(void **state)
{
    struct actions q = {0};

    (void)state;
    struct action *a = actions_add(&q, ACTION_TRANSIT_START);
    a->plan = calloc(1, sizeof(*a->plan));
    assert_non_null(a->plan);
    a = actions_add(&q, ACTION_CLASSIC_OFFERED);
    a->offer = calloc(1, sizeof(*a->offer));
    q.failed = true;
    actions_release(&q);
    assert_null(q.first);
    assert_false(q.failed);
    actions_add(&q, ACTION_HEARD);
    assert_int_equal(q.first->kind, ACTION_HEARD);
    actions_release(&q);
    action_free(NULL);
}

static void a_body_that_cannot_be_copied_fails_the_turn(void **state)
{
    struct actions q = {0};
    uint8_t byte = 0;

    (void)state;
    struct action *a = actions_add(&q, ACTION_DELIVER);
    action_set_body(&q, a, &byte, (size_t)BYTES_LEN_MAX + 1);
    assert_true(q.failed);
    actions_release(&q);
}

static void what_leaves_the_process_is_not_durable(void **state)
{
    static const enum action_kind released[] = {
        ACTION_LINK_OPEN,      ACTION_LINK_SEND,     ACTION_LINK_CLOSE,
        ACTION_LINK_MOVE,      ACTION_HEARD,         ACTION_CAUGHT_UP,
        ACTION_TRANSIT_LISTEN, ACTION_TRANSIT_START, ACTION_TRANSIT_STOP,
    };
    size_t durable = 0;

    (void)state;
    for (int kind = ACTION_SNAPSHOT; kind <= ACTION_TRANSIT_STOP; kind++)
        durable += action_is_durable((enum action_kind)kind);
    for (size_t i = 0; i < sizeof(released) / sizeof(released[0]); i++)
        assert_false(action_is_durable(released[i]));
    assert_int_equal(durable, ACTION_TRANSIT_STOP + 1 - sizeof(released) / sizeof(released[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_come_out_in_their_order),
        cmocka_unit_test(text_and_body_are_copies),
        cmocka_unit_test(release_frees_what_is_left_and_leaves_an_empty_queue),
        cmocka_unit_test(a_body_that_cannot_be_copied_fails_the_turn),
        cmocka_unit_test(what_leaves_the_process_is_not_durable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
