/* A malicious peer that has every key, against the engine and the store: names that look alike,
 * entries without number, offsets beyond the end, trees without end, and a bulk connection that is
 * flooded, starved or kept for nothing. */
#include "line_rig.h"

#include "fs/engine/apply.h"

enum { KIB = 1024, SECOND_MS = 1000, INBOX_MAX = 20000 };

/* ---- messages ---- */

static int deliver_content(struct step *step, void *arg)
{
    const struct bytes *content = arg;
    return inbox_deliver(step, content->data, content->len);
}

static void number_rev(uint8_t rev[static REV_BYTES], unsigned n)
{
    memset(rev, 0, REV_BYTES);
    memcpy(rev + 1, &n, sizeof n);
}

static void deliver(struct erig *g, struct peer_message m, unsigned n)
{
    struct bytes content = {0};
    number_rev(m.revision, n);
    assert_int_equal(peer_build(&content, &m), 0);
    assert_int_equal(step_alone(g->e, g->id, deliver_content, &content), 0);
    bytes_release(&content);
}

static void deliver_parcel(struct erig *g, const struct bytes *parcel, unsigned n)
{
    for (size_t at = 0, len; at < parcel->len; at += len) {
        len = parcel->len - at < PEER_PIECE_MAX ? parcel->len - at : PEER_PIECE_MAX;
        deliver(g,
                (struct peer_message){.kind = PEER_PIECE,
                                      .size = parcel->len,
                                      .offset = at,
                                      .data = parcel->data + at,
                                      .len = len},
                n);
    }
}

static void offer(struct erig *g, uint64_t size, unsigned n)
{
    deliver(
        g,
        (struct peer_message){
            .kind = PEER_OFFER, .size = size, .items = 1, .data = (const uint8_t *)"big", .len = 3},
        n);
}

/* The parcel of one file with this name and one byte in it. */
static void make_parcel(struct bytes *parcel, const char *name, size_t name_len)
{
    struct bytes manifest = {0}, extents = {0};
    struct manifest_builder b;
    uint32_t items;
    uint64_t data;
    manifest_put_extent(&extents, 0, 1);
    struct manifest_item item = {.kind = MANIFEST_FILE,
                                 .name = (const uint8_t *)name,
                                 .name_len = name_len,
                                 .mode = 0644,
                                 .size = 1,
                                 .extents = extents.data,
                                 .extent_count = 1};
    manifest_builder_init(&b, &manifest);
    assert_int_equal(manifest_add(&b, &item), 0);
    assert_int_equal(manifest_finish(&b, &items, &data), 0);
    manifest_builder_release(&b);
    bytes_clear(parcel);
    bytes_put_blob(parcel, manifest.data, manifest.len);
    bytes_put_u8(parcel, 'x');
    bytes_release(&manifest);
    bytes_release(&extents);
}

static uint64_t arrived_count(struct erig *g)
{
    uint64_t count;
    struct view *v = rig_view(g->r);
    assert_int_equal(inbox_count(v, g->id, &count), 0);
    view_end(v);
    return count;
}

/* What was decided last: the queue is emptied. */
static int last_verdict(struct erig *g)
{
    struct queued q;
    int verdict = -1;
    while (pop_queued(g, &q))
        verdict = q.detail[0];
    return verdict;
}

/* ---- names ---- */

static void test_names_that_look_alike(void **state)
{
    static const char *const names[] = {
        "a",   "A",  "a ",      "\xc3\xa9", "e\xcc\x81", "\xce\xb1", "a\xe2\x80\x8b",
        "NUL", "a.", "\xff\xfe"};
    enum { NAMES = sizeof names / sizeof *names };
    struct erig *g = *state;
    struct bytes parcel = {0};
    for (unsigned i = 0; i < 2 * NAMES; i++) {
        make_parcel(&parcel, names[i % NAMES], strlen(names[i % NAMES]));
        deliver_parcel(g, &parcel, i);
        assert_int_equal(last_verdict(g), PEER_TAKEN);
        if (i < NAMES) /* byte for byte, whatever else there is */
            assert_true(rig_lookup(g->r, g->inbox, names[i]) != 0);
    }
    assert_int_equal(arrived_count(g), 2 * NAMES); /* nothing was replaced */
    assert_int_equal(erig_staged(g), 0);
    bytes_release(&parcel);
}

/* Names that no builder makes, put into a parcel by hand. */
static void test_names_that_lead_out(void **state)
{
    static const char *const names[] = {"..", ".", "a/b", "/etc", "a\0b"};
    static const size_t lens[] = {2, 1, 3, 4, 3};
    struct erig *g = *state;
    struct bytes parcel = {0};
    for (unsigned i = 0; i < 5; i++) {
        char stand_in[8];
        memset(stand_in, 'q', sizeof stand_in);
        make_parcel(&parcel, stand_in, lens[i]);
        uint8_t *at = memmem(parcel.data, parcel.len, stand_in, lens[i]);
        assert_non_null(at);
        memcpy(at, names[i], lens[i]);
        deliver_parcel(g, &parcel, i);
        assert_int_equal(last_verdict(g), PEER_REFUSED_EVER);
    }
    assert_int_equal(arrived_count(g), 0);
    assert_int_equal(erig_staged(g), 0);
    bytes_release(&parcel);
}

/* ---- entries without number ---- */

static int setup_bounded(void **state)
{
    assert_int_equal(erig_setup(state), 0);
    struct erig *g = *state;
    g->options.inbox_max = INBOX_MAX;
    erig_restart(g);
    return 0;
}

static void test_tiny_entries_fill_the_inbox_too(void **state)
{
    struct erig *g = *state;
    struct bytes parcel = {0};
    int verdict = PEER_TAKEN;
    unsigned n = 0, shortest = INBOX_MAX;
    for (; verdict == PEER_TAKEN && n < INBOX_MAX; n++) {
        char name[16];
        snprintf(name, sizeof name, "%u", n);
        make_parcel(&parcel, name, strlen(name));
        shortest = parcel.len < shortest ? (unsigned)parcel.len : shortest;
        deliver_parcel(g, &parcel, n);
        verdict = last_verdict(g);
    }
    assert_int_equal(verdict, PEER_REFUSED_NOW);
    assert_in_range(n, 10, INBOX_MAX / shortest + 1);
    assert_int_equal(arrived_count(g), n - 1);
    assert_int_equal(erig_staged(g), 0);
    bytes_release(&parcel);
}

static void test_promises_fill_the_inbox_too(void **state)
{
    struct erig *g = *state;
    offer(g, INBOX_MAX - 1000, 1);
    assert_int_equal(last_verdict(g), -1);
    for (unsigned n = 2; n < 200; n++) {
        offer(g, 1001, n);
        assert_int_equal(last_verdict(g), PEER_REFUSED_NOW);
    }
    offer(g, INT64_MAX, 300); /* sums are safe */
    assert_int_equal(last_verdict(g), PEER_REFUSED_NOW);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM arrival"), 1);
}

/* Of what nobody has: each is answered and remembered, within the bound of the table. */
static void test_withdrawals_of_nothing(void **state)
{
    struct erig *g = *state;
    for (unsigned n = 0; n < 300; n++) {
        deliver(g, (struct peer_message){.kind = PEER_WITHDRAW}, n % 100);
        deliver(g, (struct peer_message){.kind = PEER_DECISION, .verdict = PEER_TAKEN}, n);
    }
    assert_int_equal(erig_count(g, "SELECT count(*) FROM decided"), 100);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM arrival"), 0);
    assert_int_equal(arrived_count(g), 0);
}

static void test_a_flood_of_nonsense(void **state)
{
    struct erig *g = *state;
    for (unsigned n = 0; n < 300; n++) {
        uint8_t junk[2] = {(uint8_t)(PEER_DECISION + 1 + n % 20), (uint8_t)n};
        struct bytes content = {.data = junk, .len = sizeof junk};
        assert_int_equal(step_alone(g->e, g->id, deliver_content, &content), 0);
    }
    assert_int_equal(rig_events(g->r, LOG_PROBLEM), 1); /* the log is kept for ever */
    assert_int_equal(last_verdict(g), -1);
}

/* The log is kept for ever: what a peer makes us write there has a bound. */
static uint64_t log_rows(struct erig *g)
{
    return erig_count(g, "SELECT count(*) FROM log");
}

static void test_one_revision_offered_without_end(void **state)
{
    struct erig *g = *state;
    uint64_t before = log_rows(g);
    for (unsigned n = 0; n < 5000; n++)
        offer(g, INBOX_MAX + 1, 7);
    assert_int_equal(last_verdict(g), PEER_REFUSED_NOW);
    assert_int_equal(rig_events(g->r, LOG_ARRIVAL_REFUSED), 1);
    assert_int_equal(log_rows(g) - before, 2); /* and why */
}

static void test_offers_taken_back_without_end(void **state)
{
    struct erig *g = *state;
    uint64_t before = log_rows(g);
    for (unsigned n = 0; n < 5000; n++) {
        offer(g, 100, n);
        deliver(g, (struct peer_message){.kind = PEER_WITHDRAW}, n);
    }
    assert_int_equal(last_verdict(g), PEER_WITHDRAWN);
    assert_in_range(log_rows(g) - before, 100, NOTES_ARRIVALS_MAX);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM arrival"), 0);
    before = log_rows(g);
    g->now_ms += NOTES_EVERY_MS; /* with time there is one more, and it says what is missing */
    offer(g, 100, 5000);
    offer(g, 100, 5001);
    assert_int_equal(log_rows(g) - before, 1);
    assert_int_equal(erig_count(g, "SELECT detail ->> 'left_out' FROM log ORDER BY id DESC"),
                     10000 - NOTES_ARRIVALS_MAX);
}

/* There is room for one and none for the other, again and again: the line goes back and forth. */
static void test_problems_without_end(void **state)
{
    struct erig *g = *state;
    uint64_t before = log_rows(g);
    for (unsigned n = 0; n < 1000; n++) {
        offer(g, INBOX_MAX + 1, 1);
        deliver(g, (struct peer_message){.kind = PEER_WITHDRAW}, 1000 + n);
    }
    assert_in_range(log_rows(g) - before, 2, NOTES_ARRIVALS_MAX + 2 * NOTES_PROBLEMS_MAX);
}

/* What has really come is noted, whatever was noted before. */
static void test_arrivals_are_always_noted(void **state)
{
    struct erig *g = *state;
    struct bytes parcel = {0};
    for (unsigned n = 0; n < 2 * NOTES_ARRIVALS_MAX; n++)
        deliver(g, (struct peer_message){.kind = PEER_WITHDRAW}, n);
    make_parcel(&parcel, "f", 1);
    for (unsigned n = 0; n < 10; n++)
        deliver_parcel(g, &parcel, 10000 + n);
    assert_int_equal(rig_events(g->r, LOG_ARRIVED), 10);
    bytes_release(&parcel);
}

/* Even if it knew what was told to somebody else. */
static void test_decides_for_nobody_else(void **state)
{
    struct erig *g = *state;
    uint64_t entry = make_file(g, g->outbox, "secret", 10), other;
    struct revision r = make_revision(g, entry, 5);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_create(g->e, t, "mallory", 7, false, NULL, &other), 0);
    commit(t);
    for (enum peer_verdict verdict = PEER_TAKEN; verdict <= PEER_REFUSED_EVER; verdict++) {
        struct bytes content = {0};
        struct peer_message m = {.kind = PEER_DECISION, .verdict = verdict};
        memcpy(m.revision, r.rev, REV_BYTES);
        assert_int_equal(peer_build(&content, &m), 0);
        assert_int_equal(step_alone(g->e, other, deliver_content, &content), 0);
        bytes_release(&content);
    }
    assert_int_equal(erig_count(g, "SELECT count(*) FROM revision"), 1);
    assert_true(rig_lookup(g->r, g->outbox, "secret") != 0);
}

/* ---- trees without end ---- */

static void put_dir(struct bytes *m, uint32_t parent, const char *name)
{
    bytes_put_u8(m, MANIFEST_DIR);
    bytes_put_u32(m, parent);
    bytes_put_u16(m, (uint16_t)strlen(name));
    bytes_put_str(m, name);
    bytes_put_u16(m, 0755);
    bytes_put_u64(m, 1700000000);
    bytes_put_u32(m, 0);
    bytes_put_u16(m, 0);
}

/* Directories in each other, `depth` below the top. */
static void make_deep(struct bytes *parcel, unsigned depth, uint32_t items)
{
    struct bytes m = {0};
    bytes_put_u8(&m, 1);
    bytes_put_u32(&m, items);
    for (unsigned i = 0; i <= depth; i++)
        put_dir(&m, i > 0 ? i - 1 : 0, "d");
    bytes_clear(parcel);
    bytes_put_blob(parcel, m.data, m.len);
    bytes_release(&m);
}

static void test_trees_without_end(void **state)
{
    struct erig *g = *state;
    struct bytes parcel = {0};
    make_deep(&parcel, MANIFEST_DEPTH_MAX - 1, MANIFEST_DEPTH_MAX);
    deliver_parcel(g, &parcel, 1);
    assert_int_equal(last_verdict(g), PEER_TAKEN); /* the bound itself is fine */
    make_deep(&parcel, MANIFEST_DEPTH_MAX, MANIFEST_DEPTH_MAX + 1);
    deliver_parcel(g, &parcel, 2);
    assert_int_equal(last_verdict(g), PEER_REFUSED_EVER);
    make_deep(&parcel, 3, UINT32_MAX); /* more announced than there is */
    deliver_parcel(g, &parcel, 3);
    assert_int_equal(last_verdict(g), PEER_REFUSED_EVER);
    make_deep(&parcel, 3, 2); /* more there than announced */
    deliver_parcel(g, &parcel, 4);
    assert_int_equal(last_verdict(g), PEER_REFUSED_EVER);
    assert_int_equal(arrived_count(g), 1);
    assert_int_equal(erig_staged(g), 0);
    bytes_release(&parcel);
}

static bool send_data(struct line *l, unsigned n, uint64_t offset, const void *data, size_t len);

/* One directory with this many others in it. */
static void make_wide(struct bytes *parcel, uint32_t dirs)
{
    struct bytes m = {0};
    bytes_put_u8(&m, 1);
    bytes_put_u32(&m, dirs + 1);
    put_dir(&m, 0, "top");
    for (uint32_t i = 0; i < dirs; i++) {
        char name[16];
        snprintf(name, sizeof name, "%04x", i);
        put_dir(&m, 0, name);
    }
    bytes_clear(parcel);
    bytes_put_blob(parcel, m.data, m.len);
    bytes_release(&m);
}

static uint64_t journal_bytes(struct erig *g)
{
    return KIB * (erig_count(g, "PRAGMA page_count") - erig_count(g, "PRAGMA freelist_count"));
}

static uint64_t inbox_bytes(struct erig *g)
{
    uint64_t bytes;
    struct view *v = rig_view(g->r);
    assert_int_equal(inbox_bytes_sum(v, &bytes), 0);
    view_end(v);
    return bytes;
}

static void send_parcel(struct line *l, const struct bytes *parcel, unsigned n)
{
    for (size_t at = 0, len; at < parcel->len; at += len) {
        len = parcel->len - at < 100 * KIB ? parcel->len - at : 100 * KIB;
        send_data(l, n, at, parcel->data + at, len);
    }
    for (int i = 0; i < 100; i++)
        assert_true(step(l));
}

/* What a node costs is not what it takes on the way: the inbox is full when the disk is. */
static void test_tiny_nodes_fill_the_inbox_too(void **state)
{
    enum { DIRS = 20000, PARCEL_MAX = 30 * DIRS, ROOM = 1500 * KIB };
    struct erig *g = *state;
    struct bytes parcel = {0};
    struct wormhole w;
    make_wide(&parcel, DIRS);
    assert_in_range(parcel.len, DIRS, PARCEL_MAX);
    g->options.inbox_max = ROOM;
    erig_restart(g);
    uint64_t before = journal_bytes(g);
    for (unsigned n = 1; n <= 2; n++) {
        offer(g, parcel.len, n);
        assert_int_equal(last_verdict(g), -1);
        struct line *l = line_open(g);
        assert_true(step(l));
        send_parcel(l, &parcel, n);
        line_close(l);
        assert_int_equal(last_verdict(g), n == 1 ? PEER_REFUSED_NOW : PEER_TAKEN);
        assert_int_equal(erig_staged(g), 0);
        struct view *v = rig_view(g->r);
        assert_int_equal(wormhole_get(v, g->id, &w), 0);
        view_end(v);
        if (n == 2)
            break;
        assert_non_null(strstr(w.problem, "raise inbox_max"));
        assert_in_range(journal_bytes(g) - before, 0, 100 * KIB);
        g->options.inbox_max = 4 * ROOM;
        erig_restart(g);
    }
    assert_in_range(journal_bytes(g) - before, 3 * parcel.len, inbox_bytes(g));
    bytes_release(&parcel);
}

/* Small ones, in pieces, as many as fit. */
static void test_tiny_nodes_in_small_parcels(void **state)
{
    enum { DIRS = 1000, ROOM = 1000 * KIB };
    struct erig *g = *state;
    struct bytes parcel = {0};
    unsigned n = 0;
    make_wide(&parcel, DIRS);
    g->options.inbox_max = ROOM;
    erig_restart(g);
    uint64_t before = journal_bytes(g);
    do
        deliver_parcel(g, &parcel, ++n);
    while (last_verdict(g) == PEER_TAKEN);
    assert_in_range(n, 2, ROOM / parcel.len);
    assert_int_equal(arrived_count(g), n - 1);
    assert_int_equal(erig_staged(g), 0);
    assert_in_range(inbox_bytes(g), ROOM / 2, ROOM);
    assert_in_range(journal_bytes(g) - before, ROOM / 2, ROOM);
    bytes_release(&parcel);
}

/* All but the last byte of it has come: it holds its room until it is published. */
static void test_almost_arrived_fills_the_inbox_too(void **state)
{
    struct erig *g = *state;
    struct arrival a;
    uint8_t rev[REV_BYTES];
    number_rev(rev, 1);
    offer(g, INBOX_MAX - 1000, 1);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(arrival_get(turn_view(t), g->id, rev, &a), 0);
    a.durable = a.size - 1;
    assert_int_equal(arrival_put(t, &a), 0);
    commit(t);
    offer(g, 1001, 2);
    assert_int_equal(last_verdict(g), PEER_REFUSED_NOW);
    deliver(g, (struct peer_message){.kind = PEER_WITHDRAW}, 1);
    offer(g, 1001, 2);
    assert_int_equal(last_verdict(g), PEER_WITHDRAWN); /* and nothing of the offer */
}

/* ---- a close ---- */

static int close_early(struct step *step, void *arg)
{
    struct message m = {.wormhole = step->slot->id, .number = 3, .body = arg, .body_len = 4};
    int err = message_add(step->t, &m);
    if (err == 0)
        err = apply_action(step, &(struct action){.kind = ACTION_STATE, .number = BOSS_NEW});
    return err;
}

/* It closes without having acknowledged anything, and our user begins anew: what was said to it
 * must not stand in the way of the next start. */
static void test_closed_before_acknowledged(void **state)
{
    struct erig *g = *state;
    char body[] = "said";
    assert_int_equal(step_alone(g->e, g->id, close_early, body), 0);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM message"), 0);
    erig_restart(g);
}

/* ---- the bulk connection ---- */

/* False: the session is over. */
static bool say(struct line *l, enum bulk_kind kind, unsigned n, uint64_t offset)
{
    uint8_t frame[BULK_CONTROL_MAX], rev[REV_BYTES];
    number_rev(rev, n);
    size_t len = bulk_seal_control(&l->tx, frame, kind, rev, offset);
    assert_int_equal(stream_send(l->theirs, frame, len), len);
    return step(l);
}

static bool send_data(struct line *l, unsigned n, uint64_t offset, const void *data, size_t len)
{
    static uint8_t frame[BULK_FRAME_MAX];
    uint8_t rev[REV_BYTES];
    number_rev(rev, n);
    memcpy(frame + BULK_DATA_AT, data, len);
    size_t frame_len = bulk_seal_data(&l->tx, frame, rev, offset, len);
    assert_int_equal(stream_send(l->theirs, frame, frame_len), frame_len);
    return step(l) && step(l);
}

static void test_data_beyond_the_end(void **state)
{
    struct erig *g = *state;
    static const uint8_t junk[4 * KIB] = {0, 0, 0, 50};
    struct arrival a;
    uint8_t rev[REV_BYTES];
    number_rev(rev, 7);
    offer(g, 200, 7);
    struct line *l = line_open(g);
    assert_true(step(l));
    send_data(l, 7, INT64_MAX - sizeof junk, junk, sizeof junk);
    send_data(l, 7, 200, junk, 1);
    send_data(l, 8, 0, junk, 100);         /* of what was never offered */
    send_data(l, 7, 0, junk, sizeof junk); /* longer than it was to be */
    struct view *v = rig_view(g->r);
    int err = arrival_get(v, g->id, rev, &a);
    view_end(v);
    assert_true(err == STORE_ERR_NOT_FOUND || a.durable <= 200);
    assert_int_equal(arrived_count(g), 0);
    line_close(l);
}

/* How far the peer says that it is, is not believed beyond the end. */
static void test_durable_beyond_the_end(void **state)
{
    struct erig *g = *state;
    struct engine_status s;
    uint64_t entry = make_file(g, g->outbox, "big", 3000 * KIB);
    struct revision r = make_revision(g, entry, 9);
    assert_int_equal(parcel_list(g->r->store, r.rev, NULL, NULL, &r.manifest, &r.size, &r.items),
                     0);
    r.state = REVISION_TOLD;
    struct turn *t = rig_turn(g->r);
    assert_int_equal(revision_put(t, &r), 0);
    commit(t);
    struct line *l = line_open(g);
    uint8_t frame[BULK_CONTROL_MAX];
    size_t len = bulk_seal_control(&l->tx, frame, BULK_WANT, r.rev, 0);
    assert_int_equal(stream_send(l->theirs, frame, len), len);
    assert_true(step(l));
    assert_true(step(l));
    engine_status(g->e, g->id, &s);
    assert_true(s.sending);
    len = bulk_seal_control(&l->tx, frame, BULK_DURABLE, r.rev, INT64_MAX);
    assert_int_equal(stream_send(l->theirs, frame, len), len);
    step(l);
    engine_status(g->e, g->id, &s);
    assert_in_range(s.sending_done, 0, r.size);
    line_close(l);
}

static void expect_flooded(struct erig *g)
{
    struct wormhole w;
    struct view *v = rig_view(g->r);
    assert_int_equal(wormhole_get(v, g->id, &w), 0);
    view_end(v);
    assert_non_null(strstr(w.problem, "asks for more at once"));
    assert_int_equal(rig_events(g->r, LOG_PROBLEM), 1);
}

static void test_a_flood_of_wants(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    unsigned n = 0;
    /* The session may not write: nobody reads what it says. */
    while (n < 2000) {
        uint8_t frame[BULK_CONTROL_MAX], rev[REV_BYTES];
        number_rev(rev, n);
        size_t len = bulk_seal_control(&l->tx, frame, BULK_WANT, rev, n);
        assert_int_equal(stream_send(l->theirs, frame, len), len);
        n++;
        if (!session_step(l->session, STREAM_READABLE))
            break;
    }
    assert_in_range(n, 200, 300); /* 256 wait, and no more */
    line_close(l);
    expect_flooded(g);
}

/* Wants for what is not there are answered; a peer that reads no answer does not make us hoard
 * them. */
static void test_answers_that_nobody_reads(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    bool goes_on = true;
    unsigned n = 0;
    for (; goes_on && n < 100000; n++)
        goes_on = say(l, BULK_WANT, n, 0);
    assert_false(goes_on);
    assert_in_range(n, 257, 2000); /* what waits for an answer, and the answers, have their place */
    line_close(l);
    expect_flooded(g);
}

/* One byte now and then is no reason to keep a connection that nobody wants anything of. */
static void test_slow_loris(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    bool goes_on = true;
    unsigned n = 0;
    for (; goes_on && n < 100; n++) {
        assert_int_equal(stream_send(l->theirs, "\0", 1), 1);
        g->now_ms += 10 * SECOND_MS;
        goes_on = step(l);
    }
    assert_in_range(n, 2, 8); /* a minute */
    line_close(l);
}

/* A length field that says much gets the memory of what has come, not of what it says; and one that
 * says too much ends it. */
static void test_length_too_large(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    assert_int_equal(stream_send(l->theirs, "\377\377\377\377", 4), 4);
    assert_false(step(l));
    line_close(l);
}

static void test_forged_frame(void **state)
{
    struct erig *g = *state;
    struct line *l = line_open(g);
    uint8_t forged[4 + 40] = {0, 0, 0, 40};
    assert_int_equal(stream_send(l->theirs, forged, sizeof forged), sizeof forged);
    assert_false(step(l));
    line_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_names_that_look_alike),
        erig_test(test_names_that_lead_out),
        cmocka_unit_test_setup_teardown(test_tiny_entries_fill_the_inbox_too, setup_bounded,
                                        erig_teardown),
        cmocka_unit_test_setup_teardown(test_promises_fill_the_inbox_too, setup_bounded,
                                        erig_teardown),
        erig_test(test_withdrawals_of_nothing),
        erig_test(test_a_flood_of_nonsense),
        cmocka_unit_test_setup_teardown(test_one_revision_offered_without_end, setup_bounded,
                                        erig_teardown),
        cmocka_unit_test_setup_teardown(test_offers_taken_back_without_end, setup_bounded,
                                        erig_teardown),
        cmocka_unit_test_setup_teardown(test_problems_without_end, setup_bounded, erig_teardown),
        erig_test(test_arrivals_are_always_noted),
        erig_test(test_decides_for_nobody_else),
        erig_test(test_trees_without_end),
        erig_test(test_tiny_nodes_fill_the_inbox_too),
        erig_test(test_tiny_nodes_in_small_parcels),
        cmocka_unit_test_setup_teardown(test_almost_arrived_fills_the_inbox_too, setup_bounded,
                                        erig_teardown),
        erig_test(test_closed_before_acknowledged),
        erig_test(test_data_beyond_the_end),
        erig_test(test_durable_beyond_the_end),
        erig_test(test_a_flood_of_wants),
        erig_test(test_answers_that_nobody_reads),
        erig_test(test_slow_loris),
        erig_test(test_length_too_large),
        erig_test(test_forged_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
