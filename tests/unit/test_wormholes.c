/* Wormholes: made, named, hidden, renewed, closed, forgotten; and what events make of them. */
#include "store_rig.h"

#include "store/queues.h"
#include "store/secrets.h"

static int try_create(struct rig *r, const char *name, const char *hidden_as, bool draft,
                      uint64_t *id)
{
    struct turn *t = rig_turn(r);
    struct wormhole_new what = {.name = name_of(name), .hidden_as = hidden_as, .draft = draft};
    int rc = wormhole_create(t, &what, id);
    if (rc == 0)
        return turn_commit(t);
    turn_abort(t);
    return rc;
}

static struct wormhole get(struct rig *r, uint64_t id)
{
    struct wormhole w;
    struct view *v = rig_view(r);
    assert_int_equal(wormhole_get(v, id, &w), 0);
    view_end(v);
    return w;
}

static uint64_t find(struct rig *r, const char *name)
{
    uint64_t id = 0;
    struct view *v = rig_view(r);
    int rc = wormhole_find(v, name, strlen(name), &id);
    view_end(v);
    return rc ? 0 : id;
}

static void happen(struct rig *r, uint64_t id, enum log_type type, json_t *detail)
{
    struct turn *t = rig_turn(r);
    assert_int_equal(log_append(t, &(struct log_event){type, id, 0, detail}, NULL), 0);
    commit(t);
}

static void test_create_and_find(void **state)
{
    struct rig *r = *state;
    uint64_t id;
    struct wormhole w = get(r, r->id);
    assert_int_equal(w.id, r->id);
    assert_string_equal(w.name.text, "alice");
    assert_int_equal(w.state, WORMHOLE_NEW);
    assert_int_equal(w.created_ms, r->clock_ns / 1000000);
    assert_int_equal(rig_node(r, r->id).type, NODE_WORMHOLE);
    assert_int_equal(rig_node(r, w.code_ino).mode, 0600);
    assert_int_equal(try_create(r, "alice", NULL, false, &id), STORE_ERR_EXISTS);
    assert_int_equal(find(r, "alice"), r->id);
    assert_int_equal(find(r, "bob"), 0);
}

static void assert_real_name(struct rig *r, uint64_t id, const char *expected)
{
    struct name name;
    struct view *v = rig_view(r);
    assert_int_equal(wormhole_name(v, id, &name), 0);
    assert_string_equal(name.text, expected);
    assert_int_equal(name.len, strlen(expected));
    assert_int_equal(wormhole_name(v, 99999, &name), STORE_ERR_NOT_FOUND);
    view_end(v);
}

static void test_hidden_names(void **state)
{
    struct rig *r = *state;
    const char *code = "7-guitarist-revenge";
    uint64_t id, other;
    assert_int_equal(try_create(r, code, "7-…", false, &id), 0);
    assert_int_equal(try_create(r, code, "7-…", false, &other), STORE_ERR_EXISTS);
    assert_int_equal(try_create(r, "7-other-words", "7-…", false, &other), 0); /* looks alike */
    assert_int_equal(find(r, code), id);
    struct wormhole w = get(r, id);
    assert_true(w.hidden);
    assert_string_equal(w.shown, "7-…");
    assert_int_equal(w.name.len, 0); /* most have no need of it */
    assert_real_name(r, id, code);
    rig_reopen(r);
    assert_int_equal(find(r, code), id);
    struct turn *t = rig_turn(r);
    assert_int_equal(wormhole_reveal(t, id), 0);
    commit(t);
    w = get(r, id);
    assert_false(w.hidden);
    assert_string_equal(w.shown, code);
    assert_string_equal(w.name.text, code);
    assert_real_name(r, id, code);
    assert_int_equal(find(r, code), id);
    t = rig_turn(r);
    assert_int_equal(wormhole_reveal(t, id), 0); /* nothing left to reveal */
    commit(t);
    assert_int_equal(rig_events(r, LOG_WORMHOLE_RENAMED), 1);
}

static int no_code(void *arg, const struct log_row *row)
{
    char *text = json_dumps(row->event.detail, 0);
    int found = strstr(text, arg) != NULL;
    free(text);
    return found;
}

static void test_a_hidden_name_is_not_in_the_log(void **state)
{
    struct rig *r = *state;
    uint64_t id;
    char secret[] = "guitarist";
    assert_int_equal(try_create(r, "7-guitarist-revenge", "7-…", false, &id), 0);
    struct turn *t = rig_turn(r);
    struct name name = name_of("friend");
    assert_int_equal(wormhole_rename(t, id, &name), 0);
    commit(t);
    struct view *v = rig_view(r);
    assert_int_equal(log_read(v, 0, 100, no_code, secret), 0);
    view_end(v);
    assert_int_equal(find(r, "7-guitarist-revenge"), 0);
    assert_int_equal(find(r, "friend"), id);
}

static void test_rename(void **state)
{
    struct rig *r = *state;
    uint64_t id;
    assert_int_equal(try_create(r, "1", NULL, true, &id), 0);
    struct name taken = name_of("alice"), fresh = name_of("b\xff");
    struct turn *t = rig_turn(r);
    assert_int_equal(wormhole_rename(t, id, &taken), STORE_ERR_EXISTS);
    assert_int_equal(wormhole_rename(t, r->id, &taken), 0); /* its own name */
    assert_int_equal(wormhole_rename(t, id, &fresh), 0);
    assert_int_equal(wormhole_rename(t, 5, &fresh), STORE_ERR_NOT_FOUND);
    commit(t);
    struct wormhole w = get(r, id);
    assert_string_equal(w.name.text, "b\xff");
    assert_string_equal(w.shown, "b%FF");
    assert_false(w.draft);
}

static void test_draft_and_numbers(void **state)
{
    struct rig *r = *state;
    uint64_t a, b, draft;
    struct name number;
    struct view *v = rig_view(r);
    assert_int_equal(wormhole_draft(v, &draft), STORE_ERR_NOT_FOUND);
    assert_int_equal(wormhole_number(v, &number), 0);
    view_end(v);
    assert_string_equal(number.text, "1");
    assert_int_equal(try_create(r, "1", NULL, true, &a), 0);
    assert_int_equal(try_create(r, "2", NULL, true, &b), 0);
    v = rig_view(r);
    assert_int_equal(wormhole_draft(v, &draft), 0);
    assert_int_equal(draft, b);
    assert_int_equal(wormhole_number(v, &number), 0);
    assert_string_equal(number.text, "3");
    view_end(v);
    assert_false(get(r, a).draft);
}

static void test_life_of_a_code(void **state)
{
    struct rig *r = *state;
    happen(r, r->id, LOG_CODE_WANTED, NULL);
    assert_int_equal(get(r, r->id).code, WORMHOLE_CODE_WANTED);
    happen(r, r->id, LOG_CODE_ALLOCATED, json_pack("{s:s}", "nameplate", "7"));
    struct wormhole w = get(r, r->id);
    assert_int_equal(w.state, WORMHOLE_WAITING);
    assert_int_equal(w.code, WORMHOLE_CODE_READY);
    assert_string_equal(w.nameplate, "7");
    assert_int_equal(w.code_read_ms, 0);
    assert_false(w.was_told);
    happen(r, r->id, LOG_CODE_READ, NULL);
    int64_t read_ms = get(r, r->id).code_read_ms;
    assert_int_equal(read_ms, r->clock_ns / 1000000);
    r->clock_ns += 1000000000;
    happen(r, r->id, LOG_CODE_READ, NULL); /* the first read counts */
    assert_int_equal(get(r, r->id).code_read_ms, read_ms);
    happen(r, r->id, LOG_CODE_BURNT, json_pack("{s:i,s:b}", "count", 1, "waits", 0));
    w = get(r, r->id);
    assert_int_equal(w.code, WORMHOLE_CODE_WANTED);
    assert_int_equal(w.state, WORMHOLE_NEW);
    assert_int_equal(w.burnt, 1);
    assert_true(w.was_told); /* the old one */
    happen(r, r->id, LOG_CODE_BURNT, json_pack("{s:i,s:b}", "count", 3, "waits", 1));
    assert_int_equal(get(r, r->id).code, WORMHOLE_CODE_WAITS);
    assert_int_equal(get(r, r->id).burnt, 3);
    happen(r, r->id, LOG_CODE_WANTED, NULL); /* somebody read it: they count anew */
    assert_int_equal(get(r, r->id).burnt, 0);
    happen(r, r->id, LOG_CODE_BURNT, json_pack("{s:i,s:b}", "count", 1, "waits", 0));
    happen(r, r->id, LOG_PAIRED, json_pack("{s:s,s:s}", "peer", "wormholefs", "version", "0.1"));
    w = get(r, r->id);
    assert_int_equal(w.state, WORMHOLE_PAIRED);
    assert_int_equal(w.peer, WORMHOLE_PEER_WORMHOLEFS);
    assert_string_equal(w.peer_version, "0.1");
    assert_int_equal(w.code, WORMHOLE_CODE_USED);
    assert_int_equal(w.burnt, 0);
    happen(r, r->id, LOG_CLOSED, json_pack("{s:s}", "by", "peer"));
    assert_int_equal(get(r, r->id).state, WORMHOLE_CLOSED);
    happen(r, r->id, LOG_CODE_WANTED, NULL); /* a fresh code brings it back */
    assert_int_equal(get(r, r->id).state, WORMHOLE_NEW);
}

static void test_problems(void **state)
{
    struct rig *r = *state;
    happen(r, r->id, LOG_PROBLEM, json_pack("{s:s}", "text", "no server"));
    assert_string_equal(get(r, r->id).problem, "no server");
    happen(r, r->id, LOG_PROBLEM_CLEARED, NULL);
    assert_string_equal(get(r, r->id).problem, "");
    happen(r, r->id, LOG_FAILED, json_pack("{s:s}", "why", "scary"));
    assert_int_equal(get(r, r->id).state, WORMHOLE_FAILED);
    happen(r, 0, LOG_PROBLEM, json_pack("{s:s}", "text", "of the whole mount"));
    assert_string_equal(get(r, r->id).problem, "");
}

static void test_boxes_are_renewed(void **state)
{
    struct rig *r = *state;
    uint64_t fresh, f = rig_make(r, r->outbox, "f", NODE_FILE);
    struct node n;
    struct turn *t = rig_turn(r);
    assert_int_equal(wormhole_box_renew(t, r->id, NODE_OUTBOX, &fresh), STORE_ERR_NOT_EMPTY);
    assert_int_equal(wormhole_box_renew(t, r->id, NODE_FILE, &fresh), STORE_ERR_INVALID);
    turn_abort(t);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    assert_int_equal(node_hold(r->store, r->outbox), 0);
    t = rig_turn(r);
    assert_int_equal(wormhole_box_renew(t, r->id, NODE_OUTBOX, &fresh), 0);
    commit(t);
    assert_int_not_equal(fresh, r->outbox);
    assert_int_equal(rig_lookup(r, r->id, "outbox"), fresh);
    assert_int_equal(rig_node(r, r->outbox).nlink, 0); /* somebody still stands in it */
    assert_int_equal(rig_try_make(r, r->outbox, "g", NODE_FILE, &f), STORE_ERR_NOT_FOUND);
    rig_make(r, fresh, "g", NODE_FILE);
    node_unhold(r->store, r->outbox, 1);
    assert_int_equal(rig_try_node(r, r->outbox, &n), STORE_ERR_NOT_FOUND);
    t = rig_turn(r);
    assert_int_equal(wormhole_box_renew(t, r->id, NODE_STATE, &fresh), 0);
    commit(t);
    assert_int_equal(get(r, r->id).state_ino, fresh);
}

static void test_close_and_forget(void **state)
{
    struct rig *r = *state;
    uint64_t manifest;
    struct node n;
    struct blob b = {0};
    rig_make(r, r->outbox, "f", NODE_FILE);
    struct turn *t = rig_turn(r);
    assert_int_equal(wormhole_close(t, r->id), STORE_ERR_NOT_EMPTY);
    assert_int_equal(wormhole_forget(t, r->id), STORE_ERR_INVALID);
    turn_abort(t);
    assert_int_equal(rig_unlink(r, r->outbox, "f"), 0);
    t = rig_turn(r);
    assert_int_equal(secret_put(t, r->id, "keys", 4), 0);
    assert_int_equal(ciphertext_put(t, r->id, 0, "pake", "c", 1), 0);
    assert_int_equal(node_stage(t, &(struct node_new){.type = NODE_FILE}, &manifest), 0);
    assert_int_equal(
        revision_put(t, &(struct revision){.rev = {1}, .wormhole = r->id, .manifest = manifest}),
        0);
    assert_int_equal(arrival_put(t, &(struct arrival){.rev = {2}, .wormhole = r->id}), 0);
    assert_int_equal(wormhole_close(t, r->id), 0);
    commit(t);
    assert_int_equal(find(r, "alice"), 0);
    assert_int_equal(rig_try_node(r, r->id, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(get(r, r->id).state, WORMHOLE_CLOSING);
    struct view *v = rig_view(r);
    assert_int_equal(secret_get(v, r->id, &b), 0); /* for the closing message */
    view_end(v);
    blob_release(&b);
    uint64_t again = rig_wormhole(r, "alice", NULL, NULL); /* the name is free at once */
    t = rig_turn(r);
    assert_int_equal(wormhole_close(t, r->id), STORE_ERR_NOT_FOUND);
    assert_int_equal(wormhole_forget(t, r->id), 0);
    commit(t);
    v = rig_view(r);
    struct wormhole w;
    struct revision rev;
    assert_int_equal(wormhole_get(v, r->id, &w), STORE_ERR_NOT_FOUND);
    assert_int_equal(secret_get(v, r->id, &b), STORE_ERR_NOT_FOUND);
    assert_int_equal(ciphertext_get(v, r->id, 0, "pake", &b), STORE_ERR_NOT_FOUND);
    assert_int_equal(revision_get(v, (const uint8_t[REV_BYTES]){1}, &rev), STORE_ERR_NOT_FOUND);
    view_end(v);
    assert_int_equal(rig_try_node(r, manifest, &n), STORE_ERR_NOT_FOUND);
    assert_int_equal(find(r, "alice"), again);
}

static int collect(void *arg, const struct wormhole *w)
{
    uint64_t *sum = arg;
    *sum = *sum * 10 + w->id % 10;
    return w->state == WORMHOLE_FAILED ? 3 : 0;
}

static void test_each(void **state)
{
    struct rig *r = *state;
    uint64_t bob = rig_wormhole(r, "bob", NULL, NULL), sum = 0;
    struct view *v = rig_view(r);
    assert_int_equal(wormhole_each(v, 0, collect, &sum), 0);
    assert_int_equal(sum, r->id % 10 * 10 + bob % 10);
    sum = 0;
    assert_int_equal(wormhole_each(v, r->id, collect, &sum), 0);
    assert_int_equal(sum, bob % 10);
    view_end(v);
    happen(r, r->id, LOG_FAILED, json_pack("{s:s}", "why", "x"));
    v = rig_view(r);
    assert_int_equal(wormhole_each(v, 0, collect, &sum), 3);
    view_end(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_create_and_find),
        rig_test(test_hidden_names),
        rig_test(test_a_hidden_name_is_not_in_the_log),
        rig_test(test_rename),
        rig_test(test_draft_and_numbers),
        rig_test(test_life_of_a_code),
        rig_test(test_problems),
        rig_test(test_boxes_are_renewed),
        rig_test(test_close_and_forget),
        rig_test(test_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
