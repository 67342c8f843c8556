/* Whole peers in a small world: what the user was promised, across kills, cuts, and a server that
 * forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/engine/slot.h"
#include "proto/manifest.h"
#include "store/content.h"
#include "store/namespace.h"
#include "store/queues.h"
#include "store/wormholes.h"
#include "tests/sim/world.h"

enum { A, B };
enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS };

struct pair {
    struct world *w;
    uint64_t id[2]; /* the wormhole at each peer */
};

static bool both_paired(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_is_paired(w, A, p->id[A]) && world_is_paired(w, B, p->id[B]);
}

static void begin(struct pair *p, uint64_t seed)
{
    char code[129];
    p->w = world_new(seed);
    p->id[A] = world_mkdir(p->w, A, "bob", NULL);
    assert_true(world_code(p->w, A, p->id[A], code));
    p->id[B] = world_mkdir(p->w, B, "alice", code);
}

static void begin_paired(struct pair *p, uint64_t seed)
{
    begin(p, seed);
    assert_true(world_run(p->w, both_paired, p, 10 * MINUTE_MS));
}

static bool outboxes_empty(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_running(w, A) && world_running(w, B) && world_outbox_count(w, A, p->id[A]) == 0 &&
           world_outbox_count(w, B, p->id[B]) == 0;
}

/* Whoever tells a paired wormhole a code, or changes what keep_sent keeps, does not disturb it. */
static void test_a_refusal_restarts_nothing(void **state)
{
    (void)state;
    struct pair p;
    struct turn *t;
    begin_paired(&p, 1);
    const struct slot *slot = slot_find(world_engine(p.w, A), p.id[A]);
    uint32_t loads = slot->loads;
    assert_int_equal(turn_begin(world_store(p.w, A), &t), 0);
    assert_int_equal(engine_join(world_engine(p.w, A), t, p.id[A], "7-guitarist-revenge"),
                     STORE_ERR_BUSY);
    turn_abort(t);
    world_engine(p.w, A)->options.keep_sent = true;
    uint64_t file = world_send_file(p.w, A, p.id[A], "kept", 1, 100);
    world_run(p.w, NULL, NULL, MINUTE_MS);
    assert_int_equal(content_truncate(world_store(p.w, A), file, 1), STORE_ERR_READ_ONLY);
    world_run(p.w, NULL, NULL, MINUTE_MS);
    assert_int_equal(slot->loads, loads);
    world_free(p.w);
}

static void test_small_file(void **state)
{
    (void)state;
    struct pair p;
    begin_paired(&p, 1);
    world_send_file(p.w, A, p.id[A], "note.txt", 7, 1000);
    assert_true(world_run(p.w, outboxes_empty, &p, MINUTE_MS));
    assert_true(world_has_file(p.w, B, p.id[B], "note.txt", 7, 1000));
    world_free(p.w);
}

static void test_sizes_at_the_edges(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,     1,     15000, 16000,   60000,   65000,
                                   65535, 65536, 65537, 1000000, 3000000, 262144};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    struct pair p;
    char name[32];
    begin_paired(&p, 2);
    for (int i = 0; i < SIZES; i++) {
        snprintf(name, sizeof name, "file%d", i);
        world_send_file(p.w, i % 2, p.id[i % 2], name, (uint64_t)i, sizes[i]);
    }
    assert_true(world_run(p.w, outboxes_empty, &p, 10 * MINUTE_MS));
    for (int i = 0; i < SIZES; i++) {
        snprintf(name, sizeof name, "file%d", i);
        assert_true(world_has_file(p.w, 1 - i % 2, p.id[1 - i % 2], name, (uint64_t)i, sizes[i]));
    }
    assert_int_equal(world_inbox_count(p.w, A, p.id[A]), SIZES / 2);
    assert_int_equal(world_inbox_count(p.w, B, p.id[B]), SIZES / 2);
    world_free(p.w);
}

static bool b_is_sent(struct world *w, void *arg)
{
    struct pair *p = arg;
    return world_outbox_count(w, B, p->id[B]) == 0;
}

/* Who has much to send answers all the same. */
static void test_answers_go_first(void **state)
{
    (void)state;
    enum { FILES = 200 };
    struct pair p;
    char name[32];
    begin_paired(&p, 5);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "f%d", i);
        world_send_file(p.w, A, p.id[A], name, (uint64_t)i, 10000);
    }
    world_send_file(p.w, B, p.id[B], "one", 7, 100);
    assert_true(world_run(p.w, b_is_sent, &p, 10 * MINUTE_MS));
    assert_in_range(world_outbox_count(p.w, A, p.id[A]), FILES / 2, FILES);
    assert_true(world_run(p.w, outboxes_empty, &p, 30 * MINUTE_MS));
    world_free(p.w);
}

/* What was put into the outbox before anybody joined goes to whoever joins. */
static void test_sent_before_pairing(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, 3);
    world_send_file(p.w, A, p.id[A], "early", 3, 500);
    world_send_file(p.w, A, p.id[A], "early and large", 4, 700000);
    assert_true(world_run(p.w, outboxes_empty, &p, 10 * MINUTE_MS));
    assert_true(world_has_file(p.w, B, p.id[B], "early", 3, 500));
    assert_true(world_has_file(p.w, B, p.id[B], "early and large", 4, 700000));
    world_free(p.w);
}

/* Many small files: more than one mailbox may hold, so the two rotate. */
static void test_rotation(void **state)
{
    (void)state;
    enum { FILES = 200 };
    struct pair p;
    char name[32];
    begin_paired(&p, 4);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "f%d", i);
        world_send_file(p.w, i % 3 == 0, p.id[i % 3 == 0], name, (uint64_t)i, 100);
    }
    assert_true(world_run(p.w, outboxes_empty, &p, 30 * MINUTE_MS));
    for (int i = 0; i < FILES; i++) {
        int to = i % 3 != 0;
        snprintf(name, sizeof name, "f%d", i);
        assert_true(world_has_file(p.w, to, p.id[to], name, (uint64_t)i, 100));
    }
    world_free(p.w);
}

/* A small generator of its own, so that a seed always means the same run. */
static uint64_t draw(uint64_t *s)
{
    *s += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *s;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void misfortune(struct world *w, uint64_t *s)
{
    int who = (int)(draw(s) % 2);
    switch (draw(s) % 12) {
    case 0:
    case 1:
    case 2:
        if (world_running(w, who))
            world_kill(w, who);
        break;
    case 3:
        world_cut_links(w);
        break;
    case 4:
    case 5:
        world_cut_transit(w);
        break;
    case 6:
        mailbox_server_restart(world_server(w), world_now_ms(w));
        break;
    case 7:
        mailbox_server_wipe(world_server(w), world_now_ms(w));
        break;
    default:
        for (int i = 0; i < 2; i++)
            if (!world_running(w, i))
                world_start(w, i);
    }
}

static void run_with_misfortunes(uint64_t seed)
{
    enum { FILES = 24, ROUNDS = 120 };
    struct pair p;
    char name[32];
    uint64_t s = seed;
    begin_paired(&p, seed);
    int made = 0;
    for (int round = 0; round < ROUNDS || made < FILES; round++) {
        int who = made % 2;
        if (made < FILES && world_running(p.w, who) && draw(&s) % 3 == 0) {
            size_t size = made % 4 == 3 ? 300000 + draw(&s) % 500000 : draw(&s) % 20000;
            snprintf(name, sizeof name, "f%d-%zu", made, size);
            world_send_file(p.w, who, p.id[who], name, (uint64_t)made, size);
            made++;
        }
        int steps = (int)(draw(&s) % 60);
        int64_t until_ms = world_now_ms(p.w) + 2000;
        for (int i = 0; i < steps && world_step(p.w, until_ms); i++)
            ;
        misfortune(p.w, &s);
    }
    for (int i = 0; i < 2; i++)
        if (!world_running(p.w, i))
            world_start(p.w, i);
    if (!world_run(p.w, outboxes_empty, &p, 2 * DAY_MS))
        fail_msg("seed %llu: outboxes hold %zu and %zu", (unsigned long long)seed,
                 world_outbox_count(p.w, A, p.id[A]), world_outbox_count(p.w, B, p.id[B]));
    assert_int_equal(world_inbox_count(p.w, A, p.id[A]), FILES / 2);
    assert_int_equal(world_inbox_count(p.w, B, p.id[B]), FILES / 2);
    world_free(p.w);
}

static void test_misfortunes(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 108; seed++)
        run_with_misfortunes(seed);
}

/* Both away for a month while the server forgets everything. */
static void test_a_month_away(void **state)
{
    (void)state;
    struct pair p;
    begin_paired(&p, 5);
    world_send_file(p.w, A, p.id[A], "before", 1, 100);
    assert_true(world_run(p.w, outboxes_empty, &p, MINUTE_MS));
    world_kill(p.w, A);
    world_kill(p.w, B);
    world_run(p.w, NULL, NULL, (int64_t)30 * DAY_MS);
    mailbox_server_wipe(world_server(p.w), world_now_ms(p.w));
    world_start(p.w, A);
    world_send_file(p.w, A, p.id[A], "after", 2, 100);
    world_run(p.w, NULL, NULL, 3 * MINUTE_MS);
    world_start(p.w, B);
    assert_true(world_run(p.w, outboxes_empty, &p, DAY_MS));
    assert_true(world_has_file(p.w, B, p.id[B], "after", 2, 100));
    world_free(p.w);
}

/* The first change after sealing takes the revision back; what arrives is the newer one only. */
static void test_withdrawn(void **state)
{
    (void)state;
    struct pair p;
    begin_paired(&p, 6);
    world_set_server_up(p.w, false);
    uint64_t ino = world_send_file(p.w, A, p.id[A], "draft", 1, 100);
    assert_int_equal(content_write(world_store(p.w, A), ino, "x", 1, 100), 0);
    world_seal(p.w, A, ino);
    world_set_server_up(p.w, true);
    assert_true(world_run(p.w, outboxes_empty, &p, 10 * MINUTE_MS));
    assert_int_equal(world_inbox_count(p.w, B, p.id[B]), 1);
    assert_false(world_has_file(p.w, B, p.id[B], "draft", 1, 100));
    world_free(p.w);
}

static bool b_sees_it_closed(struct world *w, void *arg)
{
    struct pair *p = arg;
    struct wormhole row;
    struct view *v;
    assert_int_equal(view_begin(world_store(w, B), &v), 0);
    int err = wormhole_get(v, p->id[B], &row);
    view_end(v);
    return err == 0 && row.state == WORMHOLE_CLOSED;
}

static bool a_forgot(struct world *w, void *arg)
{
    struct pair *p = arg;
    struct wormhole row;
    struct view *v;
    assert_int_equal(view_begin(world_store(w, A), &v), 0);
    int err = wormhole_get(v, p->id[A], &row);
    view_end(v);
    return err == STORE_ERR_NOT_FOUND;
}

static void test_closed(void **state)
{
    (void)state;
    struct pair p;
    struct turn *t;
    begin_paired(&p, 7);
    assert_int_equal(turn_begin(world_store(p.w, A), &t), 0);
    assert_int_equal(engine_remove(world_engine(p.w, A), t, p.id[A]), 0);
    assert_int_equal(turn_commit(t), 0);
    assert_true(world_run(p.w, b_sees_it_closed, &p, 10 * MINUTE_MS));
    assert_true(world_run(p.w, a_forgot, &p, 10 * MINUTE_MS));
    assert_null(slot_find(world_engine(p.w, A), p.id[A])); /* and with it all keys */
    world_free(p.w);
}

/* ---- trees ---- */

static uint64_t make(struct pair *p, uint64_t parent, const char *name, enum node_type type)
{
    struct turn *t;
    uint64_t ino;
    struct node_new what = {.type = type, .mode = type == NODE_DIR ? 0755 : 0644};
    if (type == NODE_SYMLINK)
        what.target = "elsewhere";
    assert_int_equal(turn_begin(world_store(p->w, A), &t), 0);
    assert_int_equal(name_create(t, parent, name, strlen(name), &what, &ino), 0);
    assert_int_equal(turn_commit(t), 0);
    return ino;
}

/* A tree of so many nodes, not one of them a regular file. */
static uint64_t make_bare_tree(struct pair *p, const char *name, int nodes, enum node_type type)
{
    struct wormhole row;
    struct view *v;
    char child[32];
    assert_int_equal(view_begin(world_store(p->w, A), &v), 0);
    assert_int_equal(wormhole_get(v, p->id[A], &row), 0);
    view_end(v);
    uint64_t top = make(p, row.outbox_ino, name, NODE_DIR);
    for (int i = 1; i < nodes; i++) {
        snprintf(child, sizeof child, "n%d", i);
        make(p, top, child, type);
    }
    return top;
}

/* Without a regular file there is all the same something to be sent; around the number of nodes
 * from which on a tree is listed. */
static void test_trees_without_files(void **state)
{
    (void)state;
    static const int nodes[] = {1, 2, 511, 512, 513, 514, 600};
    enum { TREES = sizeof nodes / sizeof *nodes };
    struct pair p;
    char name[32];
    begin_paired(&p, 17);
    for (size_t i = 0; i < TREES; i++)
        for (int links = 0; links < 2; links++) {
            snprintf(name, sizeof name, "%s-%d", links ? "links" : "dirs", nodes[i]);
            world_seal(p.w, A, make_bare_tree(&p, name, nodes[i], links ? NODE_SYMLINK : NODE_DIR));
        }
    assert_true(world_run(p.w, outboxes_empty, &p, 20 * MINUTE_MS));
    assert_int_equal(world_inbox_count(p.w, B, p.id[B]), 2 * TREES);
    world_free(p.w);
}

static int first_revision(void *arg, const struct revision *r)
{
    *(struct revision *)arg = *r;
    return 1;
}

/* An older version has listed it, and did not note how much. */
static void test_listed_by_an_older_version(void **state)
{
    (void)state;
    struct pair p;
    struct revision r;
    struct turn *t;
    begin_paired(&p, 18);
    world_set_server_up(p.w, false);
    world_cut_links(p.w);
    world_seal(p.w, A, make_bare_tree(&p, "tree", 600, NODE_DIR));
    world_run(p.w, NULL, NULL, MINUTE_MS);
    assert_int_equal(turn_begin(world_store(p.w, A), &t), 0);
    assert_int_equal(revision_each(turn_view(t), p.id[A], first_revision, &r), 1);
    assert_int_equal(r.items, 600);
    r.items = 0;
    assert_int_equal(revision_put(t, &r), 0);
    assert_int_equal(turn_commit(t), 0);
    world_set_server_up(p.w, true);
    assert_true(world_run(p.w, outboxes_empty, &p, 30 * MINUTE_MS));
    assert_int_equal(world_inbox_count(p.w, B, p.id[B]), 1);
    world_free(p.w);
}

/* Directory in directory, `depth` below the top. */
static uint64_t make_deep_tree(struct pair *p, const char *name, int depth)
{
    uint64_t top = make_bare_tree(p, name, 1, NODE_DIR), at = top;
    struct node_new dir = {.type = NODE_DIR, .mode = 0755};
    struct turn *t;
    assert_int_equal(turn_begin(world_store(p->w, A), &t), 0);
    for (int i = 0; i < depth; i++)
        assert_int_equal(name_create(t, at, "d", 1, &dir, &at), 0);
    assert_int_equal(turn_commit(t), 0);
    return top;
}

/* What is deeper than the protocol goes is held, however deep: also deeper than the store walks. */
static void test_too_deep(void **state)
{
    (void)state;
    static const int depths[] = {MANIFEST_DEPTH_MAX + 1, TREE_DEPTH_MAX - 1, TREE_DEPTH_MAX,
                                 TREE_DEPTH_MAX + 100};
    enum { TREES = sizeof depths / sizeof *depths };
    struct pair p;
    struct view *v;
    struct entry e;
    uint64_t tops[TREES];
    char name[16];
    begin_paired(&p, 19);
    world_seal(p.w, A, make_deep_tree(&p, "just", MANIFEST_DEPTH_MAX - 1));
    for (size_t i = 0; i < TREES; i++) {
        snprintf(name, sizeof name, "deep-%zu", i);
        tops[i] = make_deep_tree(&p, name, depths[i]);
        world_seal(p.w, A, tops[i]);
    }
    world_run(p.w, NULL, NULL, MINUTE_MS);
    assert_int_equal(world_outbox_count(p.w, A, p.id[A]), TREES);
    assert_int_equal(world_inbox_count(p.w, B, p.id[B]), 1);
    assert_int_equal(view_begin(world_store(p.w, A), &v), 0);
    for (size_t i = 0; i < TREES; i++) {
        assert_int_equal(entry_get(v, tops[i], &e), 0);
        assert_non_null(strstr(e.held, "too deep"));
    }
    view_end(v);
    world_free(p.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_file),
        cmocka_unit_test(test_answers_go_first),
        cmocka_unit_test(test_a_refusal_restarts_nothing),
        cmocka_unit_test(test_sizes_at_the_edges),
        cmocka_unit_test(test_sent_before_pairing),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_withdrawn),
        cmocka_unit_test(test_a_month_away),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_misfortunes),
        cmocka_unit_test(test_trees_without_files),
        cmocka_unit_test(test_listed_by_an_older_version),
        cmocka_unit_test(test_too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
