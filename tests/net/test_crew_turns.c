/* Who has to give up a thread, and when: the crew with its guests on real sockets, and with the
 * time that the test says it is. */
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "proto/net/clock.h"
#include "proto/net/crew.h"
#include "proto/net/limits.h"
#include "proto/net/stream_own.h"
#include "recorder.h"

enum {
    SOON_MS = 3000,
    STEP_MS = TICK_RECHECK_MS, /* as often as the network thread looks, if it has nothing to do */
    FULL = NET_TRANSIT_MAX,
    ATTEMPT = 1,
    GUESTS_MAX = 512, /* each is of the wormhole with its number */
    LITTLE = 100,     /* bytes */
};

struct guest {
    int fd;
    struct hint_list hints;
    size_t said;
    atomic_size_t heard;             /* by its session */
    _Atomic(struct stream *) stream; /* NULL: it has no session; dies under the lock */
    atomic_bool lingers;             /* it has still work to do when it was ended */
    atomic_bool works;               /* its session has other things to do than to wait */
};

static struct guest guests[GUESTS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_size_t ended; /* sessions */
static sem_t work_done;
static struct recorder recorder;
static struct net_callbacks callbacks;
static struct crew crew;
static int64_t now_ms;

/* -- sessions --------------------------------------------------------------------------------- */

static void run_session(void *arg, uint64_t wormhole, const struct transit_plan *plan,
                        struct stream *stream)
{
    struct guest *g = &guests[wormhole];
    uint8_t buf[4096];
    ssize_t n = 0;

    (void)arg;
    (void)plan;
    atomic_store(&g->stream, stream);
    while (n >= 0) {
        if (atomic_load(&g->works))
            sem_wait(&work_done);
        if ((stream_wait(stream, STREAM_READABLE, -1) & STREAM_BROKEN) != 0)
            break;
        n = stream_recv(stream, buf, sizeof(buf));
        if (n > 0)
            atomic_fetch_add(&g->heard, (size_t)n);
    }
    if (atomic_load(&g->lingers))
        sem_wait(&work_done);
    pthread_mutex_lock(&lock);
    atomic_store(&g->stream, NULL);
    atomic_fetch_add(&ended, 1);
    pthread_mutex_unlock(&lock);
}

/* -- guests ----------------------------------------------------------------------------------- */

static void listen_for(uint64_t w)
{
    crew_listen(&crew, w, ATTEMPT);
}

static void expect(enum record_kind kind, uint64_t w)
{
    recorder_wait(&recorder, kind, w, ATTEMPT, NULL, SOON_MS);
}

static void expect_session(uint64_t w)
{
    expect(RECORD_SESSION, w);
    while (atomic_load(&guests[w].stream) == NULL)
        sched_yield();
}

static void expect_told(uint64_t w)
{
    guests[w].hints = *recorder_wait(&recorder, RECORD_HINTS, w, ATTEMPT, NULL, SOON_MS).hints;
}

/* It listens, and its guest is at the door. */
static void invite(uint64_t w)
{
    listen_for(w);
    expect_told(w);
    guests[w].fd = guest_knock(&guests[w].hints);
    assert_true(guests[w].fd >= 0);
}

static void start_as(uint64_t w, bool classic)
{
    struct transit_plan plan = guest_plan();

    plan.classic = classic;
    crew_start(&crew, w, ATTEMPT, &plan);
}

static void start(uint64_t w)
{
    start_as(w, false);
}

static void seat(uint64_t first, size_t count)
{
    for (uint64_t w = first; w < first + count; w++) {
        invite(w);
        start(w);
        expect_session(w);
    }
}

static void say(uint64_t w, size_t len)
{
    static const uint8_t zeros[CREW_TURN_BYTES];

    assert_int_equal(send(guests[w].fd, zeros, len, MSG_NOSIGNAL), (ssize_t)len);
    guests[w].said += len;
}

/* -- time ------------------------------------------------------------------------------------- */

/* Has its session heard everything, and does it wait for more, or work? */
static bool is_settled(const struct guest *g)
{
    pthread_mutex_lock(&lock);
    struct stream *stream = atomic_load(&g->stream);
    bool settled = stream == NULL || g->lingers ||
                   (!atomic_load(&stream->broken) && atomic_load(&g->heard) == g->said &&
                    stream_is_waiting(stream) != g->works);
    pthread_mutex_unlock(&lock);
    return settled;
}

static void settle(void)
{
    int64_t end_ms = clock_mono_ms() + SOON_MS;

    for (size_t i = 0; i < GUESTS_MAX; i++)
        while (!is_settled(&guests[i])) {
            assert_true(clock_mono_ms() < end_ms);
            sched_yield();
        }
}

static void pump(int64_t step_ms)
{
    settle();
    now_ms += step_ms;
    crew_pump(&crew, now_ms);
}

static void pass(int64_t ms)
{
    for (; ms > 0; ms -= STEP_MS)
        pump(STEP_MS);
}

/* Until all that have a session were there for a whole window: the first look only begins it. */
static void pass_a_turn(void)
{
    pass(STEP_MS + CREW_TURN_MS);
}

/* So many sessions, and no more. */
static void expect_ended(size_t count)
{
    settle();
    assert_int_equal(atomic_load(&ended), count);
}

/* -- each test's own -------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    memset(guests, 0, sizeof(guests));
    atomic_store(&ended, 0);
    for (size_t i = 0; i < GUESTS_MAX; i++)
        guests[i].fd = -1;
    assert_int_equal(sem_init(&work_done, 0, 0), 0);
    recorder_init(&recorder);
    recorder.session = run_session;
    callbacks = recorder_callbacks(&recorder);
    now_ms = 1000 * CREW_TURN_MS;
    crew_init(&crew, &callbacks, NULL, true);
    crew_pump(&crew, now_ms);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < GUESTS_MAX; i++)
        sem_post(&work_done);
    crew_stop(&crew);
    crew_release(&crew);
    for (size_t i = 0; i < GUESTS_MAX; i++)
        if (guests[i].fd >= 0)
            close(guests[i].fd);
    recorder_release(&recorder);
    sem_destroy(&work_done);
    return 0;
}

/* -- who is ended ----------------------------------------------------------------------------- */

/* After their turn, as many as wait; the quietest first, and of two that are alike the older. */
static void test_quiet_ones_make_room(void **state)
{
    (void)state;
    for (uint64_t w = FULL; w < FULL + 3; w++)
        invite(w);
    seat(0, FULL);
    for (uint64_t w = 0; w < FULL; w++)
        if (w != 40)
            say(w, LITTLE);
    for (uint64_t w = FULL; w < FULL + 3; w++)
        start(w);
    pass(CREW_TURN_MS);
    expect_ended(0);
    pass(STEP_MS);
    expect(RECORD_TRANSIT_DOWN, 40);
    expect(RECORD_TRANSIT_DOWN, 0);
    expect(RECORD_TRANSIT_DOWN, 1);
    for (uint64_t w = FULL; w < FULL + 3; w++)
        expect_session(w);
    pass_a_turn(); /* nobody waits any more */
    expect_ended(3);
}

/* Those that have yet to listen share one thread: it is not needed for long. */
static void test_one_makes_room_to_listen(void **state)
{
    (void)state;
    seat(0, FULL);
    pass_a_turn();
    say(0, LITTLE);
    settle();
    for (uint64_t w = FULL; w < FULL + 3; w++)
        listen_for(w);
    for (uint64_t w = FULL; w < FULL + 3; w++)
        expect_told(w);
    expect(RECORD_TRANSIT_DOWN, 1);
    expect_ended(1);
}

/* Whoever waits finds his place at once, when it is known who is quiet. */
static void test_does_not_wait_for_the_next_look(void **state)
{
    (void)state;
    invite(FULL);
    seat(0, FULL);
    pass_a_turn();
    start(FULL);
    expect_session(FULL);
    expect_ended(1);
}

/* Who has been ended, and takes its time, makes room for one. */
static void test_one_for_one(void **state)
{
    (void)state;
    invite(FULL);
    seat(0, FULL);
    for (uint64_t w = 0; w < FULL; w++)
        guests[w].lingers = true;
    pass_a_turn();
    start(FULL);
    pass(CREW_TURN_MS);
    for (uint64_t w = 0; w < FULL; w++) {
        guests[w].lingers = false;
        sem_post(&work_done);
    }
    expect_session(FULL);
    expect_ended(1);
}

/* A slow one is ended before a stock peer, though that is the quieter: it cannot go on later. */
static void test_stock_peers_come_last(void **state)
{
    (void)state;
    invite(FULL);
    invite(FULL + 1);
    invite(0);
    start_as(0, true);
    expect_session(0);
    seat(1, FULL - 1);
    for (uint64_t w = 1; w < FULL; w++)
        say(w, w == 9 ? LITTLE : CREW_TURN_BYTES);
    pass_a_turn();
    start(FULL);
    expect(RECORD_TRANSIT_DOWN, 9);
    expect_session(FULL);
    start(FULL + 1);
    expect(RECORD_TRANSIT_DOWN, 0);
    expect_session(FULL + 1);
    expect_ended(2);
}

/* -- who is not ------------------------------------------------------------------------------- */

static void test_who_moves_enough_stays(void **state)
{
    (void)state;
    for (uint64_t w = FULL; w < 2 * FULL; w++)
        invite(w);
    seat(0, FULL);
    say(5, CREW_TURN_BYTES);
    say(6, CREW_TURN_BYTES - 1);
    pass_a_turn();
    say(5, LITTLE);          /* what it moved in the window before counts until the next is whole */
    say(7, CREW_TURN_BYTES); /* in the present one */
    settle();
    for (uint64_t w = FULL; w < 2 * FULL; w++)
        start(w);
    recorder_wait_count(&recorder, RECORD_SESSION, 2 * FULL - 2, SOON_MS);
    expect_ended(FULL - 2);
    expect(RECORD_TRANSIT_DOWN, 6);
    assert_non_null(atomic_load(&guests[5].stream));
    assert_non_null(atomic_load(&guests[7].stream));
    /* And so it goes on, for as long as they do. */
    for (int i = 0; i < 5; i++) {
        for (uint64_t w = 0; w < 2 * FULL; w++)
            if (atomic_load(&guests[w].stream) != NULL)
                say(w, CREW_TURN_BYTES);
        pass(CREW_TURN_MS);
        expect_ended(FULL - 2);
    }
}

static void test_nobody_is_ended_for_nobody(void **state)
{
    (void)state;
    seat(0, FULL - 1);
    pass(3600 * 1000);
    expect_ended(0);
    seat(FULL - 1, 1); /* a place was free */
    pass(3600 * 1000);
    expect_ended(0);
}

static void test_nobody_is_ended_for_the_cancelled(void **state)
{
    (void)state;
    invite(FULL);
    seat(0, FULL);
    start(FULL); /* no turn is over yet */
    listen_for(FULL + 1);
    crew_cancel(&crew, FULL, ATTEMPT);
    crew_cancel(&crew, FULL + 1, ATTEMPT);
    pass_a_turn();
    pass_a_turn();
    expect_ended(0);
    assert_int_equal(guest_knock(&guests[FULL].hints), -1); /* nor does it listen any more */
}

/* Nor does one wait for its peer while it has to do with our disk. */
static void test_who_works_stays(void **state)
{
    (void)state;
    invite(FULL);
    for (uint64_t w = 0; w < FULL; w++)
        guests[w].works = true;
    seat(0, FULL);
    start(FULL);
    pass(3600 * 1000);
    expect_ended(0);
    for (uint64_t w = 0; w < FULL; w++) {
        guests[w].works = false;
        sem_post(&work_done);
    }
    pass(CREW_TURN_MS);
    expect_ended(0);
    pass(STEP_MS);
    expect_session(FULL);
    expect_ended(1);
}

/* Its turn is over, but just now it has work. */
static void test_who_has_gone_to_work_stays(void **state)
{
    (void)state;
    invite(FULL);
    seat(0, FULL);
    pass_a_turn();
    for (uint64_t w = 0; w < FULL; w++) {
        guests[w].works = true;
        say(w, 1);
    }
    settle();
    start(FULL);
    pump(STEP_MS);
    expect_ended(0);
    for (uint64_t w = 0; w < FULL; w++) {
        guests[w].works = false;
        sem_post(&work_done);
    }
    pump(STEP_MS);
    expect_session(FULL);
    expect_ended(1);
}

/* -- attempts without a plan ------------------------------------------------------------------ */

/* However many people sit before a question, none of them has a thread. */
static void test_who_waits_for_a_plan_holds_no_place(void **state)
{
    (void)state;
    for (uint64_t w = 0; w < FULL + 10; w++)
        invite(w);
    seat(FULL + 10, FULL);
    expect_ended(0);
    crew_cancel(&crew, FULL + 10, ATTEMPT);
    expect(RECORD_TRANSIT_DOWN, FULL + 10);
    start(0); /* its guest has waited since before */
    expect_session(0);
    expect_ended(1);
}

/* They come before those that have yet to listen. */
static void test_who_has_a_plan_comes_first(void **state)
{
    (void)state;
    invite(FULL);
    seat(0, FULL);
    for (uint64_t w = FULL + 1; w < FULL + 4; w++)
        listen_for(w);
    start(FULL);
    size_t told = recorder_count(&recorder, RECORD_HINTS);
    crew_cancel(&crew, 0, ATTEMPT);
    expect_session(FULL);
    assert_int_equal(recorder_count(&recorder, RECORD_HINTS), told);
    crew_cancel(&crew, 1, ATTEMPT);
    for (uint64_t w = FULL + 1; w < FULL + 4; w++)
        expect_told(w);
}

/* Their ports are bounded: the longest without a plan loses its own, and nothing else. */
static void test_ports_are_bounded(void **state)
{
    (void)state;
    for (uint64_t w = 0; w <= CREW_PORTS_MAX; w++) {
        listen_for(w);
        expect_told(w);
    }
    /* The last parks just after it has told. */
    int64_t end_ms = clock_mono_ms() + SOON_MS;
    while ((guests[0].fd = guest_knock(&guests[0].hints)) >= 0) {
        assert_true(clock_mono_ms() < end_ms);
        close(guests[0].fd);
    }
    expect_ended(0);
    guests[1].fd = guest_knock(&guests[1].hints);
    assert_true(guests[1].fd >= 0);
    start(1);
    expect_session(1);
    start(0); /* no port, and no hints to dial */
    expect(RECORD_TRANSIT_DOWN, 0);
    assert_int_equal(recorder_count(&recorder, RECORD_SESSION), 1);
}

/* -- time and counters that do odd things ----------------------------------------------------- */

/* A clock that stands still, goes back, or leaps because the machine slept, makes nobody quiet. */
static void test_odd_clocks(void **state)
{
    (void)state;
    invite(FULL);
    seat(0, FULL);
    start(FULL);
    for (int i = 0; i < 100; i++)
        pump(0);
    for (int i = 0; i < 100; i++)
        pump(-STEP_MS);
    now_ms = 0;
    pump(0);
    pump(INT64_C(86400000));
    pump(0);
    expect_ended(0);
    pass(CREW_TURN_MS - CREW_STEP_MAX_MS - STEP_MS);
    expect_ended(0);
    pass(STEP_MS);
    expect_session(FULL);
    expect_ended(1);
}

/* Looks that follow each other quickly, as on a busy network thread, count like others. */
static void test_many_looks(void **state)
{
    (void)state;
    invite(FULL);
    seat(0, FULL);
    start(FULL);
    pump(STEP_MS);
    for (int64_t ms = 0; ms < CREW_TURN_MS - STEP_MS; ms += 100)
        pump(100);
    expect_ended(0);
    for (int64_t ms = 0; ms < STEP_MS; ms += 100)
        pump(100);
    expect_session(FULL);
    expect_ended(1);
}

static void test_counter_wraps(void **state)
{
    (void)state;
    invite(FULL);
    invite(FULL + 1);
    seat(0, FULL);
    for (uint64_t w = 0; w < FULL; w++)
        atomic_store(&atomic_load(&guests[w].stream)->moved, UINT64_MAX - 10);
    pass_a_turn(); /* that was much */
    for (uint64_t w = 0; w < FULL; w++)
        say(w, w == 8 ? LITTLE : CREW_TURN_BYTES);
    start(FULL);
    expect_ended(0);
    pass(CREW_TURN_MS);
    expect(RECORD_TRANSIT_DOWN, 8);
    expect_session(FULL);
    start(FULL + 1);
    expect_ended(1);
}

#define turns_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        turns_test(test_quiet_ones_make_room),
        turns_test(test_one_makes_room_to_listen),
        turns_test(test_does_not_wait_for_the_next_look),
        turns_test(test_one_for_one),
        turns_test(test_stock_peers_come_last),
        turns_test(test_who_moves_enough_stays),
        turns_test(test_nobody_is_ended_for_nobody),
        turns_test(test_nobody_is_ended_for_the_cancelled),
        turns_test(test_who_works_stays),
        turns_test(test_who_has_gone_to_work_stays),
        turns_test(test_who_waits_for_a_plan_holds_no_place),
        turns_test(test_who_has_a_plan_comes_first),
        turns_test(test_ports_are_bounded),
        turns_test(test_odd_clocks),
        turns_test(test_many_looks),
        turns_test(test_counter_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
