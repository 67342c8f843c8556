/* Steps that fail: how soon they are tried again, what the user reads, and when it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/engine/setback.h"
#include "fs/engine/slot.h"
#include "store/core.h"
#include "store/error.h"
#include "tests/sim/world.h"

enum { A, B };
enum { MINUTE_MS = 60 * 1000 };

/* ---- the account alone ---- */

static void test_pauses_double(void **state)
{
    (void)state;
    struct setback b = {0};
    bool longer;
    int64_t now_ms = 1000, pause_ms = 1000;
    for (int i = 0; i < 20; i++) {
        int64_t expected_ms = pause_ms < 64000 ? pause_ms : 64000;
        assert_int_equal(setback_add(&b, STORE_ERR_TOO_BIG, now_ms, &longer), expected_ms);
        assert_int_equal(longer, i <= 6); /* the first, and each that is longer */
        now_ms += expected_ms + 5000;     /* it connects, and meets the same again */
        pause_ms *= 2;
        assert_false(setback_is_over(&b, now_ms));
    }
    now_ms += 2 * MINUTE_MS;
    assert_true(setback_is_over(&b, now_ms));
    assert_int_equal(setback_add(&b, STORE_ERR_TOO_BIG, now_ms, &longer), 1000);
    assert_true(longer);
}

static void test_a_full_disk_is_asked_often(void **state)
{
    (void)state;
    struct setback b = {0};
    bool longer;
    for (int i = 0; i < 20; i++)
        assert_in_range(setback_add(&b, STORE_ERR_NOSPACE, i * 1000, &longer), 1000, 8000);
}

static void test_each_error_has_its_kind_and_its_sentence(void **state)
{
    (void)state;
    static const int of_store[] = {STORE_ERR_NOMEM, STORE_ERR_IO,     STORE_ERR_NOSPACE,
                                   STORE_ERR_QUOTA, STORE_ERR_BROKEN, STORE_ERR_ACCESS};
    static const int of_input[] = {STORE_ERR_TOO_BIG, STORE_ERR_INVALID, STORE_ERR_CORRUPT,
                                   STORE_ERR_EXISTS, STORE_ERR_NOT_FOUND};
    char text[SETBACK_TEXT_MAX];
    struct setback b = {0};
    setback_say(&b, text);
    assert_string_equal(text, "");
    b.count = 1;
    for (size_t i = 0; i < sizeof of_store / sizeof *of_store; i++) {
        assert_true(setback_is_of_store(of_store[i]));
        assert_true(setback_may_pass(of_store[i]));
        b.err = of_store[i];
        setback_say(&b, text);
        assert_non_null(strstr(text, store_strerror(b.err)));
    }
    for (size_t i = 0; i < sizeof of_input / sizeof *of_input; i++) {
        assert_false(setback_may_pass(of_input[i]));
        b.err = of_input[i];
        setback_say(&b, text);
        assert_non_null(strstr(text, "stands still"));
        assert_non_null(strstr(text, "pair again"));
    }
}

/* ---- a wormhole that fails ---- */

struct told {
    unsigned count;
    char last[SETBACK_TEXT_MAX];
} told;

static void tell(void *arg, uint64_t wormhole, const char *text)
{
    (void)wormhole;
    struct told *t = arg;
    t->count++;
    snprintf(t->last, sizeof t->last, "%s", text);
}

static void watch(void *arg, int peer, struct engine_watch *out)
{
    (void)arg;
    if (peer == A)
        *out = (struct engine_watch){.arg = &told, .setback = tell};
}

struct pair {
    struct world *w;
    uint64_t id[2];
};

static bool both_paired(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_is_paired(w, A, p->id[A]) && world_is_paired(w, B, p->id[B]);
}

static bool arrived(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_inbox_count(w, A, p->id[A]) == 1;
}

static void begin(struct pair *p)
{
    char code[129];
    told = (struct told){0};
    p->w = world_new_with(&(struct world_options){.seed = 5, .peers = 2, .watch = watch});
    p->id[A] = world_mkdir(p->w, A, "bob", NULL);
    assert_true(world_code(p->w, A, p->id[A], code));
    p->id[B] = world_mkdir(p->w, B, "alice", code);
    assert_true(world_run(p->w, both_paired, p, 10 * MINUTE_MS));
}

/* What arrives at A cannot be written down, and this is no matter of the disk. */
static void make_arrivals_fail(struct pair *p, bool fail)
{
    sqlite3 *db = world_store(p->w, A)->write_view.db;
    const char *sql = fail ? "CREATE TEMP TRIGGER no BEFORE INSERT ON main.decided BEGIN SELECT "
                             "RAISE(FAIL, 'no'); END"
                           : "DROP TRIGGER no";
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void read_setback(struct pair *p, char out[static SETBACK_TEXT_MAX])
{
    struct engine_status status;
    engine_status(world_engine(p->w, A), p->id[A], &status);
    memcpy(out, status.setback, SETBACK_TEXT_MAX);
}

static void test_what_fails_is_slowed_and_shown(void **state)
{
    (void)state;
    struct pair p;
    char text[SETBACK_TEXT_MAX];
    begin(&p);
    uint32_t loads = slot_find(world_engine(p.w, A), p.id[A])->loads;
    make_arrivals_fail(&p, true);
    world_send_file(p.w, B, p.id[B], "note", 1, 100);
    world_run(p.w, NULL, NULL, 20 * MINUTE_MS);
    read_setback(&p, text);
    assert_non_null(strstr(text, "stands still"));
    assert_in_range(told.count, 3, 7);
    assert_string_equal(told.last, text);
    loads = slot_find(world_engine(p.w, A), p.id[A])->loads - loads;
    assert_in_range(loads, 10, 40); /* about one a minute */

    make_arrivals_fail(&p, false);
    assert_true(world_run(p.w, arrived, &p, 2 * MINUTE_MS));
    world_run(p.w, NULL, NULL, 3 * MINUTE_MS);
    read_setback(&p, text);
    assert_string_equal(text, "");
    assert_string_equal(told.last, "It goes on.");
    world_free(p.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_double),
        cmocka_unit_test(test_a_full_disk_is_asked_often),
        cmocka_unit_test(test_each_error_has_its_kind_and_its_sentence),
        cmocka_unit_test(test_what_fails_is_slowed_and_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
