#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/limits.h"
#include "proto/message.h"
#include "proto/phase.h"

static const uint8_t ours[MESSAGE_INCARNATION_BYTES] = {1, 2, 3};
static const uint8_t theirs[MESSAGE_INCARNATION_BYTES] = {4, 5, 6};
static const struct message_id none = {0};

static void assert_id(struct message_id got, struct message_id want)
{
    assert_true(message_id_equal(&got, &want));
}

static void ids_are_equal_only_in_all_parts(void **state)
{
    struct message_id a = message_id_of(ours, 7), b = message_id_of(ours, 7);

    (void)state;
    assert_true(message_id_equal(&a, &b));
    b.number = 8;
    assert_false(message_id_equal(&a, &b));
    b = message_id_of(theirs, 7);
    assert_false(message_id_equal(&a, &b));
    assert_false(message_id_equal(&a, &none));
    assert_true(message_id_equal(&none, &none));
}

static void ids_have_two_forms(void **state)
{
    static const uint8_t odd[] = {2, 1, 2, 3};
    struct bytes b = {0};

    (void)state;
    message_id_put(&b, &none);
    assert_int_equal(b.len, 1);
    struct message_id id = message_id_of(ours, 0x0102);
    message_id_put(&b, &id);
    assert_int_equal(b.len, 1 + 25);
    assert_int_equal(b.data[1], 1);
    assert_int_equal(b.data[25], 2);
    struct reader r = reader_of(b.data, b.len);
    assert_id(message_id_take(&r), none);
    assert_id(message_id_take(&r), id);
    assert_true(reader_done(&r));
    r = reader_of(odd, sizeof(odd));
    message_id_take(&r);
    assert_false(reader_ok(&r));
    bytes_release(&b);
}

static void a_version_comes_back(void **state)
{
    struct message_version v = {.have = message_id_of(theirs, 3)}, got;
    struct bytes b = {0};

    (void)state;
    memcpy(v.incarnation, ours, sizeof(v.incarnation));
    assert_int_equal(message_version_build(&b, &v), PROTO_OK);
    assert_int_equal(message_version_parse(&got, b.data, b.len), PROTO_OK);
    assert_memory_equal(got.incarnation, ours, sizeof(ours));
    assert_id(got.have, v.have);
    assert_id(got.floor, none);
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(message_version_parse(&got, b.data, len), PROTO_ERR_MALFORMED);
    b.data[0] = 2;
    assert_int_equal(message_version_parse(&got, b.data, b.len), PROTO_ERR_MALFORMED);
    bytes_release(&b);
}

static struct bytes numbered(struct message m)
{
    struct bytes b = {0};

    assert_int_equal(message_build(&b, &m), PROTO_OK);
    return b;
}

static void a_numbered_message_comes_back(void **state)
{
    struct message got;
    struct bytes b = numbered((struct message){.id = message_id_of(ours, 5),
                                               .prev = message_id_of(theirs, 4),
                                               .have = message_id_of(theirs, 9),
                                               .content = (const uint8_t *)"\x10hello",
                                               .len = 6});

    (void)state;
    assert_int_equal(message_parse(&got, b.data, b.len), PROTO_OK);
    assert_id(got.id, message_id_of(ours, 5));
    assert_id(got.prev, message_id_of(theirs, 4));
    assert_id(got.have, message_id_of(theirs, 9));
    assert_int_equal(message_kind(&got), 16);
    assert_int_equal(got.len, 6);
    assert_memory_equal(got.content, "\x10hello", 6);
    for (size_t len = 0; len < b.len - 5; len++)
        assert_int_equal(message_parse(&got, b.data, len), PROTO_ERR_MALFORMED);
    bytes_release(&b);
}

static void only_number_zero_has_none_before_it(void **state)
{
    struct message m = {.id = message_id_of(ours, 0), .content = (const uint8_t *)"\x03", .len = 1};
    struct message got;

    (void)state;
    struct bytes first = numbered(m);
    assert_int_equal(message_parse(&got, first.data, first.len), PROTO_OK);
    m.id.number = 1;
    struct bytes orphan = numbered(m);
    assert_int_equal(message_parse(&got, orphan.data, orphan.len), PROTO_ERR_MALFORMED);
    m.id.number = 0;
    m.prev = message_id_of(ours, 7);
    struct bytes odd = numbered(m);
    assert_int_equal(message_parse(&got, odd.data, odd.len), PROTO_ERR_MALFORMED);
    bytes_release(&first);
    bytes_release(&orphan);
    bytes_release(&odd);
}

static void contents_are_bounded(void **state)
{
    static uint8_t content[MESSAGE_CONTENT_MAX + 1] = {16};
    struct message m = {.id = message_id_of(ours, UINT64_MAX - 1),
                        .prev = message_id_of(ours, 1),
                        .have = message_id_of(ours, 1),
                        .content = content,
                        .len = MESSAGE_CONTENT_MAX};
    struct message got;
    struct bytes b = numbered(m), refused = {0};

    (void)state;
    assert_true(b.len <= OWN_PLAIN_MAX);
    assert_true(b.len + PHASE_OVERHEAD <= OWN_BODY_MAX);
    assert_int_equal(message_parse(&got, b.data, b.len), PROTO_OK);
    bytes_put_u8(&b, 0);
    assert_int_equal(message_parse(&got, b.data, b.len), PROTO_ERR_MALFORMED);
    m.len++;
    assert_int_equal(message_build(&refused, &m), PROTO_ERR_INVALID);
    m.len = 0;
    assert_int_equal(message_build(&refused, &m), PROTO_ERR_INVALID);
    m.len = 1;
    content[0] = 0;
    assert_int_equal(message_build(&refused, &m), PROTO_ERR_INVALID);
    content[0] = MESSAGE_KIND_MAX + 1;
    assert_int_equal(message_build(&refused, &m), PROTO_ERR_INVALID);
    content[0] = 16;
    assert_int_equal(refused.len, 0);
    bytes_release(&b);
}

static struct bytes ephemeral(struct message_ephemeral m)
{
    struct bytes b = {0};

    assert_int_equal(message_ephemeral_build(&b, &m), PROTO_OK);
    return b;
}

static void ephemeral_messages_come_back(void **state)
{
    struct message_ephemeral got;
    struct bytes ack =
        ephemeral((struct message_ephemeral){.kind = MESSAGE_ACK, .have = message_id_of(ours, 1)});
    struct bytes meet = ephemeral((struct message_ephemeral){.kind = MESSAGE_MEET});
    struct bytes hints = ephemeral((struct message_ephemeral){.kind = MESSAGE_HINTS,
                                                              .challenge = {7, 8},
                                                              .capabilities = 1,
                                                              .json = (const uint8_t *)"{}",
                                                              .json_len = 2});

    (void)state;
    assert_int_equal(message_ephemeral_parse(&got, ack.data, ack.len), PROTO_OK);
    assert_int_equal(got.kind, MESSAGE_ACK);
    assert_id(got.have, message_id_of(ours, 1));
    assert_int_equal(message_ephemeral_parse(&got, ack.data, ack.len - 1), PROTO_ERR_MALFORMED);
    assert_int_equal(message_ephemeral_parse(&got, meet.data, meet.len), PROTO_OK);
    assert_int_equal(got.kind, MESSAGE_MEET);
    assert_int_equal(message_ephemeral_parse(&got, hints.data, hints.len), PROTO_OK);
    assert_int_equal(got.kind, MESSAGE_HINTS);
    assert_int_equal(got.challenge[1], 8);
    assert_int_equal(got.capabilities, 1);
    assert_int_equal(got.json_len, 2);
    assert_memory_equal(got.json, "{}", 2);
    assert_int_equal(message_ephemeral_parse(&got, hints.data, 33), PROTO_ERR_MALFORMED);
    bytes_put_u8(&meet, 0);
    assert_int_equal(message_ephemeral_parse(&got, meet.data, meet.len), PROTO_ERR_MALFORMED);
    meet.data[0] = 67;
    assert_int_equal(message_ephemeral_parse(&got, meet.data, 1), PROTO_ERR_MALFORMED);
    assert_int_equal(message_ephemeral_parse(&got, "", 0), PROTO_ERR_MALFORMED);
    bytes_release(&ack);
    bytes_release(&meet);
    bytes_release(&hints);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_equal_only_in_all_parts),
        cmocka_unit_test(ids_have_two_forms),
        cmocka_unit_test(a_version_comes_back),
        cmocka_unit_test(a_numbered_message_comes_back),
        cmocka_unit_test(only_number_zero_has_none_before_it),
        cmocka_unit_test(contents_are_bounded),
        cmocka_unit_test(ephemeral_messages_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
