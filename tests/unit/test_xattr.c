/* Extended attributes. */
#include "store_rig.h"

static int set(struct rig *r, uint64_t ino, const char *name, const void *value, size_t len,
               enum xattr_how how)
{
    struct turn *t = rig_turn(r);
    int rc = xattr_set(t, ino, name, value, len, how);
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static ssize_t get(struct rig *r, uint64_t ino, const char *name, void *out, size_t cap)
{
    struct view *v = rig_view(r);
    ssize_t rc = xattr_get(v, ino, name, out, cap);
    view_end(v);
    return rc;
}

static void test_set_get_remove(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    char buf[16] = "";
    r->clock_ns += 5;
    assert_int_equal(set(r, ino, "user.a", "value", 5, XATTR_SET), 0);
    assert_int_equal(rig_node(r, ino).ctime_ns, r->clock_ns);
    assert_int_equal(get(r, ino, "user.a", NULL, 0), 5);
    assert_int_equal(get(r, ino, "user.a", buf, 4), STORE_ERR_RANGE);
    assert_int_equal(get(r, ino, "user.a", buf, 16), 5);
    assert_string_equal(buf, "value");
    assert_int_equal(get(r, ino, "user.b", buf, 16), STORE_ERR_NO_DATA);
    assert_int_equal(set(r, ino, "user.a", "x", 1, XATTR_MUST_CREATE), STORE_ERR_EXISTS);
    assert_int_equal(set(r, ino, "user.b", "x", 1, XATTR_MUST_REPLACE), STORE_ERR_NO_DATA);
    assert_int_equal(set(r, ino, "user.a", "\0\1", 2, XATTR_MUST_REPLACE), 0);
    assert_int_equal(get(r, ino, "user.a", buf, 16), 2);
    assert_memory_equal(buf, "\0\1", 2);
    assert_int_equal(set(r, ino, "user.empty", NULL, 0, XATTR_MUST_CREATE), 0);
    assert_int_equal(get(r, ino, "user.empty", buf, 16), 0);
    struct turn *t = rig_turn(r);
    assert_int_equal(xattr_remove(t, ino, "user.a"), 0);
    assert_int_equal(xattr_remove(t, ino, "user.a"), STORE_ERR_NO_DATA);
    commit(t);
    assert_int_equal(get(r, ino, "user.a", NULL, 0), STORE_ERR_NO_DATA);
    assert_int_equal(set(r, 5, "user.a", "x", 1, XATTR_SET), STORE_ERR_NOT_FOUND);
}

static void test_bounds(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    static char big[XATTR_VALUE_BYTES_MAX + 1];
    char name[XATTR_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(set(r, ino, name, "x", 1, XATTR_SET), STORE_ERR_INVALID);
    assert_int_equal(set(r, ino, "", "x", 1, XATTR_SET), STORE_ERR_INVALID);
    name[XATTR_NAME_BYTES_MAX] = '\0';
    assert_int_equal(set(r, ino, name, "x", 1, XATTR_SET), 0);
    assert_int_equal(set(r, ino, "b", big, sizeof big, XATTR_SET), STORE_ERR_TOO_BIG);
    size_t left = XATTR_NODE_BYTES_MAX - XATTR_NAME_BYTES_MAX - 1 - 1;
    assert_int_equal(set(r, ino, "b", big, left + 1, XATTR_SET), STORE_ERR_TOO_BIG);
    assert_int_equal(set(r, ino, "b", big, left, XATTR_SET), 0);
    assert_int_equal(set(r, ino, "b", big, left, XATTR_SET), 0); /* replacing counts once */
    assert_int_equal(set(r, ino, "c", "x", 1, XATTR_SET), STORE_ERR_TOO_BIG);
}

static int join(void *arg, const char *name, const void *value, size_t len)
{
    char *text = arg;
    strcat(text, name);
    strcat(text, "=");
    strncat(text, value ? value : "", len);
    strcat(text, " ");
    return 0;
}

static void test_list_and_the_end_of_the_node(void **state)
{
    struct rig *r = *state;
    uint64_t ino = rig_make(r, r->outbox, "f", NODE_FILE);
    char text[64] = "";
    assert_int_equal(set(r, ino, "user.b", "2", 1, XATTR_SET), 0);
    assert_int_equal(set(r, ino, "user.a", "1", 1, XATTR_SET), 0);
    struct view *v = rig_view(r);
    assert_int_equal(xattr_list(v, ino, join, text), 0);
    view_end(v);
    assert_string_equal(text, "user.a=1 user.b=2 ");
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    assert_int_equal(get(r, ino, "user.a", NULL, 0), STORE_ERR_NO_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_set_get_remove),
        rig_test(test_bounds),
        rig_test(test_list_and_the_end_of_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
