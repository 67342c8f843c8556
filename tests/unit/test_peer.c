#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/manifest.h"
#include "proto/peer.h"

static const uint8_t some_bytes[PEER_PIECE_MAX + 1] = "abc";

static struct peer_message example(enum peer_kind kind)
{
    struct peer_message m = {.kind = kind, .revision = {1, 2, 3, [15] = 16}, .data = some_bytes};

    switch (kind) {
    case PEER_PIECE:
        m.size = 1000, m.offset = 500, m.len = 500;
        break;
    case PEER_OFFER:
        m.size = INT64_MAX, m.items = MANIFEST_ITEMS_MAX, m.len = 3;
        break;
    case PEER_WITHDRAW:
        break;
    case PEER_DECISION:
        m.verdict = PEER_REFUSED_NOW, m.len = PEER_REASON_MAX;
        break;
    }
    return m;
}

static struct bytes built(const struct peer_message *m)
{
    struct bytes b = {0};

    assert_int_equal(peer_build(&b, m), PROTO_OK);
    return b;
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    for (enum peer_kind kind = PEER_PIECE; kind <= PEER_DECISION; kind++) {
        struct peer_message m = example(kind), got;
        struct bytes b = built(&m);
        assert_int_equal(peer_parse(&got, b.data, b.len), PROTO_OK);
        assert_int_equal(got.kind, kind);
        assert_memory_equal(got.revision, m.revision, sizeof(m.revision));
        assert_int_equal(got.size, m.size);
        assert_int_equal(got.offset, m.offset);
        assert_int_equal(got.items, m.items);
        assert_int_equal(got.verdict, m.verdict);
        assert_int_equal(got.len, m.len);
        if (m.len > 0)
            assert_memory_equal(got.data, m.data, m.len);
        bytes_release(&b);
    }
}

static void the_layout_is_as_specified(void **state)
{
    struct peer_message m = {.kind = PEER_OFFER, .size = 0x102, .items = 3, .len = 2};
    static const uint8_t want[] = {17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   0,  0,
                                   0,  0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 2, 'h', 'i'};

    (void)state;
    m.data = (const uint8_t *)"hi";
    struct bytes b = built(&m);
    assert_int_equal(b.len, sizeof(want));
    assert_memory_equal(b.data, want, sizeof(want));
    bytes_release(&b);
}

static void a_cut_or_longer_message_is_malformed(void **state)
{
    (void)state;
    for (enum peer_kind kind = PEER_OFFER; kind <= PEER_DECISION; kind++) {
        struct peer_message m = example(kind), got;
        struct bytes b = built(&m);
        for (size_t len = 0; len < b.len; len++)
            assert_int_equal(peer_parse(&got, b.data, len), PROTO_ERR_MALFORMED);
        bytes_put_u8(&b, 0);
        assert_int_equal(peer_parse(&got, b.data, b.len), PROTO_ERR_MALFORMED);
        bytes_release(&b);
    }
}

/* Builder and parser must agree about what is wrong; the builder says INVALID. */
static void assert_refused(const struct peer_message *m)
{
    struct bytes b = {0};

    assert_int_equal(peer_build(&b, m), PROTO_ERR_INVALID);
    assert_int_equal(b.len, 0);
    bytes_release(&b);
}

static void pieces_stay_within_their_parcel(void **state)
{
    struct peer_message m = example(PEER_PIECE), got;

    (void)state;
    struct bytes b = built(&m); /* exactly to the end */
    b.data[b.len - 500 - 9]--;  /* size 999 */
    assert_int_equal(peer_parse(&got, b.data, b.len), PROTO_ERR_MALFORMED);
    bytes_release(&b);
    m.offset = 501;
    assert_refused(&m);
    m = example(PEER_PIECE), m.len = 0;
    assert_refused(&m);
    m = example(PEER_PIECE), m.offset = UINT64_MAX;
    assert_refused(&m);
    m = example(PEER_PIECE), m.size = PEER_PIECED_PARCEL_MAX, m.len = PEER_PIECE_MAX;
    b = built(&m);
    bytes_release(&b);
    m.len = PEER_PIECE_MAX + 1;
    assert_refused(&m);
    m = example(PEER_PIECE), m.size = PEER_PIECED_PARCEL_MAX + 1;
    assert_refused(&m);
}

static void offers_stay_within_bounds(void **state)
{
    struct peer_message m = example(PEER_OFFER);

    (void)state;
    m.size = 0;
    assert_refused(&m);
    m.size = (uint64_t)INT64_MAX + 1;
    assert_refused(&m);
    m = example(PEER_OFFER), m.items = 0;
    assert_refused(&m);
    m.items = MANIFEST_ITEMS_MAX + 1;
    assert_refused(&m);
    m = example(PEER_OFFER), m.len = 0;
    assert_refused(&m);
    m.len = PEER_NAME_MAX + 1;
    assert_refused(&m);
}

static void unknown_kinds_and_verdicts_are_malformed(void **state)
{
    struct peer_message m = example(PEER_DECISION), got;

    (void)state;
    m.verdict = (enum peer_verdict)4;
    assert_refused(&m);
    m = example(PEER_DECISION);
    struct bytes b = built(&m);
    b.data[17] = 4;
    assert_int_equal(peer_parse(&got, b.data, b.len), PROTO_ERR_MALFORMED);
    b.data[17] = 3;
    assert_int_equal(peer_parse(&got, b.data, b.len), PROTO_OK);
    b.data[0] = 20;
    assert_int_equal(peer_parse(&got, b.data, b.len), PROTO_ERR_MALFORMED);
    b.data[0] = 0;
    assert_int_equal(peer_parse(&got, b.data, 17), PROTO_ERR_MALFORMED);
    bytes_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(the_layout_is_as_specified),
        cmocka_unit_test(a_cut_or_longer_message_is_malformed),
        cmocka_unit_test(pieces_stay_within_their_parcel),
        cmocka_unit_test(offers_stay_within_bounds),
        cmocka_unit_test(unknown_kinds_and_verdicts_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
