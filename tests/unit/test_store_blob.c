/* Names and blobs. */
#include "store_rig.h"

static void test_name_set_checks(void **state)
{
    (void)state;
    struct name n = {.len = 1, .text = "x"};
    char long_name[NAME_BYTES_MAX + 2];
    memset(long_name, 'a', sizeof long_name);
    assert_int_equal(name_set(&n, long_name, NAME_BYTES_MAX + 1), STORE_ERR_NAME_TOO_LONG);
    assert_int_equal(name_set(&n, "", 0), STORE_ERR_INVALID);
    assert_int_equal(name_set(&n, ".", 1), STORE_ERR_INVALID);
    assert_int_equal(name_set(&n, "..", 2), STORE_ERR_INVALID);
    assert_int_equal(name_set(&n, "a/b", 3), STORE_ERR_INVALID);
    assert_int_equal(name_set(&n, "a\0b", 3), STORE_ERR_INVALID);
    assert_string_equal(n.text, "x");
    assert_int_equal(name_set(&n, "...", 3), 0);
    assert_int_equal(name_set(&n, long_name, NAME_BYTES_MAX), 0);
    assert_int_equal(n.len, NAME_BYTES_MAX);
}

static void test_show_and_parse(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *shown;
    } cases[] = {
        {"report.pdf", "report.pdf"},
        {"\xc3\xa4", "\xc3\xa4"},             /* ä */
        {"a\xff", "a%FF"},                    /* no UTF-8 */
        {"100%", "100%25"},                   /* unambiguous */
        {"\xc0\xaf", "%C0%AF"},               /* overlong */
        {"\xed\xa0\x80", "%ED%A0%80"},        /* a surrogate */
        {"\xf4\x90\x80\x80", "%F4%90%80%80"}, /* above U+10FFFF */
        {"a\nb", "a%0Ab"},
        {"\xc2\x85", "%C2%85"}, /* a C1 control */
        {"\xe2\x82", "%E2%82"}, /* cut short */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char shown[NAME_SHOWN_MAX + 1];
        struct name back;
        name_show(shown, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(shown, cases[i].shown);
        assert_int_equal(name_parse(&back, shown), 0);
        assert_string_equal(back.text, cases[i].bytes);
    }
}

static void test_every_byte_survives(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char name[3] = {'x', (char)byte, 0}, shown[NAME_SHOWN_MAX + 1];
        struct name back;
        if (byte == '/')
            continue;
        name_show(shown, name, 2);
        assert_int_equal(name_parse(&back, shown), 0);
        assert_memory_equal(back.text, name, 3);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    struct name n;
    assert_int_equal(name_parse(&n, "a%2"), STORE_ERR_INVALID);
    assert_int_equal(name_parse(&n, "a%"), STORE_ERR_INVALID);
    assert_int_equal(name_parse(&n, "a%zz"), STORE_ERR_INVALID);
    assert_int_equal(name_parse(&n, "a%2Fb"), STORE_ERR_INVALID);
    assert_int_equal(name_parse(&n, "%00"), STORE_ERR_INVALID);
}

static void test_blob(void **state)
{
    (void)state;
    struct blob b = {0};
    assert_int_equal(blob_set(&b, "abc", 3), 0);
    assert_memory_equal(b.data, "abc", 3);
    blob_release(&b);
    assert_null(b.data);
    assert_int_equal(blob_set(&b, NULL, 0), 0);
    assert_non_null(b.data);
    blob_release(&b);
}

static void test_every_error_has_its_sentence(void **state)
{
    (void)state;
    for (int a = STORE_ERR_HOSTILE; a <= 0; a++) {
        assert_string_not_equal(store_strerror(a), store_strerror(1));
        for (int b = a + 1; b <= 0; b++)
            assert_string_not_equal(store_strerror(a), store_strerror(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_set_checks),
        cmocka_unit_test(test_show_and_parse),
        cmocka_unit_test(test_every_byte_survives),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_blob),
        cmocka_unit_test(test_every_error_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
