#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fs/seal/track.h"

static void tracks_are_found_again(void **state)
{
    struct track_table table = {0};
    enum { COUNT = 5000 };
    static uint64_t entries[COUNT];
    uint64_t sum = 0;

    (void)state;
    assert_null(track_find(&table, 7));
    for (uint64_t i = 1; i <= COUNT; i++)
        assert_int_equal(track_get(&table, i)->entry, i);
    for (uint64_t i = 1; i <= COUNT; i++)
        assert_ptr_equal(track_get(&table, i), track_find(&table, i));
    assert_int_equal(table.track_count, COUNT);
    assert_null(track_find(&table, COUNT + 1));
    track_entries(&table, entries);
    for (size_t i = 0; i < COUNT; i++)
        sum += entries[i];
    assert_true(sum == (uint64_t)COUNT * (COUNT + 1) / 2);
    for (uint64_t i = 1; i <= COUNT; i += 2)
        track_drop(&table, track_find(&table, i));
    for (uint64_t i = 1; i <= COUNT; i++)
        assert_int_equal(track_find(&table, i) != NULL, i % 2 == 0);
    track_table_release(&table);
    assert_int_equal(table.track_count, 0);
    assert_null(track_find(&table, 2));
}

static void a_new_track_is_not_due(void **state)
{
    struct track_table table = {0};

    (void)state;
    assert_null(track_first(&table));
    struct track *t = track_get(&table, 1);
    assert_null(track_first(&table));
    track_due(&table, t, TRACK_NEVER);
    assert_null(track_first(&table));
    track_due(&table, t, 5);
    assert_ptr_equal(track_first(&table), t);
    track_due(&table, t, TRACK_NEVER);
    assert_null(track_first(&table));
    track_table_release(&table);
}

/* Random times, moved to and fro, against the minimum found by looking at all. */
static void the_first_due_is_first(void **state)
{
    enum { COUNT = 97, STEPS = 20000 };
    struct track_table table = {0};
    struct track *tracks[COUNT];
    unsigned random = 1;

    (void)state;
    for (uint64_t i = 0; i < COUNT; i++)
        tracks[i] = track_get(&table, i + 1);
    for (int step = 0; step < STEPS; step++) {
        int64_t first = TRACK_NEVER;
        random = random * 1103515245 + 12345;
        unsigned which = (random >> 16) % COUNT, due = (random >> 8) % 1000;
        track_due(&table, tracks[which], due < 100 ? TRACK_NEVER : (int64_t)due);
        if (due == 999) { /* one goes and comes back */
            track_drop(&table, tracks[which]);
            tracks[which] = track_get(&table, which + 1);
        }
        for (size_t i = 0; i < COUNT; i++)
            if (tracks[i]->due_ms < first)
                first = tracks[i]->due_ms;
        if (first == TRACK_NEVER)
            assert_null(track_first(&table));
        else
            assert_int_equal(track_first(&table)->due_ms, first);
    }
    track_table_release(&table);
}

static size_t handles_of(const struct track *t)
{
    size_t count = 0;

    for (const struct track_handle *h = t->handles; h; h = h->right) {
        assert_ptr_equal(h->track, t);
        count++;
    }
    return count;
}

static size_t handles_of_file(const struct track_table *table, uint64_t ino)
{
    size_t count = 0;

    struct track_handle *h = track_handle_of_file(table, ino);
    for (; h; h = track_handle_next(h)) {
        assert_int_equal(h->ino, ino);
        count++;
    }
    return count;
}

static void handles_belong_to_one_track(void **state)
{
    enum { COUNT = 1000 };
    struct track_table table = {0};

    (void)state;
    assert_null(track_handle_find(&table, 1));
    struct track *a = track_get(&table, 1), *b = track_get(&table, 2);
    for (uint64_t id = 1; id <= COUNT; id++)
        assert_non_null(track_handle_add(&table, a, id, id / 5));
    assert_int_equal(handles_of(a), COUNT);
    for (uint64_t id = 1; id <= COUNT; id += 2)
        track_handle_move(track_handle_find(&table, id), b);
    track_handle_move(track_handle_find(&table, 1), b);
    assert_int_equal(handles_of(a), COUNT / 2);
    assert_int_equal(handles_of(b), COUNT / 2);
    for (uint64_t id = 1; id <= COUNT; id += 3)
        track_handle_drop(&table, track_handle_find(&table, id));
    for (uint64_t id = 1; id <= COUNT; id++) {
        struct track_handle *h = track_handle_find(&table, id);
        assert_int_equal(h != NULL, id % 3 != 1);
        if (h)
            assert_ptr_equal(h->track, id % 2 ? b : a);
    }
    size_t by_ino = 0;
    for (uint64_t ino = 0; ino <= COUNT / 5; ino++)
        by_ino += handles_of_file(&table, ino);
    assert_int_equal(table.handle_count, by_ino);
    assert_int_equal(table.handle_count, handles_of(a) + handles_of(b));
    track_table_release(&table);
}

static size_t doubted(const struct track_table *table)
{
    const struct track_handle *prior = NULL;
    size_t count = 0;

    for (const struct track_handle *h = table->doubted; h; prior = h, h = h->later) {
        assert_true(h->doubted);
        assert_ptr_equal(h->prior, prior);
        count++;
    }
    assert_int_equal(count, table->doubted_count);
    return count;
}

static void handles_are_in_doubt_until_they_are_trusted_or_dropped(void **state)
{
    enum { COUNT = 10 };
    struct track_table table = {0};
    struct track_handle *h[COUNT];

    (void)state;
    struct track *a = track_get(&table, 1);
    for (uint64_t id = 0; id < COUNT; id++) {
        h[id] = track_handle_add(&table, a, id + 1, 7);
        assert_int_equal(doubted(&table), id);
        track_handle_doubt(&table, h[id]);
        track_handle_doubt(&table, h[id]);
    }
    assert_int_equal(doubted(&table), COUNT);
    track_handle_trust(&table, h[COUNT - 1]); /* one end, the other, the middle */
    track_handle_drop(&table, h[0]);
    track_handle_trust(&table, h[4]);
    track_handle_trust(&table, h[4]);
    track_handle_drop(&table, h[5]);
    track_handle_drop(&table, h[4]);
    assert_int_equal(doubted(&table), COUNT - 4);
    track_handle_doubt(&table, h[COUNT - 1]);
    assert_int_equal(doubted(&table), COUNT - 3);
    track_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tracks_are_found_again),
        cmocka_unit_test(a_new_track_is_not_due),
        cmocka_unit_test(the_first_due_is_first),
        cmocka_unit_test(handles_belong_to_one_track),
        cmocka_unit_test(handles_are_in_doubt_until_they_are_trusted_or_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
