#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/generation.h"

static const uint8_t key[RATCHET_KEY_BYTES] = {3};
static const struct ratchet_roots roots = {.mailboxes = {4}};
static const struct generation_names ours = {
    .side = "aaaaaaaaaa", .peer = "bbbbbbbbbb", .roots = &roots};
static const struct generation_names theirs = {
    .side = "bbbbbbbbbb", .peer = "aaaaaaaaaa", .roots = &roots};
static const uint8_t incarnation[MESSAGE_INCARNATION_BYTES] = {5};

/* A generation whose first message is number 40, and two messages for it. */
struct fixture {
    struct generation *g;
    struct outbound outbound;
    struct rendezvous r;
    struct now now;
    struct actions actions;
};

static int begin(void **state)
{
    static struct fixture f;
    const struct outbound_item *item;

    f = (struct fixture){0};
    outbound_init(&f.outbound, incarnation);
    f.outbound.next_number = 40;
    f.outbound.floor = message_id_of(incarnation, 39);
    assert_int_equal(outbound_add(&f.outbound, "\x10one", 4, false, &item), PROTO_OK);
    assert_int_equal(outbound_add(&f.outbound, "\x10two", 4, false, &item), PROTO_OK);
    f.g = generation_new(7, GENERATION_MET, key, 40, &ours);
    rendezvous_init(&f.r, LINK_CURRENT);
    *state = &f;
    return f.g != NULL ? 0 : -1;
}

static int end(void **state)
{
    struct fixture *f = *state;

    generation_free(f->g);
    outbound_release(&f->outbound);
    actions_release(&f->actions);
    return 0;
}

static void put(struct fixture *f, uint64_t number)
{
    struct message_id position = {0};

    assert_int_equal(generation_next_number(f->g), number);
    assert_int_equal(generation_put(f->g, &f->outbound, outbound_find(&f->outbound, number),
                                    &position, &f->r, &f->now, &f->actions),
                     PROTO_OK);
}

static void its_mailbox_is_the_same_for_both(void **state)
{
    struct fixture *f = *state;
    struct generation *other = generation_new(7, GENERATION_MET, key, 0, &theirs);
    struct generation *next = generation_new(8, GENERATION_MET, key, 0, &theirs);

    assert_string_equal(f->g->mailbox.id, other->mailbox.id);
    assert_string_not_equal(f->g->mailbox.id, next->mailbox.id);
    generation_free(other);
    generation_free(next);
}

static void numbers_become_phases_and_the_peer_opens_them(void **state)
{
    struct fixture *f = *state;
    struct generation *other = generation_new(7, GENERATION_MET, key, 0, &theirs);
    struct bytes plain = {0};
    struct message m;

    put(f, 40);
    put(f, 41);
    struct action *first = actions_take(&f->actions), *second = actions_take(&f->actions);
    assert_int_equal(second->kind, ACTION_KEEP);
    assert_int_equal(second->mailbox, 7);
    assert_string_equal(second->phase, "1");
    assert_int_equal(
        generation_open(other, "aaaaaaaaaa", "1", second->body.data, second->body.len, &plain),
        PROTO_OK);
    assert_int_equal(message_parse(&m, plain.data, plain.len), PROTO_OK);
    assert_int_equal(m.id.number, 41);
    assert_int_equal(m.prev.number, 40);
    bytes_clear(&plain);
    assert_int_equal(
        generation_open(other, "aaaaaaaaaa", "0", second->body.data, second->body.len, &plain),
        PROTO_ERR_CRYPTO);
    assert_int_equal(
        generation_open(other, "bbbbbbbbbb", "1", second->body.data, second->body.len, &plain),
        PROTO_ERR_CRYPTO);
    action_free(first);
    action_free(second);
    bytes_release(&plain);
    generation_free(other);
}

static void what_is_acknowledged_is_erased(void **state)
{
    struct fixture *f = *state;

    put(f, 40);
    put(f, 41);
    actions_release(&f->actions);
    generation_acked(f->g, 39, &f->actions); /* of an older generation */
    generation_acked(f->g, 42, &f->actions); /* not put yet */
    assert_null(f->actions.first);
    generation_acked(f->g, 41, &f->actions);
    assert_int_equal(f->actions.first->kind, ACTION_FORGET);
    assert_string_equal(f->actions.first->phase, "1");
    assert_non_null(mailbox_kept(&f->g->mailbox, "0"));
    assert_null(mailbox_kept(&f->g->mailbox, "1"));
}

static void the_last_place_is_for_moving_on(void **state)
{
    static const uint8_t application[] = {MESSAGE_KIND_APPLICATION}, close[] = {MESSAGE_CLOSE},
                         rotated[] = {MESSAGE_ROTATED};
    struct fixture *f = *state;
    struct mailbox *m = &f->g->mailbox;

    assert_true(generation_has_room(f->g, application, 1));
    m->next_number = MAILBOX_NUMBERED_MAX - MAILBOX_RESERVED_NUMBERED;
    assert_false(generation_has_room(f->g, application, 1));
    assert_true(generation_has_room(f->g, close, 1));
    m->next_number = MAILBOX_NUMBERED_MAX - 1;
    assert_false(generation_has_room(f->g, close, 1));
    assert_true(generation_has_room(f->g, rotated, 1));
    m->next_number = MAILBOX_NUMBERED_MAX;
    assert_false(generation_has_room(f->g, rotated, 1));
}

static void it_comes_back(void **state)
{
    struct fixture *f = *state;
    struct bytes b = {0}, again = {0};

    f->g->broken = f->g->full = true;
    put(f, 40);
    assert_int_equal(generation_save(f->g, &b), PROTO_OK);
    for (size_t len = 0; len < b.len; len++) {
        struct reader in = reader_of(b.data, len);
        assert_null(generation_load(&in));
    }
    struct reader in = reader_of(b.data, b.len);
    struct generation *g = generation_load(&in);
    assert_non_null(g);
    assert_true(reader_done(&in));
    assert_true(g->broken && g->full && !g->peer_back);
    assert_int_equal(generation_next_number(g), 41);
    assert_int_equal(generation_save(g, &again), PROTO_OK);
    assert_int_equal(again.len, b.len);
    assert_memory_equal(again.data, b.data, b.len);
    generation_free(g);
    bytes_release(&b);
    bytes_release(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_mailbox_is_the_same_for_both, begin, end),
        cmocka_unit_test_setup_teardown(numbers_become_phases_and_the_peer_opens_them, begin, end),
        cmocka_unit_test_setup_teardown(what_is_acknowledged_is_erased, begin, end),
        cmocka_unit_test_setup_teardown(the_last_place_is_for_moving_on, begin, end),
        cmocka_unit_test_setup_teardown(it_comes_back, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
