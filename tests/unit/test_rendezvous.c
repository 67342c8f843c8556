#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/rendezvous.h"
#include "tests/sim/acts.h"

static struct rendezvous r;
static struct actions actions;
static struct server_msg msg;

static int set_up(void **state)
{
    (void)state;
    rendezvous_init(&r, LINK_MEETING);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    actions_release(&actions);
    server_msg_release(&msg);
    return 0;
}

static const char *welcomed(const char *text)
{
    const char *problem;

    server_msg_release(&msg);
    assert_int_equal(rendezvous_received(&r, text, strlen(text), &msg, &problem), PROTO_OK);
    return problem;
}

static void it_binds_first_and_on_its_own_link(void **state)
{
    (void)state;
    assert_int_equal(rendezvous_up(&r, "app", "side", &actions), PROTO_OK);
    assert_int_equal(r.state, RENDEZVOUS_UP);
    rendezvous_open(&r, "m", &actions);
    rendezvous_ping(&r, 5, &actions);
    assert_string_equal(acts_take(&actions), "3 bind app side, 3 open m, 3 ping 5");
}

static void all_commands_go_out(void **state)
{
    (void)state;
    rendezvous_up(&r, "app", "side", &actions);
    acts_take(&actions);
    rendezvous_allocate(&r, &actions);
    rendezvous_claim(&r, "4", &actions);
    rendezvous_add(&r, "0", "\x0a", 1, &actions);
    rendezvous_release_nameplate(&r, "4", &actions);
    rendezvous_close(&r, "m", MOOD_LONELY, &actions);
    rendezvous_list(&r, &actions);
    assert_string_equal(acts_take(&actions),
                        "3 allocate, 3 claim 4, 3 add 0:0a, 3 release 4, 3 close m lonely, 3 list");
}

static void ids_count_from_one_on_each_connection(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        rendezvous_up(&r, "app", "side", &actions);
        rendezvous_list(&r, &actions);
        struct action *bind = actions_take(&actions), *list = actions_take(&actions);
        assert_non_null(memmem(bind->body.data, bind->body.len, "\"id\":\"0001\"", 11));
        assert_non_null(memmem(list->body.data, list->body.len, "\"id\":\"0002\"", 11));
        action_free(bind);
        action_free(list);
        rendezvous_down(&r);
    }
}

static void nothing_is_said_while_down_or_refused(void **state)
{
    (void)state;
    rendezvous_open(&r, "m", &actions);
    assert_string_equal(acts_take(&actions), "");
    rendezvous_up(&r, "app", "side", &actions);
    acts_take(&actions);
    assert_string_equal(welcomed("{\"type\":\"welcome\",\"welcome\":{\"error\":\"go away\"}}"),
                        "go away");
    assert_int_equal(r.state, RENDEZVOUS_REFUSED);
    rendezvous_open(&r, "m", &actions);
    assert_string_equal(acts_take(&actions), "");
    rendezvous_down(&r);
    rendezvous_up(&r, "app", "side", &actions);
    assert_string_equal(acts_take(&actions), "3 bind app side");
}

static void a_permit_that_costs_is_a_refusal(void **state)
{
    (void)state;
    rendezvous_up(&r, "app", "side", &actions);
    const char *problem = welcomed("{\"type\":\"welcome\",\"welcome\":{\"permission-required\":"
                                   "{\"hashcash\":{}}}}");
    assert_non_null(strstr(problem, "permit"));
    assert_int_equal(r.state, RENDEZVOUS_REFUSED);
}

static void other_messages_say_nothing_about_problems(void **state)
{
    const char *problem;

    (void)state;
    rendezvous_up(&r, "app", "side", &actions);
    assert_string_equal(welcomed("{\"type\":\"welcome\",\"welcome\":{\"motd\":\"hi\"}}"), "");
    assert_string_equal(msg.motd, "hi");
    assert_null(
        welcomed("{\"type\":\"welcome\",\"welcome\":{\"error\":\"go away\"}}")); /* a second */
    assert_null(welcomed("{\"type\":\"ack\"}"));
    assert_int_equal(msg.kind, SERVER_ACK);
    assert_int_equal(r.state, RENDEZVOUS_UP);
    assert_int_equal(rendezvous_received(&r, "x", 1, &msg, &problem), PROTO_ERR_MALFORMED);
    assert_null(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_binds_first_and_on_its_own_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_commands_go_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_count_from_one_on_each_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_said_while_down_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_permit_that_costs_is_a_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_messages_say_nothing_about_problems, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
