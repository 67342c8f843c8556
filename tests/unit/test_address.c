#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/net/address.h"

static void test_reads_and_writes(void **state)
{
    static const char *const same[] = {
        "0.0.0.0", "127.0.0.1", "192.0.2.255", "::", "::1", "2001:db8::1:2", "fe80::1%lo"};
    char text[ADDRESS_TEXT_MAX];
    union address a;

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_true(address_parse(&a, same[i]));
        assert_int_equal(address_port(&a), 0);
        address_set_port(&a, 4001);
        assert_int_equal(address_port(&a), 4001);
        assert_true(address_text(&a, text));
        assert_string_equal(text, same[i]);
        assert_int_equal(address_len(&a),
                         strchr(same[i], ':') != NULL ? sizeof(a.v6) : sizeof(a.v4));
    }
}

static void test_refuses_names(void **state)
{
    static const char *const not [] = {"",          "localhost", "1.2.3",
                                       "1.2.3.4.5", "256.1.1.1", "::g",
                                       "[::1]",     "1.2.3.4:5", "::1%no-such-interface",
                                       "%"};
    union address a;

    (void)state;
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
        assert_false(address_parse(&a, not [i]));
}

static void test_copies(void **state)
{
    union address a, b;
    struct sockaddr other = {.sa_family = AF_UNIX};

    (void)state;
    assert_true(address_parse(&a, "2001:db8::7"));
    assert_true(address_copy(&b, &a.any));
    assert_memory_equal(&a, &b, sizeof(a));
    assert_false(address_copy(&b, &other));
}

static void test_kinds(void **state)
{
    static const struct {
        const char *text;
        bool loopback, link_local;
    } kinds[] = {
        {"127.0.0.1", true, false},    {"127.255.0.3", true, false}, {"128.0.0.1", false, false},
        {"::1", true, false},          {"::2", false, false},        {"169.254.1.1", false, true},
        {"169.253.1.1", false, false}, {"fe80::1", false, true},     {"febf::1", false, true},
        {"fd00::1", false, false},
    };
    union address a;

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_true(address_parse(&a, kinds[i].text));
        assert_int_equal(address_is_loopback(&a), kinds[i].loopback);
        assert_int_equal(address_is_link_local(&a), kinds[i].link_local);
    }
}

static union address at_port(const char *text, uint16_t port)
{
    union address a;

    assert_true(address_parse(&a, text));
    address_set_port(&a, port);
    return a;
}

static void test_same(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"192.0.2.7", "::ffff:192.0.2.7", true},
        {"192.0.2.7", "::192.0.2.7", false},
        {"0.0.0.0", "127.0.0.1", true},
        {"::ffff:0.0.0.0", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"::", "::1", true},
        {"::1", "127.0.0.1", false},
        {"2001:db8::1", "2001:DB8:0::1", true},
        {"2001:db8::1", "2001:db8::2", false},
        {"2001:db8::1%1", "2001:db8::1%2", true},
        {"fe80::1%1", "fe80::1%lo", true},
        {"fe80::1%1", "fe80::1%2", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        union address a = at_port(pairs[i].a, 4001);
        union address b = at_port(pairs[i].b, 4001);
        assert_int_equal(address_is_same(&a, &b), pairs[i].same);
        assert_int_equal(address_is_same(&b, &a), pairs[i].same);
        address_set_port(&b, 4002);
        assert_false(address_is_same(&a, &b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_and_writes),
        cmocka_unit_test(test_refuses_names),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
