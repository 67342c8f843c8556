#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/seal/seal_rule.h"

static const struct seal_times times = {.settle_ms = 300, .settle_tree_ms = 10000};

static struct seal_facts facts_of(const char *name)
{
    return (struct seal_facts){
        .name = name, .name_len = strlen(name), .quiet_ms = 100000, .age_ms = 100000};
}

static void assert_settles(const struct seal_facts *f, int64_t again_ms)
{
    struct seal_decision d = seal_rule(f, &times);

    assert_int_equal(d.stage, SEAL_SETTLING);
    assert_int_equal(d.again_ms, again_ms);
    assert_int_equal(d.hold, SEAL_NOT_HELD);
}

static void assert_whole(const struct seal_facts *f)
{
    struct seal_decision d = seal_rule(f, &times);

    assert_int_equal(d.stage, SEAL_WHOLE);
    assert_int_equal(d.hold, SEAL_NOT_HELD);
}

static void assert_held(const struct seal_facts *f, enum seal_hold why)
{
    struct seal_decision d = seal_rule(f, &times);

    assert_int_equal(d.stage, SEAL_HELD);
    assert_int_equal(d.hold, why);
}

static void a_file_settles(void **state)
{
    struct seal_facts f = facts_of("report.pdf");

    (void)state;
    f.quiet_ms = 0;
    assert_settles(&f, 300);
    f.quiet_ms = 299;
    assert_settles(&f, 1);
    f.quiet_ms = 300;
    assert_whole(&f);
    f.open = true;
    assert_int_equal(seal_rule(&f, &times).stage, SEAL_OPEN);
}

static void a_tree_settles_longer(void **state)
{
    struct seal_facts f = facts_of("photos");

    (void)state;
    f.directory = true;
    f.quiet_ms = 100;
    assert_settles(&f, 200);
    f.quiet_ms = 300;
    assert_settles(&f, 300); /* its maker may exit: look often */
    f.quiet_ms = 9900;
    assert_settles(&f, 100);
    f.quiet_ms = 10000;
    assert_whole(&f);
    f.empty = true;
    assert_whole(&f); /* an empty directory is sent, too, but not sooner */
}

static void a_tree_is_whole_sooner_when_its_makers_are_done(void **state)
{
    struct seal_facts f = facts_of("photos");

    (void)state;
    f.directory = f.makers_done = true;
    f.quiet_ms = 299;
    assert_settles(&f, 1);
    f.quiet_ms = 300;
    assert_whole(&f);
    f.empty = true; /* mkdir has exited; what it was made for has not begun */
    assert_settles(&f, 300);
    f.empty = false;
    f.open = true;
    assert_int_equal(seal_rule(&f, &times).stage, SEAL_OPEN);
}

/* git clone, whose remote is silent for a while. */
static void a_job_is_given_time(void **state)
{
    struct seal_facts f = facts_of("clone");

    (void)state;
    f.directory = f.at_work = true;
    f.maker_age_ms = 10000;
    f.quiet_ms = 9900;
    assert_settles(&f, 300); /* it may exit: look often, but not for ever */
    f.quiet_ms = 10000;
    assert_settles(&f, 1000);
    f.quiet_ms = 299999;
    assert_settles(&f, 1);
    f.quiet_ms = 300000;
    assert_whole(&f);
    f.quiet_ms = 10000;
    f.maker_age_ms = 10001; /* a file manager */
    assert_whole(&f);
    f.maker_age_ms = INT64_MAX; /* nobody knows */
    assert_whole(&f);
    f.maker_age_ms = 0;
    f.complete = true; /* renamed in */
    assert_whole(&f);
    f = facts_of("file");
    f.at_work = true;
    assert_whole(&f); /* a file is whole when it is closed */
}

static void what_is_renamed_in_is_whole_at_once(void **state)
{
    struct seal_facts f = facts_of("report.pdf");

    (void)state;
    f.complete = true;
    f.quiet_ms = 0;
    assert_whole(&f);
    f.directory = true;
    assert_whole(&f);
    f.empty = true;
    assert_settles(&f, 300);
    f.empty = false;
    f.open = true;
    assert_int_equal(seal_rule(&f, &times).stage, SEAL_OPEN);
}

static void names_hold(void **state)
{
    static const struct {
        const char *name;
        enum seal_hold why;
    } cases[] = {
        {".hidden", SEAL_HELD_DOT},
        {".", SEAL_HELD_DOT},
        {"report.txt~", SEAL_HELD_TILDE},
        {"~", SEAL_HELD_TILDE},
        {"x.iso.crdownload", SEAL_HELD_CRDOWNLOAD},
        {"x.iso.part", SEAL_HELD_PART},
        {".x.part", SEAL_HELD_DOT},
        {"~x", SEAL_NOT_HELD},
        {"a.b", SEAL_NOT_HELD},
        {"part", SEAL_NOT_HELD},
        {"x.party", SEAL_NOT_HELD},
        {"x.part.gz", SEAL_NOT_HELD},
        {"x.PART", SEAL_NOT_HELD},
        {"x.crdownload2", SEAL_NOT_HELD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seal_facts f = facts_of(cases[i].name);
        if (cases[i].why == SEAL_NOT_HELD)
            assert_whole(&f);
        else
            assert_held(&f, cases[i].why);
    }
}

static void a_part_is_released_after_a_day(void **state)
{
    struct seal_facts f = facts_of("x.part");

    (void)state;
    f.age_ms = 1000;
    assert_held(&f, SEAL_HELD_PART);
    assert_int_equal(seal_rule(&f, &times).again_ms, SEAL_RULE_DAY_MS - 1000);
    f.age_ms = SEAL_RULE_DAY_MS - 1;
    assert_int_equal(seal_rule(&f, &times).again_ms, 1);
    f.age_ms = SEAL_RULE_DAY_MS;
    assert_whole(&f);
    f.age_ms = -5; /* the clock was set back */
    assert_int_equal(seal_rule(&f, &times).again_ms, SEAL_RULE_DAY_MS);
    f = facts_of("x~");
    assert_true(seal_rule(&f, &times).again_ms == INT64_MAX);
}

static void accidents_hold_at_once(void **state)
{
    struct seal_facts f = facts_of("report.pdf");

    (void)state;
    f.accident = SEAL_KILLED;
    f.quiet_ms = 0;
    assert_held(&f, SEAL_HELD_KILLED);
    f.complete = true;
    assert_held(&f, SEAL_HELD_KILLED);
    f.accident = SEAL_CRASHED;
    assert_held(&f, SEAL_HELD_CRASHED);
    f.accident = SEAL_WELL;
    f.damaged = true;
    assert_held(&f, SEAL_HELD_DAMAGED);
}

/* Every combination of facts against the sentence of the contract. */
static void check(const struct seal_facts *f)
{
    struct seal_decision d = seal_rule(f, &times);
    bool named = f->name[0] == '.';
    bool complete = f->complete && !(f->directory && f->empty);
    bool quiet = f->quiet_ms >= times.settle_ms;
    bool job = f->at_work && f->maker_age_ms <= times.settle_tree_ms;
    bool tree_quiet =
        f->quiet_ms >= (job ? 300000 : times.settle_tree_ms) || (f->makers_done && !f->empty);
    bool settled = complete || (quiet && (!f->directory || tree_quiet));
    bool well = f->accident == SEAL_WELL && !f->damaged && !named;

    assert_int_equal(d.stage == SEAL_OPEN, f->open);
    assert_int_equal(d.stage == SEAL_WHOLE, !f->open && well && settled);
    assert_int_equal(d.stage == SEAL_SETTLING || d.stage == SEAL_HELD,
                     !f->open && !(well && settled));
    assert_int_equal(d.hold != SEAL_NOT_HELD, d.stage == SEAL_HELD);
    if (d.stage == SEAL_HELD)
        assert_true(!well && (complete || quiet || f->accident != SEAL_WELL));
    assert_true(d.again_ms > 0);
    if (d.stage == SEAL_SETTLING)
        assert_true(d.again_ms <= times.settle_tree_ms);
}

static void every_combination_is_as_the_contract_says(void **state)
{
    static const int64_t quiets[] = {0, 299, 300, 9999, 10000, 299999, 300000};

    (void)state;
    for (unsigned bits = 0; bits < 1U << 9; bits++)
        for (int accident = SEAL_WELL; accident <= SEAL_CRASHED; accident++)
            for (size_t q = 0; q < sizeof(quiets) / sizeof(quiets[0]); q++) {
                struct seal_facts f = facts_of(bits & 1 ? ".x" : "x");
                f.directory = bits & 2;
                f.empty = f.directory && (bits & 4);
                f.open = bits & 8;
                f.complete = bits & 16;
                f.makers_done = f.directory && (bits & 32);
                f.damaged = bits & 64;
                f.at_work = f.directory && !f.makers_done && (bits & 128);
                f.maker_age_ms = bits & 256 ? 10001 : 10000;
                f.accident = (enum seal_accident)accident;
                f.quiet_ms = quiets[q];
                check(&f);
            }
}

/* Looking again when the rule says so, and never before, seals at the right moment. */
static void looking_again_ends(void **state)
{
    static const struct {
        bool directory, at_work;
        int64_t whole_ms;
        int looks_max;
    } cases[] = {{false, false, 300, 1}, {true, false, 10000, 40}, {true, true, 300000, 400}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seal_facts f = facts_of("x");
        int looks = 0;
        f.directory = cases[i].directory;
        f.at_work = cases[i].at_work;
        f.quiet_ms = 0;
        struct seal_decision d = seal_rule(&f, &times);
        for (; d.stage == SEAL_SETTLING; looks++, d = seal_rule(&f, &times))
            f.quiet_ms += d.again_ms;
        assert_int_equal(d.stage, SEAL_WHOLE);
        assert_int_equal(f.quiet_ms, cases[i].whole_ms);
        assert_in_range(looks, 1, cases[i].looks_max);
    }
}

static void settle_0_is_at_once(void **state)
{
    static const struct seal_times none = {0, 0};
    struct seal_facts f = facts_of("x");

    (void)state;
    f.quiet_ms = 0;
    assert_int_equal(seal_rule(&f, &none).stage, SEAL_WHOLE);
    f.directory = f.empty = true;
    assert_int_equal(seal_rule(&f, &none).stage, SEAL_WHOLE);
}

static void reasons_are_told_from_others(void **state)
{
    (void)state;
    for (int i = SEAL_NOT_HELD; i < SEAL_HOLDS; i++) {
        const char *text = seal_rule_text((enum seal_hold)i);
        assert_non_null(text);
        assert_int_equal(seal_rule_hold((unsigned)i), i);
        assert_int_equal(strlen(text) == 0, i == SEAL_NOT_HELD);
        assert_null(strchr(text, ';')); /* what is between entries in `held:` */
    }
    assert_int_equal(seal_rule_hold(SEAL_HOLDS), SEAL_NOT_HELD);
    assert_int_equal(seal_rule_hold(UINT32_MAX), SEAL_NOT_HELD);
}

/* In stores that are there. */
static void numbers_keep_their_meaning(void **state)
{
    (void)state;
    assert_int_equal(SEAL_HELD_DOT, 1);
    assert_int_equal(SEAL_HELD_TILDE, 2);
    assert_int_equal(SEAL_HELD_CRDOWNLOAD, 3);
    assert_int_equal(SEAL_HELD_PART, 4);
    assert_int_equal(SEAL_HELD_KILLED, 5);
    assert_int_equal(SEAL_HELD_CRASHED, 6);
    assert_int_equal(SEAL_HELD_DAMAGED, 7);
    assert_int_equal(SEAL_HELD_NO_SPACE, 8);
    assert_int_equal(SEAL_HELD_OVER_QUOTA, 9);
    assert_int_equal(SEAL_HELD_TOO_LARGE, 10);
    assert_int_equal(SEAL_HELD_FAILED, 11);
    assert_int_equal(SEAL_HELD_NO_FILES, 12);
    assert_int_equal(SEAL_HOLDS, 13);
}

static void every_accident_is_told_by_its_reason(void **state)
{
    (void)state;
    for (int i = SEAL_WELL; i < SEAL_ACCIDENTS; i++) {
        struct seal_facts f = facts_of("x");
        f.accident = (enum seal_accident)i;
        f.quiet_ms = 0;
        if (i != SEAL_WELL)
            assert_held(&f, seal_rule_held_by(f.accident));
        assert_int_equal(seal_rule_accident(seal_rule_held_by(f.accident)), i);
    }
    assert_int_equal(seal_rule_accident(SEAL_HELD_DOT), SEAL_WELL);
    assert_int_equal(seal_rule_accident(SEAL_HELD_DAMAGED), SEAL_WELL);
    assert_false(seal_rule_failed(SEAL_KILLED) || seal_rule_failed(SEAL_CRASHED));
    assert_true(seal_rule_failed(SEAL_NO_SPACE) && seal_rule_failed(SEAL_FAILED));
}

static void a_crash_interrupts_what_was_being_written(void **state)
{
    static const struct {
        struct seal_evidence evidence;
        enum seal_accident want;
    } cases[] = {
        {{.dirty = false}, SEAL_WELL},
        {{.dirty = true}, SEAL_CRASHED},
        {{.foreign = true}, SEAL_CRASHED},
        {{.bare = true}, SEAL_CRASHED},
        {{.bare = true, .whole = true}, SEAL_WELL},
        {{.bare = true, .whole = true, .foreign = true}, SEAL_CRASHED},
        {{.dirty = true, .foreign = true, .bare = true}, SEAL_CRASHED},
        {{.directory = true}, SEAL_CRASHED},
        {{.directory = true, .whole = true}, SEAL_WELL},
        {{.directory = true, .whole = true, .dirty = true}, SEAL_CRASHED},
        {{.directory = true, .whole = true, .foreign = true}, SEAL_CRASHED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(seal_rule_after_crash(&cases[i].evidence), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_settles),
        cmocka_unit_test(a_tree_settles_longer),
        cmocka_unit_test(a_tree_is_whole_sooner_when_its_makers_are_done),
        cmocka_unit_test(a_job_is_given_time),
        cmocka_unit_test(what_is_renamed_in_is_whole_at_once),
        cmocka_unit_test(names_hold),
        cmocka_unit_test(a_part_is_released_after_a_day),
        cmocka_unit_test(accidents_hold_at_once),
        cmocka_unit_test(every_combination_is_as_the_contract_says),
        cmocka_unit_test(looking_again_ends),
        cmocka_unit_test(settle_0_is_at_once),
        cmocka_unit_test(reasons_are_told_from_others),
        cmocka_unit_test(numbers_keep_their_meaning),
        cmocka_unit_test(every_accident_is_told_by_its_reason),
        cmocka_unit_test(a_crash_interrupts_what_was_being_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
