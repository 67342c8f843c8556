/* One of two stores goes back to a backup, and the server has forgotten what would have told of it:
 * what was not decided then is said again, and the outbox becomes empty (PROTOCOL.md §9, §10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/engine/outbox.h"
#include "store/wormholes.h"
#include "tests/sim/disk.h"
#include "tests/sim/world.h"

enum { A, B };
enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, LARGE = 700000, SMALL = 60000 };

/* A, who sends, and B. */
struct pair {
    struct world *w;
    uint64_t id[2];
    struct disk *disk[2];
    struct disk_image *backup;
};

static const struct io *disk_of(void *arg, int peer, char dir[static 64])
{
    struct pair *p = arg;
    snprintf(dir, 64, "%s", disk_path(p->disk[peer]));
    return disk_io(p->disk[peer]);
}

static int64_t pair_now_ns(void *arg)
{
    struct pair *p = arg;
    return p->w == NULL ? INT64_C(1700000000000000000) : world_now_ms(p->w) * 1000000;
}

static bool both_paired(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_is_paired(w, A, p->id[A]) && world_is_paired(w, B, p->id[B]);
}

static int begin(void **state)
{
    static struct pair p;
    char code[129];
    p = (struct pair){0};
    for (int i = 0; i < 2; i++)
        p.disk[i] = disk_new((uint64_t)i + 1, pair_now_ns, &p);
    p.w =
        world_new_with(&(struct world_options){.seed = 5, .peers = 2, .disk = disk_of, .arg = &p});
    world_start(p.w, A);
    world_start(p.w, B);
    p.id[A] = world_mkdir(p.w, A, "bob", NULL);
    assert_true(world_code(p.w, A, p.id[A], code));
    p.id[B] = world_mkdir(p.w, B, "alice", code);
    assert_true(world_run(p.w, both_paired, &p, 10 * MINUTE_MS));
    *state = &p;
    return 0;
}

static int end(void **state)
{
    struct pair *p = *state;
    world_free(p->w);
    disk_image_free(p->backup);
    for (int i = 0; i < 2; i++)
        disk_free(p->disk[i]);
    return 0;
}

static bool outbox_empty(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_outbox_count(w, A, p->id[A]) == 0;
}

static int keep_state(void *arg, const struct revision *r)
{
    *(enum revision_state *)arg = (enum revision_state)r->state;
    return 1;
}

static int found_message(void *arg, const struct message *m)
{
    (void)m;
    *(bool *)arg = true;
    return 1;
}

/* All of it was said and acknowledged; as no bulk connection lasts, it is not delivered. */
static bool told_and_acknowledged(struct world *w, void *arg)
{
    struct pair *p = arg;
    enum revision_state state = REVISION_QUEUED;
    bool waits = false;
    struct view *v;
    world_cut_transit(w);
    assert_int_equal(view_begin(world_store(w, A), &v), 0);
    assert_true(revision_each(v, p->id[A], keep_state, &state) >= 0);
    assert_true(message_each(v, p->id[A], found_message, &waits) >= 0);
    view_end(v);
    return state == REVISION_TOLD && !waits;
}

static void back_up(struct pair *p, int who)
{
    world_kill(p->w, who);
    p->backup = disk_copy(p->disk[who]);
    world_start(p->w, who);
}

/* Both were down; the server remembers nothing. */
static void go_back(struct pair *p, int who)
{
    world_kill(p->w, A);
    world_kill(p->w, B);
    disk_restore(p->disk[who], p->backup);
    mailbox_server_wipe(world_server(p->w), world_now_ms(p->w));
    world_start(p->w, A);
    world_start(p->w, B);
}

static void say_something(struct pair *p)
{
    world_send_file(p->w, A, p->id[A], "before", 9, 100);
    assert_true(world_run(p->w, outbox_empty, p, MINUTE_MS));
    world_run(p->w, NULL, NULL, MINUTE_MS);
}

static void the_receiver_loses_an_offer(void **state)
{
    struct pair *p = *state;
    say_something(p);
    back_up(p, B);
    world_run(p->w, NULL, NULL, 2 * MINUTE_MS);
    world_send_file(p->w, A, p->id[A], "large", 1, LARGE);
    assert_true(world_run(p->w, told_and_acknowledged, p, MINUTE_MS));
    go_back(p, B);
    assert_true(world_run(p->w, outbox_empty, p, HOUR_MS));
    assert_true(world_has_file(p->w, B, p->id[B], "large", 1, LARGE));
}

static void the_sender_loses_a_decision(void **state)
{
    struct pair *p = *state;
    world_send_file(p->w, A, p->id[A], "large", 1, LARGE);
    assert_true(world_run(p->w, told_and_acknowledged, p, MINUTE_MS));
    back_up(p, A);
    assert_true(world_run(p->w, outbox_empty, p, 20 * MINUTE_MS));
    world_run(p->w, NULL, NULL, 2 * MINUTE_MS);
    go_back(p, A);
    assert_int_equal(world_outbox_count(p->w, A, p->id[A]), 1);
    world_send_file(p->w, B, p->id[B], "talk", 3, 100); /* so that they meet */
    assert_true(world_run(p->w, outbox_empty, p, HOUR_MS));
    assert_int_equal(world_inbox_count(p->w, B, p->id[B]), 1); /* it did not come twice */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(the_receiver_loses_an_offer),
        T(the_sender_loses_a_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
