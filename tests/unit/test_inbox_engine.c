/* What comes from the peer: each revision decided once, whatever comes twice, late, wrong or too
 * large. */
#include "engine_rig.h"

enum { KIB = 1024, PIECE = PEER_PIECE_MAX };

static struct bytes parcel;

static int deliver_content(struct step *step, void *arg)
{
    const struct bytes *content = arg;
    return inbox_deliver(step, content->data, content->len);
}

static int deliver(struct erig *g, struct peer_message m, uint8_t n)
{
    struct bytes content = {0};
    make_rev(m.revision, n);
    assert_int_equal(peer_build(&content, &m), 0);
    int err = step_alone(g->e, g->id, deliver_content, &content);
    bytes_release(&content);
    return err;
}

static int piece(struct erig *g, uint8_t n, uint64_t offset, size_t len)
{
    return deliver(g,
                   (struct peer_message){.kind = PEER_PIECE,
                                         .size = parcel.len,
                                         .offset = offset,
                                         .data = parcel.data + offset,
                                         .len = len},
                   n);
}

/* The whole parcel, as a sender says it. */
static void pieces(struct erig *g, uint8_t n)
{
    for (size_t at = 0; at < parcel.len; at += PIECE)
        assert_int_equal(piece(g, n, at, parcel.len - at < PIECE ? parcel.len - at : PIECE), 0);
}

static int offer(struct erig *g, uint8_t n, uint64_t size, const char *name)
{
    return deliver(g,
                   (struct peer_message){.kind = PEER_OFFER,
                                         .size = size,
                                         .items = 1,
                                         .data = (const uint8_t *)name,
                                         .len = strlen(name)},
                   n);
}

static int withdraw(struct erig *g, uint8_t n)
{
    return deliver(g, (struct peer_message){.kind = PEER_WITHDRAW}, n);
}

static void make_parcel(struct erig *g, uint64_t entry)
{
    struct view *v = rig_view(g->r);
    bytes_clear(&parcel);
    assert_int_equal(parcel_small(v, entry, &parcel), 0);
    view_end(v);
}

static int decided(struct erig *g, uint8_t n)
{
    struct decided d;
    uint8_t rev[REV_BYTES];
    make_rev(rev, n);
    struct view *v = rig_view(g->r);
    int err = decided_get(v, g->id, rev, &d);
    view_end(v);
    return err < 0 ? err : d.verdict;
}

static uint64_t inbox_count_of(struct erig *g)
{
    uint64_t count;
    struct view *v = rig_view(g->r);
    assert_int_equal(inbox_count(v, g->id, &count), 0);
    view_end(v);
    return count;
}

static bool wants(struct erig *g)
{
    bool want;
    struct view *v = rig_view(g->r);
    assert_int_equal(inbox_wants_bulk(v, g->id, &want), 0);
    view_end(v);
    return want;
}

static void expect_nothing_left(struct erig *g, uint8_t n)
{
    struct arrival a;
    assert_int_equal(get_arrival(g, n, &a), STORE_ERR_NOT_FOUND);
    assert_int_equal(erig_staged(g), 0);
}

static void test_one_piece(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "note.txt", 1000);
    make_parcel(g, file);
    pieces(g, 1);
    compare_trees(g, file, rig_lookup(g->r, g->inbox, "note.txt"));
    assert_int_equal(decided(g, 1), PEER_TAKEN);
    expect_decision(g, 1, PEER_TAKEN, "note.txt");
    expect_nothing_left(g, 1);
    assert_int_equal(g->changes[CHANGE_ARRIVED], 1);
    assert_string_equal(g->changed_name.text, "note.txt");
    /* Once more, as from a sender that went back in time: the same answer, and nothing else. */
    pieces(g, 1);
    expect_decision(g, 1, PEER_TAKEN, "note.txt");
    assert_int_equal(offer(g, 1, 5, "other"), 0);
    expect_decision(g, 1, PEER_TAKEN, "note.txt");
    expect_silence(g);
    assert_int_equal(inbox_count_of(g), 1);
    assert_int_equal(g->changes[CHANGE_ARRIVED], 1);
    expect_nothing_left(g, 1);
}

/* The last event of this type, its number under this key. */
struct number_of {
    enum log_type type;
    const char *key;
    int64_t number;
};

static int read_number(void *arg, const struct log_row *row)
{
    struct number_of *n = arg;
    if (row->event.type == n->type)
        n->number = json_integer_value(json_object_get(row->event.detail, n->key));
    return 0;
}

static int64_t number_of(struct erig *g, enum log_type type, const char *key)
{
    struct number_of n = {type, key, -1};
    struct view *v = rig_view(g->r);
    assert_int_equal(log_read(v, 0, UINT64_MAX >> 1, read_number, &n), 0);
    view_end(v);
    return n.number;
}

static void test_several_pieces(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "large", 60000);
    make_parcel(g, file);
    size_t parcel_len = parcel.len;
    struct arrival a;
    for (size_t at = 0; at < parcel.len; at += PIECE) {
        assert_int_equal(piece(g, 1, at, parcel.len - at < PIECE ? parcel.len - at : PIECE), 0);
        erig_restart(g);
        if (at + PIECE < parcel.len) {
            assert_int_equal(get_arrival(g, 1, &a), 0);
            assert_int_equal(a.durable, at + PIECE);
            assert_false(wants(g));
        }
    }
    compare_trees(g, file, rig_lookup(g->r, g->inbox, "large"));
    assert_int_equal(number_of(g, LOG_ARRIVED, "size"), 60000); /* as when it was sealed */
    assert_int_equal(number_of(g, LOG_ARRIVED, "parcel_size"), parcel_len);
    expect_decision(g, 1, PEER_TAKEN, "large");
    expect_nothing_left(g, 1);
}

static void test_two_parcels_mixed(void **state)
{
    struct erig *g = *state;
    uint64_t one = make_file(g, g->outbox, "one", 40000),
             two = make_file(g, g->outbox, "two", 40000);
    make_parcel(g, one);
    struct bytes first = parcel;
    parcel = (struct bytes){0};
    make_parcel(g, two);
    for (size_t at = 0; at < parcel.len; at += PIECE) {
        size_t len = parcel.len - at < PIECE ? parcel.len - at : PIECE;
        assert_int_equal(piece(g, 2, at, len), 0);
        struct bytes second = parcel;
        parcel = first;
        assert_int_equal(piece(g, 1, at, len), 0);
        parcel = second;
    }
    compare_trees(g, one, rig_lookup(g->r, g->inbox, "one"));
    compare_trees(g, two, rig_lookup(g->r, g->inbox, "two"));
    bytes_release(&first);
}

static void test_pieces_that_do_not_fit(void **state)
{
    struct erig *g = *state;
    static const char why[] = "its pieces do not fit together";
    make_parcel(g, make_file(g, g->outbox, "f", 50000));
    assert_int_equal(piece(g, 2, 0, PIECE), 0); /* a gap: perhaps our store went back */
    assert_int_equal(piece(g, 2, PIECE + 1, 10), 0);
    expect_decision(g, 2, PEER_REFUSED_NOW, why);
    expect_nothing_left(g, 2);
    pieces(g, 2);
    expect_decision(g, 2, PEER_TAKEN, "f");
    assert_int_equal(piece(g, 3, 0, PIECE), 0); /* all of it again */
    assert_int_equal(piece(g, 3, PIECE, PIECE), 0);
    pieces(g, 3);
    expect_decision(g, 3, PEER_TAKEN, "f.2");
    expect_nothing_left(g, 3);
    assert_int_equal(piece(g, 4, 0, PIECE), 0); /* another size */
    parcel.len--;
    assert_int_equal(piece(g, 4, PIECE, PIECE), 0);
    parcel.len++;
    expect_decision(g, 4, PEER_REFUSED_EVER, why);
    assert_int_equal(offer(g, 5, 100000, "f"), 0); /* two ways at once */
    assert_int_equal(piece(g, 5, 0, PIECE), 0);
    expect_decision(g, 5, PEER_REFUSED_EVER, why);
    expect_nothing_left(g, 5);
    assert_int_equal(decided(g, 5), PEER_REFUSED_EVER);
    assert_int_equal(rig_events(g->r, LOG_ARRIVAL_REFUSED), 3);
    assert_int_equal(piece(g, 5, PIECE, PIECE), 0);
    expect_decision(g, 5, PEER_REFUSED_EVER, "");
    expect_silence(g);
    assert_int_equal(inbox_count_of(g), 2);
}

static void test_malformed(void **state)
{
    struct erig *g = *state;
    make_parcel(g, make_zoo(g, "zoo", false));
    parcel.data[4]++; /* the format */
    pieces(g, 1);
    expect_decision(g, 1, PEER_REFUSED_EVER, "the parcel is malformed");
    expect_nothing_left(g, 1);
    parcel.data[4]--;
    parcel.len -= 1;
    pieces(g, 2);
    expect_decision(g, 2, PEER_REFUSED_EVER, "the parcel is malformed");
    expect_nothing_left(g, 2);
    make_parcel(g, make_link(g, g->outbox, "passwd", "/etc/passwd"));
    pieces(g, 3);
    expect_decision(
        g, 3, PEER_REFUSED_EVER,
        "a symbolic link to somewhere else cannot arrive alone: send what it points to");
    expect_nothing_left(g, 3);
    assert_int_equal(inbox_count_of(g), 0);
}

static void test_names(void **state)
{
    struct erig *g = *state;
    static const struct {
        const char *name, *got;
    } names[] = {{"a.txt", "a.txt"},
                 {"a.txt", "a.2.txt"},
                 {".hidden", "_hidden"},
                 {"b\001\n", "b__"},
                 {"\xff", "\xff"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t ino = make_file(g, g->outbox, names[i].name, 10);
        make_parcel(g, ino);
        pieces(g, (uint8_t)(i + 1));
        expect_decision(g, (uint8_t)(i + 1), PEER_TAKEN, names[i].got);
        assert_true(rig_lookup(g->r, g->inbox, names[i].got) != 0);
        assert_int_equal(rig_unlink(g->r, g->outbox, names[i].name), 0);
    }
}

static bool has_problem(struct erig *g)
{
    struct wormhole w;
    struct view *v = rig_view(g->r);
    assert_int_equal(wormhole_get(v, g->id, &w), 0);
    view_end(v);
    return w.problem[0] != '\0';
}

static void test_no_room(void **state)
{
    struct erig *g = *state;
    uint64_t file = make_file(g, g->outbox, "f", 40000);
    make_parcel(g, file);
    g->options.inbox_max = 40000;
    erig_restart(g);
    pieces(g, 1);
    expect_decision(g, 1, PEER_REFUSED_NOW, "no room");
    expect_silence(g);
    expect_nothing_left(g, 1);
    assert_int_equal(decided(g, 1), STORE_ERR_NOT_FOUND);
    assert_int_equal(offer(g, 2, 40001, "g"), 0);
    expect_decision(g, 2, PEER_REFUSED_NOW, "no room");
    assert_int_equal(offer(g, 3, 30000, "h"), 0); /* what is promised counts */
    expect_silence(g);
    assert_int_equal(offer(g, 4, 10001, "i"), 0);
    expect_decision(g, 4, PEER_REFUSED_NOW, "no room");
    assert_true(has_problem(g));
    assert_int_equal(withdraw(g, 3), 0);
    expect_decision(g, 3, PEER_WITHDRAWN, "");
    assert_false(has_problem(g));
    g->options.inbox_max = 100000;
    erig_restart(g);
    pieces(g, 1); /* the same revision, later */
    expect_decision(g, 1, PEER_TAKEN, "f");
    compare_trees(g, file, rig_lookup(g->r, g->inbox, "f"));
    assert_int_equal(offer(g, 2, 80000, "g"), 0);
    expect_decision(g, 2, PEER_REFUSED_NOW, "no room"); /* what is there counts */
    assert_true(has_problem(g));
    assert_int_equal(rig_events(g->r, LOG_ARRIVED), 1);
    g->options.inbox_max = 200000;
    erig_restart(g);
    assert_int_equal(offer(g, 2, 80000, "g"), 0);
    assert_false(has_problem(g));
}

/* A disk that does not say how much room there is: nothing is refused for that. */
static void test_unknown_room(void **state)
{
    struct erig *g = *state;
    rig_fail(g->r, OPS(IO_STATVFS), NULL, 1, 1, -EIO);
    assert_int_equal(offer(g, 1, 1000, "f"), STORE_ERR_IO);
    expect_silence(g);
    rig_heal(g->r);
    assert_int_equal(offer(g, 1, 1000, "f"), 0);
    expect_silence(g);
    assert_true(wants(g));
}

/* Room comes between two pieces of a parcel that was refused: it is not the sender's fault. */
static void test_room_in_the_middle(void **state)
{
    struct erig *g = *state;
    make_parcel(g, make_file(g, g->outbox, "f", 40000));
    g->options.inbox_max = 100;
    erig_restart(g);
    assert_int_equal(piece(g, 1, 0, PIECE), 0);
    expect_decision(g, 1, PEER_REFUSED_NOW, "no room");
    g->options.inbox_max = 0;
    erig_restart(g);
    assert_int_equal(piece(g, 1, PIECE, PIECE), 0);
    expect_silence(g);
    assert_int_equal(decided(g, 1), STORE_ERR_NOT_FOUND);
    pieces(g, 1);
    expect_decision(g, 1, PEER_TAKEN, "f");
}

static void test_offer(void **state)
{
    struct erig *g = *state;
    struct arrival a;
    assert_false(wants(g));
    assert_int_equal(offer(g, 1, 1000000, "../up\001"), 0);
    assert_int_equal(get_arrival(g, 1, &a), 0);
    assert_int_equal(a.state, ARRIVAL_MANIFEST);
    assert_int_equal(a.size, 1000000);
    assert_int_equal(a.durable, 0);
    assert_string_equal(a.name.text, "_._up_");
    assert_true(wants(g));
    assert_int_equal(rig_events(g->r, LOG_ARRIVING), 1);
    assert_int_equal(number_of(g, LOG_ARRIVING, "parcel_size"), 1000000);
    assert_int_equal(offer(g, 1, 1000000, "again"), 0);
    assert_int_equal(rig_events(g->r, LOG_ARRIVING), 1);
    assert_int_equal(get_arrival(g, 1, &a), 0);
    assert_string_equal(a.name.text, "_._up_");
    expect_silence(g);
    assert_int_equal(offer(g, 2, INT64_MAX, "too much"), 0);
    expect_decision(g, 2, PEER_REFUSED_NOW, "no room");
}

static void test_withdraw(void **state)
{
    struct erig *g = *state;
    assert_int_equal(withdraw(g, 1), 0); /* before anything else of it */
    expect_decision(g, 1, PEER_WITHDRAWN, "");
    assert_int_equal(decided(g, 1), PEER_WITHDRAWN);
    make_parcel(g, make_file(g, g->outbox, "f", 40000));
    pieces(g, 1); /* out of order: too late for it */
    for (size_t at = 0; at < parcel.len; at += PIECE)
        expect_decision(g, 1, PEER_WITHDRAWN, "");
    assert_int_equal(piece(g, 2, 0, PIECE), 0);
    assert_int_equal(erig_staged(g), 1);
    assert_int_equal(withdraw(g, 2), 0);
    expect_decision(g, 2, PEER_WITHDRAWN, "");
    expect_nothing_left(g, 2);
    assert_int_equal(offer(g, 3, 100000, "g"), 0);
    assert_int_equal(withdraw(g, 3), 0);
    expect_decision(g, 3, PEER_WITHDRAWN, "");
    assert_false(wants(g));
    assert_int_equal(inbox_count_of(g), 0);
    pieces(g, 4);
    expect_decision(g, 4, PEER_TAKEN, "f");
    assert_int_equal(withdraw(g, 4), 0); /* too late */
    expect_silence(g);
    assert_int_equal(decided(g, 4), PEER_TAKEN);
    assert_int_equal(inbox_count_of(g), 1);
    assert_int_equal(rig_events(g->r, LOG_ARRIVAL_WITHDRAWN), 3);
}

/* As a boss says all that one replay had: in one turn. */
static int deliver_replay(struct step *step, void *arg)
{
    struct peer_message *m = arg;
    for (; m->kind != 0; m++) {
        struct bytes content = {0};
        assert_int_equal(peer_build(&content, m), 0);
        action_set_body(&step->actions, actions_add(&step->actions, ACTION_DELIVER), content.data,
                        content.len);
        bytes_release(&content);
    }
    return 0;
}

static void test_withdrawn_in_the_same_replay(void **state)
{
    struct erig *g = *state;
    make_parcel(g, make_file(g, g->outbox, "f", 20000));
    struct peer_message first = {.kind = PEER_PIECE,
                                 .size = parcel.len,
                                 .data = parcel.data,
                                 .len = PIECE},
                        last = {.kind = PEER_PIECE,
                                .size = parcel.len,
                                .offset = PIECE,
                                .data = parcel.data + PIECE,
                                .len = parcel.len - PIECE},
                        large = {.kind = PEER_OFFER,
                                 .size = 100000,
                                 .items = 1,
                                 .data = (const uint8_t *)"g",
                                 .len = 1},
                        back = {.kind = PEER_WITHDRAW};
    struct peer_message replay[] = {first, first, last, large,      last,
                                    back,  large, back, {.kind = 0}};
    static const uint8_t revisions[] = {1, 2, 1, 3, 2, 1, 4, 3};
    for (size_t i = 0; i < sizeof revisions; i++)
        make_rev(replay[i].revision, revisions[i]);
    assert_int_equal(deliver(g, first, 1), 0); /* the first piece came earlier */
    assert_int_equal(step_alone(g->e, g->id, deliver_replay, replay), 0);
    expect_decision(g, 2, PEER_TAKEN, "f");
    expect_decision(g, 1, PEER_WITHDRAWN, "");
    expect_decision(g, 3, PEER_WITHDRAWN, "");
    expect_silence(g);
    assert_int_equal(inbox_count_of(g), 1);
    assert_int_equal(rig_events(g->r, LOG_ARRIVING), 1); /* the fourth */
    expect_nothing_left(g, 1);
}

static int drop_all(struct step *step, void *arg)
{
    (void)arg;
    return inbox_drop_arrivals(step);
}

static void test_drop_all(void **state)
{
    struct erig *g = *state;
    make_parcel(g, make_file(g, g->outbox, "f", 40000));
    for (uint8_t n = 0; n < 50; n++)
        assert_int_equal(n % 2 ? offer(g, n, 1000, "x") : piece(g, n, 0, PIECE), 0);
    assert_int_equal(erig_staged(g), 25);
    assert_int_equal(step_alone(g->e, g->id, drop_all, NULL), 0);
    for (uint8_t n = 0; n < 50; n++)
        expect_nothing_left(g, n);
    expect_silence(g);
    assert_false(wants(g));
}

/* Removed here: nothing more of it is fetched, and the disk is free of it at once. */
static void test_wormhole_removed(void **state)
{
    struct erig *g = *state;
    make_parcel(g, make_file(g, g->outbox, "f", 40000));
    assert_int_equal(piece(g, 1, 0, PIECE), 0);
    assert_int_equal(offer(g, 2, 100000, "g"), 0);
    assert_int_equal(rig_unlink(g->r, g->outbox, "f"), 0);
    assert_int_equal(erig_staged(g), 1);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(engine_remove(g->e, t, g->id), 0);
    commit(t);
    expect_nothing_left(g, 1);
    expect_nothing_left(g, 2);
}

/* As many arrivals as that, in one state, without the messages that made them. */
static void crowd(struct erig *g, unsigned count, enum arrival_state how)
{
    char sql[400];
    struct turn *t = rig_turn(g->r);
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i+1 FROM n WHERE i<%u) INSERT "
             "INTO arrival (wormhole, rev, name, state, size, durable, top_ino, manifest, "
             "started_ms) SELECT %llu, randomblob(16), 'x', %d, 3, 1, 0, 0, 0 FROM n",
             count, (unsigned long long)g->id, (int)how);
    assert_int_equal(sqlite3_exec(turn_view(t)->db, sql, NULL, NULL, NULL), SQLITE_OK);
    commit(t);
}

static void test_too_many_arrivals(void **state)
{
    struct erig *g = *state;
    static const char why[] = "too many entries are under way";
    uint64_t rest;
    struct arrival a;
    make_parcel(g, make_file(g, g->outbox, "f", 40000));
    crowd(g, ARRIVALS_MAX - 1, ARRIVAL_DATA);
    assert_int_equal(offer(g, 1, 1000, "last"), 0);
    expect_silence(g);
    assert_false(has_problem(g));
    assert_int_equal(offer(g, 2, 1000, "one more"), 0);
    expect_decision(g, 2, PEER_REFUSED_NOW, why);
    assert_int_equal(get_arrival(g, 2, &a), STORE_ERR_NOT_FOUND);
    assert_int_equal(piece(g, 3, 0, PIECE), 0);
    expect_decision(g, 3, PEER_REFUSED_NOW, why);
    assert_int_equal(offer(g, 1, 1000, "last"), 0); /* what is under way goes on */
    expect_silence(g);
    assert_true(has_problem(g));
    assert_int_equal(rig_events(g->r, LOG_PROBLEM), 1);
    struct view *v = rig_view(g->r);
    assert_int_equal(arrival_rest_sum(v, &rest), 0);
    assert_int_equal(rest, (ARRIVALS_MAX - 1) * 2 + 1000);
    view_end(v);
    struct turn *t = rig_turn(g->r);
    assert_int_equal(
        sqlite3_exec(turn_view(t)->db, "DELETE FROM arrival WHERE durable=1", NULL, NULL, NULL),
        SQLITE_OK);
    commit(t);
    assert_int_equal(withdraw(g, 1), 0);
    expect_decision(g, 1, PEER_WITHDRAWN, "");
    assert_false(has_problem(g));
    assert_int_equal(offer(g, 2, 1000, "again"), 0); /* the same revision, later */
    expect_silence(g);
    assert_true(wants(g));
}

/* A sender says one parcel at a time: many that are half said are an attack. */
static void test_too_many_pieces(void **state)
{
    struct erig *g = *state;
    make_parcel(g, make_file(g, g->outbox, "f", 40000));
    crowd(g, ARRIVAL_PIECES_MAX, ARRIVAL_PIECES);
    assert_false(wants(g));
    assert_int_equal(piece(g, 1, 0, PIECE), 0);
    expect_decision(g, 1, PEER_REFUSED_NOW, "too many entries are under way");
    assert_true(has_problem(g));
    assert_int_equal(offer(g, 2, 100000, "large"), 0);
    expect_silence(g);
    assert_true(wants(g));
}

static void test_nonsense(void **state)
{
    struct erig *g = *state;
    static const char *const contents[] = {"", "\x10", "\x11xx", "\x2a and more", "\x13"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct bytes content = {0};
        bytes_put(&content, contents[i], strlen(contents[i]));
        assert_int_equal(step_alone(g->e, g->id, deliver_content, &content), 0);
        bytes_release(&content);
    }
    expect_silence(g);
    assert_true(rig_events(g->r, LOG_PROBLEM) >= 1);
    /* A decision on a revision that is not ours, or was decided before. */
    assert_int_equal(deliver(g,
                             (struct peer_message){.kind = PEER_DECISION,
                                                   .verdict = PEER_TAKEN,
                                                   .data = (const uint8_t *)"x",
                                                   .len = 1},
                             1),
                     0);
    expect_silence(g);
}

/* The turn fails: nothing of the piece is there, and it is taken when it comes again. */
static void test_full_disk(void **state)
{
    struct erig *g = *state;
    uint64_t zoo = make_zoo(g, "zoo", false);
    make_parcel(g, zoo);
    uint64_t nodes = erig_count(g, "SELECT count(*) FROM node");
    rig_fail(g->r, OPS(IO_WRITE), "journal", 1, 1000000, -ENOSPC);
    assert_int_equal(piece(g, 1, 0, parcel.len), STORE_ERR_NOSPACE);
    rig_heal(g->r);
    g->r->clock_ns += INT64_C(60000000000); /* the store looks for room again */
    assert_int_equal(erig_count(g, "SELECT count(*) FROM node"), nodes);
    expect_silence(g);
    assert_int_equal(piece(g, 1, 0, parcel.len), 0);
    expect_decision(g, 1, PEER_TAKEN, "zoo");
    compare_trees(g, zoo, rig_lookup(g->r, g->inbox, "zoo"));
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
        erig_test(test_one_piece),
        erig_test(test_several_pieces),
        erig_test(test_two_parcels_mixed),
        erig_test(test_pieces_that_do_not_fit),
        erig_test(test_malformed),
        erig_test(test_names),
        erig_test(test_no_room),
        erig_test(test_unknown_room),
        erig_test(test_room_in_the_middle),
        erig_test(test_offer),
        erig_test(test_withdraw),
        erig_test(test_withdrawn_in_the_same_replay),
        erig_test(test_drop_all),
        erig_test(test_wormhole_removed),
        erig_test(test_too_many_arrivals),
        erig_test(test_too_many_pieces),
        erig_test(test_nonsense),
        erig_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, release_parcel);
}
