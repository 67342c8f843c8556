/* Parcels that arrive: in any chunks, with any interruption, from a peer that may be hostile, onto
 * a disk that may be full. */
#include "engine_rig.h"

enum { KIB = 1024, MIB = 1 << 20 };

static struct bytes parcel; /* what the peer sends */

static void send_entry(struct erig *g, uint64_t entry)
{
    bytes_release(&parcel);
    list_parcel(g, entry, 200, &parcel);
}

static struct intake *open_intake(struct erig *g, uint8_t n)
{
    struct arrival a;
    struct intake *in;
    assert_int_equal(get_arrival(g, n, &a), 0);
    assert_int_equal(intake_open(&in, g->e, &a), 0);
    assert_int_equal(get_arrival(g, n, &a), 0); /* it may begin again */
    assert_int_equal(intake_next(in), a.durable);
    assert_int_equal(intake_complete(in), a.state == ARRIVAL_DATA && a.durable == a.size);
    return in;
}

static int try_intake(struct erig *g, uint8_t n)
{
    struct arrival a;
    struct intake *in;
    assert_int_equal(get_arrival(g, n, &a), 0);
    int err = intake_open(&in, g->e, &a);
    if (err == 0)
        intake_close(in);
    return err;
}

static uint64_t durable_of(struct erig *g, uint8_t n)
{
    struct arrival a;
    assert_int_equal(get_arrival(g, n, &a), 0);
    return a.durable;
}

static int feed(struct intake *in, size_t len)
{
    uint64_t at = intake_next(in);
    assert_in_range(at, 0, parcel.len);
    if (len > parcel.len - at)
        len = parcel.len - (size_t)at;
    /* A copy of its own, so that a look beyond it is seen. */
    uint8_t *chunk = malloc(len + (len == 0));
    assert_non_null(chunk);
    memcpy(chunk, parcel.data + at, len);
    int err = intake_write(in, chunk, len);
    free(chunk);
    while (err == 0 && intake_busy(in)) {
        assert_int_equal(intake_write(in, (const uint8_t *)"x", 1), STORE_ERR_BUSY);
        err = intake_work(in);
    }
    if (err == 0)
        assert_int_equal(intake_next(in), at + len);
    return err;
}

static int publish(struct intake *in)
{
    int more;
    do
        more = intake_publish(in);
    while (more == 1);
    return more;
}

static uint64_t finish(struct erig *g, struct intake *in, uint8_t n)
{
    uint64_t durable;
    struct arrival a;
    assert_int_equal(feed(in, parcel.len), 0);
    assert_true(intake_complete(in));
    assert_int_equal(intake_sync(in, &durable), 0);
    assert_int_equal(durable, parcel.len);
    assert_int_equal(publish(in), 0);
    intake_close(in);
    assert_int_equal(get_arrival(g, n, &a), STORE_ERR_NOT_FOUND);
    uint64_t top = rig_lookup(g->r, g->inbox, "arrived");
    assert_true(top != 0);
    assert_false(rig_node(g->r, top).staged);
    assert_int_equal(g->changes[CHANGE_ARRIVED], 1);
    assert_int_equal(g->changed_ino, top);
    return top;
}

static void test_in_one_go(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    uint64_t top = finish(g, open_intake(g, 1), 1);
    compare_trees(g, zoo, top);
    assert_int_equal(erig_staged(g), 1); /* the sender's manifest */
    struct view *v = rig_view(g->r);
    struct inbox_entry row;
    assert_int_equal(inbox_get(v, top, &row), 0);
    view_end(v);
    assert_in_range(row.size, parcel.len, parcel.len + 16 * KIB); /* with what its nodes take */
    assert_int_equal(row.files, 14);
    uint64_t all = rig_lookup(g->r, rig_lookup(g->r, top, "sub"), "nothing");
    struct node n = rig_node(g->r, all);
    assert_int_equal(n.size, 5 * MIB);
    assert_true(content_used(g->r->store, &n) < MIB);
    n = rig_node(g->r, rig_lookup(g->r, rig_lookup(g->r, top, "sub"), "lead"));
    assert_true(content_used(g->r->store, &n) < MIB);
}

/* What the machine's death may take is what was never said to be safe, and that is seen to. */
static void test_survives_the_machine(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    assert_int_equal(engine_entry_prepare(g->e, zoo), 0);
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    uint64_t top = finish(g, open_intake(g, 1), 1);
    erig_reboot(g);
    compare_trees(g, zoo, top);
}

static void test_keep_exec(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), run = make_file(g, top, "run", 10);
    set_mode(g, run, 0755);
    g->options.keep_exec = true;
    erig_restart(g);
    send_entry(g, top);
    make_arrival(g, 1, parcel.len);
    compare_trees(g, top, finish(g, open_intake(g, 1), 1));
}

/* A sender that is interrupted in every way, at every kind of place. */
static void with_interruptions(struct erig *g, uint64_t seed, uint64_t chunk_max, bool reboots)
{
    char name[16];
    snprintf(name, sizeof name, "zoo%u", (unsigned)seed);
    uint64_t zoo = make_zoo(g, name, true), s = seed, durable, last = 0;
    assert_int_equal(engine_entry_prepare(g->e, zoo), 0);
    send_entry(g, zoo);
    make_arrival(g, (uint8_t)seed, parcel.len);
    struct intake *in = open_intake(g, (uint8_t)seed);
    while (!intake_complete(in)) {
        assert_int_equal(feed(in, (size_t)(erig_draw(&s) % chunk_max)), 0);
        uint64_t what = erig_draw(&s) % 40;
        if (what < 8) {
            assert_int_equal(intake_sync(in, &durable), 0);
            assert_true(durable >= last && durable <= intake_next(in));
            assert_int_equal(durable, durable_of(g, (uint8_t)seed));
            last = durable;
        }
        if (what != 5 && what < 38)
            continue;
        intake_close(in);
        if (what == 39)
            reboots ? erig_reboot(g) : erig_restart(g);
        assert_true(durable_of(g, (uint8_t)seed) >= last);
        in = open_intake(g, (uint8_t)seed);
    }
    compare_trees(g, zoo, finish(g, in, (uint8_t)seed));
    struct turn *t = rig_turn(g->r);
    assert_int_equal(name_remove_tree(t, g->inbox, "arrived", 7, "unlinked"), 0);
    commit(t);
    g->changes[CHANGE_ARRIVED] = 0;
}

static void test_interruptions(void **state)
{
    for (uint64_t seed = 1; seed <= 6; seed++)
        with_interruptions(*state, seed, 60000, false);
}

static void test_interruptions_of_the_machine(void **state)
{
    for (uint64_t seed = 11; seed <= 16; seed++)
        with_interruptions(*state, seed, 90000, true);
}

static void test_byte_by_byte(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", false);
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    struct intake *in = open_intake(g, 1);
    while (!intake_complete(in))
        assert_int_equal(feed(in, 1), 0);
    compare_trees(g, zoo, finish(g, in, 1));
}

/* Everything was on disk, and then came the kill. */
static void test_killed_before_publishing(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true), durable;
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    struct intake *in = open_intake(g, 1);
    assert_int_equal(feed(in, parcel.len), 0);
    assert_int_equal(intake_publish(in), STORE_ERR_INVALID); /* not synced */
    assert_int_equal(intake_sync(in, &durable), 0);
    intake_close(in);
    erig_restart(g);
    in = open_intake(g, 1);
    assert_true(intake_complete(in));
    compare_trees(g, zoo, finish(g, in, 1));
}

/* An entry of which nothing but the manifest travels. */
static void test_no_data(void **state)
{
    struct erig *g = *state;
    uint64_t top = make_dir(g, g->outbox, "top"), durable;
    make_dir(g, top, "empty");
    set_size(g, make_file(g, top, "hole", 0), MIB);
    send_entry(g, top);
    make_arrival(g, 1, parcel.len);
    struct intake *in = open_intake(g, 1);
    assert_int_equal(intake_publish(in), STORE_ERR_INVALID);
    assert_int_equal(feed(in, parcel.len - 1), 0);
    assert_false(intake_complete(in));
    assert_int_equal(intake_sync(in, &durable), 0);
    assert_int_equal(durable, 0);
    assert_int_equal(feed(in, 1), 0);
    assert_true(intake_complete(in));
    compare_trees(g, top, finish(g, in, 1));
}

/* More items than one turn plants, more small files than one batch, more large ones than are left
 * unsynced. */
static void test_many(void **state)
{
    struct erig *g = *state;
    enum { SMALL = 700, LARGE = 70, CHUNK = 100 * KIB };
    char name[32];
    uint64_t top = make_dir(g, g->outbox, "top"), dir = make_dir(g, top, "small"), durable;
    for (int i = 0; i < SMALL; i++) {
        snprintf(name, sizeof name, "%d", i * 7919 % SMALL);
        make_file(g, dir, name, (size_t)i * 3 % 2000);
    }
    for (int i = 0; i < LARGE; i++) {
        snprintf(name, sizeof name, "large%d", i);
        make_file(g, top, name, 65537);
    }
    send_entry(g, top);
    make_arrival(g, 1, parcel.len);
    struct intake *in = open_intake(g, 1);
    while (intake_next(in) < parcel.len - 2 * CHUNK)
        assert_int_equal(feed(in, CHUNK), 0);
    assert_int_equal(intake_sync(in, &durable), 0);
    assert_in_range(durable, intake_next(in) - 2000, intake_next(in));
    intake_close(in);
    compare_trees(g, top, finish(g, open_intake(g, 1), 1));
}

/* ---- hostile peers ---- */

static int write_as(struct erig *g, uint8_t n, uint64_t size, size_t chunk)
{
    make_arrival(g, n, size);
    struct intake *in = open_intake(g, n);
    int err = 0;
    uint64_t durable;
    for (size_t at = 0; err == 0 && at < parcel.len; at += chunk) {
        err = intake_write(in, parcel.data + at, chunk < parcel.len - at ? chunk : parcel.len - at);
        while (err == 0 && intake_busy(in))
            err = intake_work(in);
    }
    if (err < 0) {
        assert_int_equal(intake_write(in, (const uint8_t *)"x", 1), err);
        assert_int_equal(intake_sync(in, &durable), err);
        assert_int_equal(durable, durable_of(g, n));
        assert_int_equal(intake_publish(in), err);
        assert_false(intake_complete(in));
    }
    intake_close(in);
    return err;
}

static int refuse(struct step *step, void *arg)
{
    return inbox_refuse(step, arg, true, "malformed");
}

/* Refused as a session would: nothing may be left. */
static void expect_hostile(struct erig *g, uint8_t n, uint64_t size, size_t chunk)
{
    uint64_t nodes = erig_count(g, "SELECT count(*) FROM node");
    struct arrival a;
    assert_int_equal(write_as(g, n, size, chunk), STORE_ERR_HOSTILE);
    assert_int_equal(get_arrival(g, n, &a), 0);
    assert_int_equal(step_alone(g->e, g->id, refuse, a.rev), 0);
    while (node_sweep(g->r->store) > 0)
        ;
    assert_int_equal(erig_count(g, "SELECT count(*) FROM node"), nodes);
}

static void put_length(uint32_t len)
{
    bytes_clear(&parcel);
    bytes_put_u32(&parcel, len);
}

static void test_hostile_lengths(void **state)
{
    struct erig *g = *state;
    put_length(0);
    expect_hostile(g, 1, 4, 1);
    put_length(0);
    expect_hostile(g, 2, 1000, 4);
    put_length(UINT32_MAX);
    expect_hostile(g, 3, INT64_MAX, 4);
    put_length(MANIFEST_LEN_MAX + 1);
    expect_hostile(g, 4, INT64_MAX, 2);
    put_length(97);
    expect_hostile(g, 5, 100, 4); /* longer than the parcel */
    send_entry(g, make_zoo(g, "zoo", true));
    expect_hostile(g, 6, parcel.len - 1, 7000);
    expect_hostile(g, 7, parcel.len + 1, parcel.len);
    expect_hostile(g, 8, INT64_MAX, 100000);
    bytes_put_u8(&parcel, 0);
    expect_hostile(g, 9, parcel.len, 64 * KIB);
    expect_hostile(g, 10, parcel.len - 1, parcel.len); /* a byte after the end */
    put_length(1);
    expect_hostile(g, 11, 3, 4); /* a parcel that is too small for anything */
}

/* Any one byte of a manifest turned over: refused, or taken for what it says, and never a crash or
 * a node outside. */
static void test_hostile_manifests(void **state)
{
    struct erig *g = *state;
    uint64_t s = 3;
    send_entry(g, make_zoo(g, "zoo", false));
    size_t len = (size_t)parcel.data[2] << 8 | parcel.data[3];
    uint64_t entries = erig_count(g, "SELECT count(*) FROM link");
    int hostile = 0;
    for (int i = 0; i < 300; i++) {
        size_t at = 4 + (size_t)(erig_draw(&s) % len);
        uint8_t was = parcel.data[at];
        parcel.data[at] ^= (uint8_t)(1 + erig_draw(&s) % 255);
        int err = write_as(g, 1, parcel.len, 30000);
        assert_true(err == 0 || err == STORE_ERR_HOSTILE);
        hostile += err == STORE_ERR_HOSTILE;
        parcel.data[at] = was;
        struct arrival a;
        assert_int_equal(get_arrival(g, 1, &a), 0);
        struct turn *t = rig_turn(g->r);
        assert_int_equal(arrival_erase(t, g->id, a.rev), 0);
        commit(t);
    }
    assert_in_range(hostile, 100, 299);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM link"), entries);
}

static void make_hole(uint64_t size, int count)
{
    struct bytes manifest = {0};
    struct manifest_builder b;
    uint32_t items;
    uint64_t data_len;
    char name[16];
    manifest_builder_init(&b, &manifest);
    struct manifest_item top = {
        .kind = MANIFEST_DIR, .name = (const uint8_t *)"top", .name_len = 3, .mode = 0755};
    assert_int_equal(manifest_add(&b, &top), 0);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%02d", i);
        struct manifest_item hole = {
            .kind = MANIFEST_FILE, .name = (const uint8_t *)name, .name_len = 2, .size = size};
        assert_int_equal(manifest_add(&b, &hole), 0);
    }
    assert_int_equal(manifest_finish(&b, &items, &data_len), 0);
    manifest_builder_release(&b);
    put_length((uint32_t)manifest.len);
    bytes_put(&parcel, manifest.data, manifest.len);
    bytes_release(&manifest);
}

/* Small holes cost room here, and nothing on the way. */
static void test_zeros(void **state)
{
    struct erig *g = *state;
    make_hole(65536, 20);
    g->options.inbox_max = MIB;
    erig_restart(g);
    assert_int_equal(write_as(g, 1, parcel.len, 100), STORE_ERR_NOSPACE);
    g->options.inbox_max = 2 * MIB;
    erig_restart(g);
    finish(g, open_intake(g, 1), 1);
}

/* ---- disks ---- */

/* The n-th call fails, and all after it until the disk is healed; then it goes on, and is whole. */
static void with_bad_disk(struct erig *g, unsigned ops, const char *path, int nth, int verdict)
{
    uint64_t zoo = rig_lookup(g->r, g->outbox, "zoo"), durable, before;
    struct arrival a = make_arrival(g, 1, parcel.len);
    struct intake *in;
    int err = 0;
    rig_fail(g->r, ops, path, nth, 1000000, verdict);
    assert_int_equal(intake_open(&in, g->e, &a), 0); /* nothing to do yet */
    while (err == 0 && !intake_complete(in)) {
        err = feed(in, 50000);
        if (err == 0)
            err = intake_sync(in, &durable);
    }
    if (err == 0)
        err = publish(in);
    assert_true(err < 0);
    assert_true(err != STORE_ERR_HOSTILE && err != STORE_ERR_NOT_FOUND && err != STORE_ERR_CORRUPT);
    if (verdict == -ENOSPC)
        assert_true(err == STORE_ERR_NOSPACE || err == STORE_ERR_BROKEN || err == STORE_ERR_IO);
    assert_int_equal(intake_sync(in, &before), err);
    intake_close(in);
    rig_heal(g->r);
    assert_true(durable_of(g, 1) >= before);
    compare_trees(g, zoo, finish(g, open_intake(g, 1), 1));
    struct turn *t = rig_turn(g->r);
    assert_int_equal(name_remove_tree(t, g->inbox, "arrived", 7, "unlinked"), 0);
    /* The same revision may come again. */
    assert_int_equal(sqlite3_exec(turn_view(t)->db, "DELETE FROM decided", NULL, NULL, NULL), 0);
    commit(t);
    g->changes[CHANGE_ARRIVED] = 0;
}

static void test_full_disk(void **state)
{
    struct erig *g = *state;
    send_entry(g, make_zoo(g, "zoo", true));
    for (int nth = 1; nth < 14; nth += 2)
        with_bad_disk(g, OPS(IO_WRITE), "spool/", nth, -ENOSPC);
    for (int nth = 1; nth < 40; nth += 6)
        with_bad_disk(g, OPS(IO_WRITE), "journal", nth, -ENOSPC);
    with_bad_disk(g, OPS(IO_WRITE), "spool/", 3, -EDQUOT);
}

/* A file whose sync failed is bad for ever: what was made goes, and the sender begins again. */
static void test_failing_disk(void **state)
{
    struct erig *g = *state;
    send_entry(g, make_zoo(g, "zoo", true));
    for (int nth = 1; nth < 10; nth++)
        with_bad_disk(g, OPS(IO_SYNC), "spool/", nth, -EIO);
    for (int nth = 1; nth < 10; nth += 3)
        with_bad_disk(g, OPS(IO_WRITE), "spool/", nth, -EIO);
}

/* Between a batch that failed and a sync that did not, no zeros may slip into a file. */
static void test_no_sync_after_a_failure(void **state)
{
    struct erig *g = *state;
    char name[16];
    uint64_t top = make_dir(g, g->outbox, "top"), durable;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "%03d", i);
        make_file(g, top, name, 1000);
    }
    send_entry(g, top);
    make_arrival(g, 1, parcel.len);
    struct intake *in = open_intake(g, 1);
    size_t head = (size_t)(parcel.data[1] << 16 | parcel.data[2] << 8 | parcel.data[3]) + 4;
    assert_int_equal(feed(in, head + 255 * 1000), 0);
    rig_fail(g->r, OPS(IO_WRITE), "journal", 1, 1000000, -ENOSPC);
    int err = 0;
    while (err == 0 && !intake_complete(in))
        err = feed(in, 300);
    assert_int_equal(err, STORE_ERR_NOSPACE);
    rig_heal(g->r);
    assert_int_equal(intake_sync(in, &durable), STORE_ERR_NOSPACE);
    assert_int_equal(durable, head);
    intake_close(in);
    compare_trees(g, top, finish(g, open_intake(g, 1), 1));
}

static void test_damaged_arrival(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true);
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    struct intake *in = open_intake(g, 1);
    uint64_t durable;
    assert_int_equal(feed(in, parcel.len / 2), 0);
    assert_int_equal(intake_sync(in, &durable), 0);
    intake_close(in);
    struct arrival a;
    assert_int_equal(get_arrival(g, 1, &a), 0);
    assert_true(a.durable > 0);
    assert_int_equal(content_write(g->r->store, a.manifest, "\377\377", 2, 0), 0);
    assert_int_equal(try_intake(g, 1), 0);
    assert_int_equal(durable_of(g, 1), 0);
    compare_trees(g, zoo, finish(g, open_intake(g, 1), 1));
    assert_int_equal(erig_staged(g), 1);
}

/* ---- withdrawn in the middle ---- */

static void withdraw(struct erig *g, uint8_t n)
{
    uint8_t rev[REV_BYTES];
    make_rev(rev, n);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(arrival_erase(t, g->id, rev), 0);
    commit(t);
}

static void expect_withdrawn(struct erig *g, uint8_t n, uint64_t after, bool synced, uint64_t nodes)
{
    struct arrival a;
    uint64_t durable;
    make_arrival(g, n, parcel.len);
    struct intake *in = open_intake(g, n);
    assert_int_equal(feed(in, after), 0);
    if (synced)
        assert_int_equal(intake_sync(in, &durable), 0);
    withdraw(g, n);
    int err = 0;
    while (err == 0 && !intake_complete(in))
        err = feed(in, 100000);
    if (err == 0)
        err = intake_sync(in, &durable);
    if (err == 0)
        err = publish(in);
    assert_int_equal(err, STORE_ERR_NOT_FOUND);
    intake_close(in);
    assert_int_equal(get_arrival(g, n, &a), STORE_ERR_NOT_FOUND); /* and it does not come back */
    assert_int_equal(rig_lookup(g->r, g->inbox, "arrived"), 0);
    while (node_sweep(g->r->store) > 0)
        ;
    assert_int_equal(erig_count(g, "SELECT count(*) FROM node"), nodes);
}

static void test_withdrawn(void **state)
{
    struct erig *g = *state;
    send_entry(g, make_zoo(g, "zoo", true));
    uint64_t nodes = erig_count(g, "SELECT count(*) FROM node");
    size_t head = (size_t)(parcel.data[2] << 8 | parcel.data[3]) + 4;
    uint64_t places[] = {0, 2, head - 1, head, head + 50, head + 70000, parcel.len - 1, parcel.len};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        expect_withdrawn(g, (uint8_t)(2 * i), places[i], false, nodes);
        expect_withdrawn(g, (uint8_t)(2 * i + 1), places[i], true, nodes);
    }
}

/* More than one turn may delete: what is left of it is no place to plant more. */
static void test_large_tree_withdrawn(void **state)
{
    struct erig *g = *state;
    enum { FILES = SWEEP_NODES_MAX + 500 };
    char name[16];
    uint64_t top = make_dir(g, g->outbox, "top");
    struct turn *t = rig_turn(g->r);
    for (int i = 0; i < FILES; i++) {
        struct node_new what = {.type = NODE_FILE, .mode = 0600};
        uint64_t ino;
        size_t len = (size_t)snprintf(name, sizeof name, "%d", i);
        assert_int_equal(name_create(t, top, name, len, &what, &ino), 0);
        assert_int_equal(content_put(t, ino, name, len), 0);
    }
    commit(t);
    send_entry(g, top);
    uint64_t nodes = erig_count(g, "SELECT count(*) FROM node");
    size_t head = (size_t)(parcel.data[1] << 16 | parcel.data[2] << 8 | parcel.data[3]) + 4;
    expect_withdrawn(g, 1, head, false, nodes);
    expect_withdrawn(g, 2, head + 2000, true, nodes);
    expect_withdrawn(g, 3, parcel.len, true, nodes);
}

/* An old session that has not yet noticed its end, and the new one. */
static void test_two_at_once(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", true), durable;
    send_entry(g, zoo);
    make_arrival(g, 1, parcel.len);
    struct intake *first = open_intake(g, 1);
    assert_int_equal(feed(first, parcel.len / 3), 0);
    assert_int_equal(intake_sync(first, &durable), 0);
    struct intake *second = open_intake(g, 1);
    assert_int_equal(feed(first, parcel.len / 3), 0);
    assert_int_equal(intake_sync(first, &durable), 0);
    assert_int_equal(feed(second, 70000), 0);
    assert_int_equal(intake_sync(second, &durable), STORE_ERR_NOT_FOUND);
    intake_close(second);
    compare_trees(g, zoo, finish(g, first, 1));
}

static void test_open(void **state)
{
    struct erig *g = *state;
    struct intake *in;
    struct arrival a = make_arrival(g, 1, 100);
    a.state = ARRIVAL_PIECES;
    assert_int_equal(intake_open(&in, g->e, &a), STORE_ERR_INVALID);
    make_rev(a.rev, 2);
    a.state = ARRIVAL_MANIFEST;
    a.manifest = 4711;
    assert_int_equal(intake_open(&in, g->e, &a), STORE_ERR_NOT_FOUND);
    a.state = ARRIVAL_DATA;
    assert_int_equal(intake_open(&in, g->e, &a), STORE_ERR_NOT_FOUND);
    intake_close(NULL);
}

/* ---- small parcels ---- */

struct taking {
    const struct bytes *parcel;
    struct intake_taken got;
    int err;
};

static int take(struct step *step, void *arg)
{
    struct taking *k = arg;
    k->err = intake_small(step, k->parcel->data, k->parcel->len, UINT64_MAX, &k->got);
    return k->err == STORE_ERR_HOSTILE ? 0 : k->err;
}

static int take_small(struct erig *g, struct taking *k)
{
    k->parcel = &parcel;
    assert_int_equal(step_alone(g->e, g->id, take, k), 0);
    return k->err;
}

static void test_small(void **state)
{
    struct erig *g = *state;
    uint64_t entries[] = {make_zoo(g, "zoo", false), make_file(g, g->outbox, "file", 3000),
                          make_file(g, g->outbox, "empty", 0), make_dir(g, g->outbox, "dir"),
                          make_link(g, g->outbox, "link", "file")};
    static const char *const names[] = {"zoo", "file", "empty", "dir", "link"};
    static const uint64_t files[] = {6, 1, 1, 0, 0};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct taking k = {0};
        struct view *v = rig_view(g->r);
        bytes_clear(&parcel);
        assert_int_equal(parcel_small(v, entries[i], &parcel), 0);
        view_end(v);
        assert_int_equal(take_small(g, &k), 0);
        assert_string_equal(k.got.name.text, names[i]);
        assert_true(rig_node(g->r, k.got.top).staged);
        assert_int_equal(k.got.files, files[i]);
        compare_trees(g, entries[i], k.got.top);
    }
}

static void test_small_and_hostile(void **state)
{
    struct erig *g = *state;
    struct taking k = {0};
    uint64_t zoo = make_zoo(g, "zoo", false), s = 5;
    struct view *v = rig_view(g->r);
    bytes_clear(&parcel);
    assert_int_equal(parcel_small(v, zoo, &parcel), 0);
    view_end(v);
    uint64_t nodes = erig_count(g, "SELECT count(*) FROM node");
    size_t len = parcel.len, head = (size_t)(parcel.data[2] << 8 | parcel.data[3]) + 4;
    for (size_t i = 0; i < len; i += i < head ? 7 : 501) {
        parcel.len = i;
        assert_int_equal(take_small(g, &k), STORE_ERR_HOSTILE);
    }
    parcel.len = len;
    bytes_put_u8(&parcel, 0);
    assert_int_equal(take_small(g, &k), STORE_ERR_HOSTILE);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM node"), nodes);
    parcel.len = len;
    for (int i = 0; i < 300; i++) {
        size_t at = (size_t)(erig_draw(&s) % head);
        uint8_t was = parcel.data[at];
        parcel.data[at] ^= (uint8_t)(1 + erig_draw(&s) % 255);
        int err = take_small(g, &k);
        parcel.data[at] = was;
        if (err == STORE_ERR_HOSTILE)
            continue;
        struct turn *t = rig_turn(g->r);
        assert_int_equal(node_discard(t, k.got.top), 0);
        commit(t);
    }
    assert_int_equal(erig_count(g, "SELECT count(*) FROM node"), nodes);
}

static void test_small_and_zeros(void **state)
{
    struct erig *g = *state;
    struct taking k = {0};
    make_hole(65536, 16);
    assert_int_equal(take_small(g, &k), 0);
    make_hole(65536, 17);
    assert_int_equal(take_small(g, &k), STORE_ERR_HOSTILE);
    make_hole(65537, 1);
    assert_int_equal(take_small(g, &k), STORE_ERR_HOSTILE);
}

static int release_parcel(void **state)
{
    (void)state;
    bytes_release(&parcel);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(test_in_one_go),
        erig_test(test_survives_the_machine),
        erig_test(test_keep_exec),
        erig_test(test_interruptions),
        erig_test(test_interruptions_of_the_machine),
        erig_test(test_byte_by_byte),
        erig_test(test_killed_before_publishing),
        erig_test(test_no_data),
        erig_test(test_many),
        erig_test(test_hostile_lengths),
        erig_test(test_hostile_manifests),
        erig_test(test_zeros),
        erig_test(test_full_disk),
        erig_test(test_failing_disk),
        erig_test(test_no_sync_after_a_failure),
        erig_test(test_damaged_arrival),
        erig_test(test_withdrawn),
        erig_test(test_large_tree_withdrawn),
        erig_test(test_two_at_once),
        erig_test(test_open),
        erig_test(test_small),
        erig_test(test_small_and_hostile),
        erig_test(test_small_and_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, release_parcel);
}
