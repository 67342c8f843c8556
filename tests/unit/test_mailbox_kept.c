#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/mailbox_kept.h"

static struct mailbox_kept *list;

static int tear_down(void **state)
{
    (void)state;
    mailbox_kept_release(&list);
    return 0;
}

static const char *order(void)
{
    static char line[256];

    line[0] = '\0';
    for (struct mailbox_kept *k = list; k != NULL; k = k->next) {
        strcat(line, k->phase);
        strcat(line, " ");
    }
    return line;
}

static void they_stand_in_the_order_of_the_protocol(void **state)
{
    static const char *const phases[] = {"10", "ef", "version", "9", "ea", "0", "pake", "2"};

    (void)state;
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
        assert_non_null(mailbox_kept_insert(&list, phases[i], "x", 1));
    assert_string_equal(order(), "pake version 0 2 9 10 ef ea ");
    assert_true(mailbox_kept_remove(&list, "pake"));
    assert_true(mailbox_kept_remove(&list, "9"));
    assert_true(mailbox_kept_remove(&list, "ea"));
    assert_false(mailbox_kept_remove(&list, "9"));
    assert_string_equal(order(), "version 0 2 10 ef ");
}

static void bodies_are_copies(void **state)
{
    char body[] = "body";

    (void)state;
    struct mailbox_kept *k = mailbox_kept_insert(&list, "0", body, 4);
    memset(body, 0, 4);
    assert_ptr_equal(mailbox_kept_find(list, "0"), k);
    assert_null(mailbox_kept_find(list, "1"));
    assert_int_equal(k->body.len, 4);
    assert_memory_equal(k->body.data, "body", 4);
    assert_false(k->there);
    assert_false(k->echoed);
    mailbox_kept_release(&list);
    assert_null(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(they_stand_in_the_order_of_the_protocol, tear_down),
        cmocka_unit_test_teardown(bodies_are_copies, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
