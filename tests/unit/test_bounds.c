/* What a stranger may make us keep, at the very bound and one beyond it: a million members in a
 * zip, a million items in a manifest, a million offers. And what memory that takes. */
#include "engine_rig.h"

#include <malloc.h>

#include "fs/engine/limits.h"
#include "fs/engine/scroll.h"
#include "proto/error.h"
#include "store/zip.h"

enum { KIB = 1024, MIB = 1024 * KIB };

/* ---- memory ---- */

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* its header comes with clang only */
#endif

static size_t heap_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
#endif
}

struct scale {
    size_t before, most;
    unsigned looks;
};

static void scale_begin(struct scale *s)
{
    *s = (struct scale){.before = heap_bytes()};
}

static void scale_look(struct scale *s)
{
    size_t now = heap_bytes();
    s->most = now > s->before + s->most ? now - s->before : s->most;
    s->looks++;
}

/* ---- offers ---- */

enum { OFFERS_A_TURN = 1000 };

/* A turn full of offers of a byte, numbered from *arg on. */
static int deliver_offers(struct step *step, void *arg)
{
    uint32_t *next = arg;
    struct bytes content = {0};
    int err = 0;
    for (int i = 0; err == 0 && i < OFFERS_A_TURN; i++) {
        struct peer_message m = {
            .kind = PEER_OFFER, .size = 1, .items = 1, .data = (const uint8_t *)"it", .len = 2};
        memcpy(m.revision, next, sizeof *next);
        ++*next;
        bytes_clear(&content);
        assert_int_equal(peer_build(&content, &m), 0);
        err = inbox_deliver(step, content.data, content.len);
    }
    bytes_release(&content);
    return err;
}

/* Half as many again as may be under way: memory is what the store's cache takes, and the peer is
 * told; so is our user, once. (What was refused is answered: that waits in the store.) */
static void offers_are_bounded(void **state)
{
    enum { OVER = ARRIVALS_MAX / 2, CACHE_BYTES = 16 * MIB };
    struct erig *g = *state;
    struct wormhole w;
    struct scale s;
    scale_begin(&s);
    for (uint32_t next = 1; next <= ARRIVALS_MAX + OVER;) {
        assert_int_equal(step_alone(g->e, g->id, deliver_offers, &next), 0);
        scale_look(&s);
    }
    assert_in_range(s.most, 0, CACHE_BYTES);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM arrival"), ARRIVALS_MAX);
    assert_int_equal(erig_count(g, "SELECT count(*) FROM outbound"), OVER);
    assert_int_equal(rig_events(g->r, LOG_PROBLEM), 1);
    assert_in_range(erig_count(g, "SELECT count(*) FROM log"), NOTES_ARRIVALS_MAX,
                    NOTES_ARRIVALS_MAX + 100);
    struct view *v = rig_view(g->r);
    assert_int_equal(wormhole_get(v, g->id, &w), 0);
    view_end(v);
    assert_non_null(strstr(w.problem, "more than can be under way at once"));
}

/* ---- answers ---- */

static int deliver_huge_offers(struct step *step, void *arg)
{
    uint32_t *next = arg;
    int err = 0;
    for (int i = 0; err == 0 && i < OFFERS_A_TURN; i++) {
        struct peer_message m = {.kind = PEER_OFFER,
                                 .size = UINT64_C(1) << 50,
                                 .items = 1,
                                 .data = (const uint8_t *)"it",
                                 .len = 2};
        struct bytes content = {0};
        memcpy(m.revision, next, sizeof *next);
        ++*next;
        assert_int_equal(peer_build(&content, &m), 0);
        err = inbox_deliver(step, content.data, content.len);
        bytes_release(&content);
    }
    return err;
}

/* A peer that offers what never fits, and acknowledges nothing. */
static void answers_are_bounded(void **state)
{
    struct erig *g = *state;
    struct wormhole w;
    for (uint32_t next = 1; next <= DECISIONS_MAX + OFFERS_A_TURN;) {
        if (next == DECISIONS_MAX / 2 + 1)
            erig_restart(g); /* they are counted again */
        assert_int_equal(step_alone(g->e, g->id, deliver_huge_offers, &next), 0);
    }
    assert_int_equal(erig_count(g, "SELECT count(*) FROM outbound"), DECISIONS_MAX);
    struct view *v = rig_view(g->r);
    assert_int_equal(wormhole_get(v, g->id, &w), 0);
    view_end(v);
    assert_non_null(strstr(w.problem, "takes none of our answers"));
}

/* ---- zips ---- */

enum { SOME_BYTES = MIB, LOCAL_BYTES = 30, LISTED_BYTES = 46, PATH_BYTES_MAX = 8 * KIB };

/* A zip that is written by hand. */
struct craft {
    struct rig *r;
    uint64_t ino, at;
    uint8_t *some; /* what comes next */
    size_t len;
};

static void craft_begin(struct craft *c, struct rig *r)
{
    struct turn *t = rig_turn(r);
    *c = (struct craft){.r = r, .some = malloc(SOME_BYTES)};
    assert_non_null(c->some);
    assert_int_equal(node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &c->ino),
                     0);
    commit(t);
}

static void craft_flush(struct craft *c)
{
    if (c->len > 0)
        assert_int_equal(content_write(c->r->store, c->ino, c->some, c->len, c->at), 0);
    c->at += c->len;
    c->len = 0;
}

static void put_le(struct craft *c, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        c->some[c->len++] = (uint8_t)(i < sizeof value ? value >> 8 * i : 0);
}

static void put_path(struct craft *c, const char *path)
{
    size_t len = strlen(path);
    memcpy(c->some + c->len, path, len);
    c->len += len;
    if (c->len > SOME_BYTES - PATH_BYTES_MAX - 100)
        craft_flush(c);
}

static void put_local(struct craft *c, const char *path)
{
    put_le(c, 0x04034b50, 4);
    put_le(c, 20, 2);
    put_le(c, 0, 20);
    put_le(c, strlen(path), 4);
    put_path(c, path);
}

static void put_listed(struct craft *c, const char *path, uint64_t local)
{
    put_le(c, 0x02014b50, 4);
    put_le(c, 20 | 3 << 8 | 20 << 16, 4);
    put_le(c, 0, 20);
    put_le(c, strlen(path), 14);
    put_le(c, local, 4);
    put_path(c, path);
}

/* The list begins at `list`. The number of members is not true, and nobody reads it. */
static uint64_t craft_end(struct craft *c, uint64_t list)
{
    uint64_t list_bytes = c->at + c->len - list;
    put_le(c, 0x06054b50, 8);
    put_le(c, UINT32_MAX, 4);
    put_le(c, list_bytes, 4);
    put_le(c, list, 6);
    craft_flush(c);
    free(c->some);
    return c->ino;
}

static bool look(void *arg)
{
    struct scale *s = arg;
    if (s->looks < 10)
        scale_look(s);
    return false;
}

static bool count_members(void *arg)
{
    ++*(unsigned *)arg;
    return false;
}

/* One empty file, in the list so many times. */
static int unpack_listed(struct rig *r, unsigned times, struct scale *s)
{
    struct craft c;
    uint64_t top;
    struct zip_sum sum;
    craft_begin(&c, r);
    put_local(&c, "file");
    for (unsigned i = 0; i < times; i++)
        put_listed(&c, "file", 0);
    uint64_t zip = craft_end(&c, LOCAL_BYTES + 4);
    scale_begin(s);
    int err = zip_unpack(r->store, zip, MIB, false, look, s, &top, &sum);
    scale_look(s);
    return err;
}

/* libarchive has all of the list in memory before it tells of the first member. */
static void a_list_of_members_is_bounded(void **state)
{
    struct erig *g = *state;
    struct scale s;
    assert_int_equal(unpack_listed(g->r, ZIP_MEMBERS_MAX, &s), 0);
    assert_in_range(s.most, ZIP_MEMBERS_MAX, 256 * (size_t)ZIP_MEMBERS_MAX);
    assert_int_equal(unpack_listed(g->r, ZIP_MEMBERS_MAX + 1, &s), STORE_ERR_HOSTILE);
    assert_int_equal(unpack_listed(g->r, 3 * ZIP_MEMBERS_MAX, &s), STORE_ERR_HOSTILE);
}

/* Directories, each with a path of its own of `depth` names that begin with `name`, and one more.
 * *done: so many of them were taken. */
static int unpack_deep(struct rig *r, unsigned count, unsigned depth, const char *name,
                       unsigned *done)
{
    struct craft c;
    char path[PATH_BYTES_MAX];
    uint64_t top, list = 0;
    struct zip_sum sum;
    craft_begin(&c, r);
    for (int listed = 0; listed < 2; listed++) {
        uint64_t local = 0;
        list = c.at + c.len;
        for (unsigned i = 0; i <= count; i++) {
            size_t len = (size_t)sprintf(path, "%s%u/", name, i);
            for (unsigned d = 1; d < depth && i < count; d++)
                len += (size_t)sprintf(path + len, "%s/", name);
            if (listed)
                put_listed(&c, path, local);
            else
                put_local(&c, path);
            local += LOCAL_BYTES + len;
        }
    }
    *done = 0;
    int err =
        zip_unpack(r->store, craft_end(&c, list), MIB, false, count_members, done, &top, &sum);
    *done -= 1; /* it is counted before it is looked at */
    return err;
}

/* A path of two bytes a directory is no way around the bound. */
static void members_are_bounded_with_what_paths_name(void **state)
{
    enum { DEPTH = 2000, COUNT = ZIP_MEMBERS_MAX / DEPTH };
    struct erig *g = *state;
    unsigned done;
    assert_int_equal(unpack_deep(g->r, COUNT, DEPTH, "d", &done), STORE_ERR_HOSTILE);
    assert_int_equal(done, COUNT);
    assert_int_equal(erig_staged(g), 1); /* the zip: nothing else is left */
}

/* What they are in the archive is remembered. */
static void members_that_cannot_keep_their_names_are_bounded(void **state)
{
    enum { DEPTH = 2000, COUNT = ZIP_RENAMED_MAX / DEPTH };
    struct erig *g = *state;
    unsigned done;
    assert_int_equal(unpack_deep(g->r, COUNT, DEPTH, "\n", &done), STORE_ERR_HOSTILE);
    assert_int_equal(done, COUNT);
    assert_int_equal(erig_staged(g), 1);
}

/* ---- manifests ---- */

static const char too_much[] = "it has more, or larger, parts than the protocol allows";

enum { NAME_LEN = 5, ITEM_BYTES = 21 + NAME_LEN + 2, PIECE_ITEMS = 3000 };

static void put_dir(struct bytes *m, uint32_t i)
{
    char name[NAME_LEN + 4];
    snprintf(name, sizeof name, "%05x", i);
    bytes_put_u8(m, MANIFEST_DIR);
    bytes_put_u32(m, 0);
    bytes_put_u16(m, NAME_LEN);
    bytes_put_str(m, name);
    bytes_put_u16(m, 0755);
    bytes_put_u64(m, 1700000000);
    bytes_put_u32(m, 0);
    bytes_put_u16(m, 0);
}

static void no_more_items_are_built(void **state)
{
    struct manifest_builder b;
    struct bytes out = {0};
    char name[NAME_LEN + 4];
    int err = 0;
    uint32_t i = 0;
    (void)state;
    manifest_builder_init(&b, &out);
    for (; err == 0; i++) {
        snprintf(name, sizeof name, "%05x", i);
        struct manifest_item item = {.kind = MANIFEST_DIR,
                                     .name = (const uint8_t *)name,
                                     .name_len = NAME_LEN,
                                     .mode = 0755};
        err = manifest_add(&b, &item);
        if (i % PIECE_ITEMS == 0)
            manifest_taken(&b);
    }
    assert_int_equal(err, PROTO_ERR_TOO_BIG);
    assert_int_equal(i, MANIFEST_ITEMS_MAX + 1);
    manifest_builder_release(&b);
    bytes_release(&out);
}

/* All of a manifest of directories in one, as far as it is taken: until nodes are made of it. */
static int take_manifest(struct erig *g, uint8_t n, uint32_t items, struct scale *s)
{
    struct bytes some = {0};
    uint64_t len = MANIFEST_HEADER_LEN + (uint64_t)items * ITEM_BYTES;
    struct arrival a = make_arrival(g, n, SCROLL_LENGTH_BYTES + len);
    struct intake *in;
    assert_int_equal(intake_open(&in, g->e, &a), 0);
    scale_begin(s);
    bytes_put_u32(&some, (uint32_t)len);
    bytes_put_u8(&some, 1);
    bytes_put_u32(&some, items);
    for (uint32_t i = 0; i < items; i++) {
        put_dir(&some, i);
        if (i % PIECE_ITEMS == PIECE_ITEMS - 1 || i == items - 1) {
            assert_int_equal(intake_write(in, some.data, some.len), 0);
            bytes_clear(&some);
            scale_look(s);
        }
    }
    assert_int_equal(intake_next(in), SCROLL_LENGTH_BYTES + len);
    int err = 0;
    for (uint64_t staged = erig_staged(g); err == 0 && erig_staged(g) == staged;) {
        assert_true(intake_busy(in));
        err = intake_work(in);
        scale_look(s);
    }
    if (err < 0)
        assert_string_equal(intake_why(in), too_much);
    intake_close(in);
    bytes_release(&some);
    return err;
}

/* It is 28 MB, of which a window is in memory, and a bit for each item. */
static void items_of_a_manifest_are_bounded(void **state)
{
    enum { WINDOW_BYTES = 2 * MIB };
    struct erig *g = *state;
    struct scale s;
    assert_int_equal(take_manifest(g, 1, MANIFEST_ITEMS_MAX, &s), 0);
    assert_in_range(s.most, 0, WINDOW_BYTES);
    assert_int_equal(take_manifest(g, 2, MANIFEST_ITEMS_MAX + 1, &s), STORE_ERR_HOSTILE);
    assert_in_range(s.most, 0, WINDOW_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        erig_test(offers_are_bounded),
        erig_test(answers_are_bounded),
        cmocka_unit_test(no_more_items_are_built),
        erig_test(items_of_a_manifest_are_bounded),
        erig_test(a_list_of_members_is_bounded),
        erig_test(members_are_bounded_with_what_paths_name),
        erig_test(members_that_cannot_keep_their_names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
