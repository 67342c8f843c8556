#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/vault.h"

static struct {
    void *at;
    size_t size;
    unsigned calls;
    bool was_zero;
} kept;

static void keeper(void *at, size_t size)
{
    kept.at = at;
    kept.size = size;
    kept.calls++;
    kept.was_zero = sodium_is_zero(at, size);
}

static void it_is_zero_and_aligned(void **state)
{
    (void)state;
    uint8_t *at = vault_alloc(1000);
    assert_non_null(at);
    assert_true(sodium_is_zero(at, 1000));
    assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
    memset(at, 0xa5, 1000);
    vault_free(at, 1000);
    vault_free(NULL, 1000);
}

static void each_piece_is_handed_to_the_keeper(void **state)
{
    (void)state;
    vault_keep(keeper);
    void *at = vault_alloc(77);
    assert_int_equal(kept.calls, 1);
    assert_ptr_equal(kept.at, at);
    assert_int_equal(kept.size, 77);
    assert_true(kept.was_zero); /* before a secret is in it */
    vault_free(at, 77);
    vault_keep(NULL);
    vault_free(vault_alloc(77), 77);
    assert_int_equal(kept.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_zero_and_aligned),
        cmocka_unit_test(each_piece_is_handed_to_the_keeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
