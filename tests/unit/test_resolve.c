#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "names_rig.h"
#include "proto/net/resolve.h"

enum { SOON_S = 30 };

/* Malformed, so that the answer comes without asking any server. */
static const char NOBODY[] = "no..body";

struct watch {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned changes;
};

static struct watch watch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void on_change(void *arg)
{
    struct watch *w = arg;

    pthread_mutex_lock(&w->lock);
    w->changes++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static unsigned changes(void)
{
    pthread_mutex_lock(&watch.lock);
    unsigned n = watch.changes;
    pthread_mutex_unlock(&watch.lock);
    return n;
}

static void wait_for_change(unsigned more_than)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += SOON_S;
    pthread_mutex_lock(&watch.lock);
    while (watch.changes <= more_than)
        if (pthread_cond_timedwait(&watch.changed, &watch.lock, &deadline) != 0)
            break;
    unsigned reached = watch.changes;
    pthread_mutex_unlock(&watch.lock);
    assert_true(reached > more_than);
}

/* Asks until it is answered; every PENDING is followed by a change. */
static struct resolve_answer look_up_as(struct resolver *r, const char *host, bool urgent)
{
    struct resolve_answer answer;

    for (;;) {
        unsigned before = changes();
        resolve_lookup(r, host, urgent, &answer);
        if (answer.state != RESOLVE_PENDING)
            return answer;
        wait_for_change(before);
    }
}

static struct resolve_answer look_up(struct resolver *r, const char *host)
{
    return look_up_as(r, host, false);
}

static void test_numeric_at_once(void **state)
{
    struct resolver *r = resolve_new(on_change, &watch);
    struct resolve_answer answer;
    char text[ADDRESS_TEXT_MAX];

    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "192.0.2.7", "::1", "2001:db8::5"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        resolve_lookup(r, hosts[i], false, &answer);
        assert_int_equal(answer.state, RESOLVE_FOUND);
        assert_int_equal(answer.count, 1);
        assert_int_equal(address_port(&answer.at[0]), 0);
        assert_true(address_text(&answer.at[0], text));
        assert_string_equal(text, hosts[i]);
    }
    resolve_free(r);
}

static void test_a_name(void **state)
{
    struct resolver *r = resolve_new(on_change, &watch);
    struct resolve_answer answer;

    (void)state;
    resolve_lookup(r, "localhost", true, &answer);
    assert_int_equal(answer.state, RESOLVE_PENDING);
    answer = look_up(r, "localhost");
    assert_int_equal(answer.state, RESOLVE_FOUND);
    assert_in_range(answer.count, 1, RESOLVE_ADDRESSES_MAX);
    for (size_t i = 0; i < answer.count; i++)
        assert_true(address_is_loopback(&answer.at[i]));
    /* From the cache, also when it was found to be of no use just now. */
    resolve_lookup(r, "localhost", false, &answer);
    assert_int_equal(answer.state, RESOLVE_FOUND);
    resolve_forget(r, "localhost");
    resolve_lookup(r, "localhost", false, &answer);
    assert_int_equal(answer.state, RESOLVE_FOUND);
    resolve_free(r);
}

static void test_nobody(void **state)
{
    struct resolver *r = resolve_new(on_change, &watch);

    (void)state;
    struct resolve_answer answer = look_up(r, NOBODY);
    assert_int_equal(answer.state, RESOLVE_FAILED);
    assert_int_equal(answer.count, 0);
    assert_non_null(answer.why);
    assert_true(answer.why[0] != '\0');
    resolve_forget(r, "never asked for");
    resolve_free(r);
}

/* All who ask share one lookup: it changes once. */
static void test_shares(void **state)
{
    struct resolver *r = resolve_new(on_change, &watch);
    struct resolve_answer answer;
    unsigned before = changes();

    (void)state;
    for (int i = 0; i < 1000; i++)
        resolve_lookup(r, "localhost", false, &answer);
    look_up(r, "localhost");
    resolve_free(r); /* waits for the threads, if there were more */
    assert_int_equal(changes() - before, 1);
}

/* More names than are kept: each gets an answer, if only that there are too many. */
static void test_many_names(void **state)
{
    struct resolver *r = resolve_new(on_change, &watch);
    char host[32];

    (void)state;
    for (int i = 0; i < 2 * RESOLVE_NAMES_MAX; i++) {
        struct resolve_answer answer;
        snprintf(host, sizeof(host), "no..%d", i);
        resolve_lookup(r, host, false, &answer);
        assert_true(answer.state != RESOLVE_FOUND);
    }
    for (int i = 0; i < 2 * RESOLVE_NAMES_MAX; i++) {
        snprintf(host, sizeof(host), "no..%d", i);
        assert_int_equal(look_up(r, host).state, RESOLVE_FAILED);
    }
    resolve_free(r);
}

/* Asks for slow names from `first` to before `end`; the state of the last answer. */
static enum resolve_state ask_slow(struct resolver *r, int first, int end)
{
    struct resolve_answer answer = {.state = RESOLVE_FAILED};
    char host[32];

    for (int i = first; i < end; i++) {
        snprintf(host, sizeof(host), "slow-%d", i);
        resolve_lookup(r, host, false, &answer);
    }
    return answer.state;
}

static void give_up_slow(struct resolver *r, int end)
{
    char host[32];

    for (int i = 0; i < end; i++) {
        snprintf(host, sizeof(host), "slow-%d", i);
        resolve_give_up(r, host);
    }
}

/* However many names a peer lets us wait for, the server's is known, and could be asked for. */
static void test_urgent_names_stay(void **state)
{
    struct resolver *r = resolve_new(on_change, &watch);
    struct resolve_answer answer;

    (void)state;
    names_init();
    assert_int_equal(look_up_as(r, "quick-server", true).state, RESOLVE_FOUND);
    assert_int_equal(ask_slow(r, 0, 2 * RESOLVE_NAMES_MAX), RESOLVE_FAILED);
    resolve_lookup(r, "quick-server", true, &answer);
    assert_int_equal(answer.state, RESOLVE_FOUND);
    assert_int_equal(look_up_as(r, "quick-other", true).state, RESOLVE_FOUND);
    names_let_go();
    resolve_free(r);
}

/* What was given up makes room, before any answer does, and is not begun until somebody asks. */
static void test_given_up(void **state)
{
    const unsigned begun = RESOLVE_THREADS_MAX - RESOLVE_THREADS_RESERVED;
    struct resolver *r = resolve_new(on_change, &watch);
    struct resolve_answer answer;

    (void)state;
    names_init();
    assert_int_equal(look_up(r, "quick-1").state, RESOLVE_FOUND);
    assert_int_equal(ask_slow(r, 0, RESOLVE_NAMES_MAX - 1), RESOLVE_PENDING);
    give_up_slow(r, RESOLVE_NAMES_MAX - 1);
    resolve_lookup(r, "quick-2", false, &answer);
    assert_int_equal(answer.state, RESOLVE_PENDING);
    resolve_lookup(r, "quick-1", false, &answer);
    assert_int_equal(answer.state, RESOLVE_FOUND);
    names_let_go();
    assert_int_equal(look_up(r, "quick-2").state, RESOLVE_FOUND);
    assert_in_range(names_slow(), 1, begun);
    assert_int_equal(look_up(r, "slow-100").state, RESOLVE_FAILED);
    resolve_free(r);
    assert_int_equal(names_slow(), begun + 1);
}

static void test_free_in_the_middle(void **state)
{
    struct resolve_answer answer;

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct resolver *r = resolve_new(on_change, &watch);
        resolve_lookup(r, "localhost", false, &answer);
        resolve_lookup(r, NOBODY, true, &answer);
        resolve_silence(r);
        unsigned before = changes();
        resolve_free(r);
        assert_int_equal(changes(), before);
    }
    resolve_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric_at_once), cmocka_unit_test(test_a_name),
        cmocka_unit_test(test_nobody),          cmocka_unit_test(test_shares),
        cmocka_unit_test(test_many_names),      cmocka_unit_test(test_urgent_names_stay),
        cmocka_unit_test(test_given_up),        cmocka_unit_test(test_free_in_the_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
