#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/boss_inner.h"
#include "proto/error.h"
#include "tests/sim/pair.h"

/* Every state that a run comes through is a sample. */
static struct pair *pair;

static int begin(void **state)
{
    (void)state;
    pair = pair_new(5);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pair_free(pair);
    return 0;
}

static const struct boss_options options = {
    .appid = "lothar.com/wormhole/text-or-file-xfer", .code_words = 2, .software = "test"};

static struct boss *empty(void)
{
    struct now now = {0};
    struct actions actions = {0};
    struct boss *b;

    assert_int_equal(boss_create(&b, &options, &now, &actions), PROTO_OK);
    outbound_release(&b->outbound);
    actions_release(&actions);
    return b;
}

static int load(const void *data, size_t len, struct bytes *again)
{
    struct reader in = reader_of(data, len);
    struct boss *b = empty();

    int err = snapshot_load(b, &in);
    if (err == PROTO_OK && again != NULL)
        assert_int_equal(snapshot_save(b, again), PROTO_OK);
    boss_free(b);
    return err;
}

static void assert_comes_back(const struct bytes *snapshot)
{
    struct bytes again = {0};

    assert_int_equal(load(snapshot->data, snapshot->len, &again), PROTO_OK);
    assert_int_equal(again.len, snapshot->len);
    assert_memory_equal(again.data, snapshot->data, again.len);
    bytes_release(&again);
}

/* Runs a whole life and shows each new snapshot of A to `look`. */
static void live(void (*look)(const struct bytes *snapshot), unsigned every)
{
    unsigned seen = 0, looked = 0;
    char code[CODE_TEXT_MAX + 1] = "";

    pair_allocate(pair, PAIR_A);
    for (unsigned i = 0; i < 6000 && !pair_store(pair, PAIR_A)->close_done; i++) {
        const struct pair_store *s = pair_store(pair, PAIR_A);
        if (s->snapshots != seen && s->snapshots % every == 0) {
            look(&s->snapshot);
            looked++;
        }
        seen = s->snapshots;
        if (code[0] == '\0' && s->code[0] != '\0') {
            strcpy(code, s->code);
            pair_join(pair, PAIR_B, code);
        }
        if (i == 100) {
            pair_send(pair, PAIR_A, 100);
            pair_send(pair, PAIR_B, 100);
        }
        if (i == 2000 && s->state == BOSS_PAIRED)
            pair_close(pair, PAIR_A);
        pair_step(pair, INT64_MAX);
    }
    assert_true(pair_store(pair, PAIR_A)->close_done);
    assert_true(looked * every >= 80);
}

static void every_state_comes_back(void **state)
{
    (void)state;
    live(assert_comes_back, 1);
}

static void assert_cuts_are_malformed(const struct bytes *snapshot)
{
    struct bytes longer = {0};

    for (size_t len = 0; len < snapshot->len; len++)
        assert_int_equal(load(snapshot->data, len, NULL), PROTO_ERR_MALFORMED);
    bytes_put(&longer, snapshot->data, snapshot->len);
    bytes_put_u8(&longer, 0);
    assert_int_equal(load(longer.data, longer.len, NULL), PROTO_ERR_MALFORMED);
    longer.data[0]++; /* another version */
    assert_int_equal(load(longer.data, snapshot->len, NULL), PROTO_ERR_MALFORMED);
    bytes_release(&longer);
}

static void a_cut_or_longer_one_is_malformed(void **state)
{
    (void)state;
    live(assert_cuts_are_malformed, 11);
}

/* Whatever is loaded must be something that can be saved again (the sanitizers look, too). */
static void assert_damage_is_safe(const struct bytes *snapshot)
{
    struct bytes damaged = {0};

    bytes_put(&damaged, snapshot->data, snapshot->len);
    for (size_t bit = 0; bit < snapshot->len * 8; bit++) {
        struct bytes again = {0};
        damaged.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        int err = load(damaged.data, damaged.len, &again);
        assert_true(err == PROTO_OK || err == PROTO_ERR_MALFORMED);
        damaged.data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        bytes_release(&again);
    }
    bytes_release(&damaged);
}

static void a_damaged_one_does_no_harm(void **state)
{
    (void)state;
    live(assert_damage_is_safe, 20);
}

static void what_a_snapshot_lacks_must_be_given_back(void **state)
{
    struct now now = {0};
    struct actions actions = {0};
    struct boss *b;

    (void)state;
    pair_connect(pair);
    pair_set_server(pair, false);
    pair_send(pair, PAIR_A, 3);
    const struct pair_store *s = pair_store(pair, PAIR_A);
    assert_int_equal(boss_restore(&b, &options, s->snapshot.data, s->snapshot.len, &now, &actions),
                     PROTO_OK);
    assert_int_equal(boss_restored(b, &now, &actions), PROTO_ERR_MALFORMED);
    boss_free(b);
    assert_int_equal(boss_restore(&b, &options, s->snapshot.data, s->snapshot.len, &now, &actions),
                     PROTO_OK);
    assert_int_equal(boss_restore_kept(b, 99, "0", "x", 1), PROTO_ERR_INVALID);
    assert_int_equal(pair_store_give(s, b), PROTO_OK);
    assert_int_equal(boss_restored(b, &now, &actions), PROTO_OK);
    boss_free(b);
    actions_release(&actions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_state_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_or_longer_one_is_malformed, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_one_does_no_harm, begin, end),
        cmocka_unit_test_setup_teardown(what_a_snapshot_lacks_must_be_given_back, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
