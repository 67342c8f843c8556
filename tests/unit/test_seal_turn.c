/* seal_turn.c with the real store, and an engine of a few lines. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/seal/seal_turn.h"
#include "store/content.h"
#include "store/namespace.h"
#include "store/wormholes.h"

static char base[64];
static struct store *store;
static uint64_t wormhole, outbox;
static int64_t clock_ns = INT64_C(1800000000000000000);
static int told, idle;

/* ---- the engine ---- */

static struct engine *const engine = (struct engine *)0x10;

int engine_entry_prepare(struct engine *e, uint64_t entry)
{
    (void)e;
    (void)entry;
    return 0;
}

int engine_entry_seal(struct engine *e, struct turn *t, uint64_t entry)
{
    struct entry_seal seal = {.ino = entry, .rev = {1, 2, 3}};

    (void)e;
    seal.rev[15] = (uint8_t)entry;
    return entry_seal(t, &seal);
}

int engine_entry_idle(struct engine *e, struct turn *t, uint64_t entry)
{
    (void)e;
    (void)t;
    (void)entry;
    idle++;
    return 0;
}

int engine_outbox_changed(struct engine *e, struct turn *t, uint64_t w)
{
    (void)e;
    (void)t;
    assert_int_equal(w, wormhole);
    told++;
    return 0;
}

/* ---- the store ---- */

static int64_t fake_now(void *arg)
{
    (void)arg;
    return clock_ns += 1000; /* no two moments are the same */
}

static void pass_ms(int64_t ms)
{
    clock_ns += ms * 1000000;
}

static uint64_t create(uint64_t parent, const char *name, enum node_type type)
{
    const struct node_new what = {.type = type, .mode = 0700};
    struct turn *t;
    uint64_t ino;

    assert_int_equal(turn_begin(store, &t), 0);
    assert_int_equal(name_create(t, parent, name, strlen(name), &what, &ino), 0);
    assert_int_equal(turn_commit(t), 0);
    return ino;
}

static bool disk_fails; /* at what is read from the journal */

static int before(void *arg, struct io_call *call)
{
    (void)arg;
    return disk_fails && call->op == IO_READ ? -EIO : IO_GO;
}

static const struct io io = {.now_ns = fake_now, .before = before};

static int setup(void **state)
{
    struct wormhole_new what = {0};
    char path[80], why[STORE_WHY_MAX];
    struct wormhole row;
    struct turn *t;

    (void)state;
    told = idle = 0;
    strcpy(base, "/tmp/test_seal_turn.XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(path, sizeof(path), "%s/s", base);
    assert_int_equal(store_open(&store, path, &io, why), 0);
    assert_int_equal(name_set(&what.name, "w", 1), 0);
    assert_int_equal(turn_begin(store, &t), 0);
    assert_int_equal(wormhole_create(t, &what, &wormhole), 0);
    assert_int_equal(wormhole_get(turn_view(t), wormhole, &row), 0);
    outbox = row.outbox_ino;
    assert_int_equal(turn_commit(t), 0);
    return 0;
}

static int teardown(void **state)
{
    char command[96];

    (void)state;
    store_close(store);
    snprintf(command, sizeof(command), "rm -rf %s", base);
    return system(command);
}

static struct entry row_of(uint64_t ino)
{
    struct seal_look look;

    assert_int_equal(seal_turn_look(store, ino, &look), 0);
    return look.row;
}

/* ---- the tests ---- */

static void looking_tells_what_is_there(void **state)
{
    struct seal_look look;

    (void)state;
    uint64_t dir = create(outbox, "d", NODE_DIR);
    pass_ms(5000);
    assert_int_equal(seal_turn_look(store, dir, &look), 0);
    assert_true(look.empty);
    assert_int_equal(look.age_ms, 5000);
    assert_string_equal(look.row.name.text, "d");
    assert_int_equal(look.row.state, ENTRY_OPEN);
    create(dir, "f", NODE_FILE);
    assert_int_equal(seal_turn_look(store, dir, &look), 0);
    assert_false(look.empty);
    assert_int_equal(seal_turn_look(store, 99999, &look), STORE_ERR_NOT_FOUND);
    uint64_t file = create(outbox, "f", NODE_FILE);
    assert_int_equal(seal_turn_look(store, file, &look), 0);
    assert_false(look.empty);
}

static void sums_are_the_evidence_of_a_crash(void **state)
{
    struct seal_sum sum;

    (void)state;
    uint64_t file = create(outbox, "f", NODE_FILE);
    assert_int_equal(seal_turn_sum(store, file, &sum), 0);
    assert_true(sum.bare);
    assert_false(sum.dirty || sum.damaged || sum.whole);
    assert_int_equal(content_write(store, file, "abc", 3, 0), 0);
    assert_int_equal(seal_turn_sum(store, file, &sum), 0);
    assert_true(sum.dirty);
    assert_false(sum.bare);
    assert_int_equal(content_flush(store, file, false), 0);
    assert_int_equal(seal_turn_sum(store, file, &sum), 0);
    assert_false(sum.dirty);
    assert_true(sum.foreign);
    assert_int_equal(content_flush(store, file, true), 0);
    assert_int_equal(seal_turn_sum(store, file, &sum), 0);
    assert_false(sum.dirty || sum.foreign || sum.bare || sum.damaged);
}

static void open_entries_are_listed(void **state)
{
    uint64_t *entries = NULL;
    size_t count = 0;

    (void)state;
    assert_int_equal(seal_turn_open_entries(store, &entries, &count), 0);
    assert_int_equal(count, 0);
    free(entries);
    uint64_t a = create(outbox, "a", NODE_FILE), d = create(outbox, "d", NODE_DIR);
    create(d, "below", NODE_FILE);
    assert_int_equal(seal_turn_open_entries(store, &entries, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(entries[0], a);
    assert_int_equal(entries[1], d);
    free(entries);
}

static void inodes_know_their_entry(void **state)
{
    uint64_t inos[3], entries[3];

    (void)state;
    uint64_t d = create(outbox, "d", NODE_DIR);
    inos[0] = create(d, "below", NODE_FILE);
    inos[1] = create(outbox, "top", NODE_FILE);
    inos[2] = 99999;
    assert_int_equal(seal_turn_entries_of(store, inos, entries, 3), 0);
    assert_int_equal(entries[0], d);
    assert_int_equal(entries[1], inos[1]);
    assert_int_equal(entries[2], 0);
    assert_int_equal(seal_turn_entries_of(store, NULL, NULL, 0), 0);
}

/* "None" would keep its handle where it no longer belongs. */
static void a_disk_that_fails_says_nothing_of_an_entry(void **state)
{
    char path[80], why[STORE_WHY_MAX];
    uint64_t entry = 7;

    (void)state;
    uint64_t ino = create(outbox, "top", NODE_FILE);
    store_close(store); /* and nothing in SQLite's cache */
    snprintf(path, sizeof(path), "%s/s", base);
    assert_int_equal(store_open(&store, path, &io, why), 0);
    disk_fails = true;
    int rc = seal_turn_entries_of(store, &ino, &entry, 1);
    disk_fails = false;
    assert_int_equal(rc, STORE_ERR_IO);
    assert_int_equal(seal_turn_entries_of(store, &ino, &entry, 1), 0);
    assert_int_equal(entry, ino);
}

static bool answer(void *arg, uint64_t entry)
{
    (void)entry;
    return *(bool *)arg;
}

static void an_entry_is_sealed_when_it_is_settled(void **state)
{
    bool yes = false;
    const struct seal_turn_check check = {.settled = answer, .arg = &yes, .settle_ms = 300};

    (void)state;
    uint64_t file = create(outbox, "f", NODE_FILE);
    pass_ms(1000);
    assert_int_equal(seal_turn_seal(store, engine, file, &check), STORE_ERR_BUSY);
    assert_int_equal(row_of(file).state, ENTRY_OPEN);
    yes = true;
    assert_int_equal(content_write(store, file, "x", 1, 0), 0);
    assert_int_equal(content_flush(store, file, true), 0);
    assert_int_equal(seal_turn_seal(store, engine, file, &check), STORE_ERR_BUSY); /* too young */
    pass_ms(300);
    assert_int_equal(seal_turn_seal(store, engine, file, &check), 0);
    assert_int_equal(row_of(file).state, ENTRY_SEALED);
    assert_int_equal(told, 1);
    assert_int_equal(seal_turn_seal(store, engine, file, &check), STORE_ERR_INVALID);
    assert_int_equal(seal_turn_seal(store, engine, 99999, &check), STORE_ERR_NOT_FOUND);
}

static void youth_counts_everywhere_below_unless_at_once(void **state)
{
    bool yes = true;
    struct seal_turn_check check = {.settled = answer, .arg = &yes, .settle_ms = 300};

    (void)state;
    uint64_t d = create(outbox, "d", NODE_DIR);
    uint64_t file = create(d, "f", NODE_FILE);
    pass_ms(1000);
    assert_int_equal(content_write(store, file, "x", 1, 0), 0);
    assert_int_equal(content_flush(store, file, true), 0);
    assert_int_equal(seal_turn_seal(store, engine, d, &check), STORE_ERR_BUSY);
    check.settle_ms = 0;
    assert_int_equal(seal_turn_seal(store, engine, d, &check), 0);
    assert_int_equal(row_of(d).state, ENTRY_SEALED);
}

static void a_clock_that_was_set_back_does_not_matter(void **state)
{
    bool yes = true;
    const struct seal_turn_check check = {.settled = answer, .arg = &yes, .settle_ms = 300};

    (void)state;
    uint64_t file = create(outbox, "f", NODE_FILE);
    pass_ms(-3600 * 1000);
    assert_int_equal(seal_turn_seal(store, engine, file, &check), 0);
}

static void holds_come_and_go(void **state)
{
    bool yes = true;
    const struct seal_turn_check check = {.settled = answer, .arg = &yes};

    (void)state;
    uint64_t file = create(outbox, "f~", NODE_FILE);
    assert_int_equal(seal_turn_hold(store, engine, file, SEAL_HELD_TILDE), 0);
    assert_string_equal(row_of(file).held, seal_rule_text(SEAL_HELD_TILDE));
    assert_int_equal(seal_turn_hold(store, engine, file, SEAL_HELD_KILLED), 0);
    assert_string_equal(row_of(file).held, seal_rule_text(SEAL_HELD_KILLED));
    assert_int_equal(seal_turn_hold(store, engine, file, SEAL_NOT_HELD), 0);
    assert_string_equal(row_of(file).held, "");
    assert_int_equal(told, 3);
    assert_int_equal(seal_turn_hold(store, NULL, file, SEAL_HELD_CRASHED), 0);
    assert_int_equal(told, 3);
    assert_int_equal(seal_turn_seal(store, engine, file, &check), 0); /* sealing releases */
    assert_string_equal(row_of(file).held, "");
    assert_int_equal(seal_turn_hold(store, engine, file, SEAL_HELD_TILDE), 0); /* too late */
    assert_string_equal(row_of(file).held, "");
    assert_int_equal(seal_turn_hold(store, engine, 99999, SEAL_HELD_DOT), STORE_ERR_NOT_FOUND);
}

static void reasons_of_others_stay(void **state)
{
    static const char reason[] = "the peer has closed this wormhole";
    struct turn *t;

    (void)state;
    uint64_t file = create(outbox, "f", NODE_FILE);
    assert_int_equal(turn_begin(store, &t), 0);
    assert_int_equal(entry_hold(t, file, reason), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_int_equal(seal_turn_hold(store, engine, file, SEAL_HELD_TILDE), 0);
    assert_string_equal(row_of(file).held, reason);
    assert_int_equal(seal_turn_hold(store, engine, file, SEAL_NOT_HELD), 0);
    assert_string_equal(row_of(file).held, reason);
}

static void a_mark_lasts_until_something_changes(void **state)
{
    bool yes = true;
    const struct seal_turn_check check = {.settled = answer, .arg = &yes, .settle_ms = 300};
    struct seal_sum sum;

    (void)state;
    uint64_t d = create(outbox, "d", NODE_DIR);
    uint64_t file = create(d, "f", NODE_FILE);
    assert_int_equal(seal_turn_mark(store, d, &check), STORE_ERR_BUSY);
    pass_ms(1000);
    assert_int_equal(seal_turn_mark(store, d, &check), 0);
    assert_int_equal(seal_turn_sum(store, d, &sum), 0);
    assert_true(sum.whole);
    assert_int_equal(content_write(store, file, "x", 1, 0), 0);
    assert_int_equal(seal_turn_sum(store, d, &sum), 0);
    assert_false(sum.whole);
    pass_ms(1000);
    assert_int_equal(seal_turn_mark(store, d, &check), 0);
    create(d, "g", NODE_FILE);
    assert_int_equal(seal_turn_sum(store, d, &sum), 0);
    assert_false(sum.whole);
    yes = false;
    pass_ms(1000);
    assert_int_equal(seal_turn_mark(store, d, &check), STORE_ERR_BUSY);
    assert_int_equal(seal_turn_sum(store, d, &sum), 0);
    assert_false(sum.whole);
}

static void a_file_is_marked_only_while_it_is_empty(void **state)
{
    bool yes = true;
    const struct seal_turn_check check = {.settled = answer, .arg = &yes};
    struct seal_sum sum;

    (void)state;
    uint64_t file = create(outbox, "f", NODE_FILE);
    assert_int_equal(content_flush(store, file, true), 0);
    assert_int_equal(seal_turn_mark_empty(store, file, &check), 0);
    assert_int_equal(seal_turn_sum(store, file, &sum), 0);
    assert_true(sum.bare && sum.whole);
    pass_ms(1);
    assert_int_equal(content_write(store, file, "x", 1, 0), 0);
    assert_int_equal(content_truncate(store, file, 0), 0);
    assert_int_equal(seal_turn_sum(store, file, &sum), 0);
    assert_true(sum.bare && !sum.whole);
    assert_int_equal(content_write(store, file, "x", 1, 0), 0);
    assert_int_equal(seal_turn_mark_empty(store, file, &check), 0);
    assert_int_equal(seal_turn_sum(store, file, &sum), 0);
    assert_false(sum.whole);
    uint64_t dir = create(outbox, "d", NODE_DIR);
    assert_int_equal(seal_turn_mark_empty(store, dir, &check), 0);
    assert_int_equal(seal_turn_sum(store, dir, &sum), 0);
    assert_false(sum.whole);
    assert_int_equal(seal_turn_mark_empty(store, 99999, &check), 0);
}

static void the_engine_is_told_of_idle_entries(void **state)
{
    (void)state;
    assert_int_equal(seal_turn_idle(store, engine, 5), 0);
    assert_int_equal(idle, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(looking_tells_what_is_there),
        TEST(sums_are_the_evidence_of_a_crash),
        TEST(open_entries_are_listed),
        TEST(inodes_know_their_entry),
        TEST(a_disk_that_fails_says_nothing_of_an_entry),
        TEST(an_entry_is_sealed_when_it_is_settled),
        TEST(youth_counts_everywhere_below_unless_at_once),
        TEST(a_clock_that_was_set_back_does_not_matter),
        TEST(holds_come_and_go),
        TEST(reasons_of_others_stay),
        TEST(a_mark_lasts_until_something_changes),
        TEST(a_file_is_marked_only_while_it_is_empty),
        TEST(the_engine_is_told_of_idle_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
