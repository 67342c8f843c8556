#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/nameplate.h"
#include "tests/sim/acts.h"

static struct rendezvous r;
static struct nameplate n;
static struct nameplate_event event;
static struct actions actions;
static struct server_msg msg;

static int set_up(void **state)
{
    (void)state;
    rendezvous_init(&r, LINK_CODE);
    nameplate_init(&n);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    actions_release(&actions);
    server_msg_release(&msg);
    return 0;
}

/* What the input led to, without the bind. */
static const char *up(void)
{
    assert_int_equal(rendezvous_up(&r, "app", "s", &actions), PROTO_OK);
    acts_take(&actions);
    assert_int_equal(nameplate_up(&n, &r, &actions), PROTO_OK);
    return acts_take(&actions);
}

static void down(void)
{
    rendezvous_down(&r);
    nameplate_down(&n);
}

static const char *server(const char *text)
{
    server_msg_release(&msg);
    assert_int_equal(server_msg_parse(&msg, text, strlen(text)), PROTO_OK);
    assert_int_equal(nameplate_received(&n, &r, &msg, &event, &actions), PROTO_OK);
    return acts_take(&actions);
}

static const char *release(bool *done)
{
    assert_int_equal(nameplate_release(&n, &r, &actions, done), PROTO_OK);
    return acts_take(&actions);
}

#define ALLOCATED "{\"type\":\"allocated\",\"nameplate\":\"8\"}"
#define CLAIMED "{\"type\":\"claimed\",\"mailbox\":\"m\"}"
#define RELEASED "{\"type\":\"released\"}"
#define ERROR(what, command)                                                                       \
    "{\"type\":\"error\",\"error\":\"" what "\",\"orig\":{\"type\":\"" command "\"}}"

static void allocating_claims_and_releases(void **state)
{
    bool done;

    (void)state;
    assert_int_equal(nameplate_allocate(&n, &r, &actions), PROTO_OK);
    assert_string_equal(acts_take(&actions), "");
    assert_int_equal(n.state, NAMEPLATE_ALLOCATE_DOWN);
    assert_string_equal(up(), "0 allocate");
    assert_int_equal(nameplate_allocate(&n, &r, &actions), PROTO_ERR_STATE);
    assert_string_equal(server("{\"type\":\"ack\"}"), "");
    assert_int_equal(event.kind, NAMEPLATE_EVENT_NONE);
    assert_string_equal(server(ALLOCATED), "0 claim 8");
    assert_int_equal(event.kind, NAMEPLATE_EVENT_ALLOCATED);
    assert_string_equal(event.nameplate, "8");
    assert_string_equal(server(CLAIMED), "");
    assert_int_equal(event.kind, NAMEPLATE_EVENT_CLAIMED);
    assert_string_equal(event.mailbox, "m");
    assert_string_equal(release(&done), "0 release 8");
    assert_false(done);
    assert_string_equal(release(&done), "");
    assert_string_equal(server(RELEASED), "");
    assert_int_equal(event.kind, NAMEPLATE_EVENT_RELEASED);
    assert_int_equal(n.state, NAMEPLATE_RELEASED);
    release(&done);
    assert_true(done);
}

static void joining_claims(void **state)
{
    static const char *const bad[] = {"",   "x",  "4x",
                                      "-4", "4 ", "12345678901234567890123456789012345678901"};

    (void)state;
    up();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(nameplate_join(&n, bad[i], &r, &actions), PROTO_ERR_INVALID);
    assert_int_equal(nameplate_join(&n, "77", &r, &actions), PROTO_OK);
    assert_string_equal(acts_take(&actions), "0 claim 77");
    assert_int_equal(nameplate_join(&n, "78", &r, &actions), PROTO_ERR_STATE);
    assert_string_equal(server(ALLOCATED), "");
    assert_int_equal(event.kind, NAMEPLATE_EVENT_NONE);
    server(CLAIMED);
    assert_int_equal(event.kind, NAMEPLATE_EVENT_CLAIMED);
}

static void what_was_not_answered_is_asked_again(void **state)
{
    bool done;

    (void)state;
    nameplate_allocate(&n, &r, &actions);
    assert_string_equal(up(), "0 allocate");
    down();
    assert_string_equal(up(), "0 allocate");
    server(ALLOCATED);
    down();
    assert_int_equal(n.state, NAMEPLATE_CLAIM_DOWN);
    assert_string_equal(up(), "0 claim 8");
    server(CLAIMED);
    release(&done);
    down();
    assert_int_equal(n.state, NAMEPLATE_RELEASE_DOWN);
    assert_string_equal(up(), "0 release 8");
    server(RELEASED);
    down();
    assert_string_equal(up(), "");
    assert_int_equal(n.state, NAMEPLATE_RELEASED);
}

static void it_never_claims_again_once_the_mailbox_is_known(void **state)
{
    (void)state;
    nameplate_join(&n, "8", &r, &actions);
    up();
    server(CLAIMED);
    down();
    assert_string_equal(up(), "");
    assert_string_equal(server(CLAIMED), "");
    assert_int_equal(event.kind, NAMEPLATE_EVENT_NONE);
    assert_int_equal(n.state, NAMEPLATE_CLAIMED);
}

static void a_claim_may_be_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        set_up(NULL);
        nameplate_join(&n, "8", &r, &actions);
        up();
        assert_string_equal(server(ERROR("crowded", "open")), "");
        assert_int_equal(event.kind, NAMEPLATE_EVENT_NONE);
        server(ERROR("whatever", "claim"));
        assert_int_equal(event.kind, NAMEPLATE_EVENT_NONE);
        assert_string_equal(server(i ? ERROR("crowded", "claim") : ERROR("reclaimed", "claim")),
                            "");
        assert_int_equal(event.kind, i ? NAMEPLATE_EVENT_CROWDED : NAMEPLATE_EVENT_RECLAIMED);
        assert_int_equal(n.state, NAMEPLATE_REFUSED);
        down();
        assert_string_equal(up(), "");
        assert_int_equal(n.state, NAMEPLATE_REFUSED);
        bool done;
        assert_string_equal(release(&done), "");
        assert_true(done);
    }
}

static void releasing_before_there_is_a_number_ends_it(void **state)
{
    bool done = false;

    (void)state;
    release(&done);
    assert_true(done);
    set_up(NULL);
    nameplate_allocate(&n, &r, &actions);
    up();
    assert_string_equal(release(&done), "");
    assert_true(done);
    assert_string_equal(server(ALLOCATED), "");
    assert_int_equal(event.kind, NAMEPLATE_EVENT_NONE);
    assert_int_equal(n.state, NAMEPLATE_RELEASED);
}

static void an_unanswered_claim_is_released(void **state)
{
    bool done;

    (void)state;
    nameplate_join(&n, "8", &r, &actions);
    up();
    assert_string_equal(release(&done), "0 release 8");
    server(CLAIMED);
    assert_int_equal(event.kind, NAMEPLATE_EVENT_NONE);
    server(RELEASED);
    assert_int_equal(event.kind, NAMEPLATE_EVENT_RELEASED);
}

/* ---- save and load ---- */

static void reload(enum nameplate_state want)
{
    struct bytes saved = {0};

    assert_int_equal(nameplate_save(&n, &saved), PROTO_OK);
    for (size_t len = 0; len < saved.len; len++) {
        struct reader cut = reader_of(saved.data, len);
        struct nameplate other;
        assert_int_equal(nameplate_load(&other, &cut), PROTO_ERR_MALFORMED);
    }
    struct reader in = reader_of(saved.data, saved.len);
    struct nameplate copy;
    assert_int_equal(nameplate_load(&copy, &in), PROTO_OK);
    assert_true(reader_done(&in));
    assert_int_equal(copy.state, want);
    assert_string_equal(copy.nameplate, n.nameplate);
    n = copy;
    rendezvous_down(&r);
    bytes_release(&saved);
}

static void every_state_survives(void **state)
{
    bool done;

    (void)state;
    reload(NAMEPLATE_NONE);
    nameplate_allocate(&n, &r, &actions);
    reload(NAMEPLATE_ALLOCATE_DOWN);
    up();
    reload(NAMEPLATE_ALLOCATE_DOWN);
    assert_string_equal(up(), "0 allocate");
    server(ALLOCATED);
    reload(NAMEPLATE_CLAIM_DOWN);
    assert_string_equal(up(), "0 claim 8");
    server(CLAIMED);
    reload(NAMEPLATE_CLAIMED);
    assert_string_equal(up(), "");
    release(&done);
    reload(NAMEPLATE_RELEASE_DOWN);
    assert_string_equal(up(), "0 release 8");
    server(RELEASED);
    reload(NAMEPLATE_RELEASED);
    n.state = NAMEPLATE_REFUSED;
    reload(NAMEPLATE_REFUSED);
}

static void nonsense_is_not_loaded(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x0a\0\0\0\0", 5},    /* no such state */
        {"\x02\0\0\0\0", 5},    /* a connected one */
        {"\x05\0\0\0\0", 5},    /* without its number */
        {"\x05\0\0\0\x01x", 6}, /* no digit */
        {"\x00\0\0\0\x01x", 6}, /* none needed, but nonsense */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reader in = reader_of(bad[i].bytes, bad[i].len);
        assert_int_equal(nameplate_load(&n, &in), PROTO_ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allocating_claims_and_releases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joining_claims, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_answered_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_never_claims_again_once_the_mailbox_is_known, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_claim_may_be_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(releasing_before_there_is_a_number_ends_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unanswered_claim_is_released, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_state_survives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_is_not_loaded, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
