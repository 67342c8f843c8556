#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/manifest.h"

/* ---- making items ---- */

static struct manifest_item item(enum manifest_kind kind, uint32_t parent, const char *name)
{
    return (struct manifest_item){.kind = kind,
                                  .parent = parent,
                                  .name = (const uint8_t *)name,
                                  .name_len = strlen(name),
                                  .mode = 0644};
}

static struct manifest_item file(uint32_t parent, const char *name, const struct bytes *extents,
                                 uint64_t size)
{
    struct manifest_item i = item(MANIFEST_FILE, parent, name);

    i.size = size;
    i.extents = extents->data;
    i.extent_count = (uint32_t)(extents->len / 16);
    return i;
}

static struct manifest_item symlink_to(uint32_t parent, const char *name, const char *target)
{
    struct manifest_item i = item(MANIFEST_SYMLINK, parent, name);

    i.target = (const uint8_t *)target;
    i.target_len = strlen(target);
    return i;
}

static struct manifest_item hard_link(uint32_t parent, const char *name, uint32_t original)
{
    struct manifest_item i = item(MANIFEST_HARDLINK, parent, name);

    i.original = original;
    return i;
}

static struct bytes extent(uint64_t offset, uint64_t length)
{
    struct bytes b = {0};

    manifest_put_extent(&b, offset, length);
    return b;
}

/* ---- a builder and a parser side by side ---- */

struct both {
    struct bytes out;
    struct manifest_builder builder;
    struct manifest_parser parser;
};

static int begin(void **state)
{
    struct both *b = calloc(1, sizeof(*b));

    manifest_builder_init(&b->builder, &b->out);
    *state = b;
    return 0;
}

static int end(void **state)
{
    struct both *b = *state;

    manifest_builder_release(&b->builder);
    manifest_parser_release(&b->parser);
    bytes_release(&b->out);
    free(b);
    return 0;
}

static void add(struct both *b, struct manifest_item i)
{
    assert_int_equal(manifest_add(&b->builder, &i), PROTO_OK);
}

static void assert_refused(struct both *b, struct manifest_item i, int why)
{
    size_t len = b->out.len;

    assert_int_equal(manifest_add(&b->builder, &i), why);
    assert_int_equal(b->out.len, len);
}

static void finish(struct both *b, uint32_t items, uint64_t data)
{
    uint32_t got_items;
    uint64_t got_data;

    assert_int_equal(manifest_finish(&b->builder, &got_items, &got_data), PROTO_OK);
    assert_int_equal(got_items, items);
    assert_int_equal(got_data, data);
    assert_int_equal(manifest_parser_init(&b->parser, b->out.len), PROTO_OK);
}

/* A tree with one of everything. Data: 10 + 5 bytes. */
static void build_tree(struct both *b)
{
    struct bytes whole = extent(0, 10), sparse = {0}, none = {0}, xattrs = {0};

    manifest_put_extent(&sparse, 4096, 2);
    manifest_put_extent(&sparse, 8192, 3);
    manifest_put_xattr(&xattrs, "user.a", 6, "1", 1);
    manifest_put_xattr(&xattrs, "user.b", 6, "", 0);
    struct manifest_item top = item(MANIFEST_DIR, 0, "top");
    top.mode = 0755;
    top.mtime_s = -5;
    top.mtime_ns = 999999999;
    top.xattrs = xattrs.data;
    top.xattrs_len = xattrs.len;
    top.xattr_count = 2;
    add(b, top);
    add(b, item(MANIFEST_DIR, 0, "dir"));
    add(b, file(1, "a", &whole, 10));
    add(b, file(1, "b", &sparse, 10000));
    add(b, file(0, "empty", &none, 0));
    add(b, hard_link(0, "link", 2));
    add(b, symlink_to(0, "sym", "dir/a"));
    bytes_release(&whole);
    bytes_release(&sparse);
    bytes_release(&none);
    bytes_release(&xattrs);
}

static struct manifest_item parse_one(struct both *b, size_t *at)
{
    struct manifest_item i;
    size_t used;

    assert_int_equal(manifest_next(&b->parser, b->out.data + *at, b->out.len - *at, &used, &i), 1);
    *at += used;
    return i;
}

static void assert_name(const struct manifest_item *i, const char *name)
{
    assert_int_equal(i->name_len, strlen(name));
    assert_memory_equal(i->name, name, i->name_len);
}

/* ---- tests ---- */

static void a_tree_comes_back(void **state)
{
    struct both *b = *state;
    size_t at = 0, used, x_at = 0;
    struct manifest_item i;
    struct manifest_xattr x;
    uint64_t offset, length;

    build_tree(b);
    finish(b, 7, 15);
    i = parse_one(b, &at);
    assert_name(&i, "top");
    assert_int_equal(i.mode, 0755);
    assert_true(i.mtime_s == -5);
    assert_int_equal(i.mtime_ns, 999999999);
    assert_true(manifest_next_xattr(&i, &x_at, &x));
    assert_memory_equal(x.name, "user.a", x.name_len);
    assert_int_equal(x.value_len, 1);
    assert_true(manifest_next_xattr(&i, &x_at, &x));
    assert_int_equal(x.value_len, 0);
    assert_false(manifest_next_xattr(&i, &x_at, &x));
    i = parse_one(b, &at);
    assert_int_equal(i.kind, MANIFEST_DIR);
    assert_int_equal(i.depth, 1);
    i = parse_one(b, &at);
    assert_int_equal(i.data_offset, 0);
    i = parse_one(b, &at);
    assert_int_equal(i.index, 3);
    assert_int_equal(i.parent, 1);
    assert_int_equal(i.depth, 2);
    assert_int_equal(i.size, 10000);
    assert_int_equal(i.data_offset, 10);
    assert_int_equal(i.data_len, 5);
    manifest_extent(&i, 1, &offset, &length);
    assert_int_equal(offset, 8192);
    assert_int_equal(length, 3);
    i = parse_one(b, &at);
    assert_int_equal(i.data_offset, 15);
    i = parse_one(b, &at);
    assert_int_equal(i.original, 2);
    i = parse_one(b, &at);
    assert_memory_equal(i.target, "dir/a", i.target_len);
    assert_int_equal(at, b->out.len);
    assert_int_equal(manifest_next(&b->parser, b->out.data + at, 0, &used, &i), 0);
}

/* Give it one byte more each time: what it says must be AGAIN until the item is whole. */
static void it_may_come_byte_by_byte(void **state)
{
    struct both *b = *state;
    size_t at = 0, len = 0, used, items = 0;
    struct manifest_item i;

    build_tree(b);
    finish(b, 7, 15);
    while (at < b->out.len) {
        int got = manifest_next(&b->parser, b->out.data + at, len - at, &used, &i);
        assert_true(got == 1 || (got == PROTO_ERR_AGAIN && used == 0));
        items += got == 1;
        at += used;
        len += got != 1;
        assert_true(len <= b->out.len);
    }
    assert_int_equal(items, 7);
}

static void every_cut_manifest_is_malformed(void **state)
{
    struct both *b = *state;

    build_tree(b);
    finish(b, 7, 15);
    for (size_t len = 0; len < b->out.len; len++) {
        struct manifest_parser p;
        struct manifest_item i;
        size_t at = 0, used;
        int got = 1;
        assert_int_equal(manifest_parser_init(&p, len), PROTO_OK);
        for (; got == 1; at += used)
            got = manifest_next(&p, b->out.data + at, len - at, &used, &i);
        assert_int_equal(got, PROTO_ERR_MALFORMED);
        manifest_parser_release(&p);
    }
}

static void bytes_after_the_last_item_are_malformed(void **state)
{
    struct both *b = *state;
    struct manifest_item i;
    size_t used, at = 0;

    add(b, item(MANIFEST_DIR, 0, "top"));
    finish(b, 1, 0);
    bytes_put_u8(&b->out, 0);
    assert_int_equal(manifest_parser_init(&b->parser, b->out.len), PROTO_OK);
    parse_one(b, &at);
    assert_int_equal(manifest_next(&b->parser, b->out.data + at, 1, &used, &i),
                     PROTO_ERR_MALFORMED);
}

static void a_top_alone_may_be_a_file_or_symlink(void **state)
{
    struct both *b = *state;
    struct bytes e = extent(0, 3);
    size_t at = 0;

    assert_refused(b, hard_link(0, "x", 0), PROTO_ERR_INVALID);
    add(b, file(0, "x", &e, 3));
    assert_refused(b, item(MANIFEST_DIR, 0, "y"), PROTO_ERR_INVALID); /* in a file */
    finish(b, 1, 3);
    parse_one(b, &at);
    bytes_release(&e);
}

static void nothing_is_no_manifest(void **state)
{
    struct both *b = *state;
    uint32_t items;
    uint64_t data;

    assert_int_equal(manifest_finish(&b->builder, &items, &data), PROTO_ERR_INVALID);
    assert_int_equal(manifest_parser_init(&b->parser, (uint64_t)MANIFEST_LEN_MAX + 1),
                     PROTO_ERR_TOO_BIG);
}

static void names_are_checked(void **state)
{
    struct both *b = *state;
    char longest[MANIFEST_NAME_MAX + 2];

    memset(longest, 'n', sizeof(longest));
    add(b, item(MANIFEST_DIR, 0, "top"));
    assert_refused(b, item(MANIFEST_DIR, 0, ""), PROTO_ERR_INVALID);
    assert_refused(b, item(MANIFEST_DIR, 0, "."), PROTO_ERR_INVALID);
    assert_refused(b, item(MANIFEST_DIR, 0, ".."), PROTO_ERR_INVALID);
    assert_refused(b, item(MANIFEST_DIR, 0, "a/b"), PROTO_ERR_INVALID);
    longest[MANIFEST_NAME_MAX + 1] = '\0';
    assert_refused(b, item(MANIFEST_DIR, 0, longest), PROTO_ERR_INVALID);
    struct manifest_item nul = item(MANIFEST_DIR, 0, "ab");
    nul.name = (const uint8_t *)"a\0b";
    nul.name_len = 3;
    assert_refused(b, nul, PROTO_ERR_INVALID);
    add(b, item(MANIFEST_DIR, 0, "..."));
    add(b, item(MANIFEST_DIR, 0, ".a"));
    longest[MANIFEST_NAME_MAX] = '\0';
    add(b, item(MANIFEST_DIR, 0, longest));
    add(b, item(MANIFEST_DIR, 0, "\xff\x01")); /* bytes; what is safe is the receiver's business */
}

static void siblings_ascend_and_are_never_the_same(void **state)
{
    struct both *b = *state;

    add(b, item(MANIFEST_DIR, 0, "top"));
    add(b, item(MANIFEST_DIR, 0, "b"));
    assert_refused(b, item(MANIFEST_DIR, 0, "b"), PROTO_ERR_INVALID);
    assert_refused(b, item(MANIFEST_DIR, 0, "a"), PROTO_ERR_INVALID);
    add(b, item(MANIFEST_DIR, 1, "a"));
    add(b, item(MANIFEST_DIR, 0, "ba"));
    assert_refused(b, item(MANIFEST_DIR, 1, "c"), PROTO_ERR_INVALID); /* that one is left */
    add(b, item(MANIFEST_DIR, 3, "a"));
}

static void parents_are_directories_on_the_path(void **state)
{
    struct both *b = *state;
    struct bytes none = {0};

    struct manifest_item top = item(MANIFEST_DIR, 0, "top");
    top.parent = 1;
    assert_refused(b, top, PROTO_ERR_INVALID);
    add(b, item(MANIFEST_DIR, 0, "top"));
    add(b, file(0, "f", &none, 0));
    assert_refused(b, item(MANIFEST_DIR, 1, "x"), PROTO_ERR_INVALID);
    assert_refused(b, item(MANIFEST_DIR, 2, "x"), PROTO_ERR_INVALID); /* itself */
    assert_refused(b, item(MANIFEST_DIR, UINT32_MAX, "x"), PROTO_ERR_INVALID);
}

static void depth_is_bounded(void **state)
{
    struct both *b = *state;

    add(b, item(MANIFEST_DIR, 0, "top"));
    for (uint32_t depth = 1; depth < MANIFEST_DEPTH_MAX; depth++)
        add(b, item(MANIFEST_DIR, depth - 1, "d"));
    assert_refused(b, item(MANIFEST_DIR, MANIFEST_DEPTH_MAX - 1, "d"), PROTO_ERR_TOO_BIG);
    add(b, symlink_to(MANIFEST_DEPTH_MAX - 1, "s", "t"));
}

static void extents_ascend_within_the_size(void **state)
{
    struct both *b = *state;
    struct bytes e = extent(0, 10), touching = extent(0, 4), overlapping = extent(0, 4);
    struct bytes empty = extent(3, 0), far = extent(UINT64_MAX, 2), wrap = extent(2, UINT64_MAX);

    manifest_put_extent(&touching, 4, 6);
    manifest_put_extent(&overlapping, 3, 6);
    add(b, item(MANIFEST_DIR, 0, "top"));
    assert_refused(b, file(0, "a", &e, 9), PROTO_ERR_INVALID);
    assert_refused(b, file(0, "a", &overlapping, 10), PROTO_ERR_INVALID);
    assert_refused(b, file(0, "a", &empty, 10), PROTO_ERR_INVALID);
    assert_refused(b, file(0, "a", &far, 10), PROTO_ERR_INVALID);
    assert_refused(b, file(0, "a", &wrap, 10), PROTO_ERR_INVALID);
    assert_refused(b, file(0, "a", &e, (uint64_t)INT64_MAX + 1), PROTO_ERR_INVALID);
    add(b, file(0, "a", &touching, 10));
    add(b, file(0, "b", &e, INT64_MAX));
    bytes_release(&e);
    bytes_release(&touching);
    bytes_release(&overlapping);
    bytes_release(&empty);
    bytes_release(&far);
    bytes_release(&wrap);
}

static void the_number_of_extents_is_bounded(void **state)
{
    struct both *b = *state;
    struct bytes many = {0};

    for (uint64_t i = 0; i < MANIFEST_EXTENTS_MAX; i++)
        manifest_put_extent(&many, 2 * i, 1);
    add(b, item(MANIFEST_DIR, 0, "top"));
    add(b, file(0, "a", &many, 1 << 20));
    manifest_put_extent(&many, 1 << 19, 1);
    assert_refused(b, file(0, "b", &many, 1 << 20), PROTO_ERR_TOO_BIG);
    finish(b, 2, MANIFEST_EXTENTS_MAX);
    bytes_release(&many);
}

static void all_data_together_is_bounded(void **state)
{
    struct both *b = *state;
    struct bytes e = extent(0, INT64_MAX), one = extent(0, 1);

    add(b, item(MANIFEST_DIR, 0, "top"));
    add(b, file(0, "a", &e, INT64_MAX));
    assert_refused(b, file(0, "b", &one, 1), PROTO_ERR_TOO_BIG);
    bytes_release(&e);
    bytes_release(&one);
}

static void hard_links_name_earlier_files(void **state)
{
    struct both *b = *state;
    struct bytes none = {0};

    add(b, item(MANIFEST_DIR, 0, "top"));
    add(b, file(0, "a", &none, 0));
    add(b, symlink_to(0, "b", "x"));
    assert_refused(b, hard_link(0, "c", 0), PROTO_ERR_INVALID);
    assert_refused(b, hard_link(0, "c", 2), PROTO_ERR_INVALID);
    assert_refused(b, hard_link(0, "c", 3), PROTO_ERR_INVALID);
    assert_refused(b, hard_link(0, "c", UINT32_MAX), PROTO_ERR_INVALID);
    add(b, hard_link(0, "c", 1));
    assert_refused(b, hard_link(0, "d", 3), PROTO_ERR_INVALID); /* is a link itself */
}

static void symlinks_have_a_target(void **state)
{
    struct both *b = *state;
    char longest[MANIFEST_TARGET_MAX + 2];

    memset(longest, 't', sizeof(longest));
    longest[MANIFEST_TARGET_MAX + 1] = '\0';
    add(b, item(MANIFEST_DIR, 0, "top"));
    assert_refused(b, symlink_to(0, "a", ""), PROTO_ERR_INVALID);
    assert_refused(b, symlink_to(0, "a", longest), PROTO_ERR_INVALID);
    struct manifest_item nul = symlink_to(0, "a", "x");
    nul.target = (const uint8_t *)"x\0y";
    nul.target_len = 3;
    assert_refused(b, nul, PROTO_ERR_INVALID);
    longest[MANIFEST_TARGET_MAX] = '\0';
    add(b, symlink_to(0, "a", longest));
}

static void modes_and_times_are_checked(void **state)
{
    struct both *b = *state;

    struct manifest_item i = item(MANIFEST_DIR, 0, "top");
    i.mode = 04755;
    assert_refused(b, i, PROTO_ERR_INVALID);
    i.mode = 0777;
    i.mtime_ns = 1000000000;
    assert_refused(b, i, PROTO_ERR_INVALID);
    i.mtime_ns--;
    i.kind = (enum manifest_kind)5;
    assert_refused(b, i, PROTO_ERR_INVALID);
    i.kind = MANIFEST_DIR;
    add(b, i);
}

static struct manifest_item with_xattr(const struct bytes *xattrs, uint16_t count)
{
    struct manifest_item i = item(MANIFEST_DIR, 0, "top");

    i.xattrs = xattrs->data;
    i.xattrs_len = xattrs->len;
    i.xattr_count = count;
    return i;
}

static void xattrs_are_checked(void **state)
{
    static uint8_t value[MANIFEST_XATTRS_MAX];
    static const char *const wrong[] = {"user.", "security.x", "user.wormhole.id", "user.xdg.x"};
    struct both *b = *state;
    struct bytes x = {0};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bytes_clear(&x);
        manifest_put_xattr(&x, wrong[i], strlen(wrong[i]), "v", 1);
        assert_refused(b, with_xattr(&x, 1), PROTO_ERR_INVALID);
    }
    bytes_clear(&x);
    manifest_put_xattr(&x, "user.b", 6, "", 0);
    assert_refused(b, with_xattr(&x, 2), PROTO_ERR_INVALID); /* fewer than it says */
    manifest_put_xattr(&x, "user.b", 6, "", 0);
    assert_refused(b, with_xattr(&x, 2), PROTO_ERR_INVALID); /* twice the same */
    assert_refused(b, with_xattr(&x, 1), PROTO_ERR_INVALID); /* more than it says */
    bytes_clear(&x);
    manifest_put_xattr(&x, "user.a", 6, value, sizeof(value) - 6);
    manifest_put_xattr(&x, "user.b", 6, "", 0);
    assert_refused(b, with_xattr(&x, 2), PROTO_ERR_TOO_BIG);
    bytes_clear(&x);
    manifest_put_xattr(&x, "user.a", 6, value, sizeof(value) - 6);
    add(b, with_xattr(&x, 1));
    finish(b, 1, 0);
    assert_true(b->out.len <= MANIFEST_ITEM_MAX);
    bytes_release(&x);
}

/* Any byte changed may still be a manifest, but must never be one that breaks a rule, nor be read
 * beyond its end (the sanitizers look). */
static void damaged_manifests_are_parsed_safely(void **state)
{
    struct both *b = *state;
    unsigned refused = 0;

    build_tree(b);
    finish(b, 7, 15);
    for (size_t n = 0; n < b->out.len * 8; n++) {
        struct manifest_parser p;
        struct manifest_item i;
        size_t at = 0, used;
        uint8_t *copy = malloc(b->out.len);
        int got = 1;
        memcpy(copy, b->out.data, b->out.len);
        copy[n / 8] ^= (uint8_t)(1 << (n % 8));
        assert_int_equal(manifest_parser_init(&p, b->out.len), PROTO_OK);
        for (; got == 1; at += used) {
            got = manifest_next(&p, copy + at, b->out.len - at, &used, &i);
            if (got == 1)
                assert_true(manifest_name_ok(i.name, i.name_len) && i.depth <= MANIFEST_DEPTH_MAX);
        }
        refused += got < 0;
        manifest_parser_release(&p);
        free(copy);
    }
    assert_true(refused > b->out.len);
}

static bool stays(unsigned depth, const char *target)
{
    return manifest_target_stays(depth, target, strlen(target));
}

static void symlinks_that_leave_the_tree_are_known(void **state)
{
    (void)state;
    assert_true(stays(1, "a"));
    assert_true(stays(1, "./a//b/"));
    assert_true(stays(2, "../a"));
    assert_true(stays(3, ".././../a"));
    assert_true(stays(1, "..a/b.."));
    assert_true(stays(0, "beside"));
    assert_false(stays(0, "../x"));
    assert_false(stays(1, ""));
    assert_false(stays(5, "/etc/passwd"));
    assert_false(stays(1, ".."));
    assert_false(stays(2, "../.."));
    assert_false(stays(2, "../../x"));
    assert_false(stays(9, "a/..")); /* `a` may be a symlink to a place further up */
    assert_false(stays(9, "../a/../b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tree_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(it_may_come_byte_by_byte, begin, end),
        cmocka_unit_test_setup_teardown(every_cut_manifest_is_malformed, begin, end),
        cmocka_unit_test_setup_teardown(bytes_after_the_last_item_are_malformed, begin, end),
        cmocka_unit_test_setup_teardown(a_top_alone_may_be_a_file_or_symlink, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_no_manifest, begin, end),
        cmocka_unit_test_setup_teardown(names_are_checked, begin, end),
        cmocka_unit_test_setup_teardown(siblings_ascend_and_are_never_the_same, begin, end),
        cmocka_unit_test_setup_teardown(parents_are_directories_on_the_path, begin, end),
        cmocka_unit_test_setup_teardown(depth_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(extents_ascend_within_the_size, begin, end),
        cmocka_unit_test_setup_teardown(the_number_of_extents_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(all_data_together_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(hard_links_name_earlier_files, begin, end),
        cmocka_unit_test_setup_teardown(symlinks_have_a_target, begin, end),
        cmocka_unit_test_setup_teardown(modes_and_times_are_checked, begin, end),
        cmocka_unit_test_setup_teardown(xattrs_are_checked, begin, end),
        cmocka_unit_test_setup_teardown(damaged_manifests_are_parsed_safely, begin, end),
        cmocka_unit_test(symlinks_that_leave_the_tree_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
