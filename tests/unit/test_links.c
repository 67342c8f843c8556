#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/net/limits.h"
#include "proto/net/links.h"

static struct links links;
static unsigned wakes;

static void on_wake(void *arg)
{
    assert_ptr_equal(arg, &wakes);
    wakes++;
}

static int set_up(void **state)
{
    (void)state;
    wakes = 0;
    links_init(&links, on_wake, &wakes);
    return 0;
}

/* What the network thread does at the end. */
static int tear_down(void **state)
{
    struct link *l;

    (void)state;
    links_close_all(&links);
    while ((l = links_take_dirty(&links)) != NULL)
        assert_true(links_free(&links, l));
    links_release(&links);
    return 0;
}

static struct link *open_up(uint64_t wormhole, enum wormhole_link which)
{
    links_open(&links, wormhole, which);
    struct link *l = links_take_dirty(&links);
    assert_non_null(l);
    links_set_up(&links, l, true);
    return l;
}

static void expect_message(struct link *l, const char *text)
{
    struct link_message *m = links_take_message(&links, l);

    if (text == NULL) {
        assert_null(m);
        return;
    }
    assert_non_null(m);
    assert_int_equal(m->len, strlen(text));
    assert_memory_equal(m->text, text, m->len);
    free(m);
}

static void send_text(uint64_t wormhole, enum wormhole_link which, const char *text)
{
    links_send(&links, wormhole, which, text, strlen(text));
}

static void test_opens_once(void **state)
{
    (void)state;
    links_open(&links, 7, LINK_CODE);
    links_open(&links, 7, LINK_CODE);
    links_open(&links, 7, LINK_NEXT);
    assert_int_equal(wakes, 1); /* one is enough for all that is dirty */
    struct link *first = links_take_dirty(&links), *second = links_take_dirty(&links);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(links_take_dirty(&links));
    struct link_wish wish = links_wish(&links, first);
    assert_true(wish.wanted);
    assert_false(wish.sending);
    assert_int_equal(wish.wormhole, 7);
    assert_int_not_equal(wish.which, links_wish(&links, second).which);
}

static void test_sends_only_when_up(void **state)
{
    (void)state;
    links_open(&links, 1, LINK_CODE);
    send_text(1, LINK_CODE, "too early");
    struct link *l = links_take_dirty(&links);
    links_set_up(&links, l, true);
    expect_message(l, NULL);
    wakes = 0;
    send_text(1, LINK_CODE, "one");
    send_text(1, LINK_CODE, "two");
    send_text(1, LINK_CURRENT, "to nobody");
    assert_int_equal(wakes, 1);
    assert_ptr_equal(links_take_dirty(&links), l);
    assert_true(links_wish(&links, l).sending);
    expect_message(l, "one");
    links_set_up(&links, l, false); /* what waits is dropped */
    assert_false(links_wish(&links, l).sending);
    links_set_up(&links, l, true);
    send_text(1, LINK_CODE, "three");
    expect_message(l, "three");
    expect_message(l, NULL);
    links_take_dirty(&links);
}

/* More than may wait breaks the connection rather than to lose one message of many. */
static void test_queue_is_bounded(void **state)
{
    struct link *l = open_up(1, LINK_CODE);
    char *text = calloc(1, LINK_TX_BYTES_MAX + 1);

    (void)state;
    links_send(&links, 1, LINK_CODE, text, LINK_TX_BYTES_MAX - 1);
    links_send(&links, 1, LINK_CODE, text, 1);
    assert_false(links_wish(&links, l).broken);
    links_send(&links, 1, LINK_CODE, text, 1);
    assert_true(links_wish(&links, l).broken);
    links_set_up(&links, l, false);
    links_set_up(&links, l, true);
    assert_false(links_wish(&links, l).broken);
    links_send(&links, 1, LINK_CODE, text, LINK_TX_BYTES_MAX + 1);
    assert_true(links_wish(&links, l).broken);
    links_take_dirty(&links);
    free(text);
}

/* A closed link keeps what is queued, and is another one when opened again. */
static void test_closes(void **state)
{
    struct link *l = open_up(1, LINK_CODE);

    (void)state;
    send_text(1, LINK_CODE, "bye");
    links_close(&links, 1, LINK_CODE);
    links_close(&links, 1, LINK_CODE);
    assert_ptr_equal(links_take_dirty(&links), l);
    assert_false(links_wish(&links, l).wanted);
    send_text(1, LINK_CODE, "too late");
    links_open(&links, 1, LINK_CODE);
    struct link *other = links_take_dirty(&links);
    assert_non_null(other);
    assert_ptr_not_equal(other, l);
    expect_message(l, "bye");
    expect_message(l, NULL);
    assert_true(links_free(&links, l));
}

/* Closed while the network thread deals with it: freed only when it is taken again. */
static void test_is_not_freed_while_dirty(void **state)
{
    struct link *l = open_up(1, LINK_CODE);

    (void)state;
    links_close(&links, 1, LINK_CODE);
    assert_false(links_free(&links, l));
    assert_ptr_equal(links_take_dirty(&links), l);
    assert_true(links_free(&links, l));
}

static void test_moves(void **state)
{
    struct link *current = open_up(1, LINK_CURRENT), *next = open_up(1, LINK_NEXT);

    (void)state;
    links_move(&links, 1, LINK_NEXT, LINK_CURRENT);
    assert_ptr_equal(links_take_dirty(&links), current);
    assert_false(links_wish(&links, current).wanted);
    assert_true(links_free(&links, current));
    struct link_wish wish = links_wish(&links, next);
    assert_true(wish.wanted);
    assert_int_equal(wish.which, LINK_CURRENT);
    send_text(1, LINK_NEXT, "nobody");
    send_text(1, LINK_CURRENT, "here");
    expect_message(next, "here");
    expect_message(next, NULL);
    links_take_dirty(&links);
    /* Moves of nothing, and onto itself, are nothing. */
    links_move(&links, 1, LINK_NEXT, LINK_CURRENT);
    links_move(&links, 1, LINK_CURRENT, LINK_CURRENT);
    links_move(&links, 9, LINK_CURRENT, LINK_NEXT);
    assert_null(links_take_dirty(&links));
    assert_true(links_wish(&links, next).wanted);
}

/* As many as there may be, found again in a table with fewer buckets. */
static void test_many(void **state)
{
    struct link *l;
    size_t count = 0;

    (void)state;
    for (uint64_t w = 0; w < LINKS_MAX; w++)
        links_open(&links, w << 20, LINK_MEETING);
    links_open(&links, 1, LINK_CODE); /* one too many */
    while ((l = links_take_dirty(&links)) != NULL) {
        links_set_up(&links, l, true);
        count++;
    }
    assert_int_equal(count, LINKS_MAX);
    send_text(1, LINK_CODE, "x");
    assert_null(links_take_dirty(&links));
    for (uint64_t w = 0; w < LINKS_MAX; w += 1000) {
        send_text(w << 20, LINK_MEETING, "x");
        l = links_take_dirty(&links);
        assert_non_null(l);
        assert_int_equal(links_wish(&links, l).wormhole, w << 20);
    }
    links_close_all(&links);
    links_open(&links, 1, LINK_CODE);
    count = 0;
    while ((l = links_take_dirty(&links)) != NULL) {
        assert_true(links_free(&links, l));
        count++;
    }
    assert_int_equal(count, LINKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_opens_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sends_only_when_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_queue_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_is_not_freed_while_dirty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
