/* fs/face/draft.h: the cases a, b and c of new/, and when in doubt a second wormhole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/face/draft.h"

enum { NOW = 2000000000 };

static const struct draft_facts fresh = {.life = DRAFT_FRESH, .now_ms = NOW};

static void entry_goes_to(const struct draft_facts *f, enum draft_choice expected)
{
    assert_int_equal(draft_for_entry(f), expected);
}

static void without_a_draft_there_is_a_next(void **state)
{
    struct draft_facts f = {.life = DRAFT_NONE, .process_ms = NOW, .now_ms = NOW};
    (void)state;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_NEXT);
}

static void a_unread_code(void **state)
{
    struct draft_facts f = fresh;
    (void)state;
    entry_goes_to(&f, DRAFT_CHOOSE_IT);
    f.used = true; /* cp a b; cp c */
    f.life = DRAFT_JOINED;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
}

/* A wrong guess has burnt the code that was told, or a peer refused: the next code is unread. */
static void a_new_code_for_the_old_recipient(void **state)
{
    struct draft_facts f = fresh;
    (void)state;
    f.told = true;
    entry_goes_to(&f, DRAFT_CHOOSE_IT); /* nothing is in it */
    assert_int_equal(draft_for_join(&f), DRAFT_CHOOSE_IT);
    f.used = true;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
    assert_int_equal(draft_for_join(&f), DRAFT_CHOOSE_NEXT);
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_IT); /* to tell them the new one */
    f.process_ms = NOW - 1;
    entry_goes_to(&f, DRAFT_CHOOSE_IT); /* (c) */
    f.process_told = true;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
}

static void writing_a_code(void **state)
{
    struct draft_facts f = fresh;
    (void)state;
    f.used = true; /* cp a; then the other's code */
    assert_int_equal(draft_for_join(&f), DRAFT_CHOOSE_IT);
    f.code_known_ms = NOW - 1;
    assert_int_equal(draft_for_join(&f), DRAFT_CHOOSE_NEXT);
    f = (struct draft_facts){.life = DRAFT_JOINED, .now_ms = NOW};
    assert_int_equal(draft_for_join(&f), DRAFT_CHOOSE_NEXT);
}

static void b_code_in_hand_and_nothing_in_it(void **state)
{
    struct draft_facts f = fresh;
    (void)state;
    f.code_known_ms = NOW - DRAFT_CODE_MS + 1;
    entry_goes_to(&f, DRAFT_CHOOSE_IT);
    f.life = DRAFT_JOINED; /* they typed it while we looked for the file */
    entry_goes_to(&f, DRAFT_CHOOSE_IT);
    f.code_known_ms = NOW - DRAFT_CODE_MS;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
    f.life = DRAFT_FRESH;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
    f.code_known_ms = NOW - 1;
    f.used = true; /* what is for Bob tomorrow */
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
}

static void c_the_same_process(void **state)
{
    struct draft_facts f = fresh;
    (void)state;
    f.code_known_ms = NOW - 1;
    f.used = true;
    f.process_ms = NOW - DRAFT_PROCESS_MS + 1;
    entry_goes_to(&f, DRAFT_CHOOSE_IT);
    f.process_told = true; /* for w in bob carol: cp, read the code out */
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
    f.process_told = false;
    f.life = DRAFT_JOINED;
    entry_goes_to(&f, DRAFT_CHOOSE_IT);
    f.process_ms = NOW - DRAFT_PROCESS_MS;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
}

static void an_ended_draft_takes_nothing(void **state)
{
    struct draft_facts f = {.life = DRAFT_ENDED, .now_ms = NOW};
    (void)state;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
    f.code_known_ms = NOW - 1;
    f.process_ms = NOW;
    entry_goes_to(&f, DRAFT_CHOOSE_NEXT);
}

static void a_clock_that_went_back_counts_as_now(void **state)
{
    struct draft_facts f = fresh;
    (void)state;
    f.code_known_ms = NOW + 3600 * 1000;
    entry_goes_to(&f, DRAFT_CHOOSE_IT);
}

static void reading_the_code(void **state)
{
    struct draft_facts f = fresh;
    (void)state;
    f.used = true;
    f.code_known_ms = NOW - 2 * DRAFT_CODE_MS;
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_IT); /* cat code; cat code */
    f.life = DRAFT_JOINED;
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_NEXT);
    f.code_known_ms = NOW - 1;
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_NEXT);
    f.used = false;
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_IT);
    f.life = DRAFT_ENDED;
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_IT);
    f.code_known_ms = NOW - DRAFT_CODE_MS;
    assert_int_equal(draft_for_code(&f), DRAFT_CHOOSE_NEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_draft_there_is_a_next),
        cmocka_unit_test(a_unread_code),
        cmocka_unit_test(a_new_code_for_the_old_recipient),
        cmocka_unit_test(writing_a_code),
        cmocka_unit_test(b_code_in_hand_and_nothing_in_it),
        cmocka_unit_test(c_the_same_process),
        cmocka_unit_test(an_ended_draft_takes_nothing),
        cmocka_unit_test(a_clock_that_went_back_counts_as_now),
        cmocka_unit_test(reading_the_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
