/* Queues, revisions, arrivals and decisions: plain rows, kept in order and bounded. */
#include "store_rig.h"

#include "store/queues.h"

static int take_seq(void *arg, const struct outbound *op)
{
    char *text = arg;
    sprintf(text + strlen(text), "%d%s%.*s ", op->kind, op->has_rev ? "r" : "-",
            (int)op->detail_len, (const char *)op->detail);
    return 0;
}

static void test_outbound(void **state)
{
    struct rig *r = *state;
    uint64_t a, b, c;
    char text[128] = "";
    static uint8_t big[OUTBOUND_BYTES_MAX + 1];
    const uint8_t rev[REV_BYTES] = {7};
    struct turn *t = rig_turn(r);
    assert_int_equal(outbound_push(t,
                                   &(struct outbound){.wormhole = r->id,
                                                      .kind = 1,
                                                      .detail = (const uint8_t *)"x",
                                                      .detail_len = 1},
                                   &a),
                     0);
    assert_int_equal(
        outbound_push(
            t, &(struct outbound){.wormhole = r->id, .kind = 2, .has_rev = true, .rev = {7}}, &b),
        0);
    assert_int_equal(outbound_push(t, &(struct outbound){.wormhole = r->id + 9, .kind = 9}, NULL),
                     0);
    assert_int_equal(
        outbound_push(
            t, &(struct outbound){.wormhole = r->id, .kind = 3, .has_rev = true, .rev = {7}}, &c),
        0);
    assert_int_equal(
        outbound_push(
            t, &(struct outbound){.wormhole = r->id, .detail = big, .detail_len = sizeof big},
            NULL),
        STORE_ERR_TOO_BIG);
    assert_true(a < b && b < c);
    assert_int_equal(outbound_each(turn_view(t), r->id, 0, take_seq, text), 0);
    assert_string_equal(text, "1-x 2r 3r ");
    assert_int_equal(outbound_set_detail(t, a, "yy", 2), 0);
    assert_int_equal(outbound_set_detail(t, 999, "yy", 2), STORE_ERR_NOT_FOUND);
    assert_int_equal(outbound_drop_rev(t, r->id, rev), 2);
    text[0] = '\0';
    assert_int_equal(outbound_each(turn_view(t), r->id, 0, take_seq, text), 0);
    assert_string_equal(text, "1-yy ");
    text[0] = '\0';
    assert_int_equal(outbound_each(turn_view(t), r->id, a, take_seq, text), 0);
    assert_string_equal(text, "");
    assert_int_equal(outbound_pop(t, a), 0);
    assert_int_equal(outbound_pop(t, a), STORE_ERR_NOT_FOUND);
    assert_int_equal(outbound_drop_all(t, r->id + 9), 1);
    assert_int_equal(outbound_push(t, &(struct outbound){.wormhole = r->id}, &b), 0);
    assert_true(b > c); /* never reused */
    commit(t);
}

static int take_number(void *arg, const struct message *m)
{
    char *text = arg;
    sprintf(text + strlen(text), "%d/%d:%.*s ", (int)m->number, m->incarnation[0], (int)m->body_len,
            (const char *)m->body);
    return 0;
}

static int add_message(struct turn *t, uint64_t wormhole, uint64_t number, uint8_t incarnation,
                       const char *body)
{
    return message_add(t, &(struct message){.wormhole = wormhole,
                                            .number = number,
                                            .incarnation = {incarnation},
                                            .body = (const uint8_t *)body,
                                            .body_len = strlen(body)});
}

static void test_messages(void **state)
{
    struct rig *r = *state;
    char text[128] = "";
    struct message_sum sum;
    struct turn *t = rig_turn(r);
    assert_int_equal(message_sum(turn_view(t), r->id, &sum), 0);
    assert_int_equal(sum.count + sum.first + sum.last, 0);
    assert_int_equal(add_message(t, r->id, 10, 1, "ten"), 0);
    assert_int_equal(add_message(t, r->id, 9, 1, "nine"), 0);
    assert_int_equal(add_message(t, r->id, 11, 2, "eleven"), 0);
    assert_int_equal(add_message(t, r->id, 9, 1, "again"), STORE_ERR_EXISTS);
    assert_int_equal(add_message(t, r->id + 9, 1, 1, "other"), 0);
    assert_int_equal(message_each(turn_view(t), r->id, take_number, text), 0);
    assert_string_equal(text, "9/1:nine 10/1:ten 11/2:eleven ");
    assert_int_equal(message_sum(turn_view(t), r->id, &sum), 0);
    assert_int_equal(sum.count, 3);
    assert_int_equal(sum.bytes, 13);
    assert_int_equal(sum.first, 9);
    assert_int_equal(sum.last, 11);
    assert_int_equal(message_acked(t, r->id, 10), 2);
    assert_int_equal(message_acked(t, r->id, 10), 0);
    assert_int_equal(message_acked(t, r->id, UINT64_MAX), 1); /* a peer may say anything */
    assert_int_equal(message_drop_all(t, r->id + 9), 1);
    commit(t);
}

static int take_rev(void *arg, const struct revision *r)
{
    char *text = arg;
    sprintf(text + strlen(text), "%d ", r->rev[0]);
    return 0;
}

static uint64_t stage(struct turn *t, enum node_type type)
{
    uint64_t ino;
    assert_int_equal(node_stage(t, &(struct node_new){.type = type, .mode = 0600}, &ino), 0);
    return ino;
}

static void test_revisions_own_their_manifest(void **state)
{
    struct rig *r = *state;
    char text[64] = "";
    const uint8_t five[REV_BYTES] = {5};
    struct revision got;
    struct node n;
    struct turn *t = rig_turn(r);
    uint64_t manifest = stage(t, NODE_FILE);
    struct revision rev = {
        .rev = {5}, .wormhole = r->id, .ino = 77, .state = 1, .size = 10, .manifest = manifest};
    assert_int_equal(revision_put(t, &rev), 0);
    assert_int_equal(revision_put(t, &(struct revision){.rev = {3}, .wormhole = r->id}), 0);
    rev.state = 2;
    rev.acked_bytes = 4;
    assert_int_equal(revision_put(t, &rev), 0);
    commit(t);
    rig_reopen(r); /* a manifest that is named is not swept */
    struct view *v = rig_view(r);
    assert_int_equal(revision_get(v, five, &got), 0);
    assert_memory_equal(&got, &rev, sizeof rev);
    assert_int_equal(revision_each(v, r->id, take_rev, text), 0);
    assert_string_equal(text, "5 3 ");
    view_end(v);
    assert_int_equal(rig_try_node(r, manifest, &n), 0);
    t = rig_turn(r);
    assert_int_equal(revision_erase(t, five), 0);
    assert_int_equal(revision_erase(t, five), STORE_ERR_NOT_FOUND);
    commit(t);
    assert_int_equal(rig_try_node(r, manifest, &n), STORE_ERR_NOT_FOUND);
}

static void test_arrivals_own_their_tree_until_it_is_published(void **state)
{
    struct rig *r = *state;
    const uint8_t one[REV_BYTES] = {1}, two[REV_BYTES] = {2};
    struct arrival got;
    struct name final;
    struct node n;
    struct turn *t = rig_turn(r);
    struct arrival a = {.wormhole = r->id,
                        .rev = {1},
                        .name = name_of("a\xff"),
                        .state = 4,
                        .size = 9,
                        .durable = 3,
                        .top_ino = stage(t, NODE_DIR),
                        .manifest = stage(t, NODE_FILE),
                        .started_ms = 8};
    struct arrival b = {
        .wormhole = r->id, .rev = {2}, .name = name_of("b"), .top_ino = stage(t, NODE_FILE)};
    assert_int_equal(arrival_put(t, &a), 0);
    assert_int_equal(arrival_put(t, &b), 0);
    commit(t);
    rig_reopen(r);
    struct view *v = rig_view(r);
    assert_int_equal(arrival_get(v, r->id, one, &got), 0);
    view_end(v);
    assert_string_equal(got.name.text, "a\xff");
    assert_int_equal(got.durable, 3);
    assert_int_equal(got.top_ino, a.top_ino);
    t = rig_turn(r);
    struct name_arrival publish = {.wormhole = r->id, .ino = a.top_ino, .name = "a", .name_len = 1};
    assert_int_equal(name_publish(t, &publish, &final), 0);
    assert_int_equal(arrival_erase(t, r->id, one), 0);
    assert_int_equal(arrival_erase(t, r->id, two), 0);
    assert_int_equal(arrival_erase(t, r->id, two), STORE_ERR_NOT_FOUND);
    commit(t);
    assert_int_equal(rig_try_node(r, a.top_ino, &n), 0);
    assert_int_equal(rig_try_node(r, a.manifest, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(rig_try_node(r, b.top_ino, &n), STORE_ERR_NOT_FOUND);
}

static void expect_sums(struct rig *r, uint64_t rest, uint64_t all, uint64_t in_state)
{
    struct arrival_count count;
    uint64_t bytes;
    struct view *v = rig_view(r);
    assert_int_equal(arrival_rest_sum(v, &bytes), 0);
    assert_int_equal(bytes, rest);
    assert_int_equal(arrival_count(v, r->id, 2, &count), 0);
    assert_int_equal(count.all, all);
    assert_int_equal(count.in_state, in_state);
    view_end(v);
}

static void put_arrival(struct rig *r, const struct arrival *a)
{
    struct turn *t = rig_turn(r);
    assert_int_equal(arrival_put(t, a), 0);
    commit(t);
}

static void test_arrivals_are_summed_as_they_change(void **state)
{
    struct rig *r = *state;
    struct arrival a = {.wormhole = r->id, .rev = {1}, .state = 1, .size = 100},
                   b = {.wormhole = r->id, .rev = {2}, .state = 2, .size = 1000, .durable = 300},
                   other = {.wormhole = r->id + 1, .rev = {1}, .state = 2, .size = 5};
    expect_sums(r, 0, 0, 0);
    put_arrival(r, &a);
    put_arrival(r, &b);
    put_arrival(r, &other);
    expect_sums(r, 805, 2, 1);
    a.state = 2;
    a.durable = 40;
    put_arrival(r, &a);
    expect_sums(r, 765, 2, 2);
    b.durable = 2000; /* beyond its end: never a negative rest */
    put_arrival(r, &b);
    expect_sums(r, 65, 2, 2);
    struct turn *t = rig_turn(r);
    assert_int_equal(arrival_erase(t, r->id, b.rev), 0);
    turn_abort(t);
    expect_sums(r, 65, 2, 2);
    t = rig_turn(r);
    assert_int_equal(arrival_erase(t, r->id, b.rev), 0);
    assert_int_equal(arrival_erase(t, r->id, a.rev), 0);
    assert_int_equal(arrival_erase(t, other.wormhole, other.rev), 0);
    commit(t);
    expect_sums(r, 0, 0, 0);
    rig_reopen(r);
    expect_sums(r, 0, 0, 0);
}

static void test_decided_once(void **state)
{
    struct rig *r = *state;
    const uint8_t one[REV_BYTES] = {1};
    struct decided d = {.wormhole = r->id,
                        .rev = {1},
                        .verdict = 3,
                        .name = name_of("x"),
                        .time_ms = 5},
                   got;
    struct turn *t = rig_turn(r);
    assert_int_equal(decided_get(turn_view(t), r->id, one, &got), STORE_ERR_NOT_FOUND);
    assert_int_equal(decided_add(t, &d), 0);
    assert_int_equal(decided_add(t, &d), STORE_ERR_EXISTS);
    assert_int_equal(decided_get(turn_view(t), r->id, one, &got), 0);
    assert_int_equal(got.verdict, 3);
    assert_string_equal(got.name.text, "x");
    d.wormhole++; /* another wormhole's */
    assert_int_equal(decided_add(t, &d), 0);
    commit(t);
}

static void test_decided_is_bounded(void **state)
{
    struct rig *r = *state;
    struct decided d = {.wormhole = r->id}, got;
    struct turn *t = rig_turn(r);
    for (uint32_t i = 0; i < DECIDED_KEPT_MAX + 10; i++) {
        memcpy(d.rev, &i, sizeof i);
        assert_int_equal(decided_add(t, &d), 0);
    }
    uint32_t last_gone = 9, first_kept = 10;
    memset(d.rev, 0, sizeof d.rev);
    memcpy(d.rev, &last_gone, sizeof last_gone);
    assert_int_equal(decided_get(turn_view(t), r->id, d.rev, &got), STORE_ERR_NOT_FOUND);
    memcpy(d.rev, &first_kept, sizeof first_kept);
    assert_int_equal(decided_get(turn_view(t), r->id, d.rev, &got), 0);
    turn_abort(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_outbound),
        rig_test(test_messages),
        rig_test(test_revisions_own_their_manifest),
        rig_test(test_arrivals_own_their_tree_until_it_is_published),
        rig_test(test_arrivals_are_summed_as_they_change),
        rig_test(test_decided_once),
        rig_test(test_decided_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
