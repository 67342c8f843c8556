/* Transfers with a stock peer while the journal's syncs begin to fail, at each of them in turn: a
 * step that is committed and not synced (BROKEN) has happened, and what it took over is the
 * store's; one that is undone has not, and nothing of it is left. */
#include "stock_rig.h"

#include "fs/engine/stock.h"
#include "proto/classic_data.h"
#include "tests/sim/pipe.h"

enum { SIZE = 100000, CALLS_MAX = 30 };

static uint8_t data[SIZE];

struct play {
    struct erig *g;
    struct stock_peer peer;
    struct stream *ours, *theirs;
    struct bytes said; /* the plaintext of what we sent, and a NUL */
};

static void play_begin(struct play *p, struct erig *g, bool we_send)
{
    *p = (struct play){.g = g};
    pipe_open(&p->ours, &p->theirs);
    stock_peer_init(&p->peer, we_send);
    fill_bytes(data, SIZE, 1);
}

static void tell(struct play *p, const void *plain, size_t len)
{
    struct bytes wire = {0};
    assert_int_equal(record_encode(&p->peer.tx, &wire, plain, len), 0);
    assert_int_equal(stream_send(p->theirs, wire.data, wire.len), wire.len);
    bytes_release(&wire);
}

/* How the journal fails: from the nth sync on, so that what is committed is not synced; or at its
 * nth write alone, so that one step is undone. */
enum how { SYNCS, A_WRITE };

static void break_disk(struct erig *g, enum how how, long nth)
{
    if (how == SYNCS)
        rig_fail(g->r, OPS(IO_SYNC) | OPS(IO_TRUNCATE), "journal", nth, 1000000, -EIO);
    else
        rig_fail(g->r, OPS(IO_WRITE), "journal", nth, nth, -EIO);
}

static void mend_disk(struct erig *g)
{
    rig_heal(g->r);
    assert_int_equal(store_sync(g->r->store), 0);
    while (node_sweep(g->r->store) == 1)
        ;
}

/* So that the next step has something to release, and owes a sync: it wakes the timers. */
static void owe(void *arg, enum engine_change what, uint64_t wormhole, uint64_t ino,
                const char *name, size_t name_len)
{
    struct erig *g = arg;
    (void)what, (void)wormhole, (void)ino, (void)name, (void)name_len;
    slot_find(g->e, g->id)->deadline_ms = INT64_MAX;
}

static void run(struct play *p, bool we_send, enum how how, long nth)
{
    p->g->e->watch.changed = owe;
    break_disk(p->g, how, nth);
    stock_run(p->g, we_send, p->ours);
    mend_disk(p->g);
}

static int nothing(struct step *step, void *arg)
{
    (void)step, (void)arg;
    return 0;
}

/* The end of the session may have been undone, too: then the next step finds that. */
static void over(struct erig *g)
{
    struct slot *slot = slot_find(g->e, g->id);
    if (!slot->stale) {
        stock_is_over(g);
        return;
    }
    assert_int_equal(step_alone(g->e, g->id, nothing, NULL), 0);
    assert_null(slot->stock);
    agreed_end(slot->boss);
}

static void play_end(struct play *p)
{
    static uint8_t wire[1 << 20];
    ssize_t len = stream_recv(p->theirs, wire, sizeof wire);
    for (size_t at = 0, used; len > 0 && at < (size_t)len; at += used)
        assert_true(record_decode(&p->peer.rx, wire + at, (size_t)len - at, &used, &p->said) >= 0);
    bytes_put_u8(&p->said, 0);
    assert_true(bytes_ok(&p->said));
    pipe_close(p->ours);
    pipe_close(p->theirs);
    stock_peer_release(&p->peer);
    over(p->g);
}

static void remove_name(struct erig *g, uint64_t box, const char *name)
{
    struct turn *t = rig_turn(g->r);
    int err = name_remove_tree(t, box, name, strlen(name), "removed");
    assert_true(err == 0 || err == STORE_ERR_NOT_FOUND);
    commit(t);
}

/* ---- receiving ---- */

static bool says(const struct play *p, const char *ack)
{
    char begin[64];
    snprintf(begin, sizeof begin, "{\"ack\": \"%s\"", ack);
    return strncmp((const char *)p->said.data, begin, strlen(begin)) == 0;
}

static bool received(struct erig *g, enum how how, long nth, bool *acked)
{
    struct play p;
    struct stock s = {.receiving = true, .in = {.name = "file", .size = SIZE}};
    struct bytes content = {0};
    play_begin(&p, g, false);
    stock_agree(g, &s);
    tell(&p, data, SIZE);
    run(&p, false, how, nth);
    play_end(&p);
    *acked = says(&p, "ok");
    assert_true(*acked || says(&p, "failed")); /* its sender does not wait for ever */
    bytes_release(&p.said);
    assert_int_equal(erig_staged(g), 0);
    uint64_t ino = rig_lookup(g->r, g->inbox, "file");
    if (ino != 0) {
        read_file(g, ino, &content);
        assert_int_equal(content.len, SIZE);
        assert_memory_equal(content.data, data, SIZE);
        bytes_release(&content);
        remove_name(g, g->inbox, "file");
    }
    return ino != 0;
}

static void what_is_published_stays(void **state)
{
    struct erig *g = *state;
    for (enum how how = SYNCS; how <= A_WRITE; how++) {
        unsigned unacked = 0, none = 0;
        bool acked = false;
        for (long nth = 1; nth < CALLS_MAX; nth++) {
            bool there = received(g, how, nth, &acked);
            assert_true(there || !acked);
            unacked += there && !acked;
            none += !there;
        }
        assert_true(acked && none > 0);
        assert_true(how == A_WRITE || unacked > 0);
    }
}

/* Nothing of it arrives, and its sender is told why. */
static void expect_refused(struct play *p, const char *why)
{
    stock_run(p->g, false, p->ours);
    mend_disk(p->g);
    play_end(p);
    assert_true(says(p, "failed"));
    assert_non_null(strstr((const char *)p->said.data, why));
    bytes_release(&p->said);
    assert_int_equal(erig_staged(p->g), 0);
    assert_int_equal(rig_lookup(p->g->r, p->g->inbox, "thing"), 0);
}

static void what_cannot_be_unpacked_is_not_acknowledged(void **state)
{
    struct erig *g = *state;
    struct play p;
    struct stock s = {.receiving = true, .in = {.name = "thing", .size = SIZE, .directory = true}};
    play_begin(&p, g, false);
    stock_agree(g, &s);
    tell(&p, data, SIZE);
    expect_refused(&p, "zip is damaged");
}

static void what_cannot_be_written_is_not_acknowledged(void **state)
{
    struct erig *g = *state;
    struct play p;
    struct stock s = {.receiving = true, .in = {.name = "thing", .size = SIZE}};
    play_begin(&p, g, false);
    stock_agree(g, &s);
    tell(&p, data, SIZE);
    rig_fail(g->r, OPS(IO_WRITE), "spool/", 1, 1000000, -ENOSPC);
    expect_refused(&p, "cannot be written");
}

/* ---- sending ---- */

static bool delivered(struct erig *g, enum how how, long nth)
{
    struct play p;
    struct stock s = {.offered = true, .size = SIZE, .name = "file", .count = 1};
    uint64_t before = erig_count(g, "SELECT count(*) FROM sent");
    play_begin(&p, g, true);
    s.items = calloc(1, sizeof *s.items);
    assert_non_null(s.items);
    s.source = stock_offered_file(g, "file", SIZE, 1, s.items);
    stock_agree(g, &s);
    static const char ack[] = "{\"ack\": \"ok\"}";
    tell(&p, ack, strlen(ack));
    run(&p, true, how, nth);
    play_end(&p);
    bool gone = rig_lookup(g->r, g->outbox, "file") == 0;
    assert_int_equal(erig_count(g, "SELECT count(*) FROM sent") - before, gone);
    bytes_release(&p.said);
    assert_int_equal(erig_staged(g), 0);
    remove_name(g, g->outbox, "file");
    return gone;
}

static void what_is_acknowledged_is_delivered_once(void **state)
{
    struct erig *g = *state;
    for (enum how how = SYNCS; how <= A_WRITE; how++) {
        unsigned gone = 0;
        for (long nth = 1; nth < CALLS_MAX; nth++)
            gone += delivered(g, how, nth);
        assert_in_range(gone, 1, CALLS_MAX - 2);
    }
}

/* ---- packing ---- */

static bool packed(struct erig *g, enum how how, long nth)
{
    struct stock_item items[2];
    struct slot *slot = slot_find(g->e, g->id);
    struct node zip;
    stock_offered_file(g, "a", 10, 1, &items[0]);
    stock_offered_file(g, "b", SIZE, 2, &items[1]);
    agreed_idle(slot->boss);
    slot->stock = calloc(1, sizeof *slot->stock);
    assert_non_null(slot->stock);
    slot->stock->packing = true;
    slot->deadline_ms = INT64_MAX;
    break_disk(g, how, nth);
    stock_pack(g->e, g->id);
    mend_disk(g);
    bool happened = how == SYNCS || !slot->stale;
    bool offered = happened && slot->stock->offered;
    assert_int_equal(erig_staged(g), offered); /* the zip, or nothing */
    if (offered) {
        assert_int_equal(rig_try_node(g->r, slot->stock->zip, &zip), 0);
        assert_int_equal(zip.size, slot->stock->size);
    }
    slot->stale = true; /* what is in memory alone is given up, with the zip */
    assert_int_equal(step_alone(g->e, g->id, nothing, NULL), 0);
    assert_int_equal(erig_staged(g), 0);
    agreed_end(slot->boss);
    remove_name(g, g->outbox, "a");
    remove_name(g, g->outbox, "b");
    return offered;
}

static void what_is_offered_is_there(void **state)
{
    struct erig *g = *state;
    for (enum how how = SYNCS; how <= A_WRITE; how++) {
        unsigned offered = 0;
        for (long nth = 1; nth < CALLS_MAX; nth++)
            offered += packed(g, how, nth);
        assert_in_range(offered, 1, CALLS_MAX - 2);
    }
}

static int set_up(void **state)
{
    assert_int_equal(erig_setup(state), 0);
    return engine_start(((struct erig *)*state)->e);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, erig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_published_stays),
        T(what_cannot_be_unpacked_is_not_acknowledged),
        T(what_cannot_be_written_is_not_acknowledged),
        T(what_is_acknowledged_is_delivered_once),
        T(what_is_offered_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
