#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/outbound.h"

static const uint8_t first[MESSAGE_INCARNATION_BYTES] = {1};
static const uint8_t second[MESSAGE_INCARNATION_BYTES] = {2};

static const struct outbound_item *add(struct outbound *o, const char *content, bool stored_here)
{
    const struct outbound_item *item;

    assert_int_equal(outbound_add(o, content, strlen(content), stored_here, &item), PROTO_OK);
    return item;
}

/* `count` messages of incarnation `first`. */
static struct outbound filled(unsigned count)
{
    struct outbound o;

    outbound_init(&o, first);
    for (unsigned i = 0; i < count; i++)
        add(&o, "\x10text", false);
    return o;
}

static enum outbound_news ack(struct outbound *o, const uint8_t *incarnation, uint64_t number)
{
    struct message_id id = message_id_of(incarnation, number);

    return outbound_ack(o, &id);
}

static void numbers_go_on_across_incarnations(void **state)
{
    struct outbound o = filled(2);

    (void)state;
    assert_int_equal(outbound_find(&o, 1)->id.number, 1);
    assert_memory_equal(outbound_find(&o, 1)->id.incarnation, first, sizeof(first));
    outbound_incarnate(&o, second);
    const struct outbound_item *item = add(&o, "\x10", false);
    assert_int_equal(item->id.number, 2);
    assert_memory_equal(item->id.incarnation, second, sizeof(second));
    outbound_release(&o);
}

static void each_follows_on_the_one_before(void **state)
{
    struct outbound o = filled(2);

    (void)state;
    struct message_id prev = outbound_prev(&o, outbound_find(&o, 0));
    assert_false(prev.some);
    prev = outbound_prev(&o, outbound_find(&o, 1));
    assert_true(prev.some && prev.number == 0);
    assert_int_equal(ack(&o, first, 0), OUTBOUND_ACKED);
    prev = outbound_prev(&o, outbound_find(&o, 1)); /* the floor */
    assert_true(prev.some && prev.number == 0);
    outbound_release(&o);
}

static void acks_are_cumulative(void **state)
{
    struct outbound o = filled(5);

    (void)state;
    assert_int_equal(ack(&o, first, 2), OUTBOUND_ACKED);
    assert_int_equal(o.count, 2);
    assert_int_equal(outbound_first(&o), 3);
    assert_null(outbound_find(&o, 2));
    assert_int_equal(o.floor.number, 2);
    assert_int_equal(ack(&o, first, 4), OUTBOUND_ACKED);
    assert_int_equal(o.count, 0);
    assert_int_equal(outbound_first(&o), 5);
    outbound_release(&o);
}

static void old_acks_and_none_are_no_news(void **state)
{
    struct outbound o = filled(3);
    struct message_id none = {0};

    (void)state;
    assert_int_equal(outbound_ack(&o, &none), OUTBOUND_NOTHING);
    assert_int_equal(ack(&o, first, 1), OUTBOUND_ACKED);
    assert_int_equal(ack(&o, first, 1), OUTBOUND_NOTHING);
    assert_int_equal(ack(&o, first, 0), OUTBOUND_NOTHING);
    assert_int_equal(ack(&o, second, 0), OUTBOUND_NOTHING);
    assert_int_equal(o.count, 1);
    outbound_release(&o);
}

static void an_ack_of_what_was_never_made_is_told_once(void **state)
{
    struct outbound o = filled(3);

    (void)state;
    assert_int_equal(ack(&o, first, 7), OUTBOUND_UNKNOWN);
    assert_int_equal(ack(&o, first, 7), OUTBOUND_NOTHING);
    assert_int_equal(ack(&o, first, 5), OUTBOUND_NOTHING); /* before it, in the same lost future */
    assert_int_equal(ack(&o, first, 8), OUTBOUND_UNKNOWN);
    assert_int_equal(o.count, 3);
    outbound_release(&o);
}

/* The number was used again after the store went back: only the incarnation tells. */
static void an_ack_with_another_incarnation_is_unknown(void **state)
{
    struct outbound o = filled(3);

    (void)state;
    assert_int_equal(ack(&o, second, 1), OUTBOUND_UNKNOWN);
    assert_int_equal(o.count, 3);
    assert_int_equal(ack(&o, first, 1), OUTBOUND_ACKED);
    outbound_release(&o);
}

static void kinds_are_found(void **state)
{
    struct outbound o = filled(1);

    (void)state;
    assert_false(outbound_has_kind(&o, MESSAGE_CLOSE));
    add(&o, "\x03", true);
    assert_true(outbound_has_kind(&o, MESSAGE_CLOSE));
    assert_int_equal(ack(&o, first, 1), OUTBOUND_ACKED);
    assert_false(outbound_has_kind(&o, MESSAGE_CLOSE));
    outbound_release(&o);
}

static void contents_are_bounded(void **state)
{
    static const uint8_t content[MESSAGE_CONTENT_MAX + 1] = {16};
    const struct outbound_item *item;
    struct outbound o = filled(0);

    (void)state;
    assert_int_equal(outbound_add(&o, content, sizeof(content), false, &item), PROTO_ERR_TOO_BIG);
    assert_int_equal(outbound_add(&o, content, 0, false, &item), PROTO_ERR_TOO_BIG);
    assert_int_equal(o.next_number, 0);
    assert_int_equal(outbound_add(&o, content, sizeof(content) - 1, false, &item), PROTO_OK);
    outbound_release(&o);
}

/* 0, 1 application, 2 this layer, 3 application; 0 acknowledged. */
static struct bytes saved(void)
{
    struct outbound o = filled(2);
    struct bytes b = {0};

    add(&o, "\x01rotate", true);
    add(&o, "\x10last", false);
    ack(&o, first, 0);
    ack(&o, second, 9);
    assert_int_equal(outbound_save(&o, &b), PROTO_OK);
    outbound_release(&o);
    return b;
}

static struct outbound loaded(const struct bytes *b)
{
    struct outbound o;
    struct reader r = reader_of(b->data, b->len);

    assert_int_equal(outbound_load(&o, &r), PROTO_OK);
    assert_true(reader_done(&r));
    return o;
}

static void what_was_saved_comes_back_once_the_contents_are_given_back(void **state)
{
    struct bytes b = saved();
    struct outbound o = loaded(&b);

    (void)state;
    assert_false(outbound_complete(&o));
    assert_int_equal(outbound_restore(&o, 3, first, "\x10last", 5), PROTO_OK);
    assert_false(outbound_complete(&o));
    assert_int_equal(outbound_restore(&o, 1, first, "\x10text", 5), PROTO_OK);
    assert_true(outbound_complete(&o));
    assert_int_equal(o.items->id.number, 1);
    assert_int_equal(o.items->next->id.number, 2);
    assert_true(o.items->next->stored_here);
    assert_memory_equal(o.items->next->content.data, "\x01rotate", 7);
    assert_int_equal(o.items->next->next->id.number, 3);
    assert_int_equal(ack(&o, second, 9), OUTBOUND_NOTHING); /* the lost future is saved too */
    bytes_release(&b);
    outbound_release(&o);
}

static void what_cannot_be_missing_is_not_taken(void **state)
{
    struct bytes b = saved();
    struct outbound o = loaded(&b);

    (void)state;
    assert_int_equal(outbound_restore(&o, 0, first, "\x10", 1), PROTO_ERR_INVALID); /* acked */
    assert_int_equal(outbound_restore(&o, 2, first, "\x10", 1), PROTO_ERR_INVALID); /* there */
    assert_int_equal(outbound_restore(&o, 4, first, "\x10", 1), PROTO_ERR_INVALID); /* never made */
    assert_int_equal(outbound_restore(&o, 1, first, "", 0), PROTO_ERR_INVALID);
    bytes_release(&b);
    outbound_release(&o);
}

static void a_cut_save_is_malformed(void **state)
{
    struct bytes b = saved();
    struct outbound o;

    (void)state;
    for (size_t len = 0; len < b.len; len++) {
        struct reader r = reader_of(b.data, len);
        assert_int_equal(outbound_load(&o, &r), PROTO_ERR_MALFORMED);
        assert_null(o.items);
    }
    bytes_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_go_on_across_incarnations),
        cmocka_unit_test(each_follows_on_the_one_before),
        cmocka_unit_test(acks_are_cumulative),
        cmocka_unit_test(old_acks_and_none_are_no_news),
        cmocka_unit_test(an_ack_of_what_was_never_made_is_told_once),
        cmocka_unit_test(an_ack_with_another_incarnation_is_unknown),
        cmocka_unit_test(kinds_are_found),
        cmocka_unit_test(contents_are_bounded),
        cmocka_unit_test(what_was_saved_comes_back_once_the_contents_are_given_back),
        cmocka_unit_test(what_cannot_be_missing_is_not_taken),
        cmocka_unit_test(a_cut_save_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
