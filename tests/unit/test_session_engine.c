/* One bulk connection, from its first want to its end. */
#include "session_rig.h"

/* ---- receiving ---- */

static void test_receive(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    assert_false(hear(l));
    for (uint64_t at = 0; at < parcel.len; at += CHUNK)
        send_data(l, 1, at, CHUNK);
    expect(l, BULK_DURABLE, 1, parcel.len);
    assert_false(hear(l));
    compare_trees(g, zoo, arrived(g));
    expect_decision(g, 1, PEER_TAKEN, "arrived");
    line_close(l);
    struct engine_status s;
    engine_status(g->e, g->id, &s);
    assert_false(s.here_now);
}

/* The connection ends in the middle: what had come need not come again. */
static void test_receive_again(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    struct arrival a;
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    send_data(l, 1, 0, CHUNK);
    send_data(l, 1, CHUNK, CHUNK);
    assert_false(hear(l));
    line_close(l);
    assert_int_equal(get_arrival(g, 1, &a), 0);
    assert_in_range(a.durable, CHUNK, 2 * CHUNK);
    erig_restart(g);
    l = line_open(g);
    expect(l, BULK_WANT, 1, a.durable);
    /* What was on its way for an older want is not taken for it. */
    send_data(l, 1, 0, CHUNK);
    send_data(l, 1, a.durable + 1, 100);
    for (uint64_t at = a.durable; at < parcel.len; at += CHUNK)
        send_data(l, 1, at, CHUNK);
    expect(l, BULK_DURABLE, 1, parcel.len);
    compare_trees(g, zoo, arrived(g));
    line_close(l);
}

/* Everything had come, and then came the kill: nothing is left for the peer to send. */
static void test_complete_already(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true), durable;
    send_entry(g, zoo);
    struct arrival a = make_arrival(g, 1, parcel.len);
    struct intake *in;
    assert_int_equal(intake_open(&in, g->e, &a), 0);
    take_in(in, parcel.len);
    assert_int_equal(intake_sync(in, &durable), 0);
    intake_close(in);
    erig_restart(g);
    struct line *l = line_open(g);
    while (hear(l))
        assert_int_equal(l->got.kind, BULK_DURABLE);
    compare_trees(g, zoo, arrived(g));
    expect_decision(g, 1, PEER_TAKEN, "arrived");
    line_close(l);
}

/* What is damaged here is wanted from the start. */
static void test_begin_again(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true), durable;
    send_entry(g, zoo);
    struct arrival a = make_arrival(g, 1, parcel.len);
    struct intake *in;
    assert_int_equal(intake_open(&in, g->e, &a), 0);
    take_in(in, 2 * CHUNK);
    assert_int_equal(intake_sync(in, &durable), 0);
    intake_close(in);
    assert_int_equal(get_arrival(g, 1, &a), 0);
    assert_int_equal(content_write(g->r->store, a.manifest, "\377\377", 2, 0), 0);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, durable);
    expect(l, BULK_WANT, 1, 0);
    send_data(l, 1, durable, CHUNK);
    for (uint64_t at = 0; at < parcel.len; at += CHUNK)
        send_data(l, 1, at, CHUNK);
    expect(l, BULK_DURABLE, 1, parcel.len);
    compare_trees(g, zoo, arrived(g));
    line_close(l);
}

/* Durable at least every two seconds, and known to the sender. */
static void test_sync_now_and_then(void **state)
{
    struct erig *g = *state;
    send_entry(g, make_file(g, g->outbox, "f", 1000 * KIB));
    make_arrival(g, 1, parcel.len);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    send_data(l, 1, 0, CHUNK);
    assert_false(hear(l));
    g->now_ms += 2 * SECOND_MS;
    send_data(l, 1, CHUNK, CHUNK);
    expect(l, BULK_DURABLE, 1, 2 * CHUNK);
    struct arrival a;
    assert_int_equal(get_arrival(g, 1, &a), 0);
    assert_int_equal(a.durable, 2 * CHUNK);
    line_close(l);
}

static void test_several(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 300 * KIB);
    send_entry(g, file);
    for (uint8_t n = 1; n <= 3; n++)
        make_arrival(g, n, parcel.len);
    struct line *l = line_open(g);
    for (uint8_t n = 1; n <= 3; n++)
        expect(l, BULK_WANT, n, 0);
    send_data(l, 2, 0, CHUNK); /* not its turn */
    for (uint8_t n = 1; n <= 3; n++) {
        if (n == 2) {
            say(l, BULK_GONE, 2, 0); /* withdrawn: its withdrawal is on the way */
            continue;
        }
        for (uint64_t at = 0; at < parcel.len; at += CHUNK)
            send_data(l, n, at, CHUNK);
    }
    expect(l, BULK_DURABLE, 1, parcel.len);
    expect(l, BULK_DURABLE, 3, parcel.len);
    expect_decision(g, 1, PEER_TAKEN, "arrived");
    expect_decision(g, 3, PEER_TAKEN, "arrived.2");
    expect_silence(g);
    struct arrival a;
    assert_int_equal(get_arrival(g, 2, &a), 0);
    line_close(l);
}

static void test_refuse(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 300 * KIB);
    send_entry(g, file);
    make_arrival(g, 1, parcel.len - 1);
    make_arrival(g, 2, parcel.len);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    expect(l, BULK_WANT, 2, 0);
    send_data(l, 1, 0, CHUNK); /* its manifest says another size */
    send_data(l, 1, CHUNK, CHUNK);
    assert_false(hear(l));
    expect_decision(g, 1, PEER_REFUSED_EVER, "the parcel is malformed");
    send_data(l, 2, 0, CHUNK);
    rig_fail(g->r, OPS(IO_WRITE), "spool/", 1, 1000, -ENOSPC);
    send_data(l, 2, CHUNK, CHUNK);
    assert_false(hear(l));
    rig_heal(g->r);
    expect_decision(g, 2, PEER_REFUSED_NOW, "no room");
    expect_silence(g);
    line_close(l);
    assert_int_equal(erig_staged(g), 1);
}

static int withdrawn(struct step *step, void *arg)
{
    struct peer_message m = {.kind = PEER_WITHDRAW};
    struct bytes content = {0};
    make_rev(m.revision, *(uint8_t *)arg);
    assert_int_equal(peer_build(&content, &m), 0);
    int err = inbox_deliver(step, content.data, content.len);
    bytes_release(&content);
    return err;
}

static void test_withdrawn(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 300 * KIB);
    send_entry(g, file);
    make_arrival(g, 1, parcel.len);
    make_arrival(g, 2, parcel.len);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    expect(l, BULK_WANT, 2, 0);
    send_data(l, 1, 0, CHUNK);
    settle(l);
    assert_int_equal(step_alone(g->e, g->id, withdrawn, &(uint8_t){1}), 0);
    send_data(l, 1, CHUNK, CHUNK);
    for (uint64_t at = 0; at < parcel.len; at += CHUNK) {
        send_data(l, 1, at, CHUNK);
        send_data(l, 2, at, CHUNK);
    }
    while (hear(l))
        assert_true(l->got.kind == BULK_DURABLE && l->got.revision[0] == 2);
    expect_decision(g, 1, PEER_WITHDRAWN, "");
    expect_decision(g, 2, PEER_TAKEN, "arrived");
    expect_silence(g);
    compare_trees(g, file, arrived(g));
    line_close(l);
}

/* Each touch of the disk takes a second. */
static void slow_disk(void *arg, const struct io_call *call)
{
    struct erig *g = arg;
    g->now_ms += call->op == IO_WRITE ? SECOND_MS : 0;
}

/* A tree that takes longer to make than the peer waits for a word of us: it hears one, and what it
 * sent meanwhile is not lost. */
static void test_planting_takes_long(void **state)
{
    struct erig *g = *state;
    enum { FILES = 3000 };
    char name[16];
    uint64_t top = make_dir(g, g->outbox, "top");
    struct turn *t = rig_turn(g->r);
    for (int i = 0; i < FILES; i++) {
        struct node_new what = {.type = NODE_FILE, .mode = 0600};
        uint64_t ino;
        size_t len = (size_t)snprintf(name, sizeof name, "%05d", i);
        assert_int_equal(name_create(t, top, name, len, &what, &ino), 0);
        assert_int_equal(content_put(t, ino, name, len), 0);
    }
    commit(t);
    send_entry(g, top);
    make_arrival(g, 1, parcel.len);
    struct line *l = line_open(g);
    expect(l, BULK_WANT, 1, 0);
    g->r->faults.watch = slow_disk;
    int64_t begun_ms = g->now_ms;
    for (uint64_t at = 0; at < parcel.len; at += CHUNK)
        send_data(l, 1, at, CHUNK);
    unsigned pings = 0;
    while (arrived(g) == 0) {
        assert_true(hear(l) || arrived(g) != 0);
        pings += l->got.kind == BULK_PING;
        l->got.kind = BULK_DURABLE;
    }
    g->r->faults.watch = NULL;
    assert_true(g->now_ms - begun_ms > 2 * BULK_SILENCE_MS);
    assert_in_range(pings, 2, 100);
    compare_trees(g, top, arrived(g));
    line_close(l);
}

/* A new promise wakes the session. */
static void test_woken(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    assert_false(hear(l));
    make_arrival(g, 1, 1000);
    assert_false(hear(l));
    stream_wake(l->ours);
    expect(l, BULK_WANT, 1, 0);
    line_close(l);
}

/* ---- sending ---- */

static struct revision told(struct erig *g, uint64_t entry, uint8_t n)
{
    struct revision r = make_revision(g, entry, n);
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &r.manifest, &r.size, &r.items),
                     0);
    r.state = REVISION_TOLD;
    struct turn *t = rig_turn(g->r);
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    return r;
}

static void test_send(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true), other = make_file(g, g->outbox, "other", 10);
    write_bytes(g, rig_lookup(g->r, zoo, "a"), 0, 2000 * KIB);
    send_entry(g, zoo);
    told(g, zoo, 1);
    told(g, other, 2);
    struct line *l = line_open(g);
    struct engine_status s;
    assert_false(hear(l));
    say(l, BULK_WANT, 1, 0);
    say(l, BULK_WANT, 7, 0); /* never heard of */
    say(l, BULK_WANT, 2, 3);
    expect(l, BULK_DATA, 1, 0);
    engine_status(g->e, g->id, &s);
    assert_true(s.sending && s.here_now);
    assert_string_equal(s.sending_name, "zoo");
    say(l, BULK_DURABLE, 1, 1000);
    say(l, BULK_DURABLE, 2, 7); /* of another one */
    uint64_t at = l->got.len;
    expect(l, BULK_DATA, 1, at);
    assert_int_equal(acked_bytes(g, 1, 3000 * KIB), 1000);
    expect_data(l, 1, at + l->got.len);
    expect(l, BULK_GONE, 7, 0);
    send_entry(g, other);
    expect_data(l, 2, 3);
    say(l, BULK_DURABLE, 1, 2000); /* all of it is on its way */
    assert_false(hear(l));
    engine_status(g->e, g->id, &s);
    assert_false(s.sending);
    assert_int_equal(acked_bytes(g, 1, 3000 * KIB), 2000);
    line_close(l);
    erig_restart(g);
    assert_int_equal(acked_bytes(g, 1, 3000 * KIB), 2000);
}

static void test_want_again(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 2000 * KIB);
    send_entry(g, file);
    told(g, file, 1);
    struct line *l = line_open(g);
    say(l, BULK_WANT, 1, 500);
    expect(l, BULK_DATA, 1, 500);
    say(l, BULK_WANT, 1, 1000 * KIB);
    do
        assert_true(hear(l));
    while (l->got.offset != 1000 * KIB);
    expect_data(l, 1, 1000 * KIB + l->got.len);
    say(l, BULK_WANT, 1, parcel.len); /* nothing to send, and nothing wrong */
    assert_false(hear(l));
    say(l, BULK_WANT, 1, parcel.len + 1);
    expect(l, BULK_GONE, 1, 0);
    line_close(l);
}

/* Not a byte of what is not sealed any more. */
static void test_taken_back(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 2000 * KIB);
    send_entry(g, file);
    struct revision r = told(g, file, 1);
    struct line *l = line_open(g);
    say(l, BULK_WANT, 1, 0);
    expect(l, BULK_DATA, 1, 0);
    struct turn *t = rig_turn(g->r);
    r.state = REVISION_WITHDRAWN;
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    static const uint8_t changed[KIB];
    for (uint64_t at = 0; at < 2000 * KIB; at += KIB)
        assert_int_equal(content_write(g->r->store, file, changed, sizeof changed, at), 0);
    do {
        assert_true(hear(l));
        if (l->got.kind == BULK_DATA)
            assert_memory_equal(l->got.data, parcel.data + l->got.offset, l->got.len);
    } while (l->got.kind == BULK_DATA);
    assert_int_equal(l->got.kind, BULK_GONE);
    line_close(l);
}

/* ---- time, and the end ---- */

/* Sealed and told, as a program's file is. */
static uint8_t *seal_and_tell(struct erig *g, uint64_t file, uint8_t rev[static REV_BYTES])
{
    struct revision r;
    assert_int_equal(engine_entry_prepare(g->e, file), 0);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_entry_seal(g->e, t, file), 0);
    commit(t);
    while (engine_work(g->e))
        ;
    memcpy(rev, rig_entry(g->r, file).rev, REV_BYTES);
    t = rig_turn(g->r);
    assert_int_equal(revision_get(turn_view(t), rev, &r), 0);
    r.state = REVISION_TOLD;
    assert_int_equal(revision_put(t, &r), 0);
    assert_int_equal(outbound_drop_rev(t, g->id, rev), 1);
    commit(t);
    return rev;
}

static void want_rev(struct line *l, const uint8_t rev[static REV_BYTES])
{
    uint8_t frame[BULK_CONTROL_MAX];
    put(l, frame, bulk_seal_control(&l->tx, frame, BULK_WANT, rev, 0));
}

/* The disk does not give back what was sealed: the entry is held, and says so, and the peer need
 * not wait for it. */
static void test_unreadable(void **state)
{
    struct erig *g = *state;
    uint8_t rev[REV_BYTES];
    struct queued q;
    uint64_t file = make_file(g, g->outbox, "f", 2000 * KIB);
    seal_and_tell(g, file, rev);
    struct line *l = line_open(g);
    rig_fail(g->r, OPS(IO_READ), "spool/", 1, 1000000, -EIO);
    want_rev(l, rev);
    assert_true(hear(l));
    assert_int_equal(l->got.kind, BULK_GONE);
    rig_heal(g->r);
    struct entry e = rig_entry(g->r, file);
    assert_int_equal(e.state, ENTRY_SEALED);
    assert_non_null(strstr(e.held, "cannot be read"));
    assert_true(pop_queued(g, &q));
    assert_int_equal(q.op.kind, OUTBOUND_WITHDRAW);
    want_rev(l, rev); /* a peer that has not heard of it yet */
    assert_true(hear(l));
    assert_int_equal(l->got.kind, BULK_GONE);
    expect_silence(g);
    write_bytes(g, file, 0, 1); /* as its held line says */
    e = rig_entry(g->r, file);
    assert_int_equal(e.state, ENTRY_OPEN);
    assert_string_equal(e.held, "");
    seal_and_tell(g, file, rev);
    want_rev(l, rev);
    assert_true(hear(l));
    assert_int_equal(l->got.kind, BULK_DATA);
    line_close(l);
}

/* Large frames on a fast connection, small ones on a slow one. */
static void test_frames_keep_pace(void **state)
{
    struct erig *g = *state;
    uint8_t rev[REV_BYTES];
    size_t largest = 0, last = 0;
    uint64_t file = make_file(g, g->outbox, "f", 12000 * KIB);
    seal_and_tell(g, file, rev);
    struct line *l = line_open(g);
    want_rev(l, rev);
    for (int i = 0; i < 6; i++) {
        assert_true(hear(l));
        assert_true(i == 0 || l->got.len >= last);
        last = l->got.len;
    }
    assert_int_equal(last, BULK_DATA_MAX);
    size_t least = BULK_DATA_MAX;
    for (int i = 0; i < 12; i++) {
        g->now_ms += SECOND_MS; /* what the pipe has no room for, takes that long */
        assert_true(hear(l));
        least = l->got.len < least ? l->got.len : least;
    }
    assert_in_range(least, 32 * KIB, 256 * KIB);
    while (hear(l))
        largest = l->got.len > largest ? l->got.len : largest;
    assert_int_equal(largest, BULK_DATA_MAX);
    line_close(l);
}

static void test_ping_and_silence(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    assert_false(hear(l));
    g->now_ms += 15 * SECOND_MS + 1;
    assert_true(hear(l));
    assert_int_equal(l->got.kind, BULK_PING);
    assert_false(hear(l));
    g->now_ms += 30 * SECOND_MS;
    assert_false(step(l));
    line_close(l);
}

static void test_idle(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    uint8_t frame[BULK_CONTROL_MAX];
    assert_true(step(l));
    for (int i = 0; i < 6; i++) {
        g->now_ms += 10 * SECOND_MS;
        put(l, frame, bulk_seal_control(&l->tx, frame, BULK_PING, NULL, 0));
        assert_true(step(l));
    }
    g->now_ms += 1;
    put(l, frame, bulk_seal_control(&l->tx, frame, BULK_PING, NULL, 0));
    assert_false(step(l));
    line_close(l);
}

static void test_broken(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    assert_true(step(l));
    static const uint8_t garbage[100] = {0, 0, 0, 50};
    put(l, garbage, sizeof garbage);
    assert_false(step(l)); /* does not open */
    line_close(l);
    l = line_open(g);
    stream_break(l->ours);
    assert_false(step(l));
    line_close(l);
    l = line_open(g);
    for (int i = 0; i < 300; i++)
        say(l, BULK_WANT, (uint8_t)i, (uint64_t)i); /* fewer than 257 different ones */
    bool on = true;
    for (int i = 0; i < 300 && on; i++)
        on = step(l);
    assert_true(on);
    line_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_receive),
        erig_test(test_receive_again),
        erig_test(test_complete_already),
        erig_test(test_begin_again),
        erig_test(test_sync_now_and_then),
        erig_test(test_several),
        erig_test(test_refuse),
        erig_test(test_withdrawn),
        erig_test(test_planting_takes_long),
        erig_test(test_woken),
        erig_test(test_send),
        erig_test(test_want_again),
        erig_test(test_taken_back),
        erig_test(test_unreadable),
        erig_test(test_frames_keep_pace),
        erig_test(test_ping_and_silence),
        erig_test(test_idle),
        erig_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, release_parcel);
}
